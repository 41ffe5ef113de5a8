// Package fleet shows what a store knows of a cluster: which side is active, which one
// was announced, the vetoes, and the clients that are there.
package fleet
