package playground

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/recorder"
)

// keptQueries is the number of ended queries that rates and latencies are computed from.
const keptQueries = 400

// queries is a hook that knows the running queries of a client, those that ended last, and
// the counts of all.
type queries struct {
	mu      sync.Mutex
	next    int
	running map[int]*Running
	ended   []Ended
	totals  Totals
	sides   [3]Counts // by fsm.Side
	failure string    // the last one
}

var (
	_ hook.QueryHook  = (*queries)(nil)
	_ hook.StepHook   = (*queries)(nil)
	_ hook.InlineHook = (*queries)(nil)
)

func newQueries() *queries { return &queries{running: map[int]*Running{}} }

// queryKey is the key of the number of a query in its context.
type queryKey struct{}

// Inline implements hook.InlineHook: the methods only take a lock for a moment.
func (q *queries) Inline(context.Context, string) bool { return true }

// QueryStart implements hook.QueryHook.
func (q *queries) QueryStart(ctx context.Context, s hook.QueryStart) context.Context {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next++
	q.running[q.next] = &Running{Number: q.next, Tag: s.Tag, SQL: s.SQL, Step: "waits for a side", started: time.Now()}
	return context.WithValue(ctx, queryKey{}, q.next)
}

// StepStart implements hook.StepHook.
func (q *queries) StepStart(ctx context.Context, s hook.StepStart) context.Context {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r := q.of(ctx); r != nil {
		r.Side, r.Step, r.Attempt = s.Side, s.Step, s.Attempt
	}
	return ctx
}

// StepEnd implements hook.StepHook.
func (q *queries) StepEnd(context.Context, hook.StepEnd) {}

// QueryEnd implements hook.QueryHook.
func (q *queries) QueryEnd(ctx context.Context, e hook.QueryEnd) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.of(ctx)
	if r == nil {
		return
	}
	delete(q.running, r.Number)
	if errors.Is(e.Err, context.Canceled) { // the visitor stopped the load
		return
	}
	outcome := recorder.Query{Retries: e.Retries, Replays: e.Replays, Continued: e.Continued, Lost: e.Lost, Code: e.Code}.Outcome()
	q.ended = append(q.ended, Ended{Number: r.Number, Tag: r.Tag, Side: e.Side, Outcome: outcome, At: time.Now(), Took: ms(e.Took), Rows: e.Rows})
	q.ended = slices.Delete(q.ended, 0, max(0, len(q.ended)-keptQueries))
	q.count(e.Side, outcome)
	if e.Err != nil {
		q.failure = e.Err.Error()
	}
}

// of is the running query of a context, and nil without one.
func (q *queries) of(ctx context.Context) *Running {
	n, _ := ctx.Value(queryKey{}).(int)
	return q.running[n]
}

func (q *queries) count(side fsm.Side, outcome string) {
	for _, c := range []*Counts{&q.totals.Counts, &q.sides[side]} {
		c.Queries++
		switch outcome {
		case "retried":
			c.Retried++
		case "replayed":
			c.Replayed++
		case "continued":
			c.Continued++
		case "failed", "lost":
			c.Failed++
		}
	}
}

func (q *queries) addWrong() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.totals.Wrong++
}
