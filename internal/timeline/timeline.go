package timeline

import (
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

// Defaults and limits of Options.
const (
	DefaultWidth = 960
	MinWidth     = 280
	// NarrowWidth is the width below which labels are above the lanes instead of at their left.
	NarrowWidth = 560
)

// A Source is the recording of one client.
type Source struct {
	// Name is the name of the client. It is shown if there are several sources.
	Name string
	// Entries are the entries in the order of a recording, also those before the window: the
	// state at its start comes from them.
	Entries []recorder.Entry
}

// Options are the options of a Timeline. The zero value of a field means its default.
type Options struct {
	// From and To are the window, both inclusive. Defaults: the earliest and the
	// latest time of all entries.
	From, To time.Time
	// Width is the width in CSS pixels. Default: DefaultWidth. Minimum: MinWidth.
	Width int
	// Zone is the time zone of the labels. Default: UTC.
	Zone *time.Location
	// Flags are the numbered lines across the lanes. Default: one for each change of the active
	// side, with the name of the new side. An empty list that is not nil draws none.
	Flags []Flag
	// Cursor is a time with a line of its own. Default: none.
	Cursor time.Time
}

// A Timeline is what happened in a window of time, at the resolution of its width.
type Timeline struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Width   int       `json:"width"`
	Clients []Client  `json:"clients"`
	Flags   []Flag    `json:"flags,omitempty"`

	zone   *time.Location
	cursor time.Time
}

// A Client is one client in a Timeline.
type Client struct {
	Name string `json:"name,omitempty"`
	// Phases are the states and phases of the strategy, in order and without gaps while the
	// client is open.
	Phases []Band `json:"phases"`
	// Sides are the lanes of blue and green.
	Sides [2]Lane `json:"sides"`
	// Signals are announcements, guards, hooks, and what else concerns the client as a whole.
	Signals []Cell `json:"signals,omitempty"`
}

// A Lane is what happened on a side.
type Lane struct {
	Side fsm.Side `json:"side"`
	// Queries are the queries that ended, by their outcomes. Signals are refusals, failed probes
	// and logins.
	Queries []Cell `json:"queries,omitempty"`
	Signals []Cell `json:"signals,omitempty"`
	// Runs are the queries that ran in the window, if they are few enough to be drawn one by
	// one. The SVG has them instead of Queries.
	Runs []Run `json:"runs,omitempty"`
}

// A Band is a time in which the strategy had one state and phase.
type Band struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Label is the state in one or two words, such as blue or draining blue.
	Label string `json:"label"`
	// Title describes the band with its duration and its cause.
	Title string `json:"title"`
	// Strategy is the state: the first one, if Phases is more than 1.
	Strategy fsm.Report `json:"strategy"`
	// Phases is the number of states and phases in the band. More than 2 that follow each other
	// within a few pixels each are one band.
	Phases int `json:"phases"`
}

// A Cell has the entries of a lane within a few pixels.
type Cell struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Counts are the numbers by kind, the most severe kind first.
	Counts []Count `json:"counts"`
	// Notes describe the first entries.
	Notes []string `json:"notes,omitempty"`
}

// A Count is a number of entries of a kind: an outcome of queries (see Outcomes), or a kind of
// signals (see SignalKinds).
type Count struct {
	Kind string `json:"kind"`
	N    int    `json:"n"`
}

// A Flag is a line across the lanes.
type Flag struct {
	At time.Time `json:"at"`
	// Label is a number or a word. Title describes it.
	Label string `json:"label"`
	Title string `json:"title"`
}

// New returns the timeline of a window. Sources without entries have empty lanes.
func New(o Options, sources ...Source) Timeline {
	o = o.withDefaults(sources)
	t := Timeline{From: o.From, To: o.To, Width: o.Width, Flags: o.Flags, zone: o.Zone, cursor: o.Cursor}
	for _, s := range sources {
		t.Clients = append(t.Clients, t.client(s, len(sources) > 1))
	}
	if t.Flags == nil {
		for _, s := range sources {
			t.Flags = append(t.Flags, t.changes(s)...)
		}
	}
	t.Flags = slices.DeleteFunc(slices.Clone(t.Flags), func(f Flag) bool { return !t.has(f.At) })
	slices.SortStableFunc(t.Flags, func(a, b Flag) int { return a.At.Compare(b.At) })
	return t
}

