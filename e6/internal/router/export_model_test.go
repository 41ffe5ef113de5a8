package router

import (
	"context"
	"fmt"
	"strings"

	"github.com/e6data/e6data-go/e6/fsm"
)

// inspected looks at what the writer knows.
type inspected func(*writer)

func (look inspected) apply(w *writer) { look(w) }

// Inside is what the writer knows, as the model checker compares it.
type Inside struct {
	Machine    fsm.Snapshot
	Held       bool
	Detecting  bool
	Preparing  bool // a transition's target is not active yet
	Transition bool
	Declined   bool // a side is left alone for a while
	Queued     int  // messages that nobody has read
}

// Inside is the writer's view, and nothing once the client is closed.
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
			in.Declined = in.Declined || d.holds(s.Epoch)
		}
	})); err != nil {
		return Inside{}
	}
	return in
}

// Print is everything that decides what the router does next, in a form
// in which two moments are equal if their futures are: epochs and transitions
// are counted back from the present one, and times are left out, as time passes
// only in steps that outlast every pause. What is only told (counters of
// attempts, which announcements were reported as stale) is left out too.
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
		fmt.Fprintf(&b, " transition{%s back=%t held=%t doubted=%t,%t wake=%d}", t.start.Event, t.back != nil, t.held.isSet(), t.suspected, t.originSuspected, len(t.wake))
	}
	if k := w.check; k != nil {
		fmt.Fprintf(&b, " check{%s %t %t}", k.side, k.epoch == s.Epoch, k.suspect)
	}
	if r := w.rollback; r != nil {
		fmt.Fprintf(&b, " retreat{%s %t}", r.from, r.epoch == s.Epoch)
	}
	if r := w.later; r != nil {
		fmt.Fprintf(&b, " later{%s %t}", r.from, r.epoch == s.Epoch)
	}
	for _, side := range fsm.Sides {
		fmt.Fprintf(&b, " %s{pins=%d", side, w.pins.sum(side))
		if a, ok := w.received[side]; ok {
			fmt.Fprintf(&b, " heard=%s", a.target)
		}
		if d := w.suppressed[side]; d != nil {
			fmt.Fprintf(&b, " declined=%t", d.holds(s.Epoch))
		}
		slot := &w.sessions.sides[side]
		fmt.Fprintf(&b, " session=%t,%t}", slot.current.ID != "", slot.opening != nil)
	}
	fmt.Fprintf(&b, " fact=%d", w.record.Version)
	return b.String()
}

// Ago says how old a stamp is, as far as any rule asks: of the present epoch, of
// the one before, or older; of the present transition, or older.
func (rt *Router) Ago(at Stamp) string {
	s := rt.routing.Load()
	return fmt.Sprintf("%d,%t", min(s.Epoch-at.Epoch, 2), s.Transition == at.Transition)
}

// Takes reports whether a routing takes new queries.
func (r *Routing) Takes() bool { return r.takes(r.Active, false) }
