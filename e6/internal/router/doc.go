// Package router decides which side of a blue/green cluster each query uses,
// and moves a client from one side to the other without losing a query.
//
// A Router owns the strategy machine. One goroutine, the writer, makes every
// decision. All other goroutines send it messages. A message about a call holds
// the result and the epoch in which the call was sent, so that the writer can
// drop late results. Probes of the cluster run on their own goroutines and
// report by message too: the writer never blocks.
//
// A query calls Pin before its first call and Unpin after its last one. In
// between, all its calls use the side that it was pinned to. In a settled state
// both are a few atomic operations.
//
// The package does not depend on gRPC: it reaches the two sides through the
// Cluster interface, which the client implements and tests fake.
package router
