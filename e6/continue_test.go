package e6_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/stress"
)

// stock is the statement that an engine of runs answers.
const stock = "SELECT id, name FROM stock"

// item is a row of it. A nil name is a null.
type item struct {
	id   int64
	name *string
}

func items(n int) []item {
	all := make([]item, n)
	for i := range all {
		if all[i].id = int64(i); i%7 != 3 {
			name := fmt.Sprintf("item %d", i)
			all[i].name = &name
		}
	}
	return all
}

// changed is the items with one changed.
func changed(all []item, i int, change func(*item)) []item {
	all = slices.Clone(all)
	change(&all[i])
	return all
}

// table is the result of one run.
type table struct {
	items []item
	kind  vector.Type // of the ids on the wire; LONG if it is not set
	field vector.Type // as the metadata declares it; LONG if it is not set
}

// runs is an engine whose statement has another result in each run. The last one repeats.
type runs struct {
	e6test.Engine
	tables []table
	uneven bool // the batches of each run have another number of rows
	n      atomic.Int64
}

func newRuns(tables ...table) *runs { return &runs{Engine: e6test.NewCannedEngine(), tables: tables} }

func (e *runs) Prepare(ctx context.Context, s e6test.Statement) (e6test.Prepared, error) {
	if s.SQL == stock {
		return &stockRun{e}, nil
	}
	return e.Engine.Prepare(ctx, s)
}

type stockRun struct{ e *runs }

func (*stockRun) Explain(context.Context) (string, error) { return "", nil }
func (*stockRun) Close() error                            { return nil }

func (r *stockRun) Execute(context.Context) (e6test.Result, error) {
	n := int(r.e.n.Add(1))
	result := &stockResult{table: r.e.tables[min(n, len(r.e.tables))-1]}
	if r.e.uneven {
		result.less = n % 3 * 2
	}
	return result, nil
}

type stockResult struct {
	table
	less int // rows of a batch than there may be
	at   int
}

func (r *stockResult) Fields() []vector.Field {
	field := cmp.Or(r.field, vector.Long)
	return []vector.Field{{Name: "id", Type: field}, {Name: "name", Type: vector.String}}
}

func (r *stockResult) RowCount() int64 { return int64(len(r.items)) }
func (r *stockResult) Close() error    { return nil }

func (r *stockResult) Next(_ context.Context, most int) (*e6test.Batch, error) {
	if r.at == len(r.items) {
		return nil, io.EOF
	}
	some := r.items[r.at:min(r.at+most-r.less, len(r.items))]
	r.at += len(some)
	kind := cmp.Or(r.kind, vector.Long)
	ids, names := e6test.Column{Type: kind}, e6test.Column{Type: vector.String}
	for _, it := range some {
		ids.Ints = append(ids.Ints, it.id)
		names.Nulls = append(names.Nulls, it.name == nil)
		if it.name == nil {
			names.Strings = append(names.Strings, "noise")
		} else {
			names.Strings = append(names.Strings, *it.name)
		}
	}
	return &e6test.Batch{Rows: len(some), Columns: []e6test.Column{ids, names}}, nil
}

// readItems reads at most that many rows, row by row.
func readItems(t require.TestingT, rows *e6.Rows, most int) (got []item) {
	for len(got) < most && rows.Next() {
		var it item
		require.NoError(t, rows.Scan(&it.id, &it.name))
		got = append(got, it)
	}
	return got
}

// readBatches reads at least that many rows, batch by batch.
func readBatches(t require.TestingT, rows *e6.Rows, least int) (got []item) {
	for b, err := range rows.Batches() {
		if err != nil {
			break
		}
		for i := range b.Rows() {
			it := item{id: b.Column(0).Int64(i)}
			if !b.Column(1).IsNull(i) {
				name := b.Column(1).Str(i)
				it.name = &name
			}
			got = append(got, it)
		}
		if len(got) >= least {
			break
		}
	}
	return got
}

// fetches are the two fetch calls.
var fetches = map[string]bool{"getNextResultBatchV2": true, "getNextResultBatch": false}

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
