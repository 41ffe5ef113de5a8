package e6_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/vector"
)

func TestLoss_CountsTheDeliveredRows(t *testing.T) {
	const batchRows = 40
	for name, opts := range map[string][]e6test.Option{
		"by the newer fetch": nil, "by the older one": {e6test.WithNewFetch(false)},
	} {
		for way, read := range map[string]func(*e6.Rows, int64) int64{
			"row by row": func(r *e6.Rows, most int64) (n int64) {
				for n < most && r.Next() {
					n++
				}
				return n
			},
			"batch by batch": func(r *e6.Rows, most int64) (n int64) {
				for b, err := range r.Batches() {
					if err != nil {
						break
					}
					if n += int64(b.Rows()); n >= most {
						break
					}
				}
				return n
			},
		} {
			t.Run(name+", "+way, func(t *testing.T) {
				cluster := start(t, append(opts, e6test.WithBatchRows(batchRows), e6test.WithChunks(1))...)
				client := open(t, cluster, noWindow)
				w := watch(t, client)
				rows, err := client.Query(tagged(within(t, 10*time.Second), "export"), fmt.Sprintf("SELECT * FROM numbers(%d)", 50*batchRows))
				require.NoError(t, err)
				read3 := read(rows, 3*batchRows)
				require.Equal(t, int64(3*batchRows), read3)
				require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt, EngineGone: true}))
				delivered := read3 + read(rows, 50*batchRows)
				// The batches that were read ahead are delivered, or none of them.
				require.Less(t, delivered, int64(10*batchRows))
				lost := requireLost(t, rows.Err(), "fetch", delivered)
				require.Equal(t, "export", lost.Tag)
				require.Equal(t, rows.Handle().QueryID, lost.QueryID)
				require.False(t, rows.Next())
				event := first[events.QueryLost](t, w, nil)
				require.Equal(t, events.QueryLost{QueryID: lost.QueryID, Tag: "export", Side: e6.Blue,
					RowsDelivered: delivered, Reason: string(e6.LossWindow), Error: event.Error}, event)
				require.NoError(t, rows.Close())
				requireIdle(t, client)
				require.Equal(t, 1, executions(cluster, fmt.Sprintf("SELECT * FROM numbers(%d)", 50*batchRows)))

				all, err := e6.QueryAll[int](within(t, 10*time.Second), client, "SELECT 1")
				require.NoError(t, err, "the client goes on, on the other side")
				require.Equal(t, []int{1}, all)
			})
		}
	}
}

func TestInsert_CutOffIsNotSentTwice(t *testing.T) {
	const insert = "INSERT INTO sales VALUES (7)"
	for name, test := range map[string]struct {
		faults []e6test.Fault
		op     string
	}{
		"the answer to execute is lost":            {[]e6test.Fault{{Method: "executeStatement", Action: e6test.BreakAfter}}, "execute"},
		"execute meets a gateway without engine":   {[]e6test.Fault{{Method: "executeStatement", Action: e6test.BadGateway}}, "execute"},
		"metadata is never answered":               {[]e6test.Fault{{Method: "getResultMetadata", Times: -1, Action: e6test.BreakBefore}}, "metadata"},
		"the fetch breaks off":                     {[]e6test.Fault{{Method: "getNextResultBatchV2", Action: e6test.BreakAfter}}, "fetch"},
		"the fetch meets a gateway without engine": {[]e6test.Fault{{Method: "getNextResultBatchV2", Times: -1, Action: e6test.BadGateway}}, "fetch"},
	} {
		for way, run := range statements {
			t.Run(way+", when "+name, func(t *testing.T) {
				t.Parallel()
				engine := e6test.NewCannedEngine()
				cluster := start(t, e6test.WithEngine(engine))
				client := open(t, cluster)
				cluster.OpenSide(e6.Green)
				for _, f := range test.faults {
					cluster.Inject(f)
				}
				err := run(tagged(within(t, 10*time.Second), "till"), client, insert)
				var lost *e6.CutoverError
				require.ErrorAs(t, err, &lost)
				require.Equal(t, test.op, lost.Op)
				require.True(t, lost.MayHaveTakenEffect)
				require.Equal(t, "till", lost.Tag)
				require.False(t, e6.SafeToReplay(err))
				requireIdle(t, client)
				require.LessOrEqual(t, executions(cluster, insert), 1)
				require.Equal(t, 1, calls(cluster, "executeStatement"))
				require.Len(t, engine.Inserted("sales"), executions(cluster, insert))
			})
		}
	}
}

