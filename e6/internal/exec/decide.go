package exec

import (
	"context"
	"errors"
	"fmt"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// decide returns nil if there is another attempt after a failure, and otherwise the error for
// the caller.
func (r *run) decide(ctx context.Context, a *attempt, err error) error {
	if ctx.Err() != nil {
		return r.interrupted(ctx, a, err)
	}
	if differs, ok := errors.AsType[*replayDiffers](err); ok {
		return r.lost(r.cut, r.to.abort(), differs.reason, differs.column, r.cutCause)
	}
	failed, ok := wire.AsError(err)
	outcome := wire.OutcomeOf(err)
	switch {
	case errors.Is(err, errSideLeft), a.hadNoEffect(err, outcome):
		return r.afterFailure(ctx, a, err)
	case !ok, !outcome.Replay && !isUnknownQuery(err):
		return r.noReplay(a, outcome, err)
	case !r.mayReplay():
		return r.lost(a, r.to.abort(), r.replayForbidden(), "", err)
	}
	have := r.to.reset()
	if have.rows > 0 && have.hash == nil {
		return r.lost(a, r.to.abort(), r.continuationForbidden(), "", err)
	}
	r.continueFrom(have, a, err)
	if outcome.Resume {
		if wakeErr := r.resume(ctx, a, failed); ctx.Err() != nil {
			return r.interrupted(ctx, a, err)
		} else if wakeErr != nil {
			return r.lost(a, r.to.abort(), LossReplay, "", fmt.Errorf("%w: %w", wakeErr, r.x.failures.Call(failed)))
		}
	}
	return r.replay(ctx, a, failed)
}

// noReplay is the error of an executed statement for which a replay cannot help, or that is
// lost because the effect of its last call is unknown.
func (r *run) noReplay(a *attempt, outcome wire.Outcome, err error) error {
	switch {
	case outcome.Failed() && outcome.Effect == wire.EffectUnknown && !r.readOnly():
		return r.lost(a, r.to.abort(), LossWrite, "", err)
	case errors.Is(err, ErrClosed):
		return r.annotate(err)
	case unsent(err):
		return r.lost(a, r.to.abort(), LossSession, "", err)
	}
	return r.queryFailure(a, err)
}

// replay prepares another attempt of a statement that was cut off. continueFrom has recorded
// the rows that the caller has.
func (r *run) replay(ctx context.Context, a *attempt, failed *wire.Error) error {
	if !r.spend(a, failed) {
		return r.lost(a, r.have.rows, LossAttempts, "", fmt.Errorf("given up after %d attempts: %w", r.failed+r.refused, r.x.failures.Call(failed)))
	}
	if err := r.pause(ctx, a, failed); err != nil {
		return r.interrupted(ctx, a, r.x.failures.Call(failed))
	}
	r.replays++
	r.onPin = func(to fsm.Side) {
		r.x.counters.replayed.Add(1)
		r.x.bus.Publish(causeOf(r.trace, failed), events.QueryReplayed{
			QueryID: a.id(), Tag: r.st.Tag, From: a.pin.Side, To: to, Attempt: r.replays, Reason: Brief(failed)})
	}
	return nil
}

// replayForbidden returns the reason why the statement is not executed again.
func (r *run) replayForbidden() LossReason {
	if r.st.Replay == ReplayNever {
		return LossPolicy
	}
	return LossWrite
}

// continuationForbidden returns the reason why a statement that may be executed again is not
// continued after its rows have reached the caller.
func (r *run) continuationForbidden() LossReason {
	if !r.readOnly() {
		return LossWrite
	}
	return LossWindow
}

// lost reports a statement that is not replayed or continued, and returns its error.
func (r *run) lost(a *attempt, rows int64, reason LossReason, column string, err error) error {
	lost := Loss{
		Op: a.phase.String(), QueryID: a.id(), Tag: r.st.Tag, Side: a.pin.Side, To: r.x.route.Routing().Active,
		RowsDelivered: rows, MayHaveTakenEffect: !r.readOnly(),
		Reason: reason, Column: column, Err: err,
	}
	r.x.counters.lost.Add(1)
	r.x.bus.Publish(causeOf(r.trace, err), events.QueryLost{
		QueryID: lost.QueryID, Tag: lost.Tag, Side: lost.Side, RowsDelivered: rows, MayHaveRun: lost.MayHaveTakenEffect,
		Reason: string(reason), Error: Brief(err)})
	return r.x.failures.Lost(lost)
}

// preserveLoss keeps the failure of a replay from hiding the effect that the attempt before
// it may have had, and the rows that the caller has.
func (r *run) preserveLoss(ctx context.Context, err error) error {
	switch {
	case r.cut == nil, errors.Is(err, ErrQueryLost), errors.Is(err, ErrClosed):
		return err
	case !r.readOnly(), r.check != nil && ctx.Err() == nil:
		return r.lost(r.cut, r.to.abort(), LossReplay, "", err)
	}
	return err
}
