package e6

import (
	"context"
	"sync/atomic"

	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
)

// slot is one of the Config.MaxInFlight places of a client. The statement that runs
// holds it, and so does everything that the server may still be doing for it after its
// caller has given up: a prepare call without an answer, or a query that the server has
// not been told to forget. Otherwise callers who give up early would put any number of
// statements on the server.
type slot struct {
	semaphore chan struct{}
	holders   atomic.Int32
}

// hold keeps the slot until the function that it returns is called, once. It has no
// effect on a nil slot, which is that of a client without a limit, and on one that is
// free already.
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

// inSlot waits until the statement may run, if there is a limit, and runs it. Whoever
// waits longest comes first: Go serves the senders of a channel in their order.
func (q *query) inSlot(ctx context.Context, run func() error) error {
	semaphore := q.c.semaphore
	if semaphore == nil {
		return run()
	}
	select {
	case semaphore <- struct{}{}:
	default:
		q.progress.step(StepQueued, q.handle)
		q.c.stats.waiting.Add(1)
		select {
		case semaphore <- struct{}{}:
			q.c.stats.waiting.Add(-1)
		case <-ctx.Done():
			q.c.stats.waiting.Add(-1)
			return q.annotate(errtext.Errorf("waiting for one of %d statements to end (Config.MaxInFlight): %w", cap(semaphore), ctxerr.Cause(ctx)))
		}
	}
	q.slot = &slot{semaphore: semaphore}
	q.slot.holders.Store(1)
	defer q.slot.free()
	return run()
}
