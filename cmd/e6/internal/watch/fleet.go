package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/e6data/e6data-go/cmd/e6/internal/fleet"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/visible"
)

// Fleet is a cluster whose clients share a store.
type Fleet struct {
	Store store.Store
	// Cluster is the key of the cluster there.
	Cluster string
}

// fleetUpdate is an update of a fleet's state from its store.
type fleetUpdate struct {
	fleet int
	state fleet.State
	err   error
}

// follow calls fn with the updates of the stores until ctx ends; wait waits for the last call.
func follow(ctx context.Context, fleets []Fleet, fn func(fleetUpdate)) (wait func()) {
	var all sync.WaitGroup
	for i, f := range fleets {
		all.Go(func() {
			fleet.Follow(ctx, f.Store, f.Cluster, func(s fleet.State, err error) { fn(fleetUpdate{i, s, err}) })
		})
	}
	return all.Wait
}

// fleets is what is known about all fleets.
type fleets struct {
	states  []fleetUpdate
	written []fleetUpdate // what was written last
	lines   []string
}

func newFleets(all []Fleet) *fleets {
	f := &fleets{states: make([]fleetUpdate, len(all)), written: make([]fleetUpdate, len(all)), lines: make([]string, len(all))}
	for i := range all {
		f.states[i] = fleetUpdate{fleet: i, state: fleet.State{Cluster: all[i].Cluster}}
	}
	return f
}

// name is what the fleet is called.
func (t fleetUpdate) name() string { return "fleet " + t.state.Name() + "  " }

// text is the fleet in one line.
func (t fleetUpdate) text() string {
	if t.err != nil {
		return "the store does not answer: " + visible.Line(t.err.Error())
	}
	return t.state.Line()
}

// receive takes an update of a store, and writes it unless only the clients have
// changed: a thousand of them do that in a cutover, and flush writes the sum.
func (f *fleets) receive(w io.Writer, asJSON bool, t fleetUpdate) error {
	f.states[t.fleet] = t
	old := f.written[t.fleet]
	if f.lines[t.fleet] != "" && old.state.Record.Version == t.state.Record.Version && (old.err == nil) == (t.err == nil) {
		return nil
	}
	return f.write(w, asJSON, t)
}

// flush writes the updates that were received and not written.
func (f *fleets) flush(w io.Writer, asJSON bool) error {
	for _, t := range f.states {
		if f.lines[t.fleet] == "" {
			continue // no update yet
		}
		if err := f.write(w, asJSON, t); err != nil {
			return err
		}
	}
	return nil
}

// write writes the state of a fleet, if it differs from what was written last.
func (f *fleets) write(w io.Writer, asJSON bool, t fleetUpdate) error {
	line := t.name() + t.text()
	for _, v := range t.state.Record.ActiveVetoes() {
		line += fmt.Sprintf("; veto on %s by %s: %s", v.Side, visible.Line(v.Writer), visible.Line(v.Reason))
	}
	f.written[t.fleet] = t
	if f.lines[t.fleet] == line {
		return nil
	}
	f.lines[t.fleet] = line
	now := time.Now()
	if !asJSON {
		_, err := fmt.Fprintln(w, now.Format(clock)+"  "+line)
		return err
	}
	type happening struct {
		Fleet   string         `json:"fleet"`
		Time    time.Time      `json:"time"`
		Error   string         `json:"error,omitempty"`
		Record  store.Record   `json:"record"`
		Clients map[string]int `json:"clients,omitempty"` // on each side
	}
	h := happening{Fleet: t.state.Cluster, Time: now, Record: t.state.Record}
	if t.err != nil {
		h.Error = t.err.Error()
	}
	if t.state.Clients != nil {
		h.Clients = map[string]int{}
		for _, c := range t.state.Clients {
			h.Clients[c.Side.String()]++
		}
	}
	return json.NewEncoder(w).Encode(h)
}

// The most vetoes and groups of a fleet that are drawn.
const (
	drawnVetoes = 3
	drawnGroups = 6
)

// draw returns the lines of the fleets: each with its vetoes and groups of clients.
func (f *fleets) draw() (lines []string) {
	for _, t := range f.states {
		style := of(t.state.Record.Active)
		if t.err != nil {
			style = loud
		}
		lines = append(lines, t.name()+style.Render(t.text()))
		vetoes := t.state.Record.ActiveVetoes()
		for _, v := range vetoes[:min(len(vetoes), drawnVetoes)] {
			lines = append(lines, loud.Render("  veto on "+fleet.Veto(v)))
		}
		if more := len(vetoes) - drawnVetoes; more > 0 {
			lines = append(lines, fmt.Sprintf("  and %d more vetoes", more))
		}
		lines = append(lines, drawGroups(t.state.Groups())...)
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	return lines
}

// drawGroups draws the first groups of clients, and sums up the others.
func drawGroups(groups []fleet.Group) (lines []string) {
	drawn := groups[:min(len(groups), drawnGroups)]
	width := 0
	for _, g := range drawn {
		width = max(width, len(place(g)))
	}
	for _, g := range drawn {
		lines = append(lines, fmt.Sprintf("  %6d  %s  %s on %s", g.Clients, of(g.Side).Render(pad(place(g), width)),
			visible.Line(g.Program+" "+g.Version), visible.Line(g.Where())))
	}
	if rest := groups[len(drawn):]; len(rest) > 0 {
		n := 0
		for _, g := range rest {
			n += g.Clients
		}
		lines = append(lines, faint.Render(fmt.Sprintf("  %6d  in %d more groups", n, len(rest))))
	}
	return lines
}

// place is the side of a group, and its state if that is another word.
func place(g fleet.Group) string {
	state := g.State.String()
	if g.Side.Valid() && state != g.Side.String() {
		return fmt.Sprintf("%s, %s", g.Side, state)
	}
	return state
}

// of is the style of a side.
func of(side fsm.Side) lipgloss.Style {
	switch side {
	case fsm.Blue:
		return blue
	case fsm.Green:
		return green
	}
	return lipgloss.NewStyle()
}