func TestInsert_LostEngineIsNotSentTwice(t *testing.T) {
	const insert = "INSERT INTO sales VALUES (7)"
	engine := e6test.NewCannedEngine()
	cluster := start(t, e6test.WithEngine(engine))
	client := open(t, cluster)
	cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "executeStatement", Action: e6test.DelayAfter, Delay: 100 * time.Millisecond})
	done := later(func() error { return client.Exec(within(t, 10*time.Second), insert) })
	ready(t, "the statement has run", func() bool { return executions(cluster, insert) == 1 })
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt, EngineGone: true}))
	var lost *e6.CutoverError
	require.ErrorAs(t, result(t, done), &lost)
	require.Equal(t, "metadata", lost.Op)
	require.True(t, lost.MayHaveTakenEffect)
	require.Equal(t, []int64{7}, engine.Inserted("sales"))
	require.Equal(t, 1, executions(cluster, insert))
}

func TestBrokenConnection_LosesNoRead(t *testing.T) {
	for _, at := range stations {
		for moment, action := range map[string]e6test.Action{"before": e6test.BreakBefore, "after": e6test.BreakAfter} {
			t.Run(moment+" the engine has the call of "+at.name, func(t *testing.T) {
				t.Parallel()
				cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
				client := open(t, cluster)
				catch(cluster, at.method, at.nth, e6test.Fault{Action: action})
				all, err := client.QueryAll(within(t, 10*time.Second), "SELECT * FROM numbers(100)")
				require.NoError(t, err)
				requireNumbers(t, all, 100)
				requireIdle(t, client)
				require.Equal(t, e6.Blue, client.Strategy().Active)
				require.Zero(t, client.Stats().Lost)
			})
		}
	}
}

// requireNumbers checks the rows of numbers(n).
func requireNumbers(t *testing.T, result *e6.Result, n int) {
	t.Helper()
	i := 0
	for row := range result.Rows() {
		require.Equal(t, []any{int64(i), e6test.NumbersText(i)}, row)
		i++
	}
	require.Equal(t, n, i)
}

func TestLoad_DroppedConnectionsLoseNoQuery(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := open(t, cluster)
	ctx := within(t, 20*time.Second)
	var readers []<-chan error
	for range 8 {
		readers = append(readers, later(func() error {
			for range 10 {
				all, err := client.QueryAll(ctx, "SELECT * FROM numbers(100)")
				if err != nil {
					return err
				}
				if all.Len() != 100 {
					return fmt.Errorf("%d rows", all.Len())
				}
			}
			return nil
		}))
	}
	before := calls(cluster, "getNextResultBatchV2")
	for n := range 3 {
		ready(t, "some batches are read", func() bool { return calls(cluster, "getNextResultBatchV2") >= before+50*(n+1) })
		cluster.DropConnections()
	}
	for _, done := range readers {
		require.NoError(t, result(t, done))
	}
	requireIdle(t, client)
}

