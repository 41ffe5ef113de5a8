package e6_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/vector"
)

func TestContinue_GivesTheRestOfAStreamThatWasCutOff(t *testing.T) {
	all := items(200)
	for method, newFetch := range fetches {
		for way, read := range map[string]func(require.TestingT, *e6.Rows, int) []item{"Next": readItems, "Batches": readBatches} {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, FetchAfterMetadata %t", method, way, after), func(t *testing.T) {
					cluster := start(t, e6test.WithEngine(newRuns(table{items: all})), e6test.WithBatchRows(10), e6test.WithChunks(1), e6test.WithNewFetch(newFetch))
					client := open(t, cluster, func(c *e6.Config) { c.FetchAfterMetadata = after })
					w := watch(t, client)
					rows, err := client.Query(tagged(within(t, 10*time.Second), "export"), stock)
					require.NoError(t, err)
					got := read(t, rows, 35)
					blue := rows.Handle()
					require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
					got = append(got, read(t, rows, 1000)...)
					require.NoError(t, rows.Err())
					require.Equal(t, all, got)
					require.NoError(t, rows.Close())
					requireIdle(t, client)

					continued := first[events.QueryContinued](t, w, nil)
					require.GreaterOrEqual(t, continued.RowsVerified, int64(35))
					require.Equal(t, events.QueryContinued{QueryID: blue.QueryID, Tag: "export", From: e6.Blue, To: e6.Green,
						RowsVerified: continued.RowsVerified, Attempt: 1}, continued)
					require.Equal(t, blue.QueryID, first[events.QueryReplayed](t, w, nil).QueryID)
					require.Equal(t, e6.Green, rows.Handle().Side)
					stats := client.Stats()
					require.Equal(t, int64(1), stats.Replayed)
					require.Equal(t, int64(1), stats.Continued)
					require.Zero(t, stats.Lost)
				})
			}
		}
	}
}

func TestContinue_ReturnsALossIfTheReplayDiffers(t *testing.T) {
	name := func(s string) func(*item) { return func(it *item) { it.name = &s } }
	all := items(200)
	swapped := slices.Clone(all)
	swapped[4], swapped[5] = swapped[5], swapped[4]
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	for what, test := range map[string]struct {
		replay table
		reason e6.LossReason
		column string
	}{
		"two rows in another order":     {table{items: swapped}, e6.LossRows, "id"},
		"all rows in another order":     {table{items: reversed}, e6.LossRows, "id"},
		"a changed value":               {table{items: changed(all, 8, name("other"))}, e6.LossRows, "name"},
		"a null in place of a value":    {table{items: changed(all, 8, func(it *item) { it.name = nil })}, e6.LossRows, "name"},
		"a value in place of a null":    {table{items: changed(all, 3, name("noise"))}, e6.LossRows, "name"},
		"another type of the values":    {table{items: all, kind: vector.Integer}, e6.LossRows, "id"},
		"another type of the column":    {table{items: all, field: vector.Integer, kind: vector.Integer}, e6.LossColumns, ""},
		"fewer rows than were read":     {table{items: all[:9]}, e6.LossShorter, ""},
		"no rows":                       {table{}, e6.LossShorter, ""},
		"one row less than were read":   {table{items: all[:19]}, e6.LossShorter, ""},
		"a change in the last row read": {table{items: changed(all, 19, name("other"))}, e6.LossRows, "name"},
	} {
		t.Run(what, func(t *testing.T) {
			cluster := start(t, e6test.WithEngine(newRuns(table{items: all}, test.replay)), e6test.WithBatchRows(10), e6test.WithChunks(1))
			client := open(t, cluster, func(c *e6.Config) { c.Prefetch = 1 })
			w := watch(t, client)
			rows, err := client.Query(tagged(within(t, 10*time.Second), "export"), stock)
			require.NoError(t, err)
			blue := rows.Handle()
			require.Equal(t, all[:20], readBatches(t, rows, 20))
			require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
			// The batches in the buffer are still delivered, until the reader receives the refusal.
			more := readBatches(t, rows, 1000)
			require.Equal(t, all[:20+len(more)], append(all[:20:20], more...))
			lost := requireLost(t, rows.Err(), "fetch", int64(20+len(more)))
			require.Equal(t, test.reason, lost.Reason)
			require.Equal(t, test.column, lost.Column)
			require.Equal(t, blue.QueryID, lost.QueryID)
			require.Equal(t, e6.Green, lost.To)
			event := first[events.QueryLost](t, w, nil)
			require.Equal(t, string(test.reason), event.Reason)
			require.Equal(t, lost.RowsDelivered, event.RowsDelivered)
			require.Zero(t, client.Stats().Continued)
			require.Equal(t, int64(1), client.Stats().Lost)
			requireIdle(t, client)
		})
	}
}

