// Package e6test is a blue/green e6data cluster in the process, for tests.
//
// A Cluster serves the whole protocol over real gRPC: two sides behind an
// ingress that rejects calls to a closed side, as a real one does, with an
// HTTP status 456. Tests announce sides, open and close them, cut over, suspend
// the cluster, expire sessions, and inject faults into single calls; afterwards they
// read what the server received (Stats) and still holds (OpenQueries).
//
//	cluster := e6test.New(t)
//	cluster.On("SELECT name FROM users WHERE id = ?", e6test.Rows(e6test.Texts("name", "Ann")))
//	// ... open a client on cluster.Addr(), begin queries ...
//	err := cluster.Cutover(ctx, e6test.Cutover{To: fsm.Green, Kind: e6test.Graceful, Grace: time.Second})
//
// It listens on loopback, or, with InMemory, on no socket at all, so that a
// whole cluster runs inside a testing/synctest bubble.
//
// The SQL engine behind it is an Engine. Without one it is a CannedEngine, which
// knows a few forms of statements whose results a test can compute. On and OnMatch answer
// the statements of an application with rows or an error, whatever the engine.
package e6test
