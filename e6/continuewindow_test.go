package e6_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestContinue_HasAWindow(t *testing.T) {
	const statement, all = "SELECT * FROM numbers(400)", 400
	for what, test := range map[string]struct {
		window int
		policy e6.ReplayPolicy
		saved  bool
		reason e6.LossReason
	}{
		"by default it is a mebibyte":        {0, e6.ReplaySafe, true, ""},
		"what was read is larger":            {500, e6.ReplaySafe, false, e6.LossWindow},
		"always has the same":                {500, e6.ReplayAlways, false, e6.LossWindow},
		"continue has none":                  {500, e6.ReplayContinue, true, ""},
		"never continues nothing":            {0, e6.ReplayNever, false, e6.LossPolicy},
		"a window of a byte is none":         {1, e6.ReplaySafe, false, e6.LossWindow},
		"always continues within its window": {0, e6.ReplayAlways, true, ""},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, _ *e6.Client) {
				cfg := config(cluster)
				defaults(&cfg)
				cfg.ContinueWindow = test.window
				client, err := e6.Open(t.Context(), cfg, e6.WithReplay(test.policy), e6.WithDialer(cluster.Dialer()))
				require.NoError(t, err)
				defer client.Close()
				rows, err := client.Query(t.Context(), statement)
				require.NoError(t, err)
				read := int64(100)
				for range read {
					require.True(t, rows.Next())
				}
				require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
				read += drain(rows)
				if test.saved {
					require.NoError(t, rows.Err())
					require.Equal(t, int64(all), read)
					return
				}
				lost := requireLost(t, rows.Err(), "fetch", read)
				require.Equal(t, test.reason, lost.Reason)
			}, e6test.WithBatchRows(10), e6test.WithChunks(1))
		})
	}
}

func TestContinue_KeepsMaxRowsAndTrustedCounts(t *testing.T) {
	for what, test := range map[string]struct {
		maxRows int64
		trust   bool
		want    int64
	}{
		"MaxRows in the middle of a batch": {55, false, 55},
		"MaxRows at its end":               {60, false, 60},
		"a trusted count":                  {0, true, 200},
		"both":                             {199, true, 199},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, _ *e6.Client) {
				client := open(t, cluster, defaults, func(c *e6.Config) { c.TrustRowCount, c.Prefetch = test.trust, 1 })
				cluster.OpenSide(e6.Green)
				cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "getNextResultBatchV2", Nth: 6, Times: -1, Action: e6test.Refuse456})
				ctx := e6.WithQueryOptions(t.Context(), e6.MaxRows(test.maxRows))
				rows, err := client.Query(ctx, "SELECT * FROM numbers(200)")
				require.NoError(t, err)
				require.Equal(t, test.want, drain(rows))
				require.NoError(t, rows.Err())
				require.Equal(t, test.maxRows > 0, rows.Truncated())
				require.Equal(t, int64(1), client.Stats().Continued)
			}, e6test.WithBatchRows(10), e6test.WithChunks(1))
		})
	}
}

func TestContinue_IsExactForEveryCutPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 150).Draw(t, "rows")
		all := items(n)
		replay := all
		broken := rapid.Bool().Draw(t, "another replay")
		at := 0
		if broken {
			at = rapid.IntRange(0, n-1).Draw(t, "changed row")
			replay = changed(all, at, func(it *item) { it.id = -1 - it.id })
		}
		opts := []e6test.Option{
			e6test.InMemory(), e6test.WithEngine(newRuns(table{items: all}, table{items: replay})),
			e6test.WithBatchRows(rapid.IntRange(1, 40).Draw(t, "batch rows")), e6test.WithChunks(rapid.IntRange(1, 3).Draw(t, "chunks")),
			e6test.WithNewFetch(rapid.Bool().Draw(t, "new fetch")),
		}
		cluster, err := e6test.Start(opts...)
		require.NoError(t, err)
		defer cluster.Close()
		cfg := config(cluster)
		cfg.Prefetch = rapid.IntRange(1, 3).Draw(t, "prefetch")
		cfg.FetchAfterMetadata = rapid.Bool().Draw(t, "fetch after metadata")
		client, err := e6.Open(context.Background(), cfg, e6.WithDialer(cluster.Dialer()))
		require.NoError(t, err)
		defer client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), stress.Patience)
		defer cancel()
		cluster.OpenSide(e6.Green)
		nth, action := rapid.IntRange(1, 12).Draw(t, "fetch that is cut off"), rapid.SampledFrom([]e6test.Action{e6test.Refuse456, e6test.BreakBefore, e6test.BreakAfter}).Draw(t, "how")
		for method := range fetches {
			cluster.Inject(e6test.Fault{Side: e6.Blue, Method: method, Nth: nth, Action: action})
		}
		rows, err := client.Query(ctx, stock)
		require.NoError(t, err)
		defer rows.Close()
		var got []item
		for rows.Err() == nil {
			var some []item
			if rapid.Bool().Draw(t, "batch by batch") {
				some = readItems(t, rows, rapid.IntRange(1, 50).Draw(t, "read"))
				for len(some) > 0 && rows.Next() { // to the end of the batch
					var it item
					require.NoError(t, rows.Scan(&it.id, &it.name))
					some = append(some, it)
				}
			} else {
				some = readBatches(t, rows, 1)
			}
			if got = append(got, some...); len(some) == 0 {
				break
			}
		}
		switch err := rows.Err(); {
		case err == nil:
			// One run gave all of it, or the replay is the same up to where it took over.
			require.Len(t, got, n)
			for i := range got {
				require.True(t, got[i].id == all[i].id || got[i].id == replay[i].id, "row %d", i)
			}
		default:
			var lost *e6.CutoverError
			require.ErrorAs(t, err, &lost)
			require.True(t, broken)
			require.Equal(t, e6.LossRows, lost.Reason)
			require.Equal(t, int64(len(got)), lost.RowsDelivered)
			require.Less(t, at, len(got), "the row that differs had been read")
			require.Equal(t, all[:len(got)], got)
		}
	})
}
