package exec

import (
	"context"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
)

// Step is the step of a statement that is in progress.
type Step uint8

// The steps, in their order. A repeated statement returns to an earlier one.
const (
	// StepQueued: the statement waits for a slot, or for a planner.
	StepQueued Step = iota
	// StepPreparing: the engine checks and plans the statement.
	StepPreparing
	// StepRunning: the engine computes the result.
	StepRunning
	// StepFetching: rows arrive.
	StepFetching
	// StepDone: the statement has ended, with a result or an error.
	StepDone
)

// Progress describes a statement that is in progress.
type Progress struct {
	Step    Step
	Handle  Handle        // empty before the statement has an id
	Elapsed time.Duration // since the start
	// ServerRows is the number of rows that the engine reports while it computes.
	// TotalRows is the number that it declares, or -1 before it is known.
	ServerRows, TotalRows int64
	// Rows, Batches and Bytes count what the client has received.
	Rows, Batches, Bytes int64
	// Err is the failure of the statement, at StepDone.
	Err error
}

// progressEvery is the minimum time between two reports about rows.
const progressEvery = 50 * time.Millisecond

// statusPolls are the pauses between two status calls.
var statusPolls = backoff.Policy{Base: 100 * time.Millisecond, Max: 2 * time.Second}

// progress reports about one statement. A nil *progress reports nothing.
type progress struct {
	report func(Progress)
	began  time.Time

	mu      sync.Mutex
	current Progress
	last    time.Time // of the last report
}

// newProgress returns the progress of a statement, and nil if it has no reports.
func newProgress(st *Statement) *progress {
	if st.Progress == nil {
		return nil
	}
	return &progress{report: st.Progress, began: time.Now(), current: Progress{TotalRows: -1}}
}

// update changes the current state and reports it.
func (p *progress) update(change func(current *Progress)) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.current)
	p.last = time.Now()
	p.current.Elapsed = p.last.Sub(p.began)
	p.report(p.current)
}

// step reports a step without received rows.
func (p *progress) step(s Step, h Handle) {
	p.update(func(current *Progress) { *current = Progress{Step: s, Handle: h, TotalRows: -1} })
}

// described reports that rows begin to arrive.
func (p *progress) described(h Handle, md *vector.Metadata) {
	p.update(func(current *Progress) {
		current.Step, current.Handle, current.TotalRows = StepFetching, h, md.Rows
	})
}

// received reports the rows received so far, unless the last report is recent.
func (p *progress) received(r *run) {
	if p == nil || time.Since(p.last) < progressEvery {
		return
	}
	p.update(func(current *Progress) { current.Rows, current.Batches, current.Bytes = r.rows, r.batches, r.bytes })
}

// ended reports the end of the statement.
func (p *progress) ended(r *run, err error) {
	p.update(func(current *Progress) {
		current.Step, current.Handle, current.Err = StepDone, r.handle, err
		current.Rows, current.Batches, current.Bytes = r.rows, r.batches, r.bytes
	})
}

// poll requests the status of a statement until stop is called, and reports the number of
// rows. The responses have no other use.
func (p *progress) poll(ctx context.Context, r *remote) (stop func()) {
	if p == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; statusPolls.WaitFull(ctx, n) == nil; n++ {
			status, err := r.status(ctx)
			switch {
			case ctx.Err() != nil || wire.Classify(err) == wire.ClassUnimplemented:
				return
			case err == nil:
				p.update(func(current *Progress) { current.ServerRows = status.Rows })
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
