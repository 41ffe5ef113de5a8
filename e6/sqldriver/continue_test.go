package sqldriver_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestContinue_ResumesAfterTheScannedRows(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
		rows, err := db.QueryContext(t.Context(), "SELECT * FROM numbers(200)")
		require.NoError(t, err)
		defer rows.Close()
		n := 0
		for rows.Next() {
			var i int
			var text string
			require.NoError(t, rows.Scan(&i, &text))
			require.Equal(t, n, i)
			require.Equal(t, e6test.NumbersText(n), text)
			if n++; n == 35 {
				require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
			}
		}
		require.NoError(t, rows.Err())
		require.Equal(t, 200, n)
		require.Equal(t, int64(1), client.Stats().Continued)
	}, e6test.WithBatchRows(10), e6test.WithChunks(1))
}

func TestContinue_FollowsTheOptionsOfTheContext(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
		rows, err := db.QueryContext(e6.WithQueryOptions(t.Context(), e6.Replay(e6.ReplayNever)), "SELECT * FROM numbers(200)")
		require.NoError(t, err)
		defer rows.Close()
		require.True(t, rows.Next())
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
		n := int64(1)
		for ; rows.Next(); n++ {
		}
		lost, ok := errors.AsType[*e6.CutoverError](rows.Err())
		require.True(t, ok, "%v", rows.Err())
		require.Equal(t, e6.LossPolicy, lost.Reason)
		require.LessOrEqual(t, n, lost.RowsDelivered)
	}, e6test.WithBatchRows(10), e6test.WithChunks(1))
}

// everyWay reads a result row by row and checks each of them.
var everyWay = map[string]func(context.Context, *sql.DB, *e6.Client, int) error{
	"Query": func(ctx context.Context, _ *sql.DB, client *e6.Client, want int) error {
		rows, err := client.Query(ctx, fmt.Sprintf("SELECT * FROM numbers(%d)", want))
		if err != nil {
			return err
		}
		defer rows.Close()
		return checkRows(rows, want)
	},
	"database/sql": func(ctx context.Context, db *sql.DB, _ *e6.Client, want int) error {
		rows, err := db.QueryContext(ctx, fmt.Sprintf("SELECT * FROM numbers(%d)", want))
		if err != nil {
			return err
		}
		defer rows.Close()
		return checkRows(rows, want)
	},
}

// checkRows reads the rows of numbers(want).
func checkRows(rows interface {
	Next() bool
	Scan(...any) error
	Err() error
}, want int) error {
	n := 0
	for ; rows.Next(); n++ {
		var i int
		var text string
		if err := rows.Scan(&i, &text); err != nil {
			return err
		}
		if i != n || text != e6test.NumbersText(n) {
			return fmt.Errorf("row %d is %d, %q", n, i, text)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("after %d rows of %d: %w", n, want, err)
	}
	if n != want {
		return fmt.Errorf("%d rows of %d look complete", n, want)
	}
	return nil
}

func TestContinue_LosesNothingOverAbruptCutovers(t *testing.T) {
	readers, cutovers := stress.Count(8, 64), stress.Count(6, 200)
	for method, newFetch := range map[string]bool{"getNextResultBatchV2": true, "getNextResultBatch": false} {
		t.Run(method, func(t *testing.T) {
			cluster := start(t, e6test.WithBatchRows(500), e6test.WithChunks(2), e6test.WithNewFetch(newFetch))
			db, client := pool(t, cluster)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var wg sync.WaitGroup
			var done, stopped atomic.Int64
			failures := make(chan error, readers)
			for g := range readers {
				way := []string{"Query", "database/sql"}[g%2]
				wg.Go(func() {
					r := rand.New(rand.NewPCG(uint64(g), 1))
					for stopped.Load() == 0 {
						if err := everyWay[way](ctx, db, client, 1+r.IntN(3000)); err != nil {
							failures <- fmt.Errorf("%s: %w", way, err)
							return
						}
						done.Add(1)
					}
				})
			}
			for n := range cutovers {
				to := []e6.Side{e6.Green, e6.Blue}[n%2]
				require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: to, Kind: e6test.Abrupt}))
				before := done.Load()
				require.Eventually(t, func() bool {
					return len(failures) > 0 || client.Strategy().Active == to && done.Load() >= before+int64(readers)/4
				}, stress.Patience, time.Millisecond)
			}
			stopped.Store(1)
			wg.Wait()
			select {
			case err := <-failures:
				require.NoError(t, err)
			default:
			}
			stats := client.Stats()
			t.Logf("%d results over %d cutovers: %d retried, %d replayed, %d continued, %d lost",
				done.Load(), cutovers, stats.Retried, stats.Replayed, stats.Continued, stats.Lost)
			require.Zero(t, stats.Lost)
		})
	}
}
