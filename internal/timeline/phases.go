package timeline

import (
	"fmt"
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

// A Phase is a time in which the strategy had one state and phase.
type Phase struct {
	From, To time.Time
	// Event is the event of the machine that began the phase. It is 0 if it is not known: for a
	// client that starts, and for the first phase of a recording that lacks its beginning.
	Event fsm.Event
	// Strategy is the state after that event.
	Strategy fsm.Snapshot
}

// Phases are the states and phases of a client, up to the time until. A client that was closed,
// or whose process ended and started again, has none in between.
func Phases(entries []recorder.Entry, until time.Time) (phases []Phase) {
	var current *Phase
	var previous time.Time // of the entry before
	end := func(at time.Time) {
		if current != nil {
			current.To = latest(at, current.From) // the clock may have been set back
			phases = append(phases, *current)
		}
		current = nil
	}
	if !slices.ContainsFunc(entries, isStep) {
		current = restored(entries)
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
			current = &Phase{From: e.Time, Event: d.Event, Strategy: d.After}
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

// isStep reports whether the state is known from an entry.
func isStep(e recorder.Entry) bool {
	switch e.Data.(type) {
	case recorder.Start, fsm.Transition:
		return true
	}
	return false
}

// restored is the state of a client whose last step was overwritten by other messages of the
// router. Its checkpoint has it, as a replay shows. It returns nil if there is no checkpoint.
func restored(entries []recorder.Entry) *Phase {
	for step, err := range (&recorder.Recording{Entries: entries}).Replay() {
		if err != nil {
			return nil // a recording of another version has no replay
		}
		return &Phase{From: latest(entries[0].Time, step.Snapshot.Since), Strategy: step.Snapshot}
	}
	return nil
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

// Band is the phase as a band of a timeline.
func (p Phase) Band() Band {
	title := fmt.Sprintf("%s for %s: %s", p.Label(), Short(p.To.Sub(p.From)), p.meaning())
	if cause := p.Strategy.Cause.String(); cause != "" {
		title += " (" + cause + ")"
	}
	return Band{From: p.From, To: p.To, Label: p.Label(), Title: title, Strategy: p.Strategy.Report(), Phases: 1}
}

// joined makes one band of more than two that follow each other and are too narrow to be seen
// alone, so that a strategy that changes all the time does not need thousands of bands.
func (t *Timeline) joined(bands []Band) (list []Band) {
	const narrow = 3 // pixels
	least := time.Duration(float64(t.To.Sub(t.From)) * narrow / float64(t.plot().width))
	for i := 0; i < len(bands); {
		n := i
		for n < len(bands) && bands[n].To.Sub(bands[n].From) < least && (n == i || bands[n].From.Equal(bands[n-1].To)) {
			n++
		}
		if n-i <= 2 {
			n = max(n, i+1)
			list = append(list, bands[i:n]...)
		} else {
			b := bands[i]
			b.To, b.Phases = bands[n-1].To, n-i
			b.Label = fmt.Sprintf("%d phases", b.Phases)
			b.Title = fmt.Sprintf("%s in %s, from %s to %s", b.Label, Short(b.To.Sub(b.From)), bands[i].Label, bands[n-1].Label)
			list = append(list, b)
		}
		i = n
	}
	return list
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
