// Package backoff spaces out repeated attempts: exponentially growing pauses
// with full jitter, so that many clients that fail together do not come back
// together.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Policy says how long the pauses are. The n-th pause, counted from 0, is
// drawn evenly from (0, min(Max, Base·2ⁿ)].
type Policy struct {
	// Base bounds the first pause.
	Base time.Duration
	// Max bounds every pause.
	Max time.Duration
}

// Pause draws the pause after the given number of earlier pauses.
func (p Policy) Pause(n int) time.Duration {
	bound := p.Bound(n)
	if bound <= 0 {
		return 0
	}
	return 1 + rand.N(bound)
}

// Bound is the longest that the pause after n earlier ones can be.
func (p Policy) Bound(n int) time.Duration {
	bound := p.Base
	for ; n > 0 && bound < p.Max; n-- {
		bound *= 2
	}
	return min(bound, p.Max)
}

// Wait pauses for the n-th time, or until the context ends or wake delivers,
// whichever comes first. It returns the context's error in the second case. A
// nil wake never delivers.
func (p Policy) Wait(ctx context.Context, n int, wake <-chan struct{}) error {
	return Sleep(ctx, p.Pause(n), wake)
}

// WaitFull pauses for the whole of the n-th bound, or until the context ends.
// It is for asking one server again, where jitter has no purpose.
func (p Policy) WaitFull(ctx context.Context, n int) error {
	return Sleep(ctx, p.Bound(n), nil)
}

// WaitLong pauses for at least half of the n-th bound, or until the context ends. It
// is for attempts that must not all be over too early.
func (p Policy) WaitLong(ctx context.Context, n int) error {
	return Sleep(ctx, p.LongPause(n), nil)
}

// LongPause draws the pause of WaitLong.
func (p Policy) LongPause(n int) time.Duration {
	half := p.Bound(n) / 2
	return half + rand.N(half+1)
}

// Sleep pauses for that time, as Wait does.
func Sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-wake:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
