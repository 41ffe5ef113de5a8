package e6

import (
	"context"
	"errors"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/internal/sqltext"
)

// readOnly reports whether the statement certainly changes nothing.
func (q *query) readOnly() bool {
	q.readOnce.Do(func() { q.onlyRead = sqltext.ReadOnly(q.sql) })
	return q.onlyRead
}

// mayReplay reports whether the policy lets the statement run twice.
func (q *query) mayReplay() bool {
	switch q.opts.replay {
	case ReplayAlways:
		return true
	case ReplayNever:
		return false
	}
	return q.readOnly()
}

// notReplayed is why a statement is not run again.
func (q *query) notReplayed() LossReason {
	if q.opts.replay == ReplayNever {
		return LossPolicy
	}
	return LossWrite
}

// notContinued is why a statement whose rows have reached the caller is not continued,
// though it may run again.
func (q *query) notContinued() LossReason {
	if !q.readOnly() {
		return LossWrite
	}
	return LossWindow
}

// cutOff is the error of a statement that may not be run again.
func (q *query) cutOff(x *execution, to sink, reason LossReason, err error) error {
	if q.untouched(x, err, wire.OutcomeOf(err)) {
		return q.annotate(err) // nothing was lost
	}
	return q.lost(x, to.stop(), reason, "", err)
}

// lost reports a query that could not be saved, and why not.
func (q *query) lost(x *execution, rows int64, reason LossReason, column string, err error) *CutoverError {
	lost := &CutoverError{
		Op: x.step.String(), QueryID: x.queryID, Tag: q.opts.tag, Side: x.pin.Side, To: q.c.Strategy().Active,
		RowsDelivered: rows, MayHaveTakenEffect: !q.readOnly(),
		Reason: reason, Column: column, Err: err,
	}
	q.c.stats.lost.Add(1)
	q.c.bus.Publish(causeOf(q.ctx, err), events.QueryLost{
		QueryID: lost.QueryID, Tag: lost.Tag, Side: lost.Side, RowsDelivered: rows, MayHaveRun: lost.MayHaveTakenEffect,
		Reason: string(reason), Error: brief(err)})
	return lost
}

// preserveLoss keeps the failure of a replay from hiding what the execution before it may
// have done, and which rows the caller has.
func (q *query) preserveLoss(ctx context.Context, to sink, err error) error {
	switch {
	case q.ran == nil, errors.Is(err, ErrQueryLost), errors.Is(err, ErrClosed):
		return err
	case !q.readOnly(), q.check != nil && ctx.Err() == nil:
		return q.lost(q.ran, to.stop(), LossReplay, "", err)
	}
	return err
}
