// The command bench measures the client against the least that the same work can
// cost: the generated stub on the same server, Thrift's own decoder on the same bytes,
// a driver that returns constants. Both sides of a comparison run in turn in one
// process, so that what is compared has met the same machine, and the reported figure is
// their ratio: its median, and the interval in which the true one lies with 95 %.
//
//	go run ./bench            # everything, some minutes
//	go run ./bench -run sql   # what has that in its name
//
// With -write FILE the table between the marks of a document is replaced.
package main