func TestContinue_TakesWhatTheReplayHasBehindTheRowsThatWereRead(t *testing.T) {
	all, more := items(200), items(300)
	name := "other"
	for what, replay := range map[string][]item{
		"more rows":                     more,
		"no rows beyond those":          all[:100],
		"others than the first run had": changed(all, 150, func(it *item) { it.name = &name }),
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				cluster.OpenSide(e6.Green)
				cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "getNextResultBatchV2", Nth: 11, Times: -1, Action: e6test.Refuse456})
				rows, err := client.Query(t.Context(), stock)
				require.NoError(t, err)
				require.Equal(t, replay, readItems(t, rows, 1000))
				require.NoError(t, rows.Err())
				require.Equal(t, int64(len(replay)), rows.RowCount())
				require.Equal(t, int64(1), client.Stats().Continued)
			}, e6test.WithEngine(newRuns(table{items: all}, table{items: replay})), e6test.WithBatchRows(10), e6test.WithChunks(1))
		})
	}
}

func TestContinue_SavesAResultWhoseLastCallAloneWasRefused(t *testing.T) {
	for _, n := range []int{1, 1000, 3000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				cluster.OpenSide(e6.Green)
				cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "getNextResultBatch", Nth: (n+999)/1000 + 1, Times: -1, Action: e6test.DelayBefore, Delay: time.Second})
				rows, err := client.Query(t.Context(), fmt.Sprintf("SELECT * FROM numbers(%d)", n))
				require.NoError(t, err)
				for range n {
					require.True(t, rows.Next())
				}
				cluster.CloseSide(e6.Blue)
				cluster.DropConnections()
				require.False(t, rows.Next())
				require.NoError(t, rows.Err())
				require.Equal(t, int64(1), client.Stats().Continued)
			}, e6test.WithNewFetch(false))
		})
	}
}

func TestContinue_OutlastsSeveralCutovers(t *testing.T) {
	all := items(400)
	for method, newFetch := range fetches {
		for _, gone := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, engine gone %t", method, gone), func(t *testing.T) {
				engine := newRuns(table{items: all})
				engine.uneven = true
				cluster := start(t, e6test.WithEngine(engine), e6test.WithBatchRows(7), e6test.WithChunks(2), e6test.WithNewFetch(newFetch))
				client := open(t, cluster, func(c *e6.Config) { c.Prefetch, c.MaxAttempts = 1, 2 })
				rows, err := client.Query(within(t, 20*time.Second), stock)
				require.NoError(t, err)
				var got []item
				for n := range 7 { // more than there are attempts: each of them brings rows
					got = append(got, readItems(t, rows, 40)...)
					to := []e6.Side{e6.Green, e6.Blue}[n%2]
					require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: to, Kind: e6test.Abrupt, EngineGone: gone}))
				}
				got = append(got, readItems(t, rows, 1000)...)
				require.NoError(t, rows.Err())
				require.Equal(t, all, got)
				require.Positive(t, client.Stats().Continued)
				require.Zero(t, client.Stats().Lost)
			})
		}
	}
}

