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
	// Cluster is the name that every event carries.
	Cluster string
	// History is how many events are kept. Default: 256.
	History int
	// Snapshot returns what is known now, for subscribers that missed something.
	// Default: nothing is known.
	Snapshot func() fsm.Snapshot
	// OnPanic is called with each SubscriberPanicked event, on the goroutine of the
	// subscriber that panicked, to log it. The event has no number if it was not
	// published. Default: a record at level Error to slog.Default(); so it is too if
	// OnPanic itself panics.
	OnPanic func(Event)
}

// Bus numbers events and hands them to subscribers. Its methods may be called
// by any goroutine, also from within a subscriber.
type Bus struct {
	opts    Options
	dropped atomic.Uint64
	panics  atomic.Uint64

	// The lock orders events: whoever holds it gives the next number and puts
	// the event into every queue, which never waits. So each subscriber has the
	// events in the order of their numbers.
	mu          sync.Mutex
	seq         uint64
	history     []Event // a ring, once it is full
	subscribers map[*subscriber]struct{}
	closed      bool
	ended       chan struct{} // closed when the bus is, and no subscriber is left
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

// Publish numbers an event and hands it out. It never waits for a subscriber.
// Once the bus is closed it does nothing and returns the zero Event.
func (b *Bus) Publish(cause fsm.Cause, d Data) Event { return b.publish(cause, d, nil) }

// publish is Publish, but for one subscriber that the event is about.
func (b *Bus) publish(cause fsm.Cause, d Data, except *subscriber) Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return Event{}
	}
	b.seq++
	e := Event{Seq: b.seq, Time: time.Now(), Cluster: b.opts.Cluster, Cause: cause, Data: d}
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

// History returns the events that are kept, the oldest first.
func (b *Bus) History() []Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last(len(b.history))
}

// last returns the last n events that are kept. The caller holds the lock.
func (b *Bus) last(n int) []Event {
	n = min(n, len(b.history))
	out := make([]Event, 0, n)
	for seq := b.seq - uint64(n); seq < b.seq; seq++ {
		out = append(out, b.history[seq%uint64(b.opts.History)])
	}
	return out
}

// Dropped is how many deliveries were dropped because a queue was full.
func (b *Bus) Dropped() uint64 { return b.dropped.Load() }

// Panics is how many calls of subscribers ended in a panic, or with the end of their
// goroutine.
func (b *Bus) Panics() uint64 { return b.panics.Load() }

// Close takes no more events. Every subscriber still gets what is queued for
// it. Close waits for nothing and is idempotent.
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

// endIfIdle tells whoever waits for the end. The caller holds the lock.
func (b *Bus) endIfIdle() {
	if b.closed && len(b.subscribers) == 0 {
		close(b.ended)
	}
}

// Wait waits within ctx until the bus is closed and the goroutines of all its
// subscribers have ended. Within a subscriber it would wait for itself.
func (b *Bus) Wait(ctx context.Context) error {
	select {
	case <-b.ended:
		return nil
	case <-ctx.Done():
		return ctxerr.Cause(ctx)
	}
}
