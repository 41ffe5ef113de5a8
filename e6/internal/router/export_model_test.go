package router

import (
	"context"
	"fmt"
	"strings"

	"github.com/e6data/e6data-go/e6/fsm"
)

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
func (c *Router) Inside() Inside {
	var in Inside
	queued := len(c.inbox) + len(c.drained)
	if err := c.call(context.Background(), func() {
		s := c.machine.Snapshot()
		in = Inside{
			Machine: s, Held: c.held, Detecting: c.detection != nil,
			Preparing: c.transition != nil && s.Phase == fsm.PhasePreparing, Transition: c.transition != nil,
			Queued: queued,
		}
		for _, d := range c.declined {
			in.Declined = in.Declined || d.holds(s.Epoch)
		}
	}); err != nil {
		return Inside{}
	}
	return in
}

// Print is everything that decides what the router does next, in a form
// in which two moments are equal if their futures are: epochs and transitions
// are counted back from the present one, and times are left out, as time passes
// only in steps that outlast every pause. What is only told (counters of
// attempts, which announcements were reported as stale) is left out too.
func (c *Router) Print() string {
	var text string
	if err := c.call(context.Background(), func() { text = c.print() }); err != nil {
		return err.Error()
	}
	return text
}

func (c *Router) print() string {
	s := c.machine.Snapshot()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s>%s held=%t closing=%t known=%s", s, s.Active, s.Target, c.held, c.closing, c.lastKnown)
	if d := c.detection; d != nil {
		fmt.Fprintf(&b, " detection{%s %s %v}", d.from, d.first, d.refused)
	}
	if t := c.transition; t != nil {
		fmt.Fprintf(&b, " transition{%s back=%t held=%t doubted=%t,%t wake=%d}", t.start.Event, t.back != nil, t.held.isSet(), t.doubted, t.originDoubted, len(t.wake))
	}
	if k := c.check; k != nil {
		fmt.Fprintf(&b, " check{%s %t %t}", k.side, k.epoch == s.Epoch, k.suspect)
	}
	if r := c.retreat; r != nil {
		fmt.Fprintf(&b, " retreat{%s %t}", r.from, r.epoch == s.Epoch)
	}
	if r := c.later; r != nil {
		fmt.Fprintf(&b, " later{%s %t}", r.from, r.epoch == s.Epoch)
	}
	for _, side := range fsm.Sides {
		fmt.Fprintf(&b, " %s{pins=%d", side, c.pins.sum(side))
		if a, ok := c.heard[side]; ok {
			fmt.Fprintf(&b, " heard=%s", a.target)
		}
		if d := c.declined[side]; d != nil {
			fmt.Fprintf(&b, " declined=%t", d.holds(s.Epoch))
		}
		slot := &c.sessions.sides[side]
		fmt.Fprintf(&b, " session=%t,%t}", slot.current.ID != "", slot.opening != nil)
	}
	fmt.Fprintf(&b, " fact=%d", c.share.fact.Version)
	return b.String()
}

// Ago says how old a stamp is, as far as any rule asks: of the present epoch, of
// the one before, or older; of the present transition, or older.
func (c *Router) Ago(at Stamp) string {
	s := c.routing.Load()
	return fmt.Sprintf("%d,%t", min(s.Epoch-at.Epoch, 2), s.Transition == at.Transition)
}

// Takes reports whether a routing takes new queries.
func (r *Routing) Takes() bool { return r.takes(r.Active, false) }
