package report

import (
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/timeline"
)

// The results of a passage, as hook.CutoverEnd has them, and four that only a report has.
const (
	resultDrained    = "drained"
	resultDeadline   = "deadline"
	resultRefused    = "refused"
	resultSuperseded = "superseded"
	resultAborted    = "aborted"
	resultSettled    = "settled"
	resultReset      = "reset"
	resultFailed     = "failed"  // the detection found no side
	resultClosed     = "closed"  // the client was closed, or its process ended
	resultOngoing    = "ongoing" // it has not ended in the recording
)

// A Phase is a phase of a change.
type Phase struct {
	// Name is detecting, preparing, shared or draining.
	Name string    `json:"name"`
	From time.Time `json:"from"`
	Took Duration  `json:"took_ms"`

	to   time.Time
	snap fsm.Snapshot
}

// A passage is a change of the active side of one client, or an attempt of one: the time from one
// settled side to the next.
type passage struct {
	client int
	record *record
	change int // the number of its Change

	Kind     events.ChangeKind
	Made     bool // the active side changed, and the new one was kept
	From, To fsm.Side
	// Began is the first sign of it, At when the active side changed, and Ended its end. At is
	// zero if the active side did not change.
	Began, At, Ended time.Time
	Cause            fsm.Cause
	Result           string
	// EndCause is the cause of the end.
	EndCause fsm.Cause
	Phases   []Phase
	InFlight int64
	Queries  map[string]int

	trigger  fsm.Event // the event of the machine that began it
	events   []event
	affected []*affected
}

// passagesOf are the passages of a client.
func passagesOf(phases []timeline.Phase) (passages []*passage) {
	var open *passage
	served := fsm.None // the side that was active last
	end := func(at time.Time, result string, cause fsm.Cause) {
		if open == nil {
			return
		}
		open.Ended, open.Result, open.EndCause = later(open.Began, at), result, cause // the clock may have been set back
		if (result == resultOngoing || result == resultClosed) && !open.At.IsZero() {
			open.Made = true // the target is active, and the origin was not drained yet
		}
		passages, open = append(passages, open), nil
	}
	begin := func(p timeline.Phase, to fsm.Side) {
		open = &passage{From: served, To: to, Began: p.From, Cause: p.Strategy.Cause, trigger: p.Event, Queries: map[string]int{}}
	}
	for i, p := range phases {
		s := p.Strategy
		switch {
		case s.State == fsm.StateUnknown && p.Event == 0 && s.Since.IsZero(): // a client starts
			if i > 0 {
				end(phases[i-1].To, resultClosed, fsm.Cause{})
			}
			served = fsm.None
		case s.State == fsm.StateUnknown && p.Event == fsm.EventFail:
			end(p.From, resultFailed, s.Cause)
		case s.State == fsm.StateUnknown:
			if p.Event == fsm.EventReset && served.Valid() && open == nil {
				begin(p, fsm.None)
				open.Made, open.At = true, p.From
			}
			end(p.From, resultReset, s.Cause)
			served = fsm.None
		case s.State == fsm.StateDetecting:
			if open == nil {
				begin(p, fsm.None)
			}
			open.add(p)
		case s.State == fsm.StateTransitioning:
			if open == nil {
				served = s.Origin()
				begin(p, s.Target)
			}
			open.add(p)
			if p.Event == fsm.EventAccept && open.At.IsZero() {
				open.At = later(open.Began, p.From)
			}
			served = s.Active
		default:
			if open != nil {
				open.settle(p)
			}
			end(p.From, open.result(p), s.Cause)
			served = s.Active
		}
	}
	if n := len(phases); n > 0 {
		end(phases[n-1].To, resultOngoing, fsm.Cause{})
	}
	return passages
}

// add adds a phase.
func (g *passage) add(p timeline.Phase) {
	name := p.Strategy.State.String()
	if p.Strategy.State == fsm.StateTransitioning {
		name = p.Strategy.Phase.String()
	}
	g.Phases = append(g.Phases, Phase{Name: name, From: p.From, Took: Duration(p.To.Sub(p.From)), to: p.To, snap: p.Strategy})
}

// settle ends a passage on the side of a phase.
func (g *passage) settle(p timeline.Phase) {
	side := p.Strategy.Active
	if p.Event == fsm.EventSettle {
		if !g.To.Valid() || side != g.From {
			g.To = side
		}
		if g.At.IsZero() && side != g.From {
			g.At = later(g.Began, p.From)
		}
	}
	g.Made = side == g.To && side != g.From
}

// result is the result of a passage that ends with a settled phase.
func (g *passage) result(p timeline.Phase) string {
	if g == nil {
		return ""
	}
	switch p.Event {
	case fsm.EventSettle:
		return resultSettled
	case fsm.EventAbort:
		return resultAborted
	}
	switch p.Strategy.Cause.Reason {
	case fsm.ReasonDrained:
		return resultDrained
	case fsm.ReasonDeadline:
		return resultDeadline
	case fsm.ReasonRefusal:
		return resultRefused
	}
	return resultSuperseded
}

// describe sets what the events add: the kind, the first sign, and the queries in flight.
func (g *passage) describe() {
	g.Kind = g.kind()
	for _, e := range g.events {
		if e.Kind != events.KindStrategyChanged || g.At.IsZero() || sideOf(e.Event, "to") != g.To {
			continue
		}
		if kind := text(e.Event, "change"); kind != "" {
			g.Kind = events.ChangeKind(kind)
		}
		g.InFlight = int64(number(e.Event, "in_flight"))
		if first := g.At.Add(-ms(e.Event, "took_ms")); first.Before(g.Began) {
			g.Began = first
		}
		return
	}
}

// kind is the kind of the change by its first step. An event has it too, but may be overwritten.
func (g *passage) kind() events.ChangeKind {
	switch {
	case g.Result == resultReset && g.To == fsm.None && len(g.Phases) == 0:
		return events.ChangeReset
	case g.trigger == fsm.EventRollback:
		return events.ChangeRolledBack
	case len(g.Phases) > 0 && g.Phases[0].Name == fsm.StateDetecting.String():
		if g.From.Valid() {
			return events.ChangeAbrupt
		}
		return events.ChangeDetected
	}
	switch g.Cause.Reason {
	case fsm.ReasonCaller:
		return events.ChangeRequested
	case fsm.ReasonStore:
		return events.ChangeStore
	case fsm.ReasonHealth:
		return events.ChangeRolledBack
	}
	return events.ChangeAnnounced
}

// phase returns the first phase with a name.
func (g *passage) phase(name string) (Phase, bool) {
	for _, p := range g.Phases {
		if p.Name == name {
			return p, true
		}
	}
	return Phase{}, false
}

// took is the time from the first sign to the change, or to the end if the side did not change.
func (g *passage) took() time.Duration {
	if g.At.IsZero() {
		return g.Ended.Sub(g.Began)
	}
	return g.At.Sub(g.Began)
}

// of returns the events of a kind.
func (g *passage) of(kind events.Kind) (found []event) {
	for _, e := range g.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}
