package e6otel

import (
	"slices"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6"
)

// flight is a query in the registry, from its first step to its end.
type flight struct {
	trace trace.SpanContext
	over  <-chan struct{} // the query has ended for certain once this is closed

	// Guarded by flights.mu.
	prev, next *flight
	side       e6.Side // of the present attempt
}

// flights are the queries in flight: a ring, so that each comes and goes in a
// few instructions under the lock, without an allocation.
type flights struct {
	mu      sync.Mutex
	ring    flight
	stories []*story // the cutovers whose spans are open
}

func (f *flights) init() { f.ring.prev, f.ring.next = &f.ring, &f.ring }

// begin notes that an attempt at the query begins on a side.
func (f *flights) begin(q *flight, side e6.Side, replay bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := q.side
	q.side = side
	if q.next == nil {
		q.prev, q.next = f.ring.prev, &f.ring
		q.prev.next, q.next.prev = q, q
		return
	}
	if before != side {
		for _, s := range f.stories {
			s.moved(q, replay)
		}
	}
}

// end notes that the query has ended.
func (f *flights) end(q *flight, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if q.next == nil {
		return
	}
	f.unlink(q)
	for _, s := range f.stories {
		s.gone(q, lost)
	}
}

func (f *flights) unlink(q *flight) {
	q.prev.next, q.next.prev = q.next, q.prev
	q.prev, q.next = nil, nil
}

// on returns the queries on a side, and on any side for None. It drops those
// that have ended although nobody said so: the call of a hook can be left out.
// The caller holds the lock.
func (f *flights) on(side e6.Side) (found []*flight) {
	for q := f.ring.next; q != &f.ring; {
		next := q.next
		select {
		case <-q.over:
			f.unlink(q)
		default:
			if side == e6.None || q.side == side {
				found = append(found, q)
			}
		}
		q = next
	}
	return found
}

// open begins a story with the queries that are in flight on its origin.
func (f *flights) open(s *story) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.inFlight = f.on(s.start.From)
	f.stories = append(f.stories, s)
}

// wait lets an ended cutover's story wait for the queries on the side that was
// left, or on both for None.
func (f *flights) wait(s *story, left e6.Side) (settled <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.ended, s.settled = true, make(chan struct{})
	s.waiting = make(map[*flight]struct{})
	for _, q := range f.on(left) {
		s.waiting[q] = struct{}{}
	}
	s.settle()
	return s.settled
}

// close ends a story: nothing is added to it from now on.
func (f *flights) close(s *story) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stories = slices.DeleteFunc(f.stories, func(other *story) bool { return other == s })
}
