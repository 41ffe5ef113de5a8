package exec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// repeater pins the attempts of a statement or of a catalog call. After an attempt without
// an effect, it decides whether there is another one.
type repeater struct {
	x        *Executor
	st       *Statement
	op       string // the operation in errors; empty: the phase of the attempt
	text     string // the statement as it is sent
	trace    trace.SpanContext
	progress *progress
	slot     *slot // of the statement; nil without a limit

	started   int       // attempts
	failed    int       // attempts without a response
	refused   int       // attempts that were refused
	refusedAt time.Time // the time of the first refusal
	suspended int       // attempts that found the cluster suspended

	alone bool // the next attempt needs its own connection

	// onPin, if it is set, reports the repetition when its side is known.
	onPin func(to fsm.Side)
}

// newRepeater returns the repeater of a statement whose caller has that context.
func (x *Executor) newRepeater(ctx context.Context, st *Statement) repeater {
	return repeater{x: x, st: st, text: st.SQL, trace: spanOf(ctx), progress: newProgress(st)}
}

// next pins an attempt to the side of new statements: the first one, or another one after
// failed. failed is released after the new attempt is pinned, so that Shutdown waits for the
// statement. streams is the number of calls that the attempt makes at once.
func (r *repeater) next(ctx context.Context, failed *attempt, streams int) (*attempt, error) {
	var p router.Pin
	var err error
	if failed == nil {
		p, err = r.x.route.PinBy(ctx, r.x.hooks.Choose(ctx, r.st))
	} else {
		p, err = r.x.route.PinAgain(ctx)
		r.x.countCut(err)
		defer failed.release(ctx, false)
	}
	if err != nil {
		return nil, err
	}
	r.started++
	if r.onPin != nil {
		r.onPin(p.Side)
		r.onPin = nil
	}
	a := &attempt{of: r, pin: p}
	if !r.alone {
		a.lease = r.x.conn.Acquire(p.Side, streams)
		return a, nil
	}
	if a.lease, err = r.x.conn.AcquireAlone(ctx); err != nil {
		a.unpin()
		return nil, err
	}
	return a, nil
}

// afterFailure returns nil if an attempt that had no effect is to be repeated, and
// otherwise the error for the caller.
func (r *repeater) afterFailure(ctx context.Context, a *attempt, err error) error {
	if ctx.Err() != nil {
		return r.interrupted(ctx, a, err)
	}
	if errors.Is(err, errSideLeft) {
		r.leave(a)
		return nil
	}
	failed, ok := wire.AsError(err)
	outcome := wire.OutcomeOf(err)
	if !ok || !outcome.StartOver {
		return r.failure(a, err)
	}
	if outcome.Resume {
		if wakeErr := r.resume(ctx, a, failed); ctx.Err() != nil {
			return r.interrupted(ctx, a, err)
		} else if wakeErr != nil {
			// The failed call is the proof that nothing was executed.
			return r.annotate(fmt.Errorf("%w: %w", wakeErr, r.x.failures.Call(failed)))
		}
	}
	return r.retry(ctx, a, failed)
}

// retry prepares another attempt of a statement that had no effect.
func (r *repeater) retry(ctx context.Context, a *attempt, failed *wire.Error) error {
	if !r.spend(a, failed) {
		return withOperation(fmt.Sprintf("%s: given up after %d attempts", r.where(a), r.failed+r.refused), r.x.failures.Call(failed))
	}
	if err := r.pause(ctx, a, failed); err != nil {
		return r.interrupted(ctx, a, r.x.failures.Call(failed))
	}
	r.onPin = func(to fsm.Side) { r.publishRetry(a, to, failed.Method, failed) }
	return nil
}

// leave prepares another attempt of a statement that had no effect on a side which the
// client has left. It does not count: there is at most one for each change of the active
// side.
func (r *repeater) leave(a *attempt) {
	r.onPin = func(to fsm.Side) { r.publishRetry(a, to, a.phase.String(), errSideLeft) }
}

func (r *repeater) publishRetry(a *attempt, to fsm.Side, method string, cause error) {
	r.x.counters.retried.Add(1)
	r.x.bus.Publish(causeOf(r.trace, cause), events.QueryRetried{
		QueryID: a.id(), Tag: r.st.Tag, From: a.pin.Side, To: to, Method: method})
}

