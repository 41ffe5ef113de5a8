package e6otel_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
)

// scenario emits every metric and every span, with several clients one after another. It
// returns the last client; the others are closed.
func scenario(t *testing.T, r *rig) *e6.Client {
	t.Helper()
	_, end := cutOff(t, r, 2, 2, 0) // lost, replayed, abandoned
	end()
	quietly(t, r)
	steered(t, r)
	closedTooEarly(t, r)
	continued(t, r)
	nowhere(t, r)
	return woken(t, r)
}

// quietly is a cutover without a failure, with a query that is refused and retried, and a
// rollback by the caller.
func quietly(t *testing.T, r *rig) {
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	cfg := config(cluster)
	cfg.Catalog, cfg.Schema = "lake", "sales"
	client := r.open(t, cfg)
	rows := streams(t.Context(), t, client, "stream", 1)
	cluster.OpenSide(fsm.Green)
	require.NoError(t, client.Switch(t.Context(), fsm.Green))
	_, err := client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, err)
	drain(t, rows[0])
	eventually(t, "green serves", func() bool { return client.Strategy().State == fsm.StateGreen })
	require.NoError(t, client.Rollback(t.Context(), "the caller wants it"))
	eventually(t, "blue serves", func() bool { return client.Strategy().State == fsm.StateBlue })

	cluster.CloseSide(fsm.Blue) // the next query is refused and retried on green
	_, err = client.QueryAll(t.Context(), "SELECT 2")
	require.NoError(t, err)
	require.Positive(t, client.Stats().Retried)
	_, err = client.QueryAll(tagged(t.Context(), "a-tag"), "FAIL a-literal")
	require.Error(t, err)
	require.NoError(t, client.Close())
}

// steered is a cutover that a guard vetoes, with a hook that panics.
func steered(t *testing.T, r *rig) {
	cluster := start(t)
	client := r.open(t, config(cluster), e6.WithGuard(veto{}), e6.WithQueryHook(panics{}))
	_, err := client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, err)
	cluster.OpenSide(fsm.Green)
	require.ErrorIs(t, client.Switch(t.Context(), fsm.Green), e6.ErrVetoed)
	require.NoError(t, client.Close())
}

// panics is a hook that panics.
type panics struct{}

func (panics) QueryStart(context.Context, hook.QueryStart) context.Context { panic("a hook") }
func (panics) QueryEnd(context.Context, hook.QueryEnd)                     {}

// closedTooEarly is a client that is closed during a drain, with a step and a login that
// fail.
func closedTooEarly(t *testing.T, r *rig) {
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := r.open(t, config(cluster))
	cluster.Inject(e6test.Fault{Method: "prepareStatement", Action: e6test.Fail, Code: codes.InvalidArgument})
	cluster.Inject(e6test.Fault{Method: "executeStatement", Action: e6test.Fail, Code: codes.InvalidArgument})
	cluster.Inject(e6test.Fault{Method: "getNextResultBatchV2", Action: e6test.Fail, Code: codes.InvalidArgument})
	for range 3 {
		_, err := client.QueryAll(t.Context(), "SELECT 1")
		require.Error(t, err)
	}
	rows := streams(t.Context(), t, client, "stream", 1)
	cluster.OpenSide(fsm.Green)
	require.NoError(t, client.Switch(t.Context(), fsm.Green))
	require.NoError(t, client.Reset(t.Context()))
	require.NoError(t, rows[0].Close())
	require.NoError(t, client.Close())
}

// continued is a query that is replayed after rows were read, and continues.
func continued(t *testing.T, r *rig) {
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := r.open(t, config(cluster))
	rows := streams(t.Context(), t, client, "stream", 1)
	require.True(t, rows[0].Next())
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt}))
	drain(t, rows[0])
	require.EqualValues(t, 1, client.Stats().Continued)
	require.NoError(t, client.Close())
}

// nowhere is a detection that fails.
func nowhere(t *testing.T, r *rig) {
	cluster := start(t)
	cluster.CloseSide(fsm.Blue)
	cfg := config(cluster)
	cfg.DetectionTimeout = 20 * time.Millisecond
	_, err := e6.Open(t.Context(), cfg, r.inst.Options()...)
	require.Error(t, err)
}

// woken is a cluster that is suspended and resumed.
func woken(t *testing.T, r *rig) *e6.Client {
	cluster := start(t)
	client := r.open(t, config(cluster))
	cluster.Suspend()
	_, err := client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, err)
	return client
}
