package e6_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/stress"
)

// start serves a cluster for one test, and checks at the end that no client has
// done what no client may do.
func start(t testing.TB, opts ...e6test.Option) *e6test.Cluster {
	t.Helper()
	cluster, err := e6test.Start(opts...)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, cluster.Close())
		require.Empty(t, cluster.Stats().Violations)
	})
	return cluster
}

// config is how a test reaches its cluster. The pauses are short.
func config(cluster *e6test.Cluster) e6.Config {
	return e6.Config{
		Address: cluster.Addr(), User: "user@example.com", Token: "secret-token",
		RetryPause: 5 * time.Millisecond, ResumePoll: 5 * time.Millisecond,
	}
}

// open opens a client for one test. The configuration may be changed first.
func open(t testing.TB, cluster *e6test.Cluster, change ...func(*e6.Config)) *e6.Client {
	t.Helper()
	cfg := config(cluster)
	for _, c := range change {
		c(&cfg)
	}
	client, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// noWindow makes results that rows have been read of be lost, and not continued, when they
// are cut off.
func noWindow(c *e6.Config) { c.ContinueWindow = 1 }

// within bounds a test's own waiting, so that a hang is a failure. A machine without other
// load needs much less than d; a slow one has stress.Patience.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), max(d, stress.Patience))
	t.Cleanup(cancel)
	return ctx
}
