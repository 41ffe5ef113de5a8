package e6_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
)

// refusals are the forms in which an ingress refuses.
var refusals = map[string]e6test.Refusal{
	"a plain HTTP status":       e6test.RefuseHTTP,
	"the gRPC status of Envoy":  e6test.RefuseGRPC,
	"the gRPC status of a mock": e6test.RefuseMock,
}

// leave makes blue refuse a method from its n-th call on, for the rest of its
// life. Everything that follows on blue is refused too, and green opens.
func leave(cluster *e6test.Cluster, method string, nth int) {
	cluster.OpenSide(e6.Green)
	if method == "authenticate" {
		cluster.ExpireSessions(e6.Blue)
	}
	cluster.Inject(e6test.Fault{Side: e6.Blue, Method: method, Nth: nth, Times: -1, Action: e6test.Refuse456})
	// A side that refuses one call refuses the next login, too.
	if method != "authenticate" {
		cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "authenticate", Times: -1, Action: e6test.Refuse456})
	}
}

// readings are the calls of a reading that may be refused, and what becomes of
// the reading as a stream. One in a whole is always saved.
var readings = []struct {
	name, method string
	nth          int
	step         string // of the event about it: retried or replayed
}{
	{"authenticate", "authenticate", 1, "retried"},
	{"prepare", "prepareStatement", 1, "retried"},
	{"execute", "executeStatement", 1, "retried"},
	{"metadata", "getResultMetadata", 1, "replayed"},
	{"the first fetch", "getNextResultBatchV2", 1, "replayed"},
	{"a later fetch", "getNextResultBatchV2", 4, "replayed"},
}

func TestQueryAll_RefusedIsAlwaysReplayed(t *testing.T) {
	for form, refusal := range refusals {
		for _, at := range readings {
			t.Run(at.name+" refused by "+form, func(t *testing.T) {
				t.Parallel()
				cluster := start(t, e6test.WithRefusal(refusal), e6test.WithBatchRows(10), e6test.WithChunks(1))
				client := open(t, cluster)
				w := watch(t, client)
				leave(cluster, at.method, at.nth)
				all, err := e6.QueryAll[struct {
					N    int
					Text string
				}](tagged(within(t, 10*time.Second), "nightly"), client, "SELECT * FROM numbers(100)")
				require.NoError(t, err)
				require.Len(t, all, 100)
				for i, row := range all {
					require.Equal(t, i, row.N)
				}
				require.Equal(t, e6.Green, client.Strategy().Active)
				requireIdle(t, client)
				w.settled(t)
				stats := client.Stats()
				require.Zero(t, stats.Lost)
				if at.step == "retried" {
					require.Equal(t, []int64{1, 0}, []int64{stats.Retried, stats.Replayed})
					retried := first[events.QueryRetried](t, w, nil)
					require.Equal(t, "nightly", retried.Tag)
					require.Equal(t, [2]e6.Side{e6.Blue, e6.Green}, [2]e6.Side{retried.From, retried.To})
					require.Equal(t, at.method, retried.Method)
					require.Equal(t, 1, executions(cluster, "SELECT * FROM numbers(100)"))
				} else {
					require.Equal(t, []int64{0, 1}, []int64{stats.Retried, stats.Replayed})
					replayed := first[events.QueryReplayed](t, w, nil)
					require.Equal(t, "nightly", replayed.Tag)
					require.Equal(t, [2]e6.Side{e6.Blue, e6.Green}, [2]e6.Side{replayed.From, replayed.To})
					require.Equal(t, 1, replayed.Attempt)
					require.Equal(t, 2, executions(cluster, "SELECT * FROM numbers(100)"))
				}
				refused := first[events.Refused](t, w, nil)
				require.Equal(t, events.Refused{Side: e6.Blue, Method: at.method, QueryID: refused.QueryID, Tag: "nightly"}, refused)
				require.Equal(t, 1, w.count(events.KindRefused))
				requireNamed(t, cluster, w)
			})
		}
	}
}

// requireNamed checks that every query which the server still holds was named as
// abandoned.
func requireNamed(t *testing.T, cluster *e6test.Cluster, w *watcher) {
	t.Helper()
	named := map[string]bool{}
	for _, e := range w.all() {
		if d, ok := e.Data.(events.QueryAbandoned); ok {
			named[d.QueryID] = true
		}
	}
	for _, q := range cluster.OpenQueries() {
		require.Contains(t, named, q.ID)
	}
}

func TestStream_RefusedIsReplayedBeforeTheFirstRow(t *testing.T) {
	for form, refusal := range refusals {
		for _, at := range readings {
			t.Run(at.name+" refused by "+form, func(t *testing.T) {
				t.Parallel()
				cluster := start(t, e6test.WithRefusal(refusal), e6test.WithBatchRows(10), e6test.WithChunks(1))
				client := open(t, cluster, noWindow)
				leave(cluster, at.method, at.nth)
				rows, err := client.Query(within(t, 10*time.Second), "SELECT * FROM numbers(1000)")
				require.NoError(t, err)
				if at.nth == 1 {
					require.Equal(t, int64(1000), drain(rows))
					require.NoError(t, rows.Err())
					require.NoError(t, rows.Close())
					return
				}
				// Three batches come before the refusal, of which the first is
				// taken while there is no room for all that are read ahead.
				require.True(t, rows.Next())
				n := 1 + drain(rows)
				requireLost(t, rows.Err(), "fetch", n)
				require.Zero(t, n%10)
				require.LessOrEqual(t, n, int64(30))
				require.NoError(t, rows.Close())
				require.Equal(t, 1, executions(cluster, "SELECT * FROM numbers(1000)"))
			})
		}
	}
}

