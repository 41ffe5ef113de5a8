package backoff

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPolicy_PauseIsWithinItsBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{
			Base: time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "base")),
			Max:  time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "max")),
		}
		n := rapid.IntRange(0, 200).Draw(t, "n")
		pause := p.Pause(n)
		require.Positive(t, pause)
		require.LessOrEqual(t, pause, p.Max)
		require.LessOrEqual(t, p.Bound(n), p.Bound(n+1))
	})
}

func TestPolicy_BoundDoublesUpToTheMaximum(t *testing.T) {
	p := Policy{Base: 50 * time.Millisecond, Max: 300 * time.Millisecond}
	var got []time.Duration
	for n := range 5 {
		got = append(got, p.Bound(n)/time.Millisecond)
	}
	require.Equal(t, []time.Duration{50, 100, 200, 300, 300}, got)
}

func TestPolicy_WaitEndsWithItsContextOrAWake(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		p := Policy{Base: time.Hour, Max: time.Hour}

		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		require.ErrorIs(t, p.Wait(ctx, 0, nil), cause)

		wake := make(chan struct{}, 1)
		wake <- struct{}{}
		began := time.Now()
		require.NoError(t, p.Wait(t.Context(), 0, wake))
		require.Equal(t, began, time.Now())

		require.NoError(t, p.Wait(t.Context(), 0, nil))
		require.Greater(t, time.Now(), began)
	})
}