func TestFetch_WithoutAResponseIsNotRepeated(t *testing.T) {
	for name, newer := range map[string]bool{"the newer fetch": true, "the older fetch": false} {
		method := map[bool]string{true: "getNextResultBatchV2", false: "getNextResultBatch"}[newer]
		t.Run(name, func(t *testing.T) {
			cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1), e6test.WithNewFetch(newer))
			client := open(t, cluster, noWindow, func(c *e6.Config) { c.Prefetch = 1 })
			cluster.Inject(e6test.Fault{Method: method, Nth: 5, Action: e6test.BreakAfter})
			rows, err := client.Query(within(t, 10*time.Second), "SELECT * FROM numbers(1000)")
			require.NoError(t, err)
			var n int64
			for rows.Next() {
				var i int64
				require.NoError(t, rows.Scan(&i, new(string)))
				require.Equal(t, n, i, "no row is doubled or left out")
				n++
			}
			require.LessOrEqual(t, n, int64(40))
			requireLost(t, rows.Err(), "fetch", n)
			require.Equal(t, 5, calls(cluster, method))
		})
	}
}

func TestTheReplayPolicyDecidesWhatRunsTwice(t *testing.T) {
	const read, write = "SELECT * FROM numbers(100)", "INSERT INTO sales VALUES (7)"
	for name, test := range map[string]struct {
		policy e6.ReplayPolicy
		sql    string
		runs   int
	}{
		"safe runs a reading again":        {e6.ReplaySafe, read, 2},
		"safe runs no writing again":       {e6.ReplaySafe, write, 1},
		"never runs no reading again":      {e6.ReplayNever, read, 1},
		"never runs no writing again":      {e6.ReplayNever, write, 1},
		"always runs a reading again":      {e6.ReplayAlways, read, 2},
		"always runs even a writing again": {e6.ReplayAlways, write, 2},
	} {
		for where, set := range map[string]func(context.Context, *e6test.Cluster) (context.Context, *e6.Client){
			"set for the client": func(ctx context.Context, cluster *e6test.Cluster) (context.Context, *e6.Client) {
				client, err := e6.Open(ctx, config(cluster), e6.WithReplay(test.policy))
				require.NoError(t, err)
				return ctx, client
			},
			"set for the query": func(ctx context.Context, cluster *e6test.Cluster) (context.Context, *e6.Client) {
				client, err := e6.Open(ctx, config(cluster), e6.WithReplay((test.policy+1)%3))
				require.NoError(t, err)
				return e6.WithQueryOptions(ctx, e6.Replay(test.policy)), client
			},
		} {
			t.Run(name+", "+where, func(t *testing.T) {
				cluster := start(t)
				ctx, client := set(within(t, 10*time.Second), cluster)
				defer func() { require.NoError(t, client.Close()) }()
				leave(cluster, "getResultMetadata", 1)
				err := client.Exec(ctx, test.sql)
				require.Equal(t, test.runs, executions(cluster, test.sql))
				if test.runs == 2 {
					require.NoError(t, err)
					return
				}
				var lost *e6.CutoverError
				require.ErrorAs(t, err, &lost)
				require.Equal(t, test.sql == write, lost.MayHaveTakenEffect)
				require.Equal(t, test.sql != write, e6.SafeToReplay(err))
			})
		}
	}
}

func TestReplayAlways_FailedReplayMayHaveTakenEffect(t *testing.T) {
	const write = "INSERT INTO sales VALUES (7)"
	for name, fail := range map[string]func(*e6test.Cluster){
		"as no side accepts": func(c *e6test.Cluster) { c.CloseSide(e6.Green) },
		"as the other side's prepare fails": func(c *e6test.Cluster) {
			c.Inject(e6test.Fault{Side: e6.Green, Method: "prepareStatement", Action: e6test.Fail, Code: codes.Internal, Message: "no memory"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t)
			client := open(t, cluster, func(c *e6.Config) { c.DetectionTimeout = 100 * time.Millisecond })
			leave(cluster, "getResultMetadata", 1)
			fail(cluster)
			err := client.Exec(e6.WithQueryOptions(within(t, 10*time.Second), e6.Replay(e6.ReplayAlways)), write)
			var lost *e6.CutoverError
			require.ErrorAs(t, err, &lost)
			require.True(t, lost.MayHaveTakenEffect)
			require.False(t, e6.SafeToReplay(err))
			require.Equal(t, 1, executions(cluster, write))
		})
	}
}

