// Package backoff is exponential backoff with full jitter, so that clients that fail
// together do not retry together.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Policy is the length of the pauses. The n-th pause, counted from 0, is uniformly
// distributed over (0, min(Max, Base·2ⁿ)].
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

// Bound is the maximum of the pause after n earlier ones.
func (p Policy) Bound(n int) time.Duration {
	bound := p.Base
	for ; n > 0 && bound < p.Max; n-- {
		bound *= 2
	}
	return min(bound, p.Max)
}

// Wait pauses for the n-th pause, or until ctx ends or wake has a value, whichever comes
// first. If ctx ends, it returns the cause of that. wake may be nil.
func (p Policy) Wait(ctx context.Context, n int, wake <-chan struct{}) error {
	return Sleep(ctx, p.Pause(n), wake)
}

// WaitFull pauses for the whole of the n-th bound, or until the context ends.
// It is for retries on one server, where jitter has no purpose.
func (p Policy) WaitFull(ctx context.Context, n int) error {
	return Sleep(ctx, p.Bound(n), nil)
}

// WaitLong pauses for at least half of the n-th bound, or until the context ends. It is
// for a limited number of attempts that must cover some time.
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
