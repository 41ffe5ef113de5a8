package e6_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

// An ingress that has lost the engine of a side may answer with a plain 503, which is also
// its answer for a suspended cluster.
func TestResume_LostEngineIsNoSuspension(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster)
	ctx := within(t, 20*time.Second)
	_, err := client.QueryAll(ctx, "SELECT 1")
	require.NoError(t, err)

	cluster.OpenSide(e6.Green)
	cluster.Inject(e6test.Fault{Side: e6.Blue, Action: e6test.Refuse503, Times: -1})
	_, err = client.QueryAll(ctx, "SELECT * FROM numbers(10)")
	require.NoError(t, err)
	require.Equal(t, e6.Green, client.Strategy().Active)
	require.NoError(t, client.Exec(ctx, "INSERT INTO t VALUES (1)"))
	require.Equal(t, 1, cluster.Stats().Executions["INSERT INTO t VALUES (1)"])
}

func TestSuspended_RefusedStatementHadNoEffect(t *testing.T) {
	for _, method := range []string{"prepareStatement", "executeStatement"} {
		t.Run(method, func(t *testing.T) {
			cluster := start(t)
			cfg := config(cluster)
			cfg.NoAutoResume = true
			suspend := func(ctx context.Context, path string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				if strings.HasSuffix(path, "/"+method) {
					cluster.Suspend()
				}
				return invoke(ctx, path, req, reply, cc, opts...)
			}
			client, err := e6.Open(t.Context(), cfg, e6.WithDialOptions(grpc.WithUnaryInterceptor(suspend)))
			require.NoError(t, err)
			defer client.Close()
			err = client.Exec(t.Context(), "INSERT INTO t VALUES (1)")
			require.ErrorIs(t, err, e6.ErrSuspended)
			require.NotErrorIs(t, err, e6.ErrQueryLost)
			require.True(t, e6.SafeToReplay(err))
			require.True(t, e6.IsRetryable(err))
			require.Zero(t, cluster.Stats().Executions["INSERT INTO t VALUES (1)"])
		})
	}
}

// loseEngineAt lets blue have a new engine while the query's n-th call of a method is on
// its way.
func loseEngineAt(t *testing.T, cluster *e6test.Cluster, method string, nth int) {
	cluster.Inject(e6test.Fault{Side: e6.Blue, Method: method, Nth: nth, Action: e6test.DelayBefore, Delay: time.Minute})
	time.AfterFunc(30*time.Second, func() { cluster.LoseEngine(e6.Blue) })
}

func TestNewEngine_AnUnknownQueryIsReplayed(t *testing.T) {
	for _, method := range []string{"executeStatement", "getResultMetadata", "getNextResultBatchV2"} {
		t.Run(method, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				loseEngineAt(t, cluster, method, 1)
				all, err := e6.QueryAll[int](t.Context(), client, "SELECT 42")
				require.NoError(t, err)
				require.Equal(t, []int{42}, all)
				require.EqualValues(t, 1, client.Stats().Replayed)
			})
		})
	}
}

func TestNewEngine_AnUnknownWriteMayHaveTakenEffect(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		loseEngineAt(t, cluster, "getResultMetadata", 1)
		err := client.Exec(t.Context(), "INSERT INTO log VALUES (7)")
		lost, ok := errors.AsType[*e6.CutoverError](err)
		require.True(t, ok, "%v", err)
		require.True(t, lost.MayHaveTakenEffect)
		require.ErrorContains(t, err, "is not known to engine")
		require.Equal(t, 1, executions(cluster, "INSERT INTO log VALUES (7)"))
	})
}

func TestNewEngine_AnUnknownQueryIsLostAfterItsRowsWereRead(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, _ *e6.Client) {
		client := open(t, cluster, defaults, noWindow)
		loseEngineAt(t, cluster, "getNextResultBatchV2", 3)
		rows, err := client.Query(t.Context(), "SELECT * FROM numbers(100)")
		require.NoError(t, err)
		defer rows.Close()
		read := int64(0)
		for rows.Next() {
			read++
		}
		requireLost(t, rows.Err(), "fetch", read)
	}, e6test.WithBatchRows(5), e6test.WithChunks(1))
}

func TestTheErrorOfAnEngineThatKnowsTheSessionIsItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		for range 3 { // also when the session is a new one
			err := client.Exec(t.Context(), "FAIL as requested")
			answered, ok := errors.AsType[*e6.QueryError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, "as requested", answered.Message)
			cluster.ExpireSessions()
		}
		require.Zero(t, client.Stats().Replayed)
	})
}
