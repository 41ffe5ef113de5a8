package e6_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
)

var errOwn = errors.New("the caller's own reason")

// limited is a context that ends after two seconds for a reason of the caller's.
func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, errOwn)
	t.Cleanup(cancel)
	return ctx
}

// ended requires that an error has the error of the context and its cause.
func ended(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, errOwn)
}

func TestCallerDeadline_WithACauseIsADeadlineError(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
		ended(t, client.Switch(limited(t), fsm.Green)) // which does not accept
		_, err := client.QueryAll(limited(t), "SELECT sleep(60000)")
		ended(t, err)

		go func() { _, _ = client.QueryAll(t.Context(), "SELECT sleep(60000)") }()
		synctest.Wait()
		ended(t, client.Shutdown(limited(t)))
	})
}

func TestOpen_DeadlineWithACauseIsADeadlineError(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		cluster.CloseSide(fsm.Blue)
		cfg := config(cluster)
		defaults(&cfg)
		_, err := e6.Open(limited(t), cfg, e6.WithDialer(cluster.Dialer()))
		ended(t, err)
	})
}
