package e6_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/stress"
)

// liveHeap is the memory in use by what is reachable.
func liveHeap() int64 {
	var stats runtime.MemStats
	for range 3 { // what pools hold goes with the second
		runtime.GC()
	}
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// A client that runs for months does what this one does in a moment: a leak of a pin, a
// session, a record of rows, a context or a decision for each query or cutover shows.
func TestLongRun_TheClientDoesNotGrow(t *testing.T) {
	const each = 50
	cutovers := stress.Count(10, 60)
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory(), e6test.WithBatchRows(10), e6test.WithChunks(1))
		client := patient(t, cluster, func(cfg *e6.Config) {
			cfg.EventHistory = 64 // full within the first tenth
			cfg.CloseTimeout = time.Second
		}, e6.WithRollback(e6.RollbackPolicy{}))
		kinds := []e6test.CutoverKind{e6test.Graceful, e6test.Abrupt, e6test.AnnounceFirst}
		side := e6.Blue
		var first, last int64
		var goroutines int
		for n := range cutovers {
			side = side.Other()
			stream, err := client.Query(t.Context(), "SELECT * FROM numbers(500)")
			require.NoError(t, err)
			require.True(t, stream.Next())
			require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: side, Kind: kinds[n%3], Grace: time.Second}))
			if n%10 == 0 {
				cluster.ExpireSessions()
				cluster.Inject(e6test.Fault{Method: "prepareStatement", Action: e6test.Hang})
				cluster.Inject(e6test.Fault{Method: "authenticate", Action: e6test.Hang})
			}
			for i := range each - 1 {
				require.NoError(t, everyWay[i%len(everyWay)](t.Context(), client), "cutover %d, query %d", n, i)
			}
			require.EqualValues(t, 499, drain(stream), "%v", stream.Err())
			require.NoError(t, stream.Close())
			elapse(5 * time.Minute)
			require.Equal(t, side, client.Strategy().Active)
			require.Zero(t, client.Stats().InFlight[e6.Blue]+client.Stats().InFlight[e6.Green])
			switch n + 1 {
			case cutovers / 10:
				first, goroutines = liveHeap(), runtime.NumGoroutine()
			case cutovers:
				last = liveHeap()
			}
		}
		t.Logf("%d bytes live after a tenth, %d in the end", first, last)
		require.LessOrEqual(t, runtime.NumGoroutine(), goroutines+2)
		require.Less(t, last-first, int64(noise+cutovers*each*perQuery), "%d bytes live after %d queries, %d after %d",
			first, cutovers*each/10, last, cutovers*each)
	})
}

// A growth of less than noise, and less than perQuery for each query, is no leak: any
// object that is kept for a query takes more.
const noise, perQuery = 64 << 10, 32

// everyWay is every way to run a statement, and to leave it.
var everyWay = []func(context.Context, *e6.Client) error{
	func(ctx context.Context, client *e6.Client) error { return client.Exec(ctx, "SELECT 1") },
	func(ctx context.Context, client *e6.Client) error {
		_, err := client.QueryAll(ctx, "SELECT * FROM numbers(15)")
		return err
	},
	func(ctx context.Context, client *e6.Client) error { // left in the middle
		rows, err := client.Query(ctx, "SELECT * FROM numbers(200)")
		if err != nil {
			return err
		}
		rows.Next()
		return rows.Close()
	},
	func(ctx context.Context, client *e6.Client) error { // cancelled
		ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		if err := client.Exec(ctx, "SELECT sleep(60000)"); err == nil {
			return io.ErrUnexpectedEOF
		}
		return nil
	},
	func(ctx context.Context, client *e6.Client) error { // wrong
		if err := client.Exec(ctx, "SELEC 1"); err == nil {
			return io.ErrUnexpectedEOF
		}
		return nil
	},
	func(ctx context.Context, client *e6.Client) error { // left to the server, and fetched
		handle, err := client.Submit(ctx, "SELECT * FROM numbers(20)")
		if err != nil {
			return err
		}
		rows, err := client.Fetch(ctx, handle)
		if err != nil {
			return err
		}
		if n := drain(rows); n != 20 {
			return fmt.Errorf("%d rows: %w", n, rows.Err())
		}
		return rows.Close()
	},
	func(ctx context.Context, client *e6.Client) error {
		_, err := client.Explain(ctx, "SELECT 1")
		return err
	},
}
