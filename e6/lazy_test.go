package e6_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/fsm"
)

func TestLazyOpen_DetectsAtTheFirstUse(t *testing.T) {
	cluster := start(t)
	cluster.Suspend()
	cfg := config(cluster)
	cfg.NoAutoResume = true
	_, err := e6.Open(within(t, 10*time.Second), cfg)
	require.ErrorIs(t, err, e6.ErrSuspended)

	client, err := e6.Open(within(t, 10*time.Second), cfg, e6.WithLazyOpen())
	require.NoError(t, err)
	defer client.Close()
	require.Equal(t, fsm.None, client.Strategy().Active)
	status, err := client.ClusterStatus(within(t, 10*time.Second))
	require.NoError(t, err)
	require.Equal(t, e6.ClusterSuspended, status)
	_, err = client.Query(within(t, 10*time.Second), "SELECT 1")
	require.ErrorIs(t, err, e6.ErrSuspended)
	cluster.Resume()
	require.NoError(t, client.Exec(within(t, 10*time.Second), "SELECT 1"))
	require.Equal(t, fsm.Blue, client.Strategy().Active)
}
