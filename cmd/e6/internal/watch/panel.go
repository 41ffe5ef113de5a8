package watch

import (
	"fmt"

	"github.com/e6data/e6data-go/e6/debug"
)

// Happening is an event of a source.
type Happening struct {
	Source string `json:"source"`
	debug.Event
}

// kept is how many events are kept for the screen.
const kept = 500

// panels is what is known about all sources.
type panels struct {
	names  []string
	probes []*Client // nil for a client of another process
	states []debug.State
	errs   []error
	seen   []uint64    // the last event of each source
	events []Happening // the newest last
}

func newPanels(sources []Source) *panels {
	p := &panels{
		states: make([]debug.State, len(sources)), errs: make([]error, len(sources)), seen: make([]uint64, len(sources)),
	}
	for _, s := range sources {
		p.names, p.probes = append(p.names, s.Name), append(p.probes, s.probe)
	}
	return p
}

// look adds the result of one read of a source, and returns the events that are new.
func (p *panels) look(i int, state debug.State, err error) (fresh []Happening) {
	p.errs[i] = err
	if err != nil {
		return nil
	}
	p.states[i] = state
	if n := len(state.Events); n > 0 && state.Events[n-1].Seq < p.seen[i] {
		p.seen[i] = 0 // another process has taken its place
	}
	for _, e := range state.Events {
		if e.Seq > p.seen[i] {
			if missed := e.Seq - p.seen[i] - 1; p.seen[i] > 0 && missed > 0 {
				fresh = append(fresh, Happening{p.names[i], debug.Event{Seq: e.Seq - 1, Time: e.Time, Kind: "events_dropped", Level: "WARN",
					Text: fmt.Sprintf("%d events came and went between two looks", missed)}})
			}
			p.seen[i] = e.Seq
			fresh = append(fresh, Happening{p.names[i], e})
		}
	}
	for _, e := range p.probes[i].take() {
		fresh = append(fresh, Happening{p.names[i], e})
	}
	p.events = append(p.events, fresh...)
	p.events = p.events[max(0, len(p.events)-kept):]
	return fresh
}
