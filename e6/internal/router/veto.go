package router

import (
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// A vetoSummary sums up the active vetoes on a side.
type vetoSummary struct {
	clients   int           // number of clients with a veto
	directive bool          // an operator made one of them
	own       bool          // this client made one of them
	remaining time.Duration // until the last of them ends
	reason    string        // of the last one
}

// vetoSummaryOf sums up the active vetoes on a side in a record.
func (rt *Router) vetoSummaryOf(side fsm.Side, f store.Record, c clock) (s vetoSummary) {
	var writers []string
	for _, v := range activeVetoes(f, c) {
		if v.Side != side || slices.Contains(writers, v.Writer) {
			continue
		}
		writers = append(writers, v.Writer)
		s.clients++
		s.directive = s.directive || v.Directive
		s.own = s.own || v.Writer == rt.publisher.id
		s.remaining = max(s.remaining, remaining(v, c))
		s.reason = v.Reason
	}
	return s
}

// remaining is store.Veto.Remaining by a clock.
func remaining(v store.Veto, c clock) time.Duration {
	return min(-c.since(v.Until), v.Until.Sub(v.At), store.MaxVeto)
}

// activeVetoes is store.Record.ActiveVetoes by a clock.
func activeVetoes(f store.Record, c clock) (all []store.Veto) {
	for _, v := range f.Vetoes {
		if remaining(v, c) > 0 {
			all = append(all, v)
		}
	}
	return all
}

// needed is the number of vetoes on a side at which this client acts. During a first
// stage one veto is enough: the clients of the stage roll back, and the others stay.
func (w *writer) needed(side fsm.Side) int {
	on := w.machine.Snapshot().Active == side
	if on && w.stage != nil || !on && w.cfg.Fleet.StageShare > 0 {
		return 1
	}
	return max(1, w.cfg.Fleet.Votes)
}

// isEnough reports whether this client acts on the vetoes on a side.
func (w *writer) isEnough(side fsm.Side, s vetoSummary) bool {
	return s.clients > 0 && (s.directive || s.clients >= w.needed(side))
}

// onVetoes acts on the vetoes of a new record: the client suppresses a vetoed side, and
// rolls back from it if it is active and the other side accepts. It acts only when a veto
// is added, so that a Switch or Rollback of the caller after that is not undone.
func (w *writer) onVetoes(before, now store.Record) {
	for _, side := range fsm.Sides {
		s, d := w.vetoSummaryOf(side, now, w), w.suppressed[side]
		switch {
		case s.clients == 0:
			if d != nil && d.reason == vetoed { // the vetoes were withdrawn
				delete(w.suppressed, side)
				w.publish()
			}
		case w.hasNewVeto(side, before, now):
			w.onVeto(side, s)
		case s.own && d != nil && d.reason == coolingDown:
			d.reason = vetoed // from now on it ends with the veto
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
	w.emit(fsm.Cause{Reason: fsm.ReasonStore}, events.SideVetoed{
		Side: side, Reason: s.reason, Directive: s.directive, Clients: s.clients, Needed: w.needed(side), Remaining: s.remaining, Action: action,
	})
	switch action {
	case "rollback":
		w.startRollback(fleetCause(side, s))
	case "ignore":
		w.suppressVetoed(side, s)
	}
}

// hasNewVeto reports whether another client has added a veto on a side.
func (w *writer) hasNewVeto(side fsm.Side, before, now store.Record) bool {
	return slices.ContainsFunc(activeVetoes(now, w), func(v store.Veto) bool {
		return v.Side == side && v.Writer != w.publisher.id &&
			!slices.ContainsFunc(before.Vetoes, func(old store.Veto) bool {
				return old.Side == side && old.Writer == v.Writer && old.At.Equal(v.At)
			})
	})
}

// suppressVetoed suppresses a side until the vetoes on it end, and aborts a transition to
// it that is still in the preparing phase.
func (w *writer) suppressVetoed(side fsm.Side, s vetoSummary) {
	d := w.suppressionOf(side)
	d.reason, d.until = vetoed, w.now.Add(s.remaining)
	w.publish()
	if t := w.transition; t != nil && t.target() == side && w.machine.Snapshot().Phase == fsm.PhasePreparing && !w.isHeld(t) {
		w.abort(t, fleetCause(side, s))
	}
}

// veto publishes a veto on a side that lasts as long as this client suppresses the side.
func (w *writer) veto(side fsm.Side, cause fsm.Cause) {
	d := w.suppressed[side]
	if w.cfg.Store == nil || d == nil {
		return
	}
	now := w.now
	reason := cause.Detail
	if reason == "" {
		reason = string(cause.Reason)
	}
	w.updateStore(storeUpdate{Record: store.Record{Vetoes: []store.Veto{{
		Side: side, Writer: w.publisher.id, Directive: cause.Reason == fsm.ReasonCaller, Reason: clip(reason), At: now, Until: d.until,
	}}}})
}

// clip shortens a text to the maximum length of a veto's reason.
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
