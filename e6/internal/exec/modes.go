package exec

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/errtext"
)

// Collect executes a statement and returns its whole result.
func (x *Executor) Collect(ctx context.Context, st *Statement) (*Collected, error) {
	ctx, unbind := x.bind(ctx)
	defer unbind()
	all := new(Collected)
	r := x.newRun(ctx, st, all)
	r.speculative = true
	if err := r.toSink(ctx); err != nil {
		return nil, err
	}
	all.Truncated = r.truncated
	return all, nil
}

// Run executes a statement to the end of its result, and drops the rows.
func (x *Executor) Run(ctx context.Context, st *Statement) error {
	ctx, unbind := x.bind(ctx)
	defer unbind()
	r := x.newRun(ctx, st, new(discard))
	r.speculative = true
	return r.toSink(ctx)
}

// toSink executes the statement and reads its result.
func (r *run) toSink(ctx context.Context) error {
	return r.observed(ctx, func(ctx context.Context) error {
		a, err := r.repeat(ctx, (*run).executeAndRead)
		if err == nil {
			a.release(ctx, !r.truncated)
		}
		return err
	})
}

// executeAndRead is an attempt from its begin to the end of the result.
func (r *run) executeAndRead(ctx context.Context, a *attempt) error {
	r.reset(a)
	return r.begin(ctx, a, (*run).fetchStep)
}

// Open executes a statement whose rows are read from a stream. It returns when the columns
// are known, or with the error of the statement. The context governs the whole result.
func (x *Executor) Open(ctx context.Context, st *Statement, s *Stream) error {
	r := x.newRun(ctx, st, s)
	r.speculative = true
	s.init(x, r.newRecord())
	return s.run(ctx, x, r, r.toSink)
}

// Analyze executes a statement, drops its rows, and returns the analysis of the execution.
func (x *Executor) Analyze(ctx context.Context, st *Statement) (*Analysis, error) {
	ctx, unbind := x.bind(ctx)
	defer unbind()
	r := x.newRun(ctx, st, new(discard))
	r.speculative = true
	var analysis *Analysis
	err := r.observed(ctx, func(ctx context.Context) error {
		a, err := r.repeat(ctx, func(r *run, ctx context.Context, a *attempt) error {
			r.reset(a)
			return r.begin(ctx, a, func(r *run, ctx context.Context, a *attempt) (err error) {
				if err = r.fetchStep(ctx, a); err == nil {
					analysis, err = a.remote.analyze(ctx)
				}
				return err
			})
		})
		if err == nil {
			a.release(ctx, !r.truncated)
		}
		return err
	})
	return analysis, err
}

// Submit executes a statement, and leaves its result on the server until Read. It returns
// as soon as the engine runs it.
func (x *Executor) Submit(ctx context.Context, st *Statement) (Handle, error) {
	ctx, unbind := x.bind(ctx)
	defer unbind()
	r := x.newRun(ctx, st, new(discard))
	err := r.observed(ctx, func(ctx context.Context) error {
		a, err := r.repeat(ctx, func(r *run, ctx context.Context, a *attempt) error {
			r.reset(a)
			if err := r.prepareStep(ctx, a); err != nil {
				return err
			}
			return r.executeStep(ctx, a)
		})
		if err == nil {
			r.progress = nil // the statement has not ended
			x.submitted.keep(a)
		}
		return err
	})
	if err != nil {
		return Handle{}, err
	}
	return r.handle, nil
}

// Read reads the result of a submitted statement, of this client or of another one, from a
// stream. It uses only the options of st. It returns as Open does.
func (x *Executor) Read(ctx context.Context, h Handle, st *Statement, s *Stream) error {
	if x.route.Routing().Closed {
		return ErrClosed
	}
	a, err := x.submitted.take(x, h)
	if err != nil {
		return errtext.Errorf("fetch%s: %w", QueryName(h.QueryID, ""), err)
	}
	options := *st
	options.Replay = ReplayNever
	if a.of != nil {
		options.SQL = a.of.st.SQL // an earlier run has submitted it
	}
	r := x.newRun(ctx, &options, s)
	r.handle, r.started, a.of = h, 1, &r.repeater
	s.init(x, nil)
	return s.run(ctx, x, r, func(ctx context.Context) error {
		return r.observed(ctx, func(ctx context.Context) error { return r.readSubmitted(ctx, a) })
	})
}

// readSubmitted reads the result of a submitted statement. It is not repeated.
func (r *run) readSubmitted(ctx context.Context, a *attempt) error {
	defer r.x.submitted.drop(a)
	began := time.Now()
	r.progress.step(StepRunning, r.handle)
	r.reset(a)
	err := r.fetchStep(ctx, a)
	r.record(ctx, a, began, err)
	if err != nil {
		err = r.decide(ctx, a, err)
		r.x.countCut(err)
	}
	a.release(ctx, err == nil && !r.truncated)
	return err
}

// RunOnce executes a statement on one side, once, in any state of that side.
func (x *Executor) RunOnce(ctx context.Context, side fsm.Side, st *Statement) (*Collected, error) {
	ctx, unbind := x.bind(ctx)
	defer unbind()
	all := new(Collected)
	r := x.newRun(ctx, st, all)
	r.started = 1
	a := &attempt{of: &r.repeater, pin: x.route.PinTo(side)}
	err := r.executeAndRead(ctx, a)
	a.release(ctx, err == nil)
	if err != nil {
		return nil, errtext.Errorf("%s%s on %s: %w", a.phase, QueryName(a.id(), st.Tag), side, err)
	}
	return all, nil
}
