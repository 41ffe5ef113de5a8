package e6

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/wire"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// admissionPolls are the pauses between questions for a planner.
var admissionPolls = backoff.Policy{Base: 10 * time.Millisecond, Max: 500 * time.Millisecond}

// admit asks the cluster whether a planner takes the statement, and waits for one
// while there are too few. It has no effect: a query that ends while it waits
// leaves nothing behind.
func (x *execution) admit(ctx context.Context, q *query) error {
	if _, known := x.c.noAdmission.Load(x.pin.Side); known || !x.c.cfg.Admission {
		return nil
	}
	return x.unlessLeft(ctx, func(ctx context.Context) error { return x.awaitPlanner(ctx, q) })
}

func (x *execution) awaitPlanner(ctx context.Context, q *query) error {
	limit := x.c.cfg.PrepareTimeout
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	w := admissionWait{q: q, x: x, began: time.Now()}
	request := &e6xv1.IdentifyPlannerRequest{FirstTimeRequestPayload: &e6xv1.IdentifyPlannerRequest_FirstTimeRequestPayload{
		Schema: q.opts.schema, Catalog: q.opts.catalog, QueryString: q.sent}}
	for n := 0; ; n++ {
		answer, err := repeat(limited, x, true, func(ctx context.Context, session string) (*e6xv1.IdentifyPlannerResponse, error) {
			request.SessionId = session
			return x.rpc().IdentifyPlanner(ctx, request)
		})
		switch {
		case wire.Classify(err) == wire.ClassUnimplemented:
			x.c.noAdmission.Store(x.pin.Side, true)
			return nil
		case err != nil && limited.Err() != nil && ctx.Err() == nil:
			return fmt.Errorf("no planner was free within %v (Config.PrepareTimeout): %w", limit, err)
		case err != nil:
			return err
		}
		w.queryID = answer.GetExistingQuery().GetQueryId()
		switch answer.GetQueueMessage() {
		case e6xv1.IdentifyPlannerResponse_GO_AHEAD:
			w.over()
			x.engine, x.admitted = answer.GetPlannerIp(), answer.GetExistingQuery()
			return nil
		case e6xv1.IdentifyPlannerResponse_RATE_LIMIT:
			return fmt.Errorf("%w: %w", ErrRateLimited, status.Error(codes.ResourceExhausted, ErrRateLimited.Error()))
		}
		w.goOn()
		request = &e6xv1.IdentifyPlannerRequest{ExistingQuery: &e6xv1.ExistingQuery{
			QueryId: w.queryID, ElapsedTimeMillis: time.Since(w.began).Milliseconds()}}
		if err := admissionPolls.WaitFull(limited, n); err != nil && ctx.Err() == nil {
			return fmt.Errorf("no planner was free within %v (Config.PrepareTimeout): %w", limit, err)
		} else if err != nil {
			return context.Cause(ctx)
		}
	}
}

// admissionWait tells about a wait for a planner.
type admissionWait struct {
	q       *query
	x       *execution
	queryID string
	began   time.Time
	next    time.Duration // when it is told again
	told    bool
}

// goOn tells that the query waits, now and whenever the wait has doubled.
func (w *admissionWait) goOn() {
	waited := time.Since(w.began)
	if w.told && waited < w.next {
		return
	}
	w.next = max(time.Second, 2*waited)
	w.told = true
	w.publish(waited, false)
	w.q.progress.step(StepQueued, QueryHandle{QueryID: w.queryID, Side: w.x.pin.Side})
}

// over tells the end of the wait, if there was one.
func (w *admissionWait) over() {
	if w.told {
		w.publish(time.Since(w.began), true)
		w.q.progress.step(StepPreparing, QueryHandle{QueryID: w.queryID, Side: w.x.pin.Side})
	}
}

func (w *admissionWait) publish(waited time.Duration, admitted bool) {
	w.q.c.bus.Publish(fsm.Cause{Trace: trace.SpanContextFromContext(w.q.ctx)}, events.QueryQueued{
		QueryID: w.queryID, Tag: w.q.opts.tag, Side: w.x.pin.Side, Waited: waited, Admitted: admitted})
}
