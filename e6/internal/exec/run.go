package exec

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/sqltext"
)

// run executes a statement until it has its result, in one or more attempts.
type run struct {
	repeater
	to sink

	// speculative: the first batch may be requested together with the metadata.
	speculative bool

	readOnce sync.Once // for readOnly, which takes time in proportion to the text
	onlyRead bool

	replays  int
	cut      *attempt // the last attempt that was cut off and is replayed
	cutCause error    // the failure that cut it off

	have        delivered     // the rows that the caller had then
	check       *continuation // verifies that the attempt begins with these rows; nil: it is verified, or there are none
	continued   int           // the number of replays that were verified
	continuedAt time.Time     // when the current attempt was verified; zero before that, or without rows to verify
	skipped     *vector.Batch // a batch whose rows the caller had, for reuse

	step                 ObservedStep // of the current attempt
	handle               Handle       // of the last attempt
	rows, batches, bytes int64        // of the delivered result
	truncated            bool         // the result has more rows than Statement.MaxRows
}

// newRun returns the run of a statement whose result goes into a sink.
func (x *Executor) newRun(ctx context.Context, st *Statement, to sink) *run {
	return &run{repeater: x.newRepeater(ctx, st), to: to}
}

// readOnly reports whether the statement certainly changes nothing.
func (r *run) readOnly() bool {
	r.readOnce.Do(func() { r.onlyRead = sqltext.ReadOnly(r.st.SQL) })
	return r.onlyRead
}

// mayReplay reports whether the policy allows to execute the statement twice.
func (r *run) mayReplay() bool {
	switch r.st.Replay {
	case ReplayAlways:
		return true
	case ReplayNever:
		return false
	}
	return r.readOnly()
}

// observed runs the statement with body, and calls the query hooks. It holds one of
// Settings.MaxInFlight slots.
func (r *run) observed(ctx context.Context, body func(context.Context) error) error {
	st := r.st
	ctx, end := r.x.hooks.Query(ctx, hook.QueryStart{
		SQL: st.SQL, Template: st.Template, Tag: st.Tag, Labels: st.Labels, Catalog: st.Catalog, Schema: st.Schema})
	r.text = r.x.Comment.add(ctx, st.SQL, st.Tag) // of the span that a hook has begun
	err := r.inSlot(ctx, body)
	r.progress.ended(r, err)
	end(hook.QueryEnd{
		Side: r.handle.Side, QueryID: r.handle.QueryID, Rows: r.rows, Batches: r.batches, Bytes: r.bytes,
		Retries: max(r.started-1-r.replays, 0), Replays: r.replays, Continued: r.continued,
		Err: err, Lost: errors.Is(err, ErrQueryLost), Code: codeOf(err),
	})
	return err
}

// work is the work of an attempt. A method expression needs no allocation.
type work func(r *run, ctx context.Context, a *attempt) error

// repeat makes attempts with do until one succeeds, and returns it. It decides after each
// failure whether there is another attempt. The caller ends the attempt.
func (r *run) repeat(ctx context.Context, do work) (*attempt, error) {
	var a *attempt
	for {
		var err error
		if a, err = r.next(ctx, a, r.streams()); err != nil {
			return nil, r.preserveLoss(ctx, r.annotate(err))
		}
		began := time.Now()
		err = do(r, ctx, a)
		r.handle = a.handle()
		r.record(ctx, a, began, err)
		if err == nil {
			return a, nil
		}
		if err := r.decide(ctx, a, err); err != nil {
			r.x.countCut(err)
			a.release(ctx, false)
			return nil, r.preserveLoss(ctx, err)
		}
	}
}

// record adds an attempt to the health of its side. The end of the caller's context and a
// refusal do not count.
func (r *run) record(ctx context.Context, a *attempt, began time.Time, err error) {
	var latency time.Duration
	if !a.described.IsZero() {
		latency = a.described.Sub(began)
	}
	if err == nil {
		r.x.route.Answered(a.pin, latency)
		return
	}
	outcome := wire.OutcomeOf(err)
	switch {
	case ctx.Err() != nil:
	case outcome.Health == wire.HealthAnswered:
		r.x.route.Answered(a.pin, latency)
	case outcome.Health == wire.HealthFailed:
		r.x.route.Unanswered(a.pin)
	}
}

// streams is the number of calls that an attempt makes at once.
func (r *run) streams() int {
	if r.speculates() {
		return 2
	}
	return 1
}

// begin executes the statement, and then calls read.
func (r *run) begin(ctx context.Context, a *attempt, read work) error {
	if err := r.prepareStep(ctx, a); err != nil {
		return err
	}
	return r.unlessDead(ctx, a, func(ctx context.Context) error {
		if err := r.executeStep(ctx, a); err != nil {
			return err
		}
		return read(r, ctx, a)
	})
}

func (r *run) prepareStep(ctx context.Context, a *attempt) error {
	r.progress.step(StepPreparing, a.handle())
	return r.step.do(ctx, "prepare", func(_ *run, ctx context.Context, a *attempt) error { return a.prepare(ctx) })
}

func (r *run) executeStep(ctx context.Context, a *attempt) error {
	r.progress.step(StepRunning, a.handle())
	return r.step.do(ctx, "execute", func(_ *run, ctx context.Context, a *attempt) error { return a.execute(ctx) })
}

func (r *run) fetchStep(ctx context.Context, a *attempt) error {
	return r.step.do(ctx, "fetch", (*run).fetch)
}

// ObservedStep is the step of an attempt that is running, for hooks.
type ObservedStep struct {
	hook.StepStart
	// Skipped has a bit for each hook that skips the steps of this attempt.
	Skipped uint64

	r    *run
	a    *attempt
	work work
}

// reset prepares for an attempt whose result is not read yet.
func (r *run) reset(a *attempt) {
	r.rows, r.batches, r.bytes, r.truncated = 0, 0, 0, false
	r.expect()
	r.step = ObservedStep{StepStart: hook.StepStart{Side: a.pin.Side, Attempt: r.started, Replay: r.replays > 0}, r: r, a: a}
}

// do runs a step and calls the hooks.
func (s *ObservedStep) do(ctx context.Context, name string, f work) error {
	s.Step, s.QueryID, s.work = name, s.a.id(), f
	return s.r.x.hooks.Step(ctx, s)
}

// Run runs the step.
func (s *ObservedStep) Run(ctx context.Context) error { return s.work(s.r, ctx, s.a) }

// End describes the end of the step.
func (s *ObservedStep) End(took time.Duration, err error) hook.StepEnd {
	r := s.r
	e := hook.StepEnd{StepStart: s.StepStart, Took: took, Rows: r.rows, Batches: r.batches, Bytes: r.bytes, Err: err}
	if !r.continuedAt.IsZero() {
		e.Continued, e.Verified = r.continuedAt, r.have.rows
	}
	return e
}