// Live returns the timeline of the last span of a running client. Options.From and To are
// ignored.
func Live(o Options, entries []recorder.Entry, span time.Duration, now time.Time) Timeline {
	o.From, o.To = now.Add(-span), now
	return New(o, Source{Entries: entries})
}

// withDefaults sets the fields that have their zero value.
func (o Options) withDefaults(sources []Source) Options {
	first, last := bounds(sources)
	if o.From.IsZero() {
		o.From = first
	}
	if o.To.IsZero() {
		o.To = last
	}
	if !o.To.After(o.From) {
		o.To = o.From.Add(time.Millisecond) // so that a time has a place in it
	}
	if o.Width == 0 {
		o.Width = DefaultWidth
	}
	o.Width = max(o.Width, MinWidth)
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return o
}

// bounds are the earliest and the latest time. They are not those of the first and of the last
// entry if the clock was set back.
func bounds(sources []Source) (first, last time.Time) {
	for _, s := range sources {
		for _, e := range s.Entries {
			if first.IsZero() || e.Time.Before(first) {
				first = e.Time
			}
			if e.Time.After(last) {
				last = e.Time
			}
		}
	}
	return first, last
}

// has reports whether a time is in the window.
func (t *Timeline) has(at time.Time) bool { return !at.Before(t.From) && !at.After(t.To) }

// client is the part of one source.
func (t *Timeline) client(s Source, named bool) Client {
	c := Client{Sides: [2]Lane{{Side: fsm.Blue}, {Side: fsm.Green}}}
	if named {
		c.Name = s.Name
	}
	for _, p := range Phases(s.Entries, t.To) {
		if p.To.Before(t.From) || p.From.After(t.To) {
			continue
		}
		b := p.Band()
		b.From, b.To = latest(p.From, t.From), earliest(p.To, t.To)
		c.Phases = append(c.Phases, b)
	}
	c.Phases = t.joined(c.Phases)
	queries := [2]grid{t.grid(Outcomes()), t.grid(Outcomes())}
	signals := [3]grid{t.grid(SignalKinds()), t.grid(SignalKinds()), t.grid(SignalKinds())}
	single := [2]runs{{t: t}, {t: t}}
	for _, e := range s.Entries {
		if q, ok := e.Data.(recorder.Query); ok && q.Side.Valid() {
			single[q.Side-fsm.Blue].add(e.Time, q)
		}
		if !t.has(e.Time) {
			continue
		}
		switch d := e.Data.(type) {
		case recorder.Query:
			note := func() string { return t.queryNote(e.Time, d) }
			if d.Side.Valid() {
				queries[d.Side-fsm.Blue].add(e.Time, d.Outcome(), note)
			} else {
				signals[rowClient].add(e.Time, withoutSide, note)
			}
		case recorder.Event:
			if g, ok := signalOf(d); ok {
				signals[g.row].add(e.Time, g.kind, func() string { return t.eventNote(e.Time, d) })
			}
		}
	}
	for i := range c.Sides {
		c.Sides[i].Queries, c.Sides[i].Signals, c.Sides[i].Runs = queries[i].cells(), signals[i].cells(), single[i].inRows()
	}
	c.Signals = signals[rowClient].cells()
	return c
}

// changes are the flags of the changes of the active side.
func (t *Timeline) changes(s Source) (flags []Flag) {
	for _, e := range s.Entries {
		d, ok := e.Data.(recorder.Event)
		if !ok || d.Kind != events.KindStrategyChanged || !t.has(e.Time) {
			continue
		}
		to, _ := d.Attrs["to"].(string)
		flags = append(flags, Flag{At: e.Time, Label: to, Title: t.eventNote(e.Time, d)})
	}
	return flags
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