func TestContinue_OutlastsACutoverWhileItVerifies(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		const fetch = "getNextResultBatchV2"
		cluster.OpenSide(e6.Green)
		rows, err := client.Query(t.Context(), "SELECT * FROM numbers(200)")
		require.NoError(t, err)
		cluster.Inject(e6test.Fault{Side: e6.Blue, Method: fetch, Nth: 5, Action: e6test.BreakAfter})
		cluster.Inject(e6test.Fault{Side: e6.Blue, Method: fetch, Nth: 7, Action: e6test.BreakBefore})
		cluster.Inject(e6test.Fault{Side: e6.Blue, Method: fetch, Nth: 9, Times: -1, Action: e6test.Refuse456})
		cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "authenticate", Times: -1, Action: e6test.Refuse456})
		n := int64(0)
		for rows.Next() {
			var i int64
			require.NoError(t, rows.Scan(&i, new(string)))
			require.Equal(t, n, i)
			n++
		}
		require.NoError(t, rows.Err())
		require.Equal(t, int64(200), n)
		stats := client.Stats()
		require.Greater(t, stats.Replayed, stats.Continued, "one of them was cut off before it came to the end of what was read")
		require.Equal(t, int64(1), stats.Continued)
	}, e6test.WithBatchRows(10), e6test.WithChunks(1))
}

func TestContinue_AnswersForTheLossIfTheReplayFails(t *testing.T) {
	for what, test := range map[string]struct {
		fault e6test.Fault
		text  string // of the error
	}{
		"the engine fails":     {e6test.Fault{Side: e6.Green, Method: "getResultMetadata", Action: e6test.Fail, Code: codes.Internal, Message: "out of memory"}, "out of memory"},
		"the batch is garbage": {e6test.Fault{Side: e6.Green, Method: "getNextResultBatchV2", Nth: 2, Action: e6test.Garbage}, "batch"},
		"no side accepts":      {e6test.Fault{Side: e6.Green, Method: "authenticate", Times: -1, Action: e6test.Refuse456}, "456"},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, _ *e6.Client) {
				client := open(t, cluster, defaults, func(c *e6.Config) { c.DetectionTimeout = time.Second })
				rows, err := client.Query(t.Context(), "SELECT * FROM numbers(200)")
				require.NoError(t, err)
				cluster.Inject(test.fault)
				read := int64(35)
				for range read {
					require.True(t, rows.Next())
				}
				require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
				read += drain(rows)
				lost := requireLost(t, rows.Err(), "fetch", read)
				require.Equal(t, e6.LossReplay, lost.Reason)
				require.ErrorContains(t, lost, test.text)
			}, e6test.WithBatchRows(10), e6test.WithChunks(1))
		})
	}
}

func TestContinue_EndsWithItsRowsAndItsContext(t *testing.T) {
	for what, leave := range map[string]func(context.CancelFunc, *e6.Rows){
		"closed":    func(_ context.CancelFunc, r *e6.Rows) { _ = r.Close() },
		"cancelled": func(cancel context.CancelFunc, _ *e6.Rows) { cancel() },
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				rows, err := client.Query(ctx, "SELECT * FROM numbers(200)")
				require.NoError(t, err)
				require.True(t, rows.Next())
				cluster.Inject(e6test.Fault{Side: e6.Green, Method: "getNextResultBatchV2", Action: e6test.Hang})
				require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
				done := later(func() error { drain(rows); return rows.Err() })
				elapse(time.Second) // it verifies
				require.Equal(t, int64(1), client.Stats().Replayed)
				leave(cancel, rows)
				if err := <-done; what == "closed" {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, context.Canceled)
				}
				elapse(time.Minute)
				require.Zero(t, client.Stats().Lost)
				require.Zero(t, client.Stats().InFlight[e6.Green])
			}, e6test.WithBatchRows(10), e6test.WithChunks(1))
		})
	}
}