// resume resumes the cluster. A side that responds with 503 again after the resume, or whose
// 503 no status call confirms, is not suspended: its ingress has lost the engine, and
// responds in the same way. Such a side is unreachable.
func (r *repeater) resume(ctx context.Context, a *attempt, failed *wire.Error) error {
	if r.suspended++; r.suspended == 1 {
		err := r.x.resumer.resume(ctx, a.pin.Side, nil)
		if !isUnconfirmed(err) {
			return err
		}
	}
	return r.x.route.Failed(context.WithoutCancel(ctx), a.pin.Side, router.Stamp(failed.At), Brief(failed))
}

// spend counts a failed attempt and reports whether there may be another one. Refusals are
// limited in time only: they end with a cluster whose sides refuse in turn for longer than
// a detection may take.
func (r *repeater) spend(a *attempt, failed *wire.Error) bool {
	outcome := failed.Outcome()
	if outcome.Poison {
		// The response to it, or to another call on its connection, cannot be read. On
		// its own connection, it is the response to this one.
		if a.lease.Alone() {
			return false
		}
		r.alone = true
	}
	if !outcome.Free {
		r.failed++
		return r.failed < r.x.MaxAttempts
	}
	if r.refused++; r.refused == 1 {
		r.refusedAt = time.Now()
	}
	if outcome.Verdict == wire.VerdictRefuses {
		r.x.bus.Publish(causeOf(r.trace, failed), events.Refused{Side: a.pin.Side, Method: failed.Method, QueryID: a.id(), Tag: r.st.Tag})
	}
	return time.Since(r.refusedAt) < r.x.freeTime()
}

// replenish restores the budget of a new statement: the last attempts brought the result
// forward.
func (r *repeater) replenish() { r.failed, r.refused, r.suspended = 0, 0, 0 }

// pause waits before the next attempt. The first few refusals need no pause: the routing has
// changed, and the next pin waits for it if it must. After a call without a response, the
// probe of the side decides whether it changes.
func (r *repeater) pause(ctx context.Context, a *attempt, failed *wire.Error) error {
	const free = 3
	outcome := failed.Outcome()
	if outcome.Probe {
		if err := r.x.route.AwaitVerdict(ctx, a.pin.Side); err != nil && ctx.Err() != nil {
			return err
		}
	}
	switch {
	case !outcome.Free:
		return r.x.retry.Wait(ctx, r.failed-1, nil)
	case r.refused > free:
		return r.x.retry.Wait(ctx, r.refused-free-1, nil)
	}
	return nil
}

// failure is the error of an attempt without an effect for which a retry cannot help: an
// error of the engine, an invalid response, or rejected credentials.
func (r *repeater) failure(a *attempt, err error) error {
	if errors.Is(err, ErrClosed) || unsent(err) {
		return r.annotate(err)
	}
	return r.queryFailure(a, err)
}

// queryFailure is the error of the engine's answer.
func (r *repeater) queryFailure(a *attempt, err error) error {
	return r.x.failures.Query(Failure{
		Op: r.opName(a), QueryID: a.id(), Tag: r.st.Tag, Side: a.pin.Side,
		Code: status.Code(err), Message: withLimit(err), NoEffect: a.hadNoEffect(err, wire.OutcomeOf(err)), Err: err,
	})
}

// opName is the operation, for messages.
func (r *repeater) opName(a *attempt) string { return cmp.Or(r.op, a.phase.String()) }

// where is the operation, the statement and the side, for messages.
func (r *repeater) where(a *attempt) string {
	return fmt.Sprintf("%s%s on %s", r.opName(a), QueryName(a.id(), r.st.Tag), a.pin.Side)
}

// interrupted is the error of a statement whose context has ended.
func (r *repeater) interrupted(ctx context.Context, a *attempt, err error) error {
	cause := ctxerr.Cause(ctx)
	if cause == ErrClosed {
		return ErrClosed
	}
	switch {
	case wire.Classify(err) == wire.ClassCanceled, errors.Is(err, cause), errors.Is(err, context.Cause(ctx)):
		return errtext.Errorf("%s: %w", r.where(a), cause)
	case a.phase > phaseExecute:
		// The statement was executed, even if its last call had no effect. Only the text
		// of the failure is kept: its type would mislead SafeToReplay.
		return errtext.Errorf("%s: %w; the last failure: %v", r.where(a), cause, err)
	}
	return errtext.Errorf("%s: %w; the last failure: %w", r.where(a), cause, err)
}

// annotate adds the tag to an error from before the statement had an id.
func (r *repeater) annotate(err error) error {
	if r.st.Tag == "" {
		return err
	}
	return errtext.Errorf("query %q: %w", r.st.Tag, err)
}
