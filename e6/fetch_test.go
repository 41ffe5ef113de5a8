package e6_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/vector"
)

func TestSpeculativeFetch_WithoutAnEffectIsRepeated(t *testing.T) {
	const v2, v1 = "getNextResultBatchV2", "getNextResultBatch"
	for name, test := range map[string]struct {
		fault    e6test.Fault
		newFetch bool
	}{
		"refused":                             {e6test.Fault{Method: v2, Action: e6test.Refuse456}, true},
		"refused as asleep":                   {e6test.Fault{Method: v2, Action: e6test.Refuse503}, true},
		"an end before the result was ready":  {e6test.Fault{Method: v2, Action: e6test.Short}, true},
		"nothing before the result was ready": {e6test.Fault{Method: v1, Action: e6test.Short}, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				answer(t, client) // so that the engine's fetch is known
				cluster.Inject(test.fault)
				got, err := e6.QueryAll[int](t.Context(), client, "SELECT 43")
				require.NoError(t, err)
				require.Equal(t, []int{43}, got)
				require.Equal(t, 1, executions(cluster, "SELECT 43"))
				synctest.Wait()
				require.Empty(t, cluster.OpenQueries())
			}, e6test.WithNewFetch(test.newFetch))
		})
	}
}

func TestSpeculativeFetch_WithoutAResponseIsNotRepeated(t *testing.T) {
	const statement = "SELECT * FROM numbers(30)"
	for name, test := range map[string]struct {
		replay     e6.ReplayPolicy
		executions int
	}{
		"a statement that may run again does": {e6.ReplaySafe, 2},
		"one that may not has not asked yet":  {e6.ReplayNever, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				// The connection breaks while the engine computes.
				defer cluster.Inject(e6test.Fault{Method: "getResultMetadata", Action: e6test.DelayBefore, Delay: time.Second}).Remove()
				defer cluster.Inject(e6test.Fault{Method: "getNextResultBatchV2", Action: e6test.DelayAfter, Delay: time.Second}).Remove()
				time.AfterFunc(500*time.Millisecond, cluster.DropConnections)
				ctx := e6.WithQueryOptions(t.Context(), e6.Replay(test.replay))
				result, err := client.QueryAll(ctx, statement)
				require.NoError(t, err)
				require.Equal(t, 30, result.Len())
				require.Equal(t, test.executions, executions(cluster, statement))
			})
		})
	}
}

func TestReplay_DoesNotSpeculateAgain(t *testing.T) {
	const statement = "SELECT sleep(2500)"
	for name, newFetch := range map[string]bool{"newer fetch": true, "older fetch": false} {
		for way, run := range statements {
			t.Run(name+", "+way, func(t *testing.T) {
				bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
					answer(t, client) // so that the engine's fetch is known
					require.NoError(t, run(t.Context(), client, statement))
					require.Equal(t, 2, executions(cluster, statement), "the second one waits for its metadata")
					require.Equal(t, int64(1), client.Stats().Replayed)
				}, e6test.WithReadTimeout(time.Second), e6test.WithNewFetch(newFetch))
			})
		}
	}
}

func TestGuardQuery_DoesNotSpeculate(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, _ *e6.Client) {
		guarded := make(chan error, 1)
		cfg := config(cluster)
		defaults(&cfg)
		client, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()), e6.WithGuard(guardFunc(func(ctx context.Context, p *hook.Proposal) hook.Decision {
			_, err := p.Query(ctx, "SELECT sleep(2500)")
			guarded <- err
			return hook.Allow()
		})))
		require.NoError(t, err)
		defer client.Close()
		cluster.OpenSide(e6.Green)
		require.NoError(t, client.Switch(t.Context(), e6.Green))
		require.NoError(t, <-guarded, "its query runs once, so that its fetch must not be lost")
	}, e6test.WithReadTimeout(time.Second))
}

func TestSpeculativeFetch_EndsWhenMetadataFails(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		defer cluster.Inject(e6test.Fault{Method: "getResultMetadata", Action: e6test.Fail, Code: codes.Internal, Message: "out of memory"}).Remove()
		defer cluster.Inject(e6test.Fault{Method: "getNextResultBatchV2", Action: e6test.Hang}).Remove()
		began := time.Now()
		_, err := client.QueryAll(t.Context(), "SELECT 1")
		require.ErrorContains(t, err, "out of memory")
		require.Zero(t, time.Since(began))
		synctest.Wait()
		require.Empty(t, cluster.OpenQueries())
	})
}

