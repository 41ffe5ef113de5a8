package e6otel

import (
	"slices"
	"sync"
	"time"

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
	fates   []fated  // what became of queries lately, the newest last
}

// fate is what a cutover does to a query.
type fate uint8

const (
	fateLost fate = iota
	fateReplayed
	fateRetried
)

// fated is a query that was cut off or refused.
type fated struct {
	trace trace.SpanContext
	at    time.Time
	side  e6.Side // that it was on
	what  fate
}

// mostFates bounds the memory for queries whose cutover is not known yet: an abrupt
// change is known as one when the other side has accepted, and its first queries were
// lost by then.
const mostFates = 1 << 14

// keepFates is how long a query may wait for its cutover.
const keepFates = 2 * time.Minute

// remember keeps what became of a query. The caller holds the lock.
func (f *flights) remember(q *flight, side e6.Side, what fate) {
	now := time.Now()
	if n := len(f.fates); n == mostFates || n > 0 && now.Sub(f.fates[0].at) > 2*keepFates {
		drop := 0
		for drop < n && now.Sub(f.fates[drop].at) > keepFates {
			drop++
		}
		if drop == 0 {
			drop = n / 4 // at once, as the others are moved
		}
		f.fates = slices.Delete(f.fates, 0, drop)
	}
	f.fates = append(f.fates, fated{q.trace, now, side, what})
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
		what := fateRetried
		if replay {
			what = fateReplayed
		}
		f.remember(q, before, what)
		for _, s := range f.stories {
			s.moved(q, what)
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
	if lost {
		f.remember(q, q.side, fateLost)
	}
	for _, s := range f.stories {
		s.gone(q, lost)
	}
}

func (f *flights) unlink(q *flight) {
	q.prev.next, q.next.prev = q.next, q.prev
	q.prev, q.next = nil, nil
}

// on returns the queries on some sides. It drops those that have ended although
// nobody said so: the call of a hook can be left out. The caller holds the lock.
func (f *flights) on(sides ...e6.Side) (found []*flight) {
	for q := f.ring.next; q != &f.ring; {
		next := q.next
		select {
		case <-q.over:
			f.unlink(q)
		default:
			if slices.Contains(sides, q.side) {
				found = append(found, q)
			}
		}
		q = next
	}
	return found
}

// open begins a story with the queries that are in flight on its origin. One that is
// told at its end, as that of an abrupt change, has those too that it has met since
// its first sign.
func (f *flights) open(s *story) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.start.From.Valid() {
		s.inFlight = f.on(s.start.From)
	}
	if s.start.Limit == 0 {
		for _, q := range f.fates {
			if q.side == s.start.From && !q.at.Before(s.start.At) {
				s.add(q.what, q.trace)
			}
		}
	}
	f.stories = append(f.stories, s)
}

// wait lets an ended cutover's story wait for the queries on the sides that were
// left.
func (f *flights) wait(s *story, left ...e6.Side) (settled <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.ended, s.settled = true, make(chan struct{})
	s.waiting = make(map[*flight]struct{})
	for _, q := range f.on(left...) {
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
