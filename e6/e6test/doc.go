// Package e6test is a blue/green e6data cluster in the process, for tests.
//
// A Cluster serves the whole protocol over real gRPC: two sides behind an ingress that
// refuses calls to a closed side with the HTTP status 456, as the ingress of a real cluster
// does. Tests announce sides, open and close them, cut over, suspend the cluster, expire
// sessions, and inject faults into single calls. Stats counts the calls that the server
// received, and OpenQueries lists the queries that it holds.
//
//	cluster := e6test.New(t)
//	cluster.On("SELECT name FROM users WHERE id = ?", e6test.Rows(e6test.Texts("name", "Ann")))
//	// ... open a client on cluster.Addr(), start queries ...
//	err := cluster.Cutover(ctx, e6test.Cutover{To: fsm.Green, Kind: e6test.Graceful, Grace: time.Second})
//
// The cluster listens on loopback. With InMemory it uses no socket, so that it runs inside
// a testing/synctest bubble.
//
// The SQL engine of the cluster is an Engine. The default is a CannedEngine, which supports
// a few forms of statements whose results a test can compute. On and OnMatch answer the
// statements of an application with rows or an error, with any engine.
package e6test
