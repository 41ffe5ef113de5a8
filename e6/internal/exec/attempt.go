package exec

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// phase is the progress of an attempt. The meaning of a failure depends on it.
type phase uint8

const (
	phasePrepare  phase = iota // nothing was executed
	phaseExecute               // the execute call is sent
	phaseMetadata              // the statement was executed
	phaseFetch
)

// String returns the name of the phase in errors and events.
func (p phase) String() string {
	return [...]string{"prepare", "execute", "metadata", "fetch"}[p]
}

// attempt runs a statement once. Until its release it belongs to one side: every call goes
// to that side, with the session of that side.
type attempt struct {
	of    *repeater // of the run that the attempt belongs to
	pin   router.Pin
	lease wire.Lease
	pulse pulse
	phase phase

	planner  string               // that admits the statement, if there is admission
	admitted *e6xv1.ExistingQuery // the id that the planner gave it

	preparation preparation
	left        bool      // the prepare call is in flight after its caller has left
	remote      *remote   // nil until the statement is prepared
	described   time.Time // when the columns of the result were known
}

// calls returns the calls to the side of the attempt.
func (a *attempt) calls() calls { return calls{a.of.x, a.pin.Side, &a.lease, &a.pulse} }

// handle addresses the statement, as far as it is known.
func (a *attempt) handle() Handle {
	if a.remote == nil {
		return Handle{Side: a.pin.Side}
	}
	return a.remote.Handle
}

// id is the engine's id of the statement, and empty before it is prepared.
func (a *attempt) id() string { return a.handle().QueryID }

// hadNoEffect reports whether the statement certainly had no effect.
func (a *attempt) hadNoEffect(err error, outcome wire.Outcome) bool {
	return a.phase == phasePrepare || a.phase == phaseExecute && (unsent(err) || outcome.Failed() && outcome.Effect == wire.EffectNone)
}

// execute starts the statement, after it is prepared.
func (a *attempt) execute(ctx context.Context) error {
	st := a.of.st
	var params []*e6xv1.ParameterValue
	if len(st.Parameters) > 0 {
		err := a.whileOnSide(ctx, func(ctx context.Context) (err error) {
			params, err = a.remote.number(ctx, st.Parameters)
			return err
		})
		if err != nil {
			return err
		}
	}
	a.phase = phaseExecute
	return a.remote.execute(ctx, st, params)
}

// unpin ends the attempt for the client: its side and its connection are free.
func (a *attempt) unpin() {
	a.lease.Release()
	a.of.x.route.Unpin(a.pin)
}

// release frees the statement on the server, and then unpins. It returns at once: the
// caller has the result, or has left. complete: the result was read to its end.
func (a *attempt) release(ctx context.Context, complete bool) {
	// The context of the statement may have ended; the trace continues.
	ctx = context.WithoutCancel(ctx)
	x := a.of.x
	if a.left {
		free := a.of.slot.hold()
		x.workers.Go(ctx, func() {
			defer free()
			a.releaseLeft(ctx)
		})
		return
	}
	if a.id() == "" {
		a.unpin()
		return
	}
	free := func() {}
	if !complete { // the engine may compute until it receives the cancel
		free = a.of.slot.hold()
	}
	x.workers.Go(ctx, func() {
		defer free()
		defer a.unpin()
		ctx, cancel := context.WithTimeout(ctx, x.CloseTimeout)
		defer cancel()
		if err := a.remote.clear(ctx, complete); err != nil {
			a.abandon(ctx, err)
		}
	})
}

// abandon reports that the server may still hold the statement.
func (a *attempt) abandon(ctx context.Context, err error) {
	x := a.of.x
	x.counters.abandoned.Add(1)
	x.bus.Publish(causeOf(spanOf(ctx), err), events.QueryAbandoned{
		QueryID: a.id(), Tag: a.of.st.Tag, Side: a.pin.Side, Error: Brief(err)})
}
