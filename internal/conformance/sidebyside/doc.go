// The command sidebyside runs the same load through cutovers with four clients: the public
// Python connector with threads and with processes, and this SDK natively and through
// database/sql. All use one emulator, one after the other, and each is a process of its own.
//
//	go run . -python ../../../.conformance/venv/bin/python
//
// 16 workers read rows whose values follow from their numbers, and compare every one: seven times
// a customer, then 5,000 orders. The cluster cuts over meanwhile, gracefully and
// abruptly in turn. The command prints a table, writes it into documents with -write, and fails if
// a query of this SDK failed or was wrong. Without -python it runs the two clients of Go.
package main
