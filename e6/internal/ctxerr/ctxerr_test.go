package ctxerr

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCause_OfAnEndedContext(t *testing.T) {
	own := errors.New("the caller's own")
	past, cancel := context.WithDeadlineCause(t.Context(), time.Unix(0, 0), own)
	defer cancel()
	canceled, end := context.WithCancelCause(t.Context())
	end(own)
	for ctx, how := range map[context.Context]error{past: context.DeadlineExceeded, canceled: context.Canceled} {
		require.ErrorIs(t, Cause(ctx), how)
		require.ErrorIs(t, Cause(ctx), own)
		require.EqualError(t, Cause(ctx), how.Error()+": the caller's own")
	}
	closed, end := context.WithCancelCause(t.Context())
	end(ErrClosed)
	require.Equal(t, ErrClosed, Cause(closed), "the caller has cancelled nothing")
	plain, stop := context.WithCancel(t.Context())
	stop()
	require.Equal(t, context.Canceled, Cause(plain))
	require.NoError(t, Cause(t.Context()))
}