func TestReplay_WithOtherColumnsIsALoss(t *testing.T) {
	engine := e6test.NewCannedEngine()
	table := func(column string) {
		engine.AddTable("stock", []vector.Field{{Name: column, Type: vector.Long}},
			e6test.Batch{Rows: 1, Columns: []e6test.Column{{Type: vector.Long, Ints: []int64{7}}}})
	}
	cluster := start(t, e6test.WithEngine(engine))
	client := open(t, cluster)
	table("pieces")
	leave(cluster, "getNextResultBatchV2", 1)
	held := cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "getNextResultBatchV2", Action: e6test.DelayBefore, Delay: 50 * time.Millisecond}).Remove
	defer held()
	cluster.Inject(e6test.Fault{Side: e6.Green, Method: "prepareStatement", Action: e6test.DelayBefore, Delay: 100 * time.Millisecond})
	rows, err := client.Query(within(t, 10*time.Second), "SELECT * FROM stock")
	require.NoError(t, err)
	require.Equal(t, []string{"pieces"}, rows.Columns())
	table("boxes")
	require.False(t, rows.Next())
	var lost *e6.CutoverError
	require.ErrorAs(t, rows.Err(), &lost)
	require.ErrorContains(t, rows.Err(), "the columns of the result have changed")
	require.Zero(t, lost.RowsDelivered)
	require.NoError(t, rows.Close())

	table("crates")
	whole := later(func() error { _, err := client.QueryAll(within(t, 10*time.Second), "SELECT * FROM stock"); return err })
	require.NoError(t, result(t, whole), "a whole result has shown nothing yet")
}

func TestSafeToReplay_ByFailure(t *testing.T) {
	for name, test := range map[string]struct {
		err             error
		safe, retryable bool
	}{
		"no error":                          {nil, false, false},
		"an error of another package":       {errors.New("oops"), false, false},
		"a cancelled context":               {context.Canceled, false, false},
		"a deadline":                        {context.DeadlineExceeded, false, false},
		"a closed client":                   {e6.ErrClosed, false, false},
		"credentials":                       {&e6.DetectionError{Err: e6.ErrCredentials}, true, false},
		"no side":                           {&e6.DetectionError{Err: errors.New("no")}, true, true},
		"a suspended cluster":               {fmt.Errorf("e6: %w", e6.ErrSuspended), false, true},
		"a lost reading":                    {&e6.CutoverError{RowsDelivered: 7, Err: errors.New("gone")}, true, true},
		"a lost writing":                    {&e6.CutoverError{MayHaveTakenEffect: true, Err: errors.New("gone")}, false, true},
		"a lost writing without a side":     {&e6.CutoverError{MayHaveTakenEffect: true, Err: &e6.DetectionError{Err: errors.New("no")}}, false, true},
		"a call without an effect":          {&e6.CallError{Effect: "none", Err: errors.New("refused")}, true, false},
		"a call with an unknown effect":     {&e6.CallError{Effect: "unknown", Err: errors.New("gone")}, false, false},
		"a wrong statement":                 {&e6.QueryError{Op: "prepare", NoEffect: true, Err: errors.New("syntax")}, true, false},
		"a failing statement":               {&e6.QueryError{Op: "metadata", Err: errors.New("memory")}, false, false},
		"an incomplete result":              {&e6.QueryError{Op: "fetch", Err: e6.ErrIncomplete}, false, false},
		"a failing statement, well wrapped": {fmt.Errorf("report: %w", &e6.QueryError{Op: "execute", Err: errors.New("memory")}), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.safe, e6.SafeToReplay(test.err), "safe to replay")
			require.Equal(t, test.retryable, e6.IsRetryable(test.err), "retryable")
		})
	}
}
