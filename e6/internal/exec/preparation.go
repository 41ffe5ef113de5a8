package exec

import (
	"cmp"
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// preparation is a prepare call in flight. It outlives its caller: without its response,
// the client could not free the statement on the server.
type preparation struct {
	cancel context.CancelFunc
	done   chan struct{} // closed after the response
	remote remote        // that it has prepared
	err    error
}

// prepare sends the statement to the engine, which checks and plans it. It returns early when
// ctx ends or the client leaves the side; the call continues, and release waits for it.
func (a *attempt) prepare(ctx context.Context) error {
	a.phase = phasePrepare
	if err := a.admit(ctx); err != nil {
		return err
	}
	x, p := a.of.x, &a.preparation
	p.done = make(chan struct{})
	caller, abandon := context.WithCancelCause(ctx)
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.PrepareTimeout)
	p.cancel = cancel
	x.workers.Go(ctx, func() {
		defer close(p.done)
		p.err = a.sendPrepare(detached, caller)
	})
	err := a.await(ctx, p.done)
	abandon(err)
	if err != nil {
		a.left = true
		return err
	}
	cancel()
	return a.prepared()
}

// prepared takes over the result of the prepare call, after its end.
func (a *attempt) prepared() error {
	if a.preparation.err == nil {
		a.remote = &a.preparation.remote
	}
	return a.preparation.err
}

// sendPrepare makes the prepare call, unless its caller leaves before it is sent.
func (a *attempt) sendPrepare(ctx, caller context.Context) error {
	st, text, to, r := a.of.st, a.of.text, a.calls(), &a.preparation.remote
	var planner *string
	if a.planner != "" {
		planner = &a.planner
	}
	answer, err := callFor(ctx, caller, to, 0, func(ctx context.Context, s router.Session) (*e6xv1.PrepareStatementResponse, error) {
		if caller.Err() != nil {
			return nil, context.Cause(caller)
		}
		r.prepared = s.Generation
		if st.Catalog == "" {
			return to.engine(a.planner).PrepareStatement(ctx, &e6xv1.PrepareStatementRequest{
				SessionId: s.ID, Schema: st.Schema, QueryString: text, PlannerIp: planner, ExistingQuery: a.admitted})
		}
		return to.engine(a.planner).PrepareStatementV2(ctx, &e6xv1.PrepareStatementV2Request{
			SessionId: s.ID, Schema: st.Schema, Catalog: st.Catalog, QueryString: text, PlannerIp: planner, ExistingQuery: a.admitted})
	})
	if err != nil {
		return err
	}
	r.calls = to
	r.Handle = Handle{QueryID: answer.GetQueryId(), Side: a.pin.Side, Engine: cmp.Or(answer.GetEngineIP(), a.planner), SessionGeneration: r.prepared}
	return nil
}

// releaseLeft waits for the response to a prepare call whose caller has left, and then
// frees the statement.
func (a *attempt) releaseLeft(ctx context.Context) {
	p := &a.preparation
	limit := time.AfterFunc(a.of.x.CloseTimeout, p.cancel)
	<-p.done
	limit.Stop()
	p.cancel()
	a.left = false
	if err := a.prepared(); err != nil {
		if failed, ok := wire.AsError(err); ok && failed.Effect == wire.EffectUnknown && !unsent(err) {
			a.abandon(ctx, err) // it may be prepared, but its id is not known
		}
	}
	a.release(ctx, false)
}
