package router

import (
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// A sentence is what the vetoes in the store say about a side.
type vetoSummary struct {
	clients int           // how many of them stand
	order   bool          // a person gave one
	own     bool          // this client gave one
	rest    time.Duration // until the last of them ends
	reason  string        // of the last one
}

// vetoSummaryOf sums up the vetoes on a side.
func (rt *Router) vetoSummaryOf(side fsm.Side, f store.Record) (s vetoSummary) {
	var writers []string
	for _, v := range f.ActiveVetoes() {
		if v.Side != side || slices.Contains(writers, v.Writer) {
			continue
		}
		writers = append(writers, v.Writer)
		s.clients++
		s.order = s.order || v.Directive
		s.own = s.own || v.Writer == rt.publisher.id
		s.rest = max(s.rest, v.Remaining())
		s.reason = v.Reason
	}
	return s
}

// needed is how many vetoes on a side it takes for this client to act. While a part
// of the fleet goes first, one of them is enough for all others to stay, and for that
// part to go back.
func (w *writer) needed(side fsm.Side) int {
	on := w.machine.Snapshot().Active == side
	if on && w.stage != nil || !on && w.cfg.Fleet.StageShare > 0 {
		return 1
	}
	return max(1, w.cfg.Fleet.Votes)
}

// isEnough reports whether this client acts on the vetoes on a side.
func (w *writer) isEnough(side fsm.Side, s vetoSummary) bool {
	return s.clients > 0 && (s.order || s.clients >= w.needed(side))
}

// onVetoes follows what others say about the sides: announcements of one that is bad
// are ignored, and one that is active is left if the other one accepts. Only a new
// veto makes that happen: what somebody decides after it counts for more.
func (w *writer) onVetoes(before, now store.Record) {
	for _, side := range fsm.Sides {
		s, d := w.vetoSummaryOf(side, now), w.suppressed[side]
		switch {
		case s.clients == 0:
			if d != nil && d.reason == vetoed { // the vetoes were taken back
				delete(w.suppressed, side)
				w.publish()
			}
		case w.isNews(side, before, now):
			w.onVeto(side, s)
		case s.own && d != nil && d.reason == coolingDown:
			d.reason = vetoed // it ends with the veto from now on
		}
	}
}

func (w *writer) onVeto(side fsm.Side, s vetoSummary) {
	active := w.machine.Snapshot().Active == side
	action := "none"
	switch enough := w.isEnough(side, s); {
	case enough && active && !w.closing:
		action = "rollback"
	case enough && !active:
		action = "ignore"
	}
	w.cfg.Events.Publish(fsm.Cause{Reason: fsm.ReasonStore}, events.SideVetoed{
		Side: side, Reason: s.reason, Directive: s.order, Clients: s.clients, Needed: w.needed(side), Remaining: s.rest, Action: action,
	})
	switch action {
	case "rollback":
		w.startRollback(fleetCause(side, s))
	case "ignore":
		w.suppressVetoed(side, s)
	}
}

// isNews reports whether somebody else has a veto on a side that was not there before.
func (rt *Router) isNews(side fsm.Side, before, now store.Record) bool {
	return slices.ContainsFunc(now.ActiveVetoes(), func(v store.Veto) bool {
		return v.Side == side && v.Writer != rt.publisher.id &&
			!slices.ContainsFunc(before.Vetoes, func(old store.Veto) bool {
				return old.Side == side && old.Writer == v.Writer && old.At.Equal(v.At)
			})
	})
}

// suppressVetoed ignores announcements of a side for as long as the vetoes on it stand,
// and ends a transition to it that has not come far.
func (w *writer) suppressVetoed(side fsm.Side, s vetoSummary) {
	d := w.suppressionOf(side)
	d.reason, d.until = vetoed, time.Now().Add(s.rest)
	w.publish()
	if t := w.transition; t != nil && t.target() == side && w.machine.Snapshot().Phase == fsm.PhasePreparing && !t.held.isSet() {
		w.abort(t, fleetCause(side, s))
	}
}

// veto tells the others that a side is bad, for as long as this client leaves it alone.
func (w *writer) veto(side fsm.Side, cause fsm.Cause) {
	d := w.suppressed[side]
	if w.cfg.Store == nil || d == nil {
		return
	}
	now := time.Now()
	reason := cause.Detail
	if reason == "" {
		reason = string(cause.Reason)
	}
	w.updateStore(storeUpdate{Record: store.Record{Vetoes: []store.Veto{{
		Side: side, Writer: w.publisher.id, Directive: cause.Reason == fsm.ReasonCaller, Reason: clip(reason), At: now, Until: d.until,
	}}}})
}

// clip keeps the beginning of a text that is too long for a veto.
func clip(s string) string {
	const more = "..."
	if len(s) <= store.MaxReason {
		return s
	}
	end := store.MaxReason - len(more)
	for end > 0 && s[end]&0xC0 == 0x80 { // not in the middle of a character
		end--
	}
	return s[:end] + more
}
