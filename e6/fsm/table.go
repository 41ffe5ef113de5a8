package fsm

import (
	"fmt"
	"slices"
	"strings"
)

// Event is an event of the machine.
type Event uint8

// The events.
const (
	_ Event = iota
	// EventDetect: a detection starts, on first use or because no side is known to
	// accept.
	EventDetect
	// EventSettle: a side accepted.
	EventSettle
	// EventFail: the detection found no side within its timeout.
	EventFail
	// EventAnnounce: a response, the store or the caller named the other side.
	EventAnnounce
	// EventAccept: the target accepted, and becomes the active side. With PhaseShared
	// the origin still takes new queries, with PhaseDraining it does not. In the shared
	// phase, PhaseDraining ends that phase.
	EventAccept
	// EventCommit: the origin is drained or refuses calls, or the drain deadline passed.
	EventCommit
	// EventAbort: the transition ends, and the origin is the active side.
	EventAbort
	// EventRollback: after a commit, a transition back to the previous side starts.
	EventRollback
	// EventReset: the caller cleared what is known.
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

// needsSide reports whether a trigger of the event has a side.
func (e Event) needsSide() bool {
	return slices.Contains([]Event{EventSettle, EventAnnounce, EventCommit, EventAbort, EventRollback}, e)
}

// node is a state of the table: a State, and for a transition its phase and target. The
// table needs no other rule for an event that is legal in one phase or for one side.
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

// active is the side of new queries in the node.
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

// row is one row of the table.
type row struct {
	event Event
	side  Side  // None for an event without a side
	phase Phase // PhaseNone for every event but accept
	from  node
	to    node
}

// name is the name of the row's event in the engine. The engine has one destination
// for an event and a source, so the side or the phase is part of the name.
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

func settledAt(s Side) node                     { return node{state: Settled(s)} }
func transitioningTo(p Phase, target Side) node { return node{StateTransitioning, p, target} }

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
			row{event: EventAnnounce, side: side, from: other, to: transitioningTo(PhasePreparing, side)},
			row{event: EventRollback, side: side, from: other, to: transitioningTo(PhasePreparing, side)},
			row{event: EventAccept, phase: PhaseShared, from: transitioningTo(PhasePreparing, side), to: transitioningTo(PhaseShared, side)},
			row{event: EventAccept, phase: PhaseDraining, from: transitioningTo(PhasePreparing, side), to: transitioningTo(PhaseDraining, side)},
			row{event: EventAccept, phase: PhaseDraining, from: transitioningTo(PhaseShared, side), to: transitioningTo(PhaseDraining, side)},
			row{event: EventCommit, side: side, from: transitioningTo(PhaseDraining, side), to: here},
			row{event: EventDetect, from: here, to: detecting},
			row{event: EventReset, from: here, to: unknown},
		)
		for _, phase := range []Phase{PhasePreparing, PhaseShared, PhaseDraining} {
			rows = append(rows,
				row{event: EventAbort, side: side.Other(), from: transitioningTo(phase, side), to: other},
				row{event: EventDetect, from: transitioningTo(phase, side), to: detecting},
				row{event: EventReset, from: transitioningTo(phase, side), to: unknown},
			)
		}
	}
	return rows
}

// TableError lists the errors in the declared table of the machine.
type TableError struct {
	// Problems has one text for each error.
	Problems []string
}

// Error implements error.
func (e *TableError) Error() string {
	return "fsm: invalid table: " + strings.Join(e.Problems, "; ")
}

// validate checks a table: every row is valid, no event has two destinations from one
// node, and every node can be reached and left. The error is a *TableError.
func validate(rows []row) error {
	e := &TableError{}
	bad := func(format string, args ...any) { e.Problems = append(e.Problems, fmt.Sprintf(format, args...)) }
	seen := make(map[string]bool)
	next := make(map[node][]node)
	used := make(map[node]bool)
	for _, r := range rows {
		key := r.name() + " from " + r.from.name()
		if seen[key] {
			bad("%s is declared twice", key)
		}
		seen[key] = true
		if r.event == 0 || int(r.event) >= len(eventNames) {
			bad("%s: unknown event", key)
		}
		if r.event.needsSide() != r.side.Valid() {
			bad("%s: the side does not match the event", key)
		}
		if (r.event == EventAccept) != (r.phase == PhaseShared || r.phase == PhaseDraining) {
			bad("%s: the phase does not match the event", key)
		}
		if r.from == r.to {
			bad("%s leads to its own source", key)
		}
		for _, n := range []node{r.from, r.to} {
			used[n] = true
			transition := n.state == StateTransitioning
			if n.state > StateTransitioning || transition != n.target.Valid() || transition != (n.phase != PhaseNone) {
				bad("%s: unknown node: %+v", key, n)
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
	for n := range used {
		if !reached[n] {
			bad("%s cannot be reached", n.name())
		}
		if len(next[n]) == 0 {
			bad("%s cannot be left", n.name())
		}
	}
	if len(e.Problems) == 0 {
		return nil
	}
	slices.Sort(e.Problems)
	return e
}
