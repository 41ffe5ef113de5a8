package debug

import (
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// State is everything that the page shows: the document state.json.
type State struct {
	// Time is when it was put together.
	Time time.Time `json:"time"`
	// Closed is set if the client is closed. Nothing changes any more then.
	Closed bool `json:"closed"`
	// Recorded is set if the client has a flight recorder: the handler serves its timeline
	// and its reports then.
	Recorded bool `json:"recorded"`
	// Strategy is the state of the machine, with the active side; it is Health.Strategy.
	Strategy fsm.Report `json:"strategy"`
	// Health is what the client knows about itself.
	Health e6.HealthReport `json:"health"`
	// Stats counts what happened to queries; it is Health.Queries.
	Stats e6.Stats `json:"stats"`
	// Samples are the last ten minutes, one sample a second, the oldest first.
	Samples []Sample `json:"samples"`
	// Transitions are the last 200 steps of the strategy machine, the oldest first.
	Transitions []Transition `json:"transitions"`
	// Events are the last events, the oldest first: see e6.Config.EventHistory.
	Events []Event `json:"events"`
}

// Tick is what changes from second to second.
type Tick struct {
	Time     time.Time       `json:"time"`
	Strategy fsm.Report      `json:"strategy"`
	Health   e6.HealthReport `json:"health"`
	Stats    e6.Stats        `json:"stats"`
	// Samples are those that were taken since the tick or the state before.
	Samples []Sample `json:"samples"`
}

// Sample is one second of a client.
type Sample struct {
	Time time.Time `json:"time"`
	// State, Phase and Active are those of the strategy at its end.
	State  string `json:"state"`
	Phase  string `json:"phase,omitempty"`
	Active string `json:"active"`
	// Blue and Green are how the sides did.
	Blue  SideSample `json:"blue"`
	Green SideSample `json:"green"`
}

// SideSample is one second of a side.
type SideSample struct {
	// PerSecond is how many executions ended per second, since the sample before.
	PerSecond float64 `json:"per_second"`
	// InFlight is the number of queries on the side.
	InFlight int64 `json:"in_flight"`
	// P50 and P99 are those of hook.SideHealth, and 0 if nothing is known.
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
}

// Transition is a step of the strategy machine.
type Transition struct {
	// Seq is the number of the event, and Time when it happened.
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	// ID numbers the transition from side to side that the step belongs to.
	ID uint64 `json:"id"`
	// Trigger is the event of the machine, such as announce.
	Trigger string `json:"trigger"`
	// From and To are the states as fsm.Snapshot writes them, such as
	// "transitioning blue->green (draining)".
	From string `json:"from"`
	To   string `json:"to"`
	// Active is the side of new queries after the step.
	Active string `json:"active"`
	// Reason and Detail are the cause.
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
	// InFlight is the number of queries on the side that was active before.
	InFlight int64 `json:"in_flight"`
	// Level is how loud the step is in a log: see Event.
	Level string `json:"level"`
}

// Event is an event of the client.
type Event struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	// Kind is an events.Kind, Component an events.Component.
	Kind      string `json:"kind"`
	Component string `json:"component"`
	// Level is DEBUG, INFO, WARN or ERROR: see events.Event.Level.
	Level string `json:"level"`
	// Text describes the event in one line. It may hold text from outside, such as
	// the tag of a query or an error of the server: show it as text only.
	Text string `json:"text"`
	// Reason and Detail are the cause.
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
	// TraceID is the trace of the call behind it, if there was one.
	TraceID string `json:"trace_id,omitempty"`
	// Transition is set if the event is one.
	Transition *Transition `json:"transition,omitempty"`
}

// state puts everything together, with the samples after that time.
func (h *handler) state(since time.Time) State {
	history := h.client.History()
	tick := h.tick(since)
	s := State{
		Time: tick.Time, Closed: hasClosed(history), Recorded: h.history != nil, Strategy: tick.Strategy, Health: tick.Health, Stats: tick.Stats, Samples: tick.Samples,
		Transitions: h.sampler.steps(history), Events: make([]Event, 0, len(history)),
	}
	for _, e := range history {
		s.Events = append(s.Events, eventOf(e))
	}
	return s
}

// last is the number of the last event of the document.
func (s State) last() uint64 {
	if len(s.Events) == 0 {
		return 0
	}
	return s.Events[len(s.Events)-1].Seq
}

func (h *handler) tick(since time.Time) Tick {
	report := h.client.Health()
	return Tick{
		Time: time.Now(), Strategy: report.Strategy, Health: report, Stats: report.Queries, Samples: h.sampler.samplesAfter(since),
	}
}

func eventOf(e events.Event) Event {
	out := Event{
		Seq: e.Seq, Time: e.Time, Kind: string(e.Kind()), Component: string(e.Kind().Component()), Level: e.Level().String(),
		Text: e.String(), Reason: string(e.Cause.Reason), Detail: e.Cause.Detail,
	}
	if e.Cause.Trace.IsValid() {
		out.TraceID = e.Cause.Trace.TraceID().String()
	}
	if t, ok := stepOf(e); ok {
		out.Transition = &t
	}
	return out
}

// stepOf is an event as a step of the machine, if it is one.
func stepOf(e events.Event) (Transition, bool) {
	d, ok := e.Data.(events.Transition)
	if !ok {
		return Transition{}, false
	}
	return Transition{
		Seq: e.Seq, Time: d.At, ID: d.ID, Trigger: d.Event.String(), From: d.Before.String(), To: d.After.String(),
		Active: d.After.Active.String(), Reason: string(e.Cause.Reason), Detail: e.Cause.Detail,
		InFlight: d.InFlight, Level: e.Level().String(),
	}, true
}

// merge adds steps to older ones that may hold some of them already, and keeps
// the last of them.
func merge(older, newer []Transition, most int) []Transition {
	all := slices.Clone(older)
	for _, t := range newer {
		if len(all) == 0 || t.Seq > all[len(all)-1].Seq {
			all = append(all, t)
		}
	}
	return all[max(len(all)-most, 0):]
}
