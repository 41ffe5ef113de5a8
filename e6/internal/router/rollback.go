package router

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/health"
)

// Policy says when the client goes back to the old side by itself.
type Policy struct {
	// Automatic turns it on. CoolDown counts for the caller's own rollbacks too.
	Automatic    bool
	MinRequests  int64
	ErrorRate    float64
	LatencyRatio float64
	Probation    time.Duration
	CoolDown     time.Duration
}

// A probation is the time in which a side that new queries have moved to is
// watched. It is over when the epoch is.
type probation struct {
	side     fsm.Side
	epoch    uint64
	until    time.Time
	baseline health.Summary // of the side that was left
	window   *health.Window // of the queries that were given to the side since
	next     atomic.Int64   // when a breach is told again, in nanoseconds
}

// latencyEvery is how many answers lie between two looks at the latency, which
// costs more than the other looks.
const latencyEvery = 8

// probationOf is the probation of the target of a transition in the epoch that
// begins when it accepts, and nil if there is none.
func (w *writer) probationOf(t *transition, baseline health.Summary) *probation {
	if t.start.Event != fsm.EventAnnounce || !w.cfg.Policy.Automatic {
		return nil
	}
	return &probation{
		side: t.target(), epoch: w.machine.Snapshot().Epoch + 1, until: t.accepted.Add(w.cfg.Policy.Probation),
		baseline: baseline, window: health.NewWindow(w.cfg.HealthWindow),
	}
}

// Health is how a side did in the last while.
func (rt *Router) Health(side fsm.Side) health.Summary {
	if w := rt.windows[side]; w != nil {
		return w.Summary()
	}
	return health.Summary{}
}

// Probation is until when a side is watched, and the zero Time if it is not.
func (rt *Router) Probation(side fsm.Side) time.Time {
	if p := rt.probation.Load(); p != nil && p.side == side && time.Now().Before(p.until) {
		return p.until
	}
	return time.Time{}
}

// Answered reports that the stack of a side did its work for the query of a
// Pin. The latency is 0 if it says nothing about the side.
func (rt *Router) Answered(p Pin, latency time.Duration) {
	rt.examine(p, func(w *health.Window) {
		if latency > 0 {
			w.Succeeded(latency)
		} else {
			w.Answered()
		}
	})
}

// Unanswered reports that it did not. What the writer must be told, Failed and
// Refused tell it: this is for the statistics.
func (rt *Router) Unanswered(p Pin) {
	rt.examine(p, (*health.Window).Failed)
}

// examine counts the end of a query, and looks whether its side breaks the
// policy. For that only what the side was given since it accepted counts: a query
// from an earlier epoch is no evidence.
func (rt *Router) examine(pin Pin, count func(*health.Window)) {
	count(rt.windows[pin.Side])
	p := rt.probation.Load()
	if p == nil || pin.Side != p.side || pin.Epoch != p.epoch || !time.Now().Before(p.until) {
		return
	}
	count(p.window)
	reason, requests, failures := rt.breach(p)
	if reason == "" {
		return
	}
	// Many queries notice it at once, and again until the old side accepts.
	now, next := time.Now().UnixNano(), p.next.Load()
	if now >= next && p.next.CompareAndSwap(next, now+int64(suppressPause)) {
		rt.post(healthBreached{p, reason, requests, failures})
	}
}

