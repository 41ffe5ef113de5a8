package timeline

import (
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

// A Phase is a time in which the strategy had one state and phase.
type Phase struct {
	From, To time.Time
	// Strategy is the state after the step that began the phase.
	Strategy fsm.Snapshot
}

// Phases are the states and phases of a client, up to the time until. A client that was closed,
// or whose process ended and started again, has none in between.
func Phases(entries []recorder.Entry, until time.Time) (phases []Phase) {
	var current *Phase
	var previous time.Time // of the entry before
	end := func(at time.Time) {
		if current != nil && !at.Before(current.From) {
			current.To = at
			phases = append(phases, *current)
		}
		current = nil
	}
	for _, e := range entries {
		switch d := e.Data.(type) {
		case recorder.Start:
			end(previous)
			current = &Phase{From: e.Time}
		case fsm.Transition:
			if current == nil { // the entries before were overwritten
				current = &Phase{From: earliest(latest(d.Before.Since, entries[0].Time), e.Time), Strategy: d.Before}
			}
			end(e.Time)
			current = &Phase{From: e.Time, Strategy: d.After}
		case recorder.Event:
			if d.Kind == events.KindClosed {
				end(e.Time)
			}
		}
		previous = e.Time
	}
	end(latest(until, previous))
	return phases
}

// Label is the state in one or two words: blue, detecting, preparing green, draining blue.
func (p Phase) Label() string {
	s := p.Strategy
	switch {
	case s.State != fsm.StateTransitioning:
		return s.State.String()
	case s.Phase == fsm.PhaseDraining:
		return "draining " + s.Origin().String()
	}
	return s.Phase.String() + " " + s.Target.String()
}

// meaning describes where new queries are routed in the phase.
func (p Phase) meaning() string {
	s := p.Strategy
	switch s.State {
	case fsm.StateUnknown:
		return "no side is known"
	case fsm.StateDetecting:
		return "new queries wait while the sides are probed"
	case fsm.StateTransitioning:
		switch s.Phase {
		case fsm.PhasePreparing:
			return fmt.Sprintf("new queries use %s until %s accepts", s.Origin(), s.Target)
		case fsm.PhaseShared:
			return fmt.Sprintf("a selector sends new queries to %s or %s", s.Target, s.Origin())
		}
		return fmt.Sprintf("new queries use %s, running ones end on %s", s.Target, s.Origin())
	}
	return "new queries use " + s.Active.String()
}

func (p Phase) band() Band {
	title := fmt.Sprintf("%s for %s: %s", p.Label(), Short(p.To.Sub(p.From)), p.meaning())
	if cause := p.Strategy.Cause.String(); cause != "" {
		title += " (" + cause + ")"
	}
	return Band{From: p.From, To: p.To, Label: p.Label(), Title: title, Strategy: p.Strategy.Report()}
}

// Short is a duration with three or four digits.
func Short(d time.Duration) string {
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}
