package router

import (
	"context"
	"fmt"
	"strings"

	"github.com/e6data/e6data-go/e6/fsm"
)

// inspected reads the state of the writer.
type inspected func(*writer)

func (look inspected) apply(w *writer) { look(w) }
func (inspected) fields(*codec)        {}

// Inside is the part of the writer's state that the model checker compares.
type Inside struct {
	Machine    fsm.Snapshot
	Held       bool
	Detecting  bool
	Preparing  bool // a transition's target is not active yet
	Transition bool
	Suppressed bool // a suppression holds
	Queued     int  // messages that the writer has not read
}

// Inside returns the writer's state, and the zero value once the client is closed.
func (rt *Router) Inside() Inside {
	var in Inside
	queued := len(rt.inbox) + len(rt.announced) + len(rt.drained)
	if err := rt.call(context.Background(), inspected(func(w *writer) {
		s := w.machine.Snapshot()
		in = Inside{
			Machine: s, Held: w.held, Detecting: w.detection != nil,
			Preparing: w.transition != nil && s.Phase == fsm.PhasePreparing, Transition: w.transition != nil,
			Queued: queued,
		}
		for _, d := range w.suppressed {
			in.Suppressed = in.Suppressed || d.holds(s.Epoch, systemClock{})
		}
	})); err != nil {
		return Inside{}
	}
	return in
}

// Print is the state that decides what the router does next. Two states with the same
// text have the same futures: epochs and transitions are counted back from the current
// one, and there are no times, as time passes only in steps that outlast every pause.
// State that is used for reports only (counters of attempts, stale announcements) is
// left out too.
func (rt *Router) Print() string {
	var text string
	if err := rt.call(context.Background(), inspected(func(w *writer) { text = w.print() })); err != nil {
		return err.Error()
	}
	return text
}

func (w *writer) print() string {
	s := w.machine.Snapshot()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s>%s held=%t closing=%t known=%s", s, s.Active, s.Target, w.held, w.closing, w.lastKnown)
	if d := w.detection; d != nil {
		fmt.Fprintf(&b, " detection{%s %s %v}", d.from, d.first, d.refused)
	}
	if t := w.transition; t != nil {
		fmt.Fprintf(&b, " transition{%s back=%t held=%t suspected=%t,%t wake=%d}", t.start.Event, t.back != nil, t.held.isSet(), t.suspected, t.originSuspected, len(t.wake))
	}
	if k := w.check; k != nil {
		fmt.Fprintf(&b, " check{%s %t %t}", k.side, k.epoch == s.Epoch, k.suspect)
	}
	if r := w.rollback; r != nil {
		fmt.Fprintf(&b, " rollback{%s %t}", r.from, r.epoch == s.Epoch)
	}
	if r := w.later; r != nil {
		fmt.Fprintf(&b, " later{%s %t}", r.from, r.epoch == s.Epoch)
	}
	for _, side := range fsm.Sides {
		fmt.Fprintf(&b, " %s{pins=%d", side, w.pins.sum(side))
		if a, ok := w.received[side]; ok {
			fmt.Fprintf(&b, " received=%s", a.target)
		}
		if d := w.suppressed[side]; d != nil {
			fmt.Fprintf(&b, " suppressed=%t", d.holds(s.Epoch, systemClock{}))
		}
		slot := &w.sessions.sides[side]
		fmt.Fprintf(&b, " session=%t,%t}", slot.current.ID != "", slot.opening != nil)
	}
	fmt.Fprintf(&b, " record=%d", w.record.Version)
	return b.String()
}

// Ago is the age of a stamp, as far as a rule depends on it: of the current epoch, of
// the one before, or older; of the current transition, or older.
func (rt *Router) Ago(at Stamp) string {
	s := rt.routing.Load()
	return fmt.Sprintf("%d,%t", min(s.Epoch-at.Epoch, 2), s.Transition == at.Transition)
}

// Takes reports whether a routing takes new queries.
func (r *Routing) Takes() bool { return r.takes(r.Active, false) }
