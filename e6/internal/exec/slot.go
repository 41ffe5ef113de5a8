package exec

import (
	"context"
	"sync/atomic"

	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
)

// slot is one of the Settings.MaxInFlight slots of a client. A running statement holds it.
// The work that remains on the server after its caller has left also holds it: a prepare
// call without a response, or a statement that is not freed yet. Otherwise callers that
// leave early could put any number of statements on the server.
type slot struct {
	semaphore chan struct{}
	holders   atomic.Int32
}

// hold keeps the slot until the returned function is called, once. It has no effect on a nil
// slot (a client without a limit) and on a free slot.
func (s *slot) hold() (free func()) {
	if s == nil {
		return func() {}
	}
	for n := s.holders.Load(); n > 0; n = s.holders.Load() {
		if s.holders.CompareAndSwap(n, n+1) {
			return s.free
		}
	}
	return func() {}
}

func (s *slot) free() {
	if s.holders.Add(-1) == 0 {
		<-s.semaphore
	}
}

// inSlot waits for a free slot, if there is a limit, and runs body. The longest wait comes
// first: Go serves the senders of a channel in their order.
func (r *run) inSlot(ctx context.Context, body func(context.Context) error) error {
	semaphore := r.x.semaphore
	if semaphore == nil {
		return body(ctx)
	}
	select {
	case semaphore <- struct{}{}:
	default:
		if err := r.awaitSlot(ctx, semaphore); err != nil {
			return err
		}
	}
	r.slot = &slot{semaphore: semaphore}
	r.slot.holders.Store(1)
	defer r.slot.free()
	return body(ctx)
}

func (r *run) awaitSlot(ctx context.Context, semaphore chan<- struct{}) error {
	r.progress.step(StepQueued, r.handle)
	r.x.counters.waiting.Add(1)
	defer r.x.counters.waiting.Add(-1)
	select {
	case semaphore <- struct{}{}:
		return nil
	case <-ctx.Done():
		return r.annotate(errtext.Errorf("waiting for one of %d statements to end (Config.MaxInFlight): %w", cap(semaphore), ctxerr.Cause(ctx)))
	}
}
