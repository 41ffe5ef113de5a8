package e6

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/exec"
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

// reportProgress returns the function that calls fn within Config.HookBudget, and nil if
// there is no fn.
func (c *Client) reportProgress(ctx context.Context, fn func(Progress)) func(exec.Progress) {
	if fn == nil {
		return nil
	}
	caller := c.hookEnv.NewCaller("OnProgress")
	ctx = context.WithoutCancel(ctx)
	return func(p exec.Progress) {
		caller.Call(ctx, hook.PointProgress, c.cfg.HookBudget, func() {
			fn(Progress{
				Step: Step(p.Step), Handle: QueryHandle(p.Handle), Elapsed: p.Elapsed,
				ServerRows: p.ServerRows, TotalRows: p.TotalRows,
				Rows: p.Rows, Batches: p.Batches, Bytes: p.Bytes, Err: p.Err,
			})
		})
	}
}
