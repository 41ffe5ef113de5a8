package router

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/store"
)

// A Replay applies the messages of a record to the code of the router. It makes no call to
// a cluster or a store, starts no goroutine, and takes the time, random numbers and
// counters from the record. A Replay must be closed. It is not safe for concurrent use.
type Replay struct {
	w *writer
}

// A ReplayedStep is a step of a record and what the replay made of it.
type ReplayedStep struct {
	RecordedStep
	// Replayed are the decisions of the replay. They are equal to Decisions unless
	// Difference is set.
	Replayed []string
	// Difference describes the first difference between the record and the replay, and
	// is empty if there is none.
	Difference string
	// Routing is the routing after the step.
	Routing Routing
}

// NewReplay starts a replay at a RecordCheckpoint or a RecordStart.
func NewReplay(checkpoint []byte) (r *Replay, err error) {
	defer func() {
		if p := recover(); p != nil { // of a record that no router has written
			r, err = nil, fmt.Errorf("checkpoint: the router panicked: %v", p)
		}
	}()
	c := codec{mode: reading, data: checkpoint, known: make(entities)}
	var version uint64
	if c.uint("", &version); c.err == nil && version != RecordVersion {
		return nil, fmt.Errorf("the record has version %d, and this program replays version %d: use the program of the version that wrote it", version, RecordVersion)
	}
	var at time.Time
	var cfg Config
	var id string
	c.time("", &at)
	c.config(&cfg, &id)
	cfg.Cluster, cfg.Events, cfg.Logger = noCluster{}, events.NewBus(events.Options{History: 1}), slog.New(slog.DiscardHandler)
	rt, w, err := newRouter(cfg)
	if err != nil {
		return nil, err
	}
	rt.publisher.id, rt.publisher.updates = id, make(chan storeUpdate, 1)
	w.now = at
	w.replaying = &replaying{known: c.known}
	c.rt = rt
	if w.fields(&c); c.err != nil {
		rt.cancel(ErrClosed)
		return nil, fmt.Errorf("checkpoint: %w", c.err)
	}
	w.publish()
	return &Replay{w}, nil
}

// Close releases what the replay holds.
func (r *Replay) Close() { r.w.cancel(ErrClosed) }

// Step applies a RecordStep. The error is for a record that cannot be read; a decision
// that differs is no error.
func (r *Replay) Step(data []byte) (ReplayedStep, error) {
	s, err := readStep(data, r.w.replaying.known)
	if err != nil {
		return ReplayedStep{RecordedStep: s}, err
	}
	return r.apply(s), nil
}

// apply applies the message of a step.
func (r *Replay) apply(s RecordedStep) (step ReplayedStep) {
	w, p := r.w, r.w.replaying
	defer func() {
		if panicked := recover(); panicked != nil {
			step = ReplayedStep{RecordedStep: s, Routing: *w.routing.Load(), Difference: fmt.Sprintf("the router panicked: %v", panicked)}
		}
	}()
	w.now, w.measured = s.At, 0
	p.observations, p.problem, p.decisions.text = s.observations, "", nil
	s.message.apply(w)
	if p.problem == "" && len(p.observations) > 0 {
		p.problem = "the replay has read less than the recording"
	}
	step = ReplayedStep{RecordedStep: s, Replayed: lines(string(p.decisions.text)), Routing: *w.routing.Load()}
	switch i := firstDifference(step.Decisions, step.Replayed); {
	case i >= 0:
		step.Difference = fmt.Sprintf("decision %d is %q, and was %q", i+1, at(step.Replayed, i), at(step.Decisions, i))
	case string(p.decisions.text) != s.decisions:
		step.Difference = "the decisions differ in their bytes"
	default:
		step.Difference = p.problem
	}
	return step
}

// Verify compares a later RecordCheckpoint with the state of the replay. It returns a
// description of the difference, and an empty text if there is none.
func (r *Replay) Verify(checkpoint []byte) string {
	if now := r.w.checkpoint(); !bytes.Equal(now, checkpoint) {
		return fmt.Sprintf("the state after the step is %q, and was %q", describeCheckpoint(now), describeCheckpoint(checkpoint))
	}
	return ""
}

// describeCheckpoint is a checkpoint as text.
func describeCheckpoint(data []byte) string {
	r, err := NewReplay(data)
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	c := codec{mode: describing, rt: r.w.Router}
	r.w.fields(&c)
	return c.text.String()
}

func firstDifference(a, b []string) int {
	for i := range max(len(a), len(b)) {
		if at(a, i) != at(b, i) {
			return i
		}
	}
	return -1
}

// at is a line, and empty behind the last one.
func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// replaying is what the writer of a replay reads, and what it has decided.
type replaying struct {
	known        entities
	observations []byte
	problem      string // the first observation that is not in the record
	decisions    decisions
}

func (p *replaying) observed(what observation) int64 {
	if len(p.observations) == 0 || observation(p.observations[0]) != what {
		if p.problem == "" {
			p.problem = fmt.Sprintf("the replay reads observation %d, which the record does not have here", what)
		}
		return 0
	}
	c := codec{mode: reading, data: p.observations[1:]}
	var value int64
	c.int("", &value)
	p.observations = c.data
	return value
}

// elapsed returns the time of a measurement that the wall clock does not show, and computed
// for any other.
func (p *replaying) elapsed(measurement int64, computed time.Duration) time.Duration {
	if len(p.observations) == 0 || observation(p.observations[0]) != observedElapsedAt {
		return computed
	}
	c := codec{mode: reading, data: p.observations[1:]}
	var number int64
	if c.int("", &number); number != measurement {
		return computed
	}
	p.observations = c.data
	return time.Duration(p.observed(observedElapsed))
}

// noCluster is the cluster of a replay, which calls none.
type noCluster struct{}

func (noCluster) Authenticate(context.Context, fsm.Side) (string, error) {
	return "", errors.ErrUnsupported
}
func (noCluster) Ping(context.Context, fsm.Side) error           { return errors.ErrUnsupported }
func (noCluster) Resume(context.Context, fsm.Side, func()) error { return errors.ErrUnsupported }
func (noCluster) Reconnect()                                     {}

// Classify returns the verdict that the record has.
func (noCluster) Classify(err error) Verdict {
	var e *recordedError
	switch {
	case err == nil:
		return Accepts
	case errors.As(err, &e):
		return e.verdict
	}
	return Unreachable
}

// replayed describes the errors of a record.
var replayed = &Router{cfg: Config{Cluster: noCluster{}, Describe: error.Error}}

// replaceOutside sets what is only there or not in a replay: the tasks that would call it
// do not run.
func (cfg *Config) replaceOutside(hasStore, reports, shares bool) {
	if hasStore {
		cfg.Store = new(store.Memory)
	}
	if reports {
		cfg.Hooks.Cutover = func(ctx context.Context, _ hook.CutoverStart) (context.Context, func(hook.CutoverEnd)) {
			return ctx, func(hook.CutoverEnd) {}
		}
	}
	if shares {
		cfg.Hooks.WaitShared = func(context.Context, fsm.Snapshot) {}
	}
}
