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

// Stage is how far a query is.
type Stage uint8

// The stages, in their order. A query that is retried or replayed goes back.
const (
	// StageQueued: the query waits for Config.MaxInFlight or Config.Admission.
	StageQueued Stage = iota
	// StagePreparing: the engine checks and plans the statement.
	StagePreparing
	// StageRunning: the engine computes the result.
	StageRunning
	// StageFetching: rows come.
	StageFetching
	// StageDone: the query has ended, well or not.
	StageDone
)

// String returns the name in lower case.
func (s Stage) String() string {
	names := [...]string{"queued", "preparing", "running", "fetching", "done"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// Progress is how far a query is.
type Progress struct {
	Stage Stage
	// Handle addresses the query, and is empty as long as it has no id.
	Handle QueryHandle
	// Elapsed is the time since the query was begun.
	Elapsed time.Duration
	// ServerRows is the number of rows that the engine has computed, as far as it
	// tells while it runs.
	ServerRows int64
	// TotalRows is the number of rows that the engine declares, and -1 as long as
	// that is not known.
	TotalRows int64
	// Rows, Batches and Bytes are what has been received.
	Rows, Batches, Bytes int64
	// Err is why the query has failed, at StageDone.
	Err error
}

// OnProgress tells fn how far the query is: when its stage changes, while it runs
// after each question to the engine for its status (after 100 milliseconds, and
// then less and less often, down to every 2 seconds), and while rows come at most
// every 50 milliseconds. Its calls are made one at a time, each within
// Config.HookBudget: while one takes longer, others are left out. Without it the
// engine is not asked.
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

// stage reports a stage, in which nothing has been received.
func (p *progress) stage(s Stage, h QueryHandle) {
	p.report(func(now *Progress) { *now = Progress{Stage: s, Handle: h, TotalRows: -1} })
}

// described reports that rows begin to come.
func (p *progress) described(h QueryHandle, md *vector.Metadata) {
	p.report(func(now *Progress) {
		now.Stage, now.Handle, now.TotalRows = StageFetching, h, md.Rows
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
		now.Stage, now.Handle, now.Err = StageDone, q.handle, err
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
