package exec

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// started runs a statement until it has reached a call that blocks.
func started(t *testing.T, r *rig, method string) (result <-chan error) {
	r.cluster.on(method, blocks)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(t.Context(), &Statement{SQL: read}) }()
	synctest.Wait()
	require.Contains(t, r.cluster.calls(), method+" blue")
	return ended
}

func TestDrain_RunningStatementsMayEnd(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		release := make(chan struct{})
		r.cluster.on("metadata", func(context.Context) error { <-release; return nil })
		ended := make(chan error, 1)
		go func() { ended <- r.Run(t.Context(), &Statement{SQL: read}) }()
		synctest.Wait()

		idle := r.Drain()
		require.ErrorIs(t, r.Run(t.Context(), &Statement{SQL: read}), ErrClosed)
		select {
		case <-idle:
			require.Fail(t, "a statement runs")
		default:
		}
		require.EqualValues(t, 1, r.Running())
		close(release)
		require.NoError(t, <-ended)
		<-idle
		require.Zero(t, r.Running())
		require.Zero(t, r.Cut())
	})
}

func TestClose_CancelsRunningStatementsOnTheServerToo(t *testing.T) {
	for _, method := range []string{"prepare", "execute", "metadata", "fetch"} {
		t.Run(method, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, r *rig) {
				ended := started(t, r, method)
				ctx, cancel := context.WithTimeout(t.Context(), r.CloseTimeout)
				defer cancel()
				r.Close(ctx)
				require.ErrorIs(t, <-ended, ErrClosed)
				require.EqualValues(t, 1, r.Cut(), "statements that ended because of Close")
				if method != "prepare" { // before its response, the statement has no id
					require.Equal(t, []string{"clear cancelled blue"}, r.cluster.freed())
				}
			})
		})
	}
}

func TestClose_EndsInTimeIfTheServerDoesNotAnswer(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		ended := started(t, r, "metadata")
		forever := make(chan struct{})
		r.cluster.on("clear cancelled", func(context.Context) error { <-forever; return nil })
		r.cluster.close = func() { <-forever }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		r.Close(ctx)
		require.LessOrEqual(t, time.Since(began), time.Second+CloseGrace)
		require.GreaterOrEqual(t, time.Since(began), time.Second, "the server may answer until then")
		require.True(t, r.cluster.aborted, "connections that do not close are aborted")
		require.Contains(t, r.log.String(), "closing before the server has confirmed")
		require.ErrorIs(t, <-ended, ErrClosed)
		close(forever)
		synctest.Wait()
	})
}

func TestClose_ClosesIdleConnectionsAtOnce(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		require.NoError(t, r.Run(t.Context(), &Statement{SQL: read}))
		began := time.Now()
		r.Close(t.Context())
		require.Zero(t, time.Since(began))
		require.False(t, r.cluster.aborted)
		require.Zero(t, r.Cut())
	})
}
