package events

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
)

// Options are the options of a Bus.
type Options struct {
	// Address and Cluster are the address and the name of the cluster in every event.
	Address, Cluster string
	// History is the number of events that History can return. Default: 256.
	History int
	// Snapshot returns the current snapshot of the machine, for EventsDropped.
	// Default: the zero Snapshot.
	Snapshot func() fsm.Snapshot
	// OnPanic is called with each SubscriberPanicked event, on the goroutine of the
	// subscriber that panicked, to log it. The event has no number if it was not
	// published. Default, also if OnPanic panics: a record at level error to
	// slog.Default().
	OnPanic func(Event)
}

// Bus numbers events and delivers them to subscribers. Its methods may be called by any
// goroutine, also by a subscriber.
type Bus struct {
	opts    Options
	dropped atomic.Uint64
	panics  atomic.Uint64

	// mu orders events: its holder takes the next number and appends the event to every
	// queue, which does not wait. Without it: one goroutine takes number 1, another takes
	// number 2 and appends it first, and the subscribers get 2 before 1.
	mu          sync.Mutex
	seq         uint64
	history     []Event // a ring, once it is full
	subscribers map[*subscriber]struct{}
	closed      bool
	ended       chan struct{} // closed when the bus is closed and no subscriber is left
}

// NewBus returns a Bus.
func NewBus(o Options) *Bus {
	if o.History <= 0 {
		o.History = 256
	}
	if o.Snapshot == nil {
		o.Snapshot = func() fsm.Snapshot { return fsm.Snapshot{} }
	}
	return &Bus{opts: o, subscribers: make(map[*subscriber]struct{}), ended: make(chan struct{})}
}

// Publish numbers an event, delivers it and returns it. It does not wait for a subscriber.
// After Close it does nothing and returns the zero Event.
func (b *Bus) Publish(cause fsm.Cause, d Data) Event { return b.publish(cause, d, nil) }

// publish is Publish without delivery to the subscriber except.
func (b *Bus) publish(cause fsm.Cause, d Data, except *subscriber) Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return Event{}
	}
	b.seq++
	e := Event{Seq: b.seq, Time: time.Now(), Address: b.opts.Address, Cluster: b.opts.Cluster, Cause: cause, Data: d}
	if len(b.history) < b.opts.History {
		b.history = append(b.history, e)
	} else {
		b.history[(b.seq-1)%uint64(b.opts.History)] = e
	}
	for s := range b.subscribers {
		if s != except && !s.offer(e) {
			b.dropped.Add(1)
		}
	}
	return e
}

// History returns the last events, the oldest first: at most Options.History.
func (b *Bus) History() []Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last(len(b.history))
}

// last returns the last n events of the history. The caller holds the lock.
func (b *Bus) last(n int) []Event {
	n = min(n, len(b.history))
	out := make([]Event, 0, n)
	for seq := b.seq - uint64(n); seq < b.seq; seq++ {
		out = append(out, b.history[seq%uint64(b.opts.History)])
	}
	return out
}

// Dropped is the number of deliveries that were dropped because a queue was full.
func (b *Bus) Dropped() uint64 { return b.dropped.Load() }

// Panics is the number of calls of subscribers that panicked or ended their goroutine.
func (b *Bus) Panics() uint64 { return b.panics.Load() }

// Close ends the acceptance of events. Subscribers still get the events in their queues.
// Close does not wait for them and is idempotent.
func (b *Bus) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	for s := range b.subscribers {
		s.finish()
	}
	b.endIfIdle()
}

// endIfIdle releases the callers of Wait at the end. The caller holds the lock.
func (b *Bus) endIfIdle() {
	if b.closed && len(b.subscribers) == 0 {
		close(b.ended)
	}
}

// Wait waits until the bus is closed and the goroutines of all subscribers have ended, or
// returns the error of ctx. A subscriber must not call it: it would wait for itself.
func (b *Bus) Wait(ctx context.Context) error {
	select {
	case <-b.ended:
		return nil
	case <-ctx.Done():
		return ctxerr.Cause(ctx)
	}
}
