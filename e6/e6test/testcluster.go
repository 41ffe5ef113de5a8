package e6test

// TB is the part of testing.TB that New needs.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// New starts a cluster for a test, and closes it when the test ends. The test fails if
// the cluster cannot start or stop, and if a client did what no client may do, such as
// sending a query's call to the other side: see Stats.Violations. Close the clients
// before the test ends: cleanups run in reverse order.
func New(t TB, opts ...Option) *Cluster {
	t.Helper()
	c, err := Start(opts...)
	if err != nil {
		t.Fatalf("%v", err)
		return nil
	}
	t.Cleanup(func() {
		t.Helper()
		for _, v := range c.Stats().Violations {
			t.Errorf("e6test: the client broke a rule of the protocol: %s", v)
		}
		if err := c.Close(); err != nil {
			t.Errorf("%v", err)
		}
	})
	return c
}
