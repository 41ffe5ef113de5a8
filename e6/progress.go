package e6

import (
	"context"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
)

// Step is the step of a query that is in progress.
type Step uint8

// The steps, in their order. A query that is retried or replayed returns to an earlier one.
const (
	// StepQueued: the query waits for Config.MaxInFlight or Config.Admission.
	StepQueued Step = iota
	// StepPreparing: the engine checks and plans the statement.
	StepPreparing
	// StepRunning: the engine computes the result.
	StepRunning
	// StepFetching: the client receives rows.
	StepFetching
	// StepDone: the query has ended, with or without an error.
	StepDone
)

// String returns the name in lower case.
func (s Step) String() string {
	names := [...]string{"queued", "preparing", "running", "fetching", "done"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// Progress describes a query that is in progress.
type Progress struct {
	// Step is the current step.
	Step Step
	// Handle addresses the query. It is empty until the query has an id.
	Handle QueryHandle
	// Elapsed is the time since the start of the query.
	Elapsed time.Duration
	// ServerRows is the number of rows that the engine has computed, according to its
	// status while it runs.
	ServerRows int64
	// TotalRows is the number of rows that the engine declares, and -1 until the metadata
	// has been received.
	TotalRows int64
	// Rows, Batches and Bytes count what the client has received.
	Rows, Batches, Bytes int64
	// Err is the error of a query that has failed, at StepDone.
	Err error
}

// OnProgress calls fn with the progress of the query: at each change of its step; while it
// runs, after each status call (the first after 100 milliseconds, then at growing intervals
// up to 2 seconds); and while the client receives rows, at most every 50 milliseconds. Calls
// of fn do not overlap. Each is limited by Config.HookBudget; reports are skipped while a
// call takes longer. Without OnProgress, the client makes no status calls.
func OnProgress(fn func(Progress)) QueryOption { return func(o *queryOptions) { o.progress = fn } }

// progressEvery is the least time between two reports about rows.
const progressEvery = 50 * time.Millisecond

// statusPolls are the pauses between questions for the status of a query.
var statusPolls = backoff.Policy{Base: 100 * time.Millisecond, Max: 2 * time.Second}

// progress reports about one query. A nil one reports nothing.
type progress struct {
	fn     func(Progress)
	caller hookCaller
	ctx    context.Context
	began  time.Time

	mu   sync.Mutex
	now  Progress
	last time.Time // the last report
}

func (c *Client) newProgress(ctx context.Context, o *queryOptions) *progress {
	if o.progress == nil {
		return nil
	}
	return &progress{
		fn: o.progress, caller: hookCaller{c: c, name: "OnProgress"}, ctx: context.WithoutCancel(ctx),
		began: time.Now(), now: Progress{TotalRows: -1},
	}
}

// report changes what is known and tells the caller.
func (p *progress) report(change func(now *Progress)) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.now)
	p.last = time.Now()
	p.now.Elapsed = p.last.Sub(p.began)
	now := p.now
	p.caller.call(p.ctx, hook.PointProgress, p.caller.c.cfg.HookBudget, func() { p.fn(now) })
}

// step reports a step in which nothing has been received.
func (p *progress) step(s Step, h QueryHandle) {
	p.report(func(now *Progress) { *now = Progress{Step: s, Handle: h, TotalRows: -1} })
}

// described reports that rows begin to come.
func (p *progress) described(h QueryHandle, md *vector.Metadata) {
	p.report(func(now *Progress) {
		now.Step, now.Handle, now.TotalRows = StepFetching, h, md.Rows
	})
}

// took reports what has been received, unless it was reported just now.
func (p *progress) took(q *query) {
	if p == nil || time.Since(p.last) < progressEvery {
		return
	}
	p.report(func(now *Progress) { now.Rows, now.Batches, now.Bytes = q.rows, q.batches, q.bytes })
}

// ended reports the end of the query, or that it was submitted.
func (p *progress) ended(q *query, err error) {
	if q.submit && err == nil {
		return
	}
	p.report(func(now *Progress) {
		now.Step, now.Handle, now.Err = StepDone, q.handle, err
		now.Rows, now.Batches, now.Bytes = q.rows, q.batches, q.bytes
	})
}

// poll asks the engine how far it is until stop is called. What it answers is
// only reported.
func (p *progress) poll(ctx context.Context, x *execution) (stop func()) {
	if p == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	asked := *x // the session of a call is noted in its execution
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; statusPolls.WaitFull(ctx, n) == nil; n++ {
			answer, err := asked.status(ctx)
			switch {
			case ctx.Err() != nil || wire.Classify(err) == wire.ClassUnimplemented:
				return
			case err == nil:
				p.report(func(now *Progress) { now.ServerRows = answer.GetRowCount() })
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
