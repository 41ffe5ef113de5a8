package fsm

import (
	"fmt"
	"slices"
	"strings"
)

// Event is what moves the machine.
type Event uint8

// The events.
const (
	_ Event = iota
	// EventDetect: on first use, or when no side is known to accept any more.
	EventDetect
	// EventSettle: a side accepted.
	EventSettle
	// EventFail: the detection found no side in its time.
	EventFail
	// EventAnnounce: the other side was announced.
	EventAnnounce
	// EventAccept: the target accepted; it is active from here on. Its phase
	// says whether the origin still takes new queries. With PhaseDraining it
	// also ends the shared phase.
	EventAccept
	// EventCommit: the origin is drained, or nobody waits for that any longer.
	EventCommit
	// EventAbort: back to the origin.
	EventAbort
	// EventRollback: after a commit, back to the side that was left.
	EventRollback
	// EventReset: forget everything.
	EventReset
)

var eventNames = [...]string{
	EventDetect: "detect", EventSettle: "settle", EventFail: "fail", EventAnnounce: "announce", EventAccept: "accept",
	EventCommit: "commit", EventAbort: "abort", EventRollback: "rollback", EventReset: "reset",
}

// String returns the event's name, such as "announce".
func (e Event) String() string {
	if e > 0 && int(e) < len(eventNames) {
		return eventNames[e]
	}
	return fmt.Sprintf("Event(%d)", uint8(e))
}

// MarshalText implements encoding.TextMarshaler with the same text as String.
func (e Event) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// wantsSide reports whether the event is about a side.
func (e Event) wantsSide() bool {
	return slices.Contains([]Event{EventSettle, EventAnnounce, EventCommit, EventAbort, EventRollback}, e)
}

// node is a place in the table: a state, and for a transition its phase and
// target too. An event that is legal in one phase only, or for one side only,
// is so by the table alone.
type node struct {
	state  State
	phase  Phase
	target Side
}

// name is the node's name in the engine, such as "transitioning/draining/green".
func (n node) name() string {
	if n.state != StateTransitioning {
		return n.state.String()
	}
	return fmt.Sprintf("%s/%s/%s", n.state, n.phase, n.target)
}

// active is the side of new queries in that node.
func (n node) active() Side {
	switch {
	case n.state == StateBlue:
		return Blue
	case n.state == StateGreen:
		return Green
	case n.phase == PhasePreparing:
		return n.target.Other()
	}
	return n.target // None unless in a transition
}

// row is one line of the table.
type row struct {
	event Event
	side  Side  // None where the event is about no side
	phase Phase // of accept
	from  node
	to    node
}

// name is the row's event in the engine, which has one destination for each
// event and source.
func (r row) name() string {
	switch {
	case r.side != None:
		return r.event.String() + "/" + r.side.String()
	case r.phase != PhaseNone:
		return r.event.String() + "/" + r.phase.String()
	}
	return r.event.String()
}

var (
	unknown   = node{state: StateUnknown}
	detecting = node{state: StateDetecting}
)

func settledAt(s Side) node            { return node{state: Settled(s)} }
func moving(p Phase, target Side) node { return node{StateTransitioning, p, target} }

// table declares every legal event.
func table() []row {
	rows := []row{
		{event: EventDetect, from: unknown, to: detecting},
		{event: EventFail, from: detecting, to: unknown},
		{event: EventReset, from: detecting, to: unknown},
	}
	for _, side := range Sides {
		here, other := settledAt(side), settledAt(side.Other())
		rows = append(rows,
			row{event: EventSettle, side: side, from: detecting, to: here},
			row{event: EventAnnounce, side: side, from: other, to: moving(PhasePreparing, side)},
			row{event: EventRollback, side: side, from: other, to: moving(PhasePreparing, side)},
			row{event: EventAccept, phase: PhaseShared, from: moving(PhasePreparing, side), to: moving(PhaseShared, side)},
			row{event: EventAccept, phase: PhaseDraining, from: moving(PhasePreparing, side), to: moving(PhaseDraining, side)},
			row{event: EventAccept, phase: PhaseDraining, from: moving(PhaseShared, side), to: moving(PhaseDraining, side)},
			row{event: EventCommit, side: side, from: moving(PhaseDraining, side), to: here},
			row{event: EventDetect, from: here, to: detecting},
			row{event: EventReset, from: here, to: unknown},
		)
		for _, phase := range []Phase{PhasePreparing, PhaseShared, PhaseDraining} {
			rows = append(rows,
				row{event: EventAbort, side: side.Other(), from: moving(phase, side), to: other},
				row{event: EventDetect, from: moving(phase, side), to: detecting},
				row{event: EventReset, from: moving(phase, side), to: unknown},
			)
		}
	}
	return rows
}

// TableError lists what is wrong with a machine's table.
type TableError struct {
	Problems []string
}

// Error implements error.
func (e *TableError) Error() string {
	return "fsm: invalid table: " + strings.Join(e.Problems, "; ")
}

// validate checks a table: every row makes sense by itself, no event has two
// destinations from one node, and every node is reached and can be left.
func validate(rows []row) error {
	e := &TableError{}
	bad := func(format string, args ...any) { e.Problems = append(e.Problems, fmt.Sprintf(format, args...)) }
	seen := make(map[string]bool)
	next := make(map[node][]node)
	all := make(map[node]bool)
	for _, r := range rows {
		key := r.name() + " from " + r.from.name()
		if seen[key] {
			bad("%s is declared twice", key)
		}
		seen[key] = true
		if r.event == 0 || int(r.event) >= len(eventNames) {
			bad("%s: no such event", key)
		}
		if r.event.wantsSide() != r.side.Valid() {
			bad("%s: the event and its side do not go together", key)
		}
		if (r.event == EventAccept) != (r.phase == PhaseShared || r.phase == PhaseDraining) {
			bad("%s: the event and its phase do not go together", key)
		}
		if r.from == r.to {
			bad("%s leads nowhere", key)
		}
		for _, n := range []node{r.from, r.to} {
			all[n] = true
			if moving := n.state == StateTransitioning; n.state > StateTransitioning || moving != n.target.Valid() || moving != (n.phase != PhaseNone) {
				bad("%s: no such node: %+v", key, n)
			}
		}
		next[r.from] = append(next[r.from], r.to)
	}
	reached := map[node]bool{unknown: true}
	for todo := []node{unknown}; len(todo) > 0; todo = todo[1:] {
		for _, n := range next[todo[0]] {
			if !reached[n] {
				reached[n] = true
				todo = append(todo, n)
			}
		}
	}
	for n := range all {
		if !reached[n] {
			bad("%s is never reached", n.name())
		}
		if len(next[n]) == 0 {
			bad("%s is never left", n.name())
		}
	}
	if len(e.Problems) == 0 {
		return nil
	}
	slices.Sort(e.Problems)
	return e
}