// breach says how the side on probation breaks the policy, if it does.
func (rt *Router) breach(p *probation) (reason string, requests, failures int64) {
	policy, w := &rt.cfg.Policy, p.window
	// What happened lately counts, or else everything since it accepted: a client
	// with few queries has a side judged too.
	requests, failures = w.Counts()
	total, totalFailures := w.Totals()
	if requests < policy.MinRequests {
		requests, failures = total, totalFailures
	}
	if requests < policy.MinRequests {
		return "", requests, failures
	}
	if rate := float64(failures) / float64(requests); rate >= policy.ErrorRate {
		return fmt.Sprintf("%d of %d executions got no answer, which is %.0f %% and the limit %.0f %%",
			failures, requests, 100*rate, 100*policy.ErrorRate), requests, failures
	}
	if p.baseline.Timed < policy.MinRequests || total%latencyEvery != 0 {
		return "", requests, failures
	}
	now := w.Summary()
	if limit := time.Duration(policy.LatencyRatio * float64(p.baseline.P50)); now.Timed >= policy.MinRequests && now.P50 > limit {
		return fmt.Sprintf("the median latency is %s, and the limit %s: %g times the %s of %s",
			now.P50, limit, policy.LatencyRatio, p.baseline.P50, p.side.Other()), requests, failures
	}
	return "", requests, failures
}

// onBreach goes back to the old side, once in a cool-down.
func (w *writer) onBreach(p *probation, reason string, requests, failures int64) {
	s := w.machine.Snapshot()
	if w.probation.Load() != p || w.closing || s.Epoch != p.epoch {
		return
	}
	if d := w.suppressed[p.side.Other()]; d != nil && d.reason != waitsForStage && d.holds(s.Epoch) {
		return // a guard, or the old side itself, did not allow it a short while ago
	}
	action := "none"
	switch {
	case s.Phase == fsm.PhasePreparing: // it is being left already
	case !w.rolledBack.IsZero() && time.Since(w.rolledBack) < w.cfg.Policy.CoolDown:
		reason += fmt.Sprintf("; the last rollback was %s ago", time.Since(w.rolledBack).Round(time.Second))
	case s.State == fsm.StateTransitioning:
		action = "abort"
	default:
		action = "rollback"
	}
	cause := fsm.Cause{Reason: fsm.ReasonHealth, Detail: reason}
	if w.transition != nil {
		cause.Trace = w.transition.start.Cause.Trace
	}
	w.cfg.Events.Publish(cause, events.HealthBreached{Side: p.side, Reason: reason, Requests: requests, Failures: failures, Action: action})
	if action != "none" {
		w.startRollback(cause)
	}
}

// A retreat is the way back to the other side, if that accepts.
type rollback struct {
	epoch  uint64
	from   fsm.Side
	cause  fsm.Cause
	failed int // how often the other side did not accept before

	done       chan struct{} // closed when it is known what becomes of it
	err        error
	transition *transition // what leads back, if it takes one
}

// startRollback asks the other side, unless that is under way in this epoch. It
// runs on the writer, with an active side.
func (w *writer) startRollback(cause fsm.Cause) *rollback {
	s := w.machine.Snapshot()
	if w.rollback == nil || w.rollback.epoch != s.Epoch {
		r := &rollback{epoch: s.Epoch, from: s.Active, cause: cause, done: make(chan struct{})}
		w.rollback, w.later = r, nil
		w.suspect(cause)
		w.spawn(func(rt *Router) {
			err := rt.ping(background(rt.ctx, cause), r.from.Other())
			rt.post(rollbackProbed{r, err})
		})
	}
	return w.rollback
}

// onRollbackProbed goes back, now that the other side has answered.
func (w *writer) onRollbackProbed(r *rollback, err error) {
	if w.rollback == r {
		w.rollback = nil
	}
	defer close(r.done)
	s := w.machine.Snapshot()
	to := r.from.Other()
	switch {
	case s.Active == to:
		return // somebody else was faster
	case s.Active != r.from || s.Epoch != r.epoch:
		r.err = errors.New("e6: rollback: the strategy has changed meanwhile: it is " + s.String())
		return
	case w.cfg.Cluster.Classify(err) != Accepts:
		w.failed("return", to, r.failed+1, r.cause, err)
		r.err = errtext.Errorf("rollback: %s does not accept: %w", to, err)
		w.suspicion = nil
		w.rollbackLater(r.from, r.cause, r.failed)
		return
	case s.Phase == fsm.PhasePreparing: // on the way to where it shall go
		if r.transition = w.transition; r.transition.back == nil {
			r.transition.back = &r.cause
		}
		return
	}
	if t := w.transition; t != nil {
		w.rolledBackFrom(t.target(), r.cause)
		w.abort(t, r.cause)
		w.publishReturn(t.origin(), r.cause.Reason == fsm.ReasonHealth)
		return
	}
	r.transition = w.begin(fsm.EventRollback, to, r.cause)
}

