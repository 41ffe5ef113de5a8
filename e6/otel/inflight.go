package e6otel

import (
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6"
)

// inFlightQuery is a query in the list of queries in flight, from its first step to its
// end.
type inFlightQuery struct {
	trace trace.SpanContext
	done  <-chan struct{} // closed at the latest when the query has ended

	// Guarded by inFlightQueries.mu.
	prev, next *inFlightQuery
	side       e6.Side // of the current attempt
}

// inFlightQueries is the list of queries in flight. It is a ring, so that a query is
// added and removed in a few instructions under the lock, without an allocation.
type inFlightQueries struct {
	mu     sync.Mutex
	ring   inFlightQuery
	traces []*cutoverTrace // of the cutovers whose spans are open
	recent []pastEffect    // recent effects on queries, the newest last
}

// effect is the effect of a cutover on a query.
type effect uint8

const (
	effectLost effect = iota
	effectReplayed
	effectRetried
)

// pastEffect is an effect on a query whose cutover may not be known yet.
type pastEffect struct {
	trace trace.SpanContext
	at    time.Time
	side  e6.Side // on which it was
	what  effect
}

// maxRecent bounds the memory for recent effects. An abrupt change is reported only when
// the other side has accepted; its first queries were lost or refused before that.
const maxRecent = 1 << 14

// recentAge is how long an effect is kept for its cutover.
const recentAge = 2 * time.Minute

// record stores an effect on a query. The caller holds the lock.
func (f *inFlightQueries) record(q *inFlightQuery, side e6.Side, what effect) {
	now := time.Now()
	if n := len(f.recent); n == maxRecent || n > 0 && now.Sub(f.recent[0].at) > 2*recentAge {
		drop := 0
		for drop < n && now.Sub(f.recent[drop].at) > recentAge {
			drop++
		}
		if drop == 0 {
			drop = n / 4 // many at once, as each Delete moves the rest
		}
		f.recent = slices.Delete(f.recent, 0, drop)
	}
	f.recent = append(f.recent, pastEffect{q.trace, now, side, what})
}

func (f *inFlightQueries) init() { f.ring.prev, f.ring.next = &f.ring, &f.ring }

// begin records that an attempt of the query begins on a side.
func (f *inFlightQueries) begin(q *inFlightQuery, side e6.Side, replay bool) {
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
		what := effectRetried
		if replay {
			what = effectReplayed
		}
		f.record(q, before, what)
		for _, s := range f.traces {
			s.queryMoved(q, what)
		}
	}
}

// end records that the query has ended.
func (f *inFlightQueries) end(q *inFlightQuery, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if q.next == nil {
		return
	}
	f.unlink(q)
	if lost {
		f.record(q, q.side, effectLost)
	}
	for _, s := range f.traces {
		s.queryEnded(q, lost)
	}
}

func (f *inFlightQueries) unlink(q *inFlightQuery) {
	q.prev.next, q.next.prev = q.next, q.prev
	q.prev, q.next = nil, nil
}

// on returns the queries on some sides. It removes queries that have ended without a
// call of end: a QueryEnd hook may be skipped. The caller holds the lock.
func (f *inFlightQueries) on(sides ...e6.Side) (found []*inFlightQuery) {
	for q := f.ring.next; q != &f.ring; {
		next := q.next
		select {
		case <-q.done:
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

// open adds the trace of a cutover, with the queries in flight on its origin. The trace
// of a change that is reported at its end, such as an abrupt one, also gets the effects
// since the first sign of the change.
func (f *inFlightQueries) open(s *cutoverTrace) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.start.From.Valid() {
		s.inFlight = f.on(s.start.From)
	}
	if s.start.Limit == 0 {
		for _, q := range f.recent {
			if q.side == s.start.From && !q.at.Before(s.start.At) {
				s.add(q.what, q.trace)
			}
		}
	}
	f.traces = append(f.traces, s)
}

// wait returns a channel that is closed when the queries that an ended cutover left in
// flight are resolved.
func (f *inFlightQueries) wait(s *cutoverTrace, left ...e6.Side) (settled <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.ended, s.settled = true, make(chan struct{})
	s.waiting = make(map[*inFlightQuery]struct{})
	for _, q := range f.on(left...) {
		s.waiting[q] = struct{}{}
	}
	s.settle()
	return s.settled
}

// close removes the trace of a cutover: no effect is added to it from now on.
func (f *inFlightQueries) close(s *cutoverTrace) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.traces = slices.DeleteFunc(f.traces, func(other *cutoverTrace) bool { return other == s })
}