// requireLost checks that a reading was lost after so many rows.
func requireLost(t *testing.T, err error, op string, delivered int64) *e6.CutoverError {
	t.Helper()
	var lost *e6.CutoverError
	require.ErrorAs(t, err, &lost)
	require.ErrorIs(t, err, e6.ErrQueryLost)
	require.Equal(t, op, lost.Op)
	require.Equal(t, e6.Blue, lost.Side)
	require.Equal(t, delivered, lost.RowsDelivered)
	require.False(t, lost.MayHaveTakenEffect)
	require.NotEmpty(t, lost.QueryID)
	require.ErrorContains(t, err, lost.QueryID)
	require.ErrorContains(t, err, fmt.Sprintf("after %d rows", delivered))
	require.True(t, e6.IsRetryable(err))
	require.True(t, e6.SafeToReplay(err))
	return lost
}

func TestInsert_RefusedRunsOnce(t *testing.T) {
	for form, refusal := range refusals {
		for _, at := range []struct {
			name, method string
			saved        bool
		}{
			{"authenticate", "authenticate", true},
			{"prepare", "prepareStatement", true},
			{"execute", "executeStatement", true},
			{"metadata", "getResultMetadata", false},
			{"fetch", "getNextResultBatchV2", false},
			{"clear", "clearOrCancelQuery", true},
		} {
			for way, run := range statements {
				t.Run(fmt.Sprintf("%s, %s refused by %s", way, at.name, form), func(t *testing.T) {
					t.Parallel()
					engine := e6test.NewCannedEngine()
					cluster := start(t, e6test.WithRefusal(refusal), e6test.WithEngine(engine))
					client := open(t, cluster)
					w := watch(t, client)
					leave(cluster, at.method, 1)
					err := run(tagged(within(t, 10*time.Second), "the till"), client, "INSERT INTO sales VALUES (7)")
					requireIdle(t, client)
					require.Equal(t, []int64{7}, engine.Inserted("sales"), "once, and never twice")
					require.Equal(t, 1, executions(cluster, "INSERT INTO sales VALUES (7)"))
					w.settled(t)
					requireNamed(t, cluster, w)
					if at.saved {
						require.NoError(t, err)
						require.Zero(t, client.Stats().Lost)
						return
					}
					var lost *e6.CutoverError
					require.ErrorAs(t, err, &lost)
					require.Equal(t, at.name, lost.Op)
					require.Equal(t, "the till", lost.Tag)
					require.Equal(t, e6.Blue, lost.Side)
					require.True(t, lost.MayHaveTakenEffect)
					require.Zero(t, lost.RowsDelivered)
					require.ErrorContains(t, err, "may have taken effect: look at the data before it is run again")
					require.True(t, e6.IsRetryable(err))
					require.False(t, e6.SafeToReplay(err))
					require.Equal(t, int64(1), client.Stats().Lost)
					event := first[events.QueryLost](t, w, nil)
					require.Equal(t, lost.QueryID, event.QueryID)
					require.Equal(t, "the till", event.Tag)
					require.True(t, event.MayHaveRun)
				})
			}
		}
	}
}

func TestClear_RefusalIsReportedAndBreaksNoQuery(t *testing.T) {
	for form, refusal := range refusals {
		t.Run(form, func(t *testing.T) {
			cluster := start(t, e6test.WithRefusal(refusal))
			client := open(t, cluster)
			w := watch(t, client)
			leave(cluster, "clearOrCancelQuery", 1)
			result, err := client.QueryAll(tagged(t.Context(), "monthly"), "SELECT * FROM numbers(10)")
			require.NoError(t, err)
			require.Equal(t, 10, result.Len())
			abandoned := first[events.QueryAbandoned](t, w, nil)
			require.Equal(t, result.Handle.QueryID, abandoned.QueryID)
			require.Equal(t, "monthly", abandoned.Tag)
			require.Equal(t, e6.Blue, abandoned.Side)
			require.Contains(t, abandoned.Error, "456")
			requireIdle(t, client)
			require.Equal(t, int64(1), client.Stats().Abandoned)
			require.Len(t, cluster.OpenQueries(), 1)
			// After the refusal the client leaves blue, so the next query is not sent there.
			waitFor(within(t, 5*time.Second), t, client, func() bool { return client.Strategy().Active == e6.Green })
			before := calls(cluster, "prepareStatement", e6.Blue)
			require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
			require.Equal(t, before, calls(cluster, "prepareStatement", e6.Blue))
		})
	}
}

func TestDetection_BothSidesRefusingIsADetectionError(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.CloseSide(e6.Blue)
		err := client.Exec(tagged(t.Context(), "till"), "INSERT INTO sales VALUES (1)")
		var failed *e6.DetectionError
		require.ErrorAs(t, err, &failed)
		require.ErrorContains(t, err, `"till"`)
		require.ErrorContains(t, err, "456")
		require.True(t, e6.IsRetryable(err))
		require.True(t, e6.SafeToReplay(err))
		require.Zero(t, executions(cluster, "INSERT INTO sales VALUES (1)"))

		cluster.OpenSide(e6.Green)
		require.NoError(t, client.Exec(t.Context(), "SELECT 1"), "the next query finds the side that has opened")
	})
}