// rollbackLater tries again after a while to leave a side that vetoes in the store are
// about: they are news only once.
func (w *writer) rollbackLater(from fsm.Side, cause fsm.Cause, failed int) {
	if cause.Reason != fsm.ReasonStore {
		return
	}
	r := &rollback{epoch: w.machine.Snapshot().Epoch, from: from, failed: failed + 1}
	w.later = r
	pause := pauseAfter(failed) + w.jitter(cause)
	w.spawn(func(rt *Router) {
		if backoff.Sleep(rt.ctx, pause, nil) == nil {
			rt.post(rollbackRetryDue{r})
		}
	})
}

// retryRollback tries again, unless there is no reason left or somebody has decided
// otherwise.
func (w *writer) retryRollback(r *rollback) {
	s := w.machine.Snapshot()
	if w.later != r || s.Active != r.from || s.Epoch != r.epoch || w.closing {
		return
	}
	if v := w.vetoSummaryOf(r.from, w.record); w.isEnough(r.from, v) {
		w.startRollback(fleetCause(r.from, v)).failed = r.failed
	}
}

// retreated begins the cool-down of a side that is left.
func (w *writer) rolledBackFrom(from fsm.Side, cause fsm.Cause) {
	switch cause.Reason {
	case fsm.ReasonStore: // as long as the vetoes say
		w.suppressVetoed(from, w.vetoSummaryOf(from, w.record))
		return
	case fsm.ReasonHealth:
		w.rolledBack = time.Now()
	}
	w.coolDown(from)
	w.veto(from, cause)
}

// Rollback goes back to the side that is not active, if it accepts, and waits
// within ctx until new queries go there. Announcements of the side that is left
// are ignored for the cool-down.
func (rt *Router) Rollback(ctx context.Context, reason string) error {
	m := rollbackRequested{cause: causeOf(ctx, fsm.ReasonCaller, "rollback: "+reason)}
	for !m.known {
		if _, err := rt.waitForSide(ctx); err != nil {
			return err
		}
		if err := rt.call(ctx, &m); err != nil {
			return err
		}
	}
	r := m.rollback
	if r == nil {
		return nil
	}
	if err := rt.await(ctx, r.done); err != nil {
		return errtext.Errorf("rollback: %w", err)
	}
	if r.transition == nil {
		return r.err
	}
	if err := rt.await(ctx, r.transition.ready); err != nil {
		return errtext.Errorf("rollback: waiting for %s to accept: %w", r.transition.target(), err)
	}
	return r.transition.err
}

// requestRollback returns the retreat to wait for, and none if a transition that had
// not come far is taken back. It does nothing while no side is known to accept.
func (w *writer) requestRollback(cause fsm.Cause) (r *rollback, known bool) {
	s := w.machine.Snapshot()
	switch {
	case w.closing, w.held, s.Active == fsm.None:
		return nil, false
	case s.Phase == fsm.PhasePreparing && w.transition.back == nil:
		w.coolDown(w.transition.target())
		w.veto(w.transition.target(), cause)
		w.abort(w.transition, cause)
		return nil, true
	case s.Phase == fsm.PhasePreparing: // on the way back already
		r = &rollback{done: make(chan struct{}), transition: w.transition}
		close(r.done)
		return r, true
	}
	return w.startRollback(cause), true
}

// await waits within ctx for something that the writer brings about.
func (rt *Router) await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctxerr.Cause(ctx)
	case <-rt.ctx.Done():
		return ErrClosed
	}
}
