package e6_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/stress"
)

// A response that cannot be read breaks one shared connection, for any method. What
// others freed on it is freed all the same.
func TestConnections_AnUnreadableResponseBreaksOneSharedConnection(t *testing.T) {
	for method, tc := range map[string]struct {
		begin func(t *testing.T, cluster *e6test.Cluster, client *e6.Client)
		lost  int64 // statements of others that were in flight on the connection
	}{
		"authenticate": {func(_ *testing.T, cluster *e6test.Cluster, _ *e6.Client) { cluster.ExpireSessions() }, 0},
		"clearOrCancelQuery": {func(*testing.T, *e6test.Cluster, *e6.Client) {
			// Each statement ends with one.
		}, 0},
		"getTablesV2": {func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
			for range 3 {
				_, _ = client.Tables(within(t, 30*time.Second), "catalog", "schema")
			}
		}, 8},
	} {
		t.Run(method, func(t *testing.T) {
			cluster := start(t)
			client := open(t, cluster)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var others sync.WaitGroup
			var lost atomic.Int64
			for range 8 {
				others.Go(func() {
					for ; ctx.Err() == nil; stress.Pace() {
						if client.Exec(context.WithoutCancel(ctx), insertSeven) != nil {
							lost.Add(1)
						}
					}
				})
			}
			progress := func() {
				done := executions(cluster, insertSeven)
				waitFor(within(t, 30*time.Second), t, client, func() bool { return executions(cluster, insertSeven) > done+50 })
			}
			progress()
			const times = 3
			before := calls(cluster, method)
			cluster.Inject(e6test.Fault{Method: method, Times: times, Action: e6test.Fail, Message: strings.Repeat("x", 1500<<10)})
			tc.begin(t, cluster, client)
			waitFor(within(t, 30*time.Second), t, client, func() bool { return calls(cluster, method) > before+times })
			progress()
			stop()
			others.Wait()
			require.LessOrEqual(t, lost.Load(), tc.lost, "one break ends what is in flight")
			requireIdle(t, client)
			require.Zero(t, client.Stats().Abandoned, "every query is freed")
		})
	}
}
