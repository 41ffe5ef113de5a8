package router

import (
	"fmt"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// RecordVersion is the version of the records of a router. Another version of this package
// replays only records of its own version.
const RecordVersion = 1

// A RecordKind is the kind of a record of a router.
type RecordKind = byte

// The kinds of records.
const (
	// RecordCheckpoint is the configuration and the state of the router. A replay starts
	// with one, or with a RecordStart.
	RecordCheckpoint RecordKind = iota + 1
	// RecordStep is a message with what the router read and decided.
	RecordStep
	// RecordTransition is a step of the strategy machine. It is written before the step is
	// visible to other goroutines.
	RecordTransition
	// RecordStart is the first record of a router: a checkpoint of its initial state.
	RecordStart
)

// A Recorder stores the records of a router.
type Recorder interface {
	// Record stores a record. The router calls it on its only goroutine and changes data
	// afterwards. It must not block.
	Record(kind RecordKind, data []byte)
	// CheckpointEvery is the number of bytes of steps after which the router writes a
	// checkpoint again.
	CheckpointEvery() int
}

// A recording writes the record of each step.
type recording struct {
	to           Recorder
	since        int    // bytes since the last checkpoint
	data         []byte // of the record under way
	observations []byte // of the step under way
	decisions    decisions
}

// begin writes the message of a step, as it is before it is applied.
func (r *recording) begin(w *writer, m message) {
	r.observations, r.decisions.text = r.observations[:0], r.decisions.text[:0]
	number, _ := numberOf(m)
	n := uint64(number)
	c := codec{data: r.data[:0], rt: w.Router}
	c.uint("", &n)
	c.time("", &w.now)
	m.fields(&c)
	r.data = c.data
}

// observed adds a value that the step has read.
func (r *recording) observed(what observation, value int64) {
	c := codec{data: append(r.observations, byte(what))}
	c.int("", &value)
	r.observations = c.data
}

// elapsed adds a measured time, unless the wall clock shows the same.
func (r *recording) elapsed(measurement int64, passed, shown time.Duration) {
	if passed != shown {
		r.observed(observedElapsedAt, measurement)
		r.observed(observedElapsed, int64(passed))
	}
}

// end writes the record of a step, and a checkpoint if one is due.
func (r *recording) end(w *writer, m message) {
	if _, ok := numberOf(m); !ok {
		return // of a test
	}
	c := codec{data: r.data}
	blob(&c, &r.observations)
	blob(&c, &r.decisions.text)
	r.data = c.data
	r.to.Record(RecordStep, r.data)
	if r.since += len(r.data); r.since >= r.to.CheckpointEvery() {
		r.checkpoint(w)
	}
}

// checkpoint writes the configuration and the state.
func (r *recording) checkpoint(w *writer) {
	r.since = 0
	r.to.Record(RecordCheckpoint, w.checkpoint())
}

// CheckpointTime is the time of a RecordCheckpoint or a RecordStart.
func CheckpointTime(data []byte) (at time.Time, err error) {
	c := codec{mode: reading, data: data}
	var version uint64
	c.uint("", &version)
	c.time("", &at)
	return at, c.err
}

// checkpoint is a record of the configuration and the state.
func (w *writer) checkpoint() []byte {
	c := codec{rt: w.Router}
	version, cfg := uint64(RecordVersion), w.cfg
	c.uint("", &version)
	c.time("", &w.now)
	c.config(&cfg, &w.publisher.id)
	w.fields(&c)
	return c.data
}

// decisions is what the writer has decided in a step, one line for each decision.
type decisions struct{ text []byte }

// add appends a line: the kind of the decision, its subject, and pairs of names and values.
func (d *decisions) add(kind, subject string, pairs ...any) {
	var c codec
	c.mode = describing
	for i := 0; i+1 < len(pairs); i += 2 {
		c.describe(pairs[i].(string), fmt.Sprint(pairs[i+1]))
	}
	d.text = append(d.text, kind...)
	for _, s := range []string{subject, c.text.String()} {
		if s != "" {
			d.text = append(append(d.text, ' '), strings.ReplaceAll(s, "\n", " ")...)
		}
	}
	d.text = append(d.text, '\n')
}

// decide adds a decision to the record, if there is one.
func (w *writer) decide(kind, subject string, pairs ...any) {
	switch {
	case w.recording != nil:
		w.recording.decisions.add(kind, subject, pairs...)
	case w.replaying != nil:
		w.replaying.decisions.add(kind, subject, pairs...)
	}
}

// decideTransition adds a step of the machine to the record, and writes it at once: a
// subscriber of its event may report it, and the process may end then.
func (w *writer) decideTransition(t fsm.Transition) {
	if w.recording != nil {
		c := codec{}
		small(&c, "", &t.Event)
		c.snapshot(&t.Before)
		c.snapshot(&t.After)
		w.recording.to.Record(RecordTransition, c.data)
	}
	w.decide("machine", t.Event.String()+" "+t.After.String(), "active", t.After.Active, "epoch", t.After.Epoch,
		"transition", t.After.Transition, "at", stampOf(t.At), "cause", t.Cause)
}

// decideRouting adds a routing to the record.
func (w *writer) decideRouting(r *Routing) {
	if w.recording == nil && w.replaying == nil {
		return
	}
	w.decide("routing", r.Active.String(), "held", r.Held, "closed", r.Closed, "failures", r.Failures,
		"suppressed_until", stampOf(r.SuppressedUntil), "cool_down", r.CoolDown, "damped_until", stampOf(r.DampedUntil))
}

// decideUpdate adds an update of the store to the record.
func (w *writer) decideUpdate(s storeUpdate) {
	if w.recording == nil && w.replaying == nil {
		return
	}
	c := codec{mode: describing}
	c.update(&s)
	w.decide("store update", c.text.String())
}

// emit publishes an event of the writer.
func (w *writer) emit(cause fsm.Cause, d events.Data) {
	if w.recording != nil || w.replaying != nil {
		var pairs []any
		for _, a := range (events.Event{Cause: cause, Data: d}).Attrs() {
			if a.Key != "event" && a.Key != "component" && a.Key != "seq" {
				pairs = append(pairs, a.Key, a.Value)
			}
		}
		w.decide("event", string(events.Event{Data: d}.Kind()), pairs...)
	}
	w.cfg.Events.Publish(cause, d)
}

// probeFailed publishes a ProbeFailed event of the writer.
func (w *writer) probeFailed(purpose string, side fsm.Side, attempt int, cause fsm.Cause, err error) {
	w.emit(cause, events.ProbeFailed{Side: side, Attempt: attempt, Error: w.cfg.Describe(err), Purpose: purpose})
}

// ReadTransition reads a RecordTransition.
func ReadTransition(data []byte) (fsm.Transition, error) {
	var t fsm.Transition
	c := codec{mode: reading, data: data}
	small(&c, "", &t.Event)
	c.snapshot(&t.Before)
	c.snapshot(&t.After)
	t.ID, t.Cause, t.At = t.After.Transition, t.After.Cause, t.After.Since
	return t, c.err
}

// A RecordedStep is the content of a RecordStep.
type RecordedStep struct {
	// At is when the router took the message.
	At time.Time
	// Message is the name of the message, and Fields its fields as text.
	Message, Fields string
	// Decisions are what the router decided, in order.
	Decisions []string

	message      message
	observations []byte
	decisions    string
}

// ReadStep reads a RecordStep.
func ReadStep(data []byte) (RecordedStep, error) { return readStep(data, make(entities)) }

func readStep(data []byte, known entities) (s RecordedStep, err error) {
	c := codec{mode: reading, data: data, known: known}
	var n uint64
	c.uint("", &n)
	if n >= uint64(len(messages)) {
		return s, fmt.Errorf("unknown message number %d", n)
	}
	c.time("", &s.At)
	s.message = messages[n].make()
	s.message.fields(&c)
	blob(&c, &s.observations)
	text(&c, "", &s.decisions)
	if c.err != nil {
		return s, fmt.Errorf("message %s: %w", messages[n].name, c.err)
	}
	described := codec{mode: describing, rt: replayed}
	s.message.fields(&described)
	s.Message, s.Fields = messages[n].name, described.text.String()
	s.Decisions = lines(s.decisions)
	return s, nil
}

func lines(text string) []string {
	if text = strings.TrimSuffix(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// recorded is an error as it stands in a record.
func (rt *Router) recorded(err error) *recordedError {
	if e, ok := err.(*recordedError); ok {
		return e
	}
	return newRecordedError(err, rt.cfg.Describe(err), rt.cfg.Cluster.Classify(err))
}
