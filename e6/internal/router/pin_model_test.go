package router_test

import (
	"fmt"

	"github.com/e6data/e6data-go/e6/fsm"
)

// The schedules of TestModel_NoOrderOfEventsBreaksARule make a whole pin in one step.
// The steps that can come between its halves are checked here, on a model: every atomic
// access to the routing, to the counters and to the drained channel is a step of
// its own, and every order of them is tried. The functions that it mirrors are
// pinTo, pin and Unpin (routing.go), sum (pins.go), and of the writer fire,
// startDraining, commitIfDrained, onDrained, noneLeft and Drain;
// TestModel_PinModelMatchesTheCode fails when their accesses change.

const (
	pinners   = 3
	pinShards = 2
)

// A pinRouting is what publish publishes, as far as a pin asks.
type pinRouting struct {
	epoch  int8
	active fsm.Side
	origin fsm.Side // takes queries too
	closed bool
}

func (r pinRouting) takes(side fsm.Side, again bool) bool {
	return side != fsm.None && (side == r.active || side == r.origin) && (again || !r.closed)
}

// Where a query is.
type pinStep uint8

const (
	reads   pinStep = iota // pin: load the routing
	counts                 // pinTo: count in
	reloads                // pinTo: load the routing again
	moves                  // pinTo: count the move of a query that starts over
	pinned                 // it is on its side
	leaves                 // Unpin: count out
	loads                  // Unpin: load the routing
	signals                // Unpin: wake the writer
	gone
)

type pinQuery struct {
	step  pinStep
	read  int8 // the number of the routing that it has read
	side  fsm.Side
	epoch int8
	again bool // it is a replay
	stays bool // it unpins its old side when it has the new one
	old   fsm.Side
	out   fsm.Side // the side that it unpins
	wakes bool     // it wakes the writer, as it loaded the routing first
	fails bool     // the second load found another routing: it starts again
}

// holds reports whether the query relies on a side.
func (q pinQuery) holds(side fsm.Side) bool {
	return side != fsm.None && q.old == side || (q.step == pinned || q.step == moves) && q.side == side
}

// Where the writer is.
type pinWriter uint8

const (
	settled  pinWriter = iota // a transition may begin
	accepts                   // publishes the target as the active side
	unshares                  // ends the shared phase
	sums                      // adds up the shards of the origin, one after the other
	waits                     // for the drained channel
	commits                   // publishes the end of the transition
	counting                  // adds up all shards of a client that closes
	finished
)

// A pinState is the whole state. It is comparable: the key of the map of visited states.
type pinState struct {
	routes  [10]pinRouting
	n       int8 // routings so far; the last one is current
	pins    [1 + len(fsm.Sides)][pinShards]int8
	queries [pinners]pinQuery
	signal  bool

	writer  pinWriter
	trips   int8 // transitions so far
	shard   int8
	total   int8
	drained fsm.Side // left as drained, and not used since

	after  pinWriter // what follows counting
	column int8      // what is added up next
	moved  int8      // how many queries have started over
	seen   int8      // how many had when the adding began
	idle   bool      // a client that closes has no query any more
}

// pinRules are the rules of a pin, and what breaks them on purpose.
type pinRules struct {
	queries int
	large   int // queries of a longer run
	trips   int8
	shared  bool
	closes  bool

	reloadsFirst  bool // loads the routing again before it counts in
	neverReloads  bool // relies on the first load
	anyEpoch      bool // compares the side only
	loadsFirst    bool // loads the routing, and then counts out
	failsSilently bool // a pin that fails does not wake the writer
	unpinsFirst   bool // a replay unpins the old side and then pins
	sumsFirst     bool // sums up, and publishes only then
	ignoresMoves  bool // believes a sum under which a query has moved
}

func (s *pinState) current() pinRouting { return s.routes[s.n-1] }

func (s *pinState) publish(r pinRouting) { s.routes[s.n] = r; s.n++ }

// next lists the states that one more step leads to, and what the step breaks.
func (s pinState) next(rules *pinRules) (all []pinState, wrong string) {
	add := func(to pinState, problem string) {
		all = append(all, to)
		if wrong == "" {
			wrong = problem
		}
	}
	for i := range s.queries {
		s.moveQuery(rules, i, add)
	}
	s.moveWriter(rules, add)
	return all, wrong
}

func (s pinState) moveQuery(rules *pinRules, i int, add func(pinState, string)) {
	q, shard := &s.queries[i], i%pinShards
	switch q.step {
	case reads:
		r := s.current()
		switch {
		case q.read == s.n: // waits until it is replaced
			return
		case r.closed && !q.again:
			*q = pinQuery{step: gone}
		case !r.takes(r.active, q.again):
			q.read = s.n
		default:
			q.read, q.epoch = s.n, r.epoch
			q.step = counts
			if rules.reloadsFirst {
				q.step = reloads
			}
			if r.origin != fsm.None { // the selector's choice
				origin := s
				origin.queries[i].side = r.origin
				add(origin, "")
			}
			q.side = r.active
		}
	case counts:
		s.pins[q.side][shard]++
		q.step = reloads
		if rules.reloadsFirst || rules.neverReloads {
			s.confirm(i)
		}
	case reloads:
		now := s.current()
		switch {
		case q.read != s.n && !(now.takes(q.side, q.again) && (now.epoch == q.epoch || rules.anyEpoch)):
			q.fails = true
			q.leave(rules, q.side)
			if rules.reloadsFirst {
				q.step, q.out, q.fails, q.read = reads, fsm.None, false, 0
			}
		case rules.reloadsFirst:
			q.step = counts
		default:
			problem := ""
			if q.epoch != now.epoch {
				problem = "a pin has the epoch of an earlier routing"
			}
			s.confirm(i)
			add(s, problem)
			return
		}
	case moves:
		s.moved++
		q.step = pinned
		if q.stays {
			q.leave(rules, q.old)
		}
	case pinned:
		if i == 0 && !q.again { // one of the queries is refused
			to := s
			to.queries[i].startOver(rules)
			add(to, "")
		}
		q.leave(rules, q.side)
	case leaves:
		s.pins[q.out][shard]--
		if !q.fails {
			q.old = fsm.None
		}
		switch {
		case rules.loadsFirst && q.wakes:
			q.step = signals
		case rules.loadsFirst || rules.failsSilently && q.fails:
			q.left()
		default:
			q.step = loads
		}
	case loads:
		r := s.current()
		wakes := r.active != q.out || r.closed
		switch {
		case rules.loadsFirst:
			q.step, q.wakes = leaves, wakes
		case wakes:
			q.step = signals
		default:
			q.left()
		}
	case signals:
		s.signal = true
		q.left()
	case gone:
		return
	}
	add(s, "")
}