func TestQueryAll_ReturnsTheErrorOfTheMetadataCall(t *testing.T) {
	bubble(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		_, err := client.QueryAll(t.Context(), "FAIL there is no such column")
		require.ErrorContains(t, err, "there is no such column")
		require.ErrorContains(t, err, "metadata")
	})
}

// kept is what a caller can take from a row.
type kept struct {
	Values  []any
	Any     []any
	Texts   []sql.NullString
	Bytes   [][]byte
	Drivers []any
}

func keep(t *testing.T, rows *e6.Rows) (k kept) {
	k.Values = rows.Values()
	n := len(k.Values)
	k.Any, k.Texts, k.Bytes = make([]any, n), make([]sql.NullString, n), make([][]byte, n)
	var anys, texts, bytes []any
	for i := range n {
		anys, texts, bytes = append(anys, &k.Any[i]), append(texts, &k.Texts[i]), append(bytes, &k.Bytes[i])
		v, err := rows.DriverValue(i)
		require.NoError(t, err)
		k.Drivers = append(k.Drivers, v)
	}
	require.NoError(t, rows.Scan(anys...))
	require.NoError(t, rows.Scan(texts...))
	require.NoError(t, rows.Scan(bytes...))
	return k
}

func TestScan_ValuesStayValidAfterLaterRows(t *testing.T) {
	const all = 200
	cluster := start(t, e6test.WithBatchRows(3)) // each batch is decoded into one that was read
	client := open(t, cluster)
	rows, err := client.Query(within(t, 10*time.Second), fmt.Sprintf("SELECT * FROM everything(%d)", all))
	require.NoError(t, err)
	defer rows.Close()
	var taken, printed []any
	for rows.Next() {
		k := keep(t, rows)
		taken, printed = append(taken, k), append(printed, fmt.Sprintf("%v", k))
	}
	require.NoError(t, rows.Err())
	require.Len(t, taken, all)
	for i := range taken {
		require.Equal(t, printed[i], fmt.Sprintf("%v", taken[i]), "row %d", i)
	}
}

func TestBatch_StaysValidAfterLaterBatches(t *testing.T) {
	const all = 200
	cluster := start(t, e6test.WithBatchRows(3))
	client := open(t, cluster)
	rows, err := client.Query(within(t, 10*time.Second), fmt.Sprintf("SELECT * FROM everything(%d)", all))
	require.NoError(t, err)
	defer rows.Close()
	var batches []*vector.Batch
	for range 10 { // which is read by rows, and its batches are used again
		require.True(t, rows.Next())
	}
	require.True(t, rows.Next())
	require.True(t, rows.Next())
	for b, err := range rows.Batches() {
		require.NoError(t, err)
		batches = append(batches, b)
	}
	row := 12
	for _, b := range batches {
		for i := range b.Rows() {
			for c := range b.NumColumns() {
				want, ok := e6test.EverythingText(c, row)
				require.Equal(t, !ok, b.Column(c).IsNull(i), "row %d, column %d", row, c)
				if ok {
					require.Equal(t, want, b.Column(c).Text(i), "row %d, column %d", row, c)
				}
			}
			row++
		}
	}
	require.Equal(t, all, row)
}

func TestRelease_BatchIsReused(t *testing.T) {
	const all = 200
	cluster := start(t, e6test.WithBatchRows(3))
	client := open(t, cluster)
	rows, err := client.Query(within(t, 10*time.Second), fmt.Sprintf("SELECT * FROM numbers(%d)", all))
	require.NoError(t, err)
	defer rows.Close()
	row, used, texts := 0, map[*vector.Batch]bool{}, []string{}
	for b, err := range rows.Batches() {
		require.NoError(t, err)
		for i := range b.Rows() {
			require.Equal(t, int64(row), b.Column(0).Int64(i))
			texts = append(texts, b.Column(1).Str(i))
			row++
		}
		used[b] = true
		rows.Release(b)
	}
	require.Equal(t, all, row)
	// Two that are read ahead, one that is decoded, one that is read, and one that waits.
	require.LessOrEqual(t, len(used), 5)
	for i, text := range texts {
		require.Equal(t, e6test.NumbersText(i), text)
	}
}
