package router_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// monitor checks the rules of docs/rules.md while a schedule runs.
type monitor struct {
	mu    sync.Mutex
	known [3]bool // the client knows from a call of this epoch that the side refuses
	seq   uint64  // the last event that was looked at
	last  fsm.Snapshot
	mark  [3]int // probes taken by each side when the present state or phase began
	fresh [3]bool
}

func (m *monitor) print() string {
	return fmt.Sprintf("refusing=%t,%t fresh=%t,%t", m.known[fsm.Blue], m.known[fsm.Green], m.fresh[fsm.Blue], m.fresh[fsm.Green])
}

// pinned checks a query that has just been pinned.
func (m *monitor) pinned(w *world, p router.Pin) {
	r := w.Routing()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !p.Side.Valid():
		w.blame("a query was pinned to no side")
	case m.known[p.Side]:
		w.blame("a new query went to %s, which is known to refuse", p.Side)
	case r.Epoch == p.Epoch && p.Side != r.Active:
		w.blame("a new query went to %s while %s is active", p.Side, r.Active)
	case w.InFlight(p.Side) < 1:
		w.blame("a pinned query is not counted on %s", p.Side)
	}
}

// refused reports a refusal to the router, and records whether its call was sent in the
// current epoch.
func (m *monitor) refused(w *world, side fsm.Side, at router.Stamp) {
	before := w.Routing()
	current := before.Epoch == at.Epoch
	_ = w.Refused(context.Background(), side, at)
	if after := w.Routing(); !current && (!same(after.Snapshot, before.Snapshot) || after.Held != before.Held) {
		w.blame("a stale refusal moved the client from %s to %s", before, after)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[side] = m.known[side] || current
}

// reopened forgets that a side refuses.
func (m *monitor) reopened(side fsm.Side) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[side] = false
}

// look checks the current state, between two steps.
func (m *monitor) look(w *world) {
	in, r := w.Inside(), w.Routing()
	if in.Queued != 0 {
		w.blame("%d messages are left unread", in.Queued)
	}
	if !same(r.Snapshot, in.Machine) || r.Held != in.Held {
		w.blame("the routing is %s, held %t; the writer is %s, held %t", r.Snapshot, r.Held, in.Machine, in.Held)
	}
	if in.Detecting != (in.Machine.State == fsm.StateDetecting) || in.Transition != (in.Machine.State == fsm.StateTransitioning) {
		w.blame("in %s a detection is under way: %t, a transition: %t", in.Machine, in.Detecting, in.Transition)
	}
	pins := [3]int64{}
	for _, q := range w.queries {
		if q.pinned {
			pins[q.pin.Side]++
		}
		if q.leaves {
			pins[q.left.Side]++
		}
		if q.pinned && q.sent && w.Sessions().Open(q.pin.Side) == 0 {
			w.blame("the session of %s was dropped under %s", q.pin.Side, q.name)
		}
		if q.ends > 1 {
			w.blame("%s ended %d times", q.name, q.ends)
		}
	}
	for _, side := range fsm.Sides {
		if left := in.Machine.Active == side.Other() && !in.Transition && !w.calls(side); left && pins[side] == 0 && w.Sessions().Open(side) != 0 {
			w.blame("a session is left on %s, which is no longer used", side)
		}
		if n := w.InFlight(side); n != pins[side] {
			w.blame("%d queries are on %s, and %d are counted", pins[side], side, n)
		}
	}
	for _, e := range w.bus.History() {
		if e.Seq <= m.seq {
			continue
		}
		m.seq = e.Seq
		if d, ok := e.Data.(events.Transition); ok {
			m.moved(w, d, pins)
		}
	}
	for _, side := range fsm.Sides {
		m.fresh[side] = w.accepted[side] > m.mark[side]
	}
}

// moved checks one step of the machine.
func (m *monitor) moved(w *world, d events.Transition, pins [3]int64) {
	before, after := d.Before, d.After
	if !same(before, m.last) {
		w.blame("%s follows %s and not %s", after, before, m.last)
	}
	m.last = after
	switch {
	case after.Active == before.Active && after.Epoch != before.Epoch:
		w.blame("%s: the epoch moved and the side did not", after)
	case after.Active != before.Active && after.Epoch != before.Epoch+1:
		w.blame("%s: the side moved, and the epoch from %d to %d", after, before.Epoch, after.Epoch)
	case after.Active.Valid() && after.Active != before.Active && w.accepted[after.Active] == m.mark[after.Active]:
		w.blame("%s is active and has accepted nothing since %s", after.Active, before)
	}
	if left := after.Active.Other(); d.Event == fsm.EventCommit && after.Cause.Reason == fsm.ReasonDrained {
		if d.InFlight < 0 || pins[left] > 0 {
			w.blame("%s was left as drained with %d queries", left, pins[left])
		}
	}
	m.mark = w.accepted
}

// same compares two snapshots without their causes.
func same(a, b fsm.Snapshot) bool {
	return a.State == b.State && a.Phase == b.Phase && a.Active == b.Active && a.Target == b.Target &&
		a.Epoch == b.Epoch && a.Transition == b.Transition && a.Since.Equal(b.Since)
}