// startOver begins PinAgain: the query stays counted where it is.
func (q *pinQuery) startOver(rules *pinRules) {
	q.again, q.step, q.read = true, reads, 0
	if rules.unpinsFirst {
		q.fails = true
		q.leave(rules, q.side)
		return
	}
	q.stays, q.old = true, q.side
}

// confirm makes a pin valid. A replay unpins its old side after that.
func (s *pinState) confirm(i int) {
	q := &s.queries[i]
	if q.step = pinned; q.again {
		q.step = moves
	}
}

// leave begins Unpin.
func (q *pinQuery) leave(rules *pinRules, side fsm.Side) {
	if q.step, q.out = leaves, side; rules.loadsFirst {
		q.step = loads
	}
}

// left goes on after Unpin.
func (q *pinQuery) left() {
	q.out, q.wakes = fsm.None, false
	switch {
	case q.fails:
		q.fails, q.step, q.read = false, reads, 0
	case q.stays:
		q.stays, q.step = false, pinned
	default:
		*q = pinQuery{step: gone}
	}
}

func (s pinState) moveWriter(rules *pinRules, add func(pinState, string)) {
	r := s.current()
	if atRest := s.writer == settled || s.writer == accepts || s.writer == unshares || s.writer == waits; atRest {
		if rules.closes && !r.closed { // Drain
			to, closed := s, r
			closed.closed = true
			to.publish(closed)
			to.count(s.writer)
			add(to, "")
		}
		if s.signal { // onDrained
			to := s
			to.signal = false
			switch {
			case r.closed && !s.idle:
				to.count(s.writer)
			case s.writer == waits:
				to.sum()
			}
			add(to, "")
		}
	}
	switch s.writer {
	case settled:
		if s.trips == rules.trips {
			if rules.closes && !s.idle {
				return
			}
			s.writer = finished
			break
		}
		s.trips++
		s.publish(r) // preparing: the same for a pin, and another routing
		if s.writer = accepts; rules.sumsFirst {
			s.drained = r.active
			s.sum()
		}
	case accepts:
		to := pinRouting{epoch: r.epoch + 1, active: r.active.Other(), closed: r.closed}
		s.sum()
		if rules.shared && s.trips == 1 {
			to.origin, s.writer = r.active, unshares
		}
		s.publish(to)
		if s.drained == to.active {
			s.drained = fsm.None
		}
		if rules.sumsFirst {
			s.writer = commits
		}
	case unshares:
		r.origin = fsm.None
		s.publish(r)
		s.sum()
	case sums:
		left := r.active.Other()
		if rules.sumsFirst {
			left = r.active
		}
		s.total += s.pins[left][s.shard]
		if s.shard++; s.shard == pinShards {
			switch {
			case s.total != 0:
				s.writer = waits
			case rules.sumsFirst:
				s.writer = accepts
			default:
				s.writer = commits
			}
		}
	case commits:
		s.publish(r)
		s.drained, s.writer = r.active.Other(), settled
	case counting:
		s.total += s.pins[1+s.column/pinShards][s.column%pinShards]
		if s.column++; s.column == int8(len(fsm.Sides)*pinShards) {
			if s.total == 0 && s.moved != s.seen && !rules.ignoresMoves {
				s.count(s.after)
				break
			}
			s.idle = s.total == 0
			if s.writer = s.after; s.after == waits {
				s.sum()
			}
		}
	default:
		return
	}
	add(s, "")
}

// sum begins to add up the origin's shards.
func (s *pinState) sum() { s.writer, s.shard, s.total = sums, 0, 0 }

// count begins to add up all shards.
func (s *pinState) count(after pinWriter) {
	s.writer, s.after, s.column, s.total, s.seen = counting, after, 0, 0, s.moved
}

// broken returns the rule that a state breaks.
func (s *pinState) broken(last bool) string {
	for i, q := range s.queries {
		switch {
		case s.drained != fsm.None && s.writer != commits && q.holds(s.drained):
			return fmt.Sprintf("%s was drained, and query %d is on it", s.drained, i+1)
		case s.idle && (q.holds(q.side) || q.holds(q.old)):
			return fmt.Sprintf("the client has no query any more, and query %d is pinned", i+1)
		case last && q.step != gone:
			return fmt.Sprintf("query %d never ends", i+1)
		}
	}
	if last && s.writer != finished {
		return "the writer waits for ever"
	}
	if last && s.pins != (pinState{}).pins {
		return "pins are left"
	}
	return ""
}
