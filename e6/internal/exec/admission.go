package exec

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// admissionPolls are the pauses between two requests for a planner.
var admissionPolls = backoff.Policy{Base: 10 * time.Millisecond, Max: 500 * time.Millisecond}

// admit requests a planner for the statement, and waits while the cluster starts more of
// them. It has no effect: a statement that ends during the wait leaves nothing on the
// server.
func (a *attempt) admit(ctx context.Context) error {
	x := a.of.x
	if _, known := x.noAdmission.Load(a.pin.Side); known || !x.Admission {
		return nil
	}
	return a.whileOnSide(ctx, a.awaitPlanner)
}

// awaitPlanner requests a planner until one admits the statement, within
// Settings.PrepareTimeout.
func (a *attempt) awaitPlanner(ctx context.Context) error {
	x, st, made := a.of.x, a.of.st, a.calls()
	limited, cancel := context.WithTimeout(ctx, x.PrepareTimeout)
	defer cancel()
	timedOut := func() bool { return limited.Err() != nil && ctx.Err() == nil }
	noPlanner := func(err error) error {
		return fmt.Errorf("no planner was free within %v (Config.PrepareTimeout): %w", x.PrepareTimeout, err)
	}
	w := admissionWait{a: a, began: time.Now()}
	request := &e6xv1.IdentifyPlannerRequest{FirstTimeRequestPayload: &e6xv1.IdentifyPlannerRequest_FirstTimeRequestPayload{
		Schema: st.Schema, Catalog: st.Catalog, QueryString: a.of.text}}
	for n := 0; ; n++ {
		answer, err := repeat(limited, made, 0, true, func(ctx context.Context, s router.Session) (*e6xv1.IdentifyPlannerResponse, error) {
			request.SessionId = s.ID
			return made.engine("").IdentifyPlanner(ctx, request)
		})
		switch {
		case wire.Classify(err) == wire.ClassUnimplemented:
			x.noAdmission.Store(a.pin.Side, true)
			return nil
		case err != nil && timedOut():
			return noPlanner(err)
		case err != nil:
			return err
		}
		w.queryID = answer.GetExistingQuery().GetQueryId()
		switch answer.GetQueueMessage() {
		case e6xv1.IdentifyPlannerResponse_GO_AHEAD:
			w.end()
			a.planner, a.admitted = answer.GetPlannerIp(), answer.GetExistingQuery()
			return nil
		case e6xv1.IdentifyPlannerResponse_RATE_LIMIT:
			return fmt.Errorf("%w: %w", ErrRateLimited, status.Error(codes.ResourceExhausted, ErrRateLimited.Error()))
		}
		w.report()
		request = &e6xv1.IdentifyPlannerRequest{ExistingQuery: &e6xv1.ExistingQuery{
			QueryId: w.queryID, ElapsedTimeMillis: time.Since(w.began).Milliseconds()}}
		if err := admissionPolls.WaitFull(limited, n); err != nil && ctx.Err() == nil {
			return noPlanner(err)
		} else if err != nil {
			return context.Cause(ctx)
		}
	}
}

// admissionWait reports the wait for a planner.
type admissionWait struct {
	a        *attempt
	queryID  string
	began    time.Time
	next     time.Duration // the wait after which it is reported again
	reported bool
}

// report reports that the statement waits: now, and whenever the wait has doubled.
func (w *admissionWait) report() {
	waited := time.Since(w.began)
	if w.reported && waited < w.next {
		return
	}
	w.next = max(time.Second, 2*waited)
	w.reported = true
	w.publish(waited, false)
	w.a.of.progress.step(StepQueued, Handle{QueryID: w.queryID, Side: w.a.pin.Side})
}

// end reports the end of the wait, if there was one.
func (w *admissionWait) end() {
	if w.reported {
		w.publish(time.Since(w.began), true)
		w.a.of.progress.step(StepPreparing, Handle{QueryID: w.queryID, Side: w.a.pin.Side})
	}
}

func (w *admissionWait) publish(waited time.Duration, admitted bool) {
	r := w.a.of
	r.x.bus.Publish(fsm.Cause{Trace: r.trace}, events.QueryQueued{
		QueryID: w.queryID, Tag: r.st.Tag, Side: w.a.pin.Side, Waited: waited, Admitted: admitted})
}
