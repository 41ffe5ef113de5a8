package e6_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

// An ingress that has lost the engine of a side may say so with a plain 503,
// which is also how it says that the cluster is suspended.
func TestASideWhoseEngineIsGoneIsNotTakenForASleepingCluster(t *testing.T) {
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

func TestAStatementThatASleepingClusterRefusedHadNoEffect(t *testing.T) {
	for _, method := range []string{"prepareStatement", "executeStatement"} {
		t.Run(method, func(t *testing.T) {
			cluster := start(t)
			client := open(t, cluster, func(c *e6.Config) { c.NoAutoResume = true })
			cluster.Inject(e6test.Fault{Method: method, Action: e6test.Refuse503})
			err := client.Exec(t.Context(), "INSERT INTO t VALUES (1)")
			require.ErrorIs(t, err, e6.ErrSuspended)
			require.NotErrorIs(t, err, e6.ErrQueryLost)
			require.True(t, e6.SafeToReplay(err))
			require.True(t, e6.IsRetryable(err))
			require.Zero(t, cluster.Stats().Executions["INSERT INTO t VALUES (1)"])
		})
	}
}
