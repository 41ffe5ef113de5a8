// Package sim lets thousands of clients go through cutovers in a bubble of
// testing/synctest, where time is exact and costs nothing. They are whole clients: each
// has its own HTTP/2 connection, over a link of its own with a delay, to one cluster of
// package e6test. There is no real network, and the store is one in memory that can be
// slow, cut off and lost.
//
//	make sim
//
// writes docs/scale.md's table and its charts.
package sim
