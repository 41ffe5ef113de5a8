// Package playground runs a blue/green cluster, a client of it and a load of queries in one
// process. It takes commands, such as the announcement of a side, and describes what happens in
// snapshots. The page that `make playground` writes runs it in a browser: package wasm connects it
// with the page, and package page builds the page.
//
// It uses no socket and no file, so it also runs in a testing/synctest bubble.
package playground
