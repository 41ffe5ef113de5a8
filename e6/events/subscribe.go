package events

import (
	"context"
	"iter"
	"math"
	"slices"
	"sync"
)

// SubscribeOption changes a subscription.
type SubscribeOption func(*subscription)

type subscription struct {
	queue  int
	replay int
	kinds  []Kind
}

// Queue sets how many events may wait for the subscriber. Default: 256.
func Queue(n int) SubscribeOption { return func(s *subscription) { s.queue = max(n, 1) } }

// Lossless lets any number of events wait, so that none is missed. It is for
// subscribers that only count: one that blocks makes the memory grow.
func Lossless() SubscribeOption { return func(s *subscription) { s.queue = math.MaxInt } }

// Kinds delivers events of these kinds only. EventsDropped is always delivered.
func Kinds(kinds ...Kind) SubscribeOption {
	return func(s *subscription) { s.kinds = append(s.kinds, kinds...) }
}

// Replay begins with the last n events that are kept, as far as the queue has
// room for them; the later ones follow without a gap.
func Replay(n int) SubscribeOption { return func(s *subscription) { s.replay = max(n, 0) } }

// Subscribe calls fn with every event from now on, one at a time and in order,
// on a goroutine of its own. If fn is so slow that its queue overflows, it gets
// a EventsDropped where the missed events would have been, whatever Kinds says: assert the
// type of Data with the two-value form.
//
// If fn panics, the subscription goes on with the next event. The panic is logged at
// level Error with its stack (see Options.OnPanic), counted (see Panics), and
// published to the others as SubscriberPanicked. The goroutine of a loop over Events
// is the caller's own: a panic there is not caught.
//
// The returned function ends the subscription without waiting for a call that
// is under way. It may be called from within fn.
func (b *Bus) Subscribe(fn func(Event), opts ...SubscribeOption) (unsubscribe func()) {
	return b.subscribe(fn, func() {}, opts)
}

// subscribe is Subscribe with a function that is called at the very end.
func (b *Bus) subscribe(fn func(Event), ended func(), opts []SubscribeOption) (unsubscribe func()) {
	s := &subscriber{bus: b, opts: subscription{queue: 256}, fn: fn, ended: ended, awake: make(chan struct{}, 1)}
	for _, opt := range opts {
		opt(&s.opts)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		ended()
		return func() {}
	}
	for _, e := range b.last(s.opts.replay) {
		if !s.offer(e) {
			b.dropped.Add(1)
		}
	}
	b.subscribers[s] = struct{}{}
	go s.run()
	return s.leave
}

// Events returns the events from now on, until ctx ends, the bus is closed, or
// the loop is left. The loop's body is a subscriber like any other: while it is
// busy, events wait in its queue.
func (b *Bus) Events(ctx context.Context, opts ...SubscribeOption) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		next := make(chan Event)
		left := make(chan struct{})
		ended := make(chan struct{})
		unsubscribe := b.subscribe(func(e Event) {
			select {
			case next <- e:
			case <-left:
			}
		}, func() { close(ended) }, opts)
		defer func() {
			unsubscribe()
			close(left)
			<-ended
		}()
		for {
			select {
			case e := <-next:
				if !yield(e) {
					return
				}
			case <-ended:
				return
			case <-ctx.Done():
				return
			}
		}
	}
}

// subscriber is a queue and the goroutine that empties it.
type subscriber struct {
	bus   *Bus
	opts  subscription
	fn    func(Event)
	ended func()
	awake chan struct{} // the queue has changed

	panics panics // only the goroutine of run uses it

	mu     sync.Mutex
	queue  []Event
	missed Event // a EventsDropped that is not in the queue yet, if it counts any
	done   bool  // nothing more comes
	gone   bool  // nothing more is to be delivered
}

// offer queues an event and reports whether there was room. It never waits.
func (s *subscriber) offer(e Event) bool {
	if len(s.opts.kinds) > 0 && !slices.Contains(s.opts.kinds, e.Kind()) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return true
	}
	if len(s.queue) >= s.opts.queue {
		count := uint64(1)
		if m, ok := s.missed.Data.(EventsDropped); ok {
			count += m.Count
		}
		s.missed = e
		s.missed.Data = EventsDropped{Count: count}
		return false
	}
	// No event overtakes the news of those that were missed before it. The
	// queue grows by one for that, once for each event at the most.
	s.queueDropped()
	s.queue = append(s.queue, e)
	s.wake()
	return true
}

// queueMissed queues the news of what was missed, if anything was. The caller
// holds the lock.
func (s *subscriber) queueDropped() {
	if s.missed.Data != nil {
		s.queue = append(s.queue, s.missed)
		s.missed = Event{}
	}
}

func (s *subscriber) wake() {
	select {
	case s.awake <- struct{}{}:
	default:
	}
}

// run delivers until the subscriber has left, or the bus is closed and the
// queue is empty.
func (s *subscriber) run() {
	ended := false
	defer func() {
		if ended {
			s.end()
		} else {
			go s.run() // the subscriber ended its goroutine, not its subscription
		}
	}()
	for {
		e, ok, over := s.take()
		switch {
		case over:
			ended = true
			return
		case ok:
			s.deliver(e)
		default:
			<-s.awake
		}
	}
}

// take returns the next event, if there is one, or that none will come. The
// news of missed events is not kept back until the next one happens to come.
func (s *subscriber) take() (e Event, ok, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		s.queueDropped()
	}
	if s.gone || len(s.queue) == 0 && s.done {
		return Event{}, false, true
	}
	if len(s.queue) == 0 {
		return Event{}, false, false
	}
	e = s.queue[0]
	s.queue[0] = Event{} // let go of what it refers to
	s.queue = s.queue[1:]
	return e, true, false
}

// deliver calls the subscriber.
func (s *subscriber) deliver(e Event) {
	if m, ok := e.Data.(EventsDropped); ok {
		m.Snapshot = s.bus.opts.Snapshot()
		e.Data = m
	}
	s.call(e)
}

// leave ends the subscription.
func (s *subscriber) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	s.queue = nil
	s.wake()
}

// finish delivers what is queued, and no more.
func (s *subscriber) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	s.wake()
}

// end takes the subscriber off the bus.
func (s *subscriber) end() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	delete(s.bus.subscribers, s)
	s.bus.endIfIdle()
	s.ended()
}
