// Package cutover decides which side of a blue/green cluster each query uses,
// and moves a client from one side to the other without losing a query.
//
// A Router owns the strategy machine. One goroutine, the writer, makes
// every decision; whatever happens elsewhere reaches it as a message that says
// what was seen and in which epoch the call was sent, so that an answer which
// comes late is recognised and dropped. Probes of the cluster run on goroutines
// of their own and report back the same way: the writer never waits for
// anything.
//
// A query calls Pin before its first call and Unpin after its last one. In
// between it belongs to the side that it was pinned to. When nothing is
// changing, both are a few atomic operations.
//
// The package knows nothing of gRPC: the two sides are a Cluster, which the
// client implements, and tests fake.
package router
