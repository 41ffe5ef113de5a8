package events

import (
	"context"
	"iter"
	"sync"
)

// Subscribe calls fn with every event from now on that matches the filters, one at a time
// and in order, on its own goroutine. If the queue overflows, fn gets an EventsDropped in
// place of the dropped events, with any filters: assert the type of Data with the
// two-value form, or in a type switch.
//
// If fn panics, the subscription continues with the next event. The panic is logged at
// level error with its stack (see Options.OnPanic), counted (see Panics), and published to
// the other subscribers as SubscriberPanicked.
//
// The returned function ends the subscription. It does not wait for a running call of fn,
// and fn may call it.
func (b *Bus) Subscribe(fn func(Event), opts ...SubscribeOption) (unsubscribe func()) {
	return b.subscribe(fn, func() {}, opts)
}

// subscribe is Subscribe with a function that is called when the goroutine has ended.
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
	for _, e := range b.last(s.opts.history) {
		if !s.offer(e) {
			b.dropped.Add(1)
		}
	}
	b.subscribers[s] = struct{}{}
	go s.run()
	return s.leave
}

// Events returns the events from now on that match the filters, until ctx ends, the bus is
// closed, or the loop ends. While the body of the loop runs, events wait in a queue, as
// for Subscribe. The body runs on the goroutine of the caller, and a panic there is not
// recovered.
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

// subscriber is a queue and the goroutine that delivers its events.
type subscriber struct {
	bus   *Bus
	opts  subscription
	fn    func(Event)
	ended func()
	awake chan struct{} // has a value if the queue has changed

	panics panics // only the goroutine of run uses it

	mu      sync.Mutex
	queue   []Event
	dropped Event // an EventsDropped that is not in the queue yet, if its Data is set
	done    bool  // the bus is closed: no event will be queued
	gone    bool  // the subscription has ended: no event will be delivered
}

// offer queues an event that matches the filters. It returns false if the event was
// dropped because the queue is full. It does not wait.
func (s *subscriber) offer(e Event) bool {
	if !s.opts.filter.match(e) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return true
	}
	if len(s.queue) >= s.opts.queue {
		count := uint64(1)
		if m, ok := s.dropped.Data.(EventsDropped); ok {
			count += m.Count
		}
		s.dropped = e
		s.dropped.Data = EventsDropped{Count: count}
		return false
	}
	// EventsDropped precedes the next event. The queue exceeds its limit by it, at most
	// once for each event.
	s.queueDropped()
	s.queue = append(s.queue, e)
	s.wake()
	return true
}

// queueDropped queues the EventsDropped, if events were dropped. The caller holds the
// lock.
func (s *subscriber) queueDropped() {
	if s.dropped.Data != nil {
		s.queue = append(s.queue, s.dropped)
		s.dropped = Event{}
	}
}

func (s *subscriber) wake() {
	select {
	case s.awake <- struct{}{}:
	default:
	}
}

// run delivers events until the subscription has ended, or the bus is closed and the queue
// is empty.
func (s *subscriber) run() {
	ended := false
	defer func() {
		if ended {
			s.end()
		} else {
			go s.run() // fn ended the goroutine, which does not end the subscription
		}
	}()
	for {
		e, ok, over := s.next()
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

// next returns the next event, if there is one, and whether no event will follow. An
// EventsDropped is delivered without the next event.
func (s *subscriber) next() (e Event, ok, over bool) {
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
	s.queue[0] = Event{} // release what the event refers to
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

// leave ends the subscription without the delivery of queued events.
func (s *subscriber) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	s.queue = nil
	s.wake()
}

// finish ends the subscription after the delivery of queued events.
func (s *subscriber) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	s.wake()
}

// end removes the subscriber from the bus.
func (s *subscriber) end() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	delete(s.bus.subscribers, s)
	s.bus.endIfIdle()
	s.ended()
}
