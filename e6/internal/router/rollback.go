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

// Policy is the policy of automatic rollbacks.
type Policy struct {
	// Automatic turns them on. CoolDown applies to rollbacks of the caller too.
	Automatic    bool
	MinRequests  int64
	ErrorRate    float64
	LatencyRatio float64
	Probation    time.Duration
	CoolDown     time.Duration
}

// A probation is the time after a transition in which the health of the new side can
// cause a rollback. It ends with the epoch.
type probation struct {
	id       uint64
	side     fsm.Side
	epoch    uint64
	until    time.Time
	baseline health.Summary // of the other side
	window   *health.Window // of the queries of this epoch
	next     atomic.Int64   // time of the next report of a breach, in nanoseconds
}

// latencyEvery is the number of responses between two checks of the latency, which
// cost more than the other checks.
const latencyEvery = 8

// probationOf is the probation of the target of a transition in the epoch that
// begins when it accepts, and nil if there is none.
func (w *writer) probationOf(t *transition, baseline health.Summary) *probation {
	if t.start.Event != fsm.EventAnnounce || !w.cfg.Policy.Automatic {
		return nil
	}
	p := &probation{
		side: t.target(), epoch: w.machine.Snapshot().Epoch + 1, until: t.accepted.Add(w.cfg.Policy.Probation),
		baseline: baseline, window: health.NewWindow(w.cfg.HealthWindow),
	}
	p.id = w.newID(p)
	return p
}

// Health returns the health of a side in the last HealthWindow.
func (rt *Router) Health(side fsm.Side) health.Summary {
	if w := rt.windows[side]; w != nil {
		return w.Summary()
	}
	return health.Summary{}
}

// Probation returns the end of a side's probation, and the zero Time without one.
func (rt *Router) Probation(side fsm.Side) time.Time {
	if p := rt.probation.Load(); p != nil && p.side == side && time.Now().Before(p.until) {
		return p.until
	}
	return time.Time{}
}

// Answered counts a query of a Pin whose calls the side executed. The latency is 0
// if it depends on more than the side.
func (rt *Router) Answered(p Pin, latency time.Duration) {
	rt.examine(p, func(w *health.Window) {
		if latency > 0 {
			w.Succeeded(latency)
		} else {
			w.Answered()
		}
	})
}

// Unanswered counts a query of a Pin whose calls the side did not execute. It is for
// the health of the side only: the call itself is reported with Failed or Refused.
func (rt *Router) Unanswered(p Pin) {
	rt.examine(p, (*health.Window).Failed)
}

// examine counts the end of a query and reports a breach of the policy. Only queries
// of the probation's epoch count for the policy.
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
	// Many queries find the breach at the same time, and more until the rollback: one
	// message in suppressPause is enough.
	now, next := time.Now().UnixNano(), p.next.Load()
	if now >= next && p.next.CompareAndSwap(next, now+int64(suppressPause)) {
		rt.post(&healthBreached{p, reason, requests, failures})
	}
}

// breach returns the limit of the policy that the side on probation exceeds, if any.
func (rt *Router) breach(p *probation) (reason string, requests, failures int64) {
	policy, w := &rt.cfg.Policy, p.window
	// The sliding window counts, or everything since the side accepted if the window
	// has too few queries: the policy works for a client with few queries too.
	requests, failures = w.Counts()
	total, totalFailures := w.Totals()
	if requests < policy.MinRequests {
		requests, failures = total, totalFailures
	}
	if requests < policy.MinRequests {
		return "", requests, failures
	}
	if rate := float64(failures) / float64(requests); rate >= policy.ErrorRate {
		return fmt.Sprintf("%d of %d executions got no response: %.0f %%, limit %.0f %%",
			failures, requests, 100*rate, 100*policy.ErrorRate), requests, failures
	}
	if p.baseline.Timed < policy.MinRequests || total%latencyEvery != 0 {
		return "", requests, failures
	}
	now := w.Summary()
	if limit := time.Duration(policy.LatencyRatio * float64(p.baseline.P50)); now.Timed >= policy.MinRequests && now.P50 > limit {
		return fmt.Sprintf("the median latency is %s, limit %s (%g times the %s of %s)",
			now.P50, limit, policy.LatencyRatio, p.baseline.P50, p.side.Other()), requests, failures
	}
	return "", requests, failures
}

// onBreach starts a rollback, at most once in a cool-down.
func (w *writer) onBreach(p *probation, reason string, requests, failures int64) {
	s := w.machine.Snapshot()
	if w.probation.Load() != p || w.closing || s.Epoch != p.epoch {
		return
	}
	if d := w.suppressed[p.side.Other()]; d != nil && d.reason != waitsForStage && d.holds(s.Epoch, w) {
		return // the other side is suppressed: a guard vetoed it, or it did not accept
	}
	action := "none"
	switch {
	case s.Phase == fsm.PhasePreparing: // a transition to the other side is preparing already
	case !w.rolledBack.IsZero() && w.since(w.rolledBack) < w.cfg.Policy.CoolDown:
		reason += fmt.Sprintf("; the last rollback was %s ago", w.since(w.rolledBack).Round(time.Second))
	case s.State == fsm.StateTransitioning:
		action = "abort"
	default:
		action = "rollback"
	}
	cause := fsm.Cause{Reason: fsm.ReasonHealth, Detail: reason}
	if w.transition != nil {
		cause.Trace = w.transition.start.Cause.Trace
	}
	w.emit(cause, events.HealthBreached{Side: p.side, Reason: reason, Requests: requests, Failures: failures, Action: action})
	if action != "none" {
		w.startRollback(cause)
	}
}

// A rollback is a change to the other side, if that accepts, and a suppression of the
// side that is left.
type rollback struct {
	id     uint64
	epoch  uint64
	from   fsm.Side
	cause  fsm.Cause
	failed int // attempts before this one in which the other side did not accept

	done       chan struct{} // closed when err and transition are set
	err        error
	transition *transition // to the other side; nil if none is needed
}

// startRollback probes the other side. It returns the rollback in flight of this
// epoch, if there is one. It runs on the writer, with an active side.
func (w *writer) startRollback(cause fsm.Cause) *rollback {
	s := w.machine.Snapshot()
	if w.rollback == nil || w.rollback.epoch != s.Epoch {
		r := &rollback{epoch: s.Epoch, from: s.Active, cause: cause, done: make(chan struct{})}
		w.rollback, w.later, r.id = r, nil, w.newID(r)
		w.suspect(cause)
		w.spawn("rollback", func(rt *Router) {
			err := rt.ping(background(rt.ctx, cause), r.from.Other())
			rt.post(&rollbackProbed{r, err})
		})
	}
	return w.rollback
}

// onRollbackProbed continues a rollback with the result of its probe.
func (w *writer) onRollbackProbed(r *rollback, err error) {
	if w.rollback == r {
		w.rollback = nil
	}
	defer close(r.done)
	s := w.machine.Snapshot()
	to := r.from.Other()
	switch {
	case s.Active == to:
		return // the other side is active already
	case s.Active != r.from || s.Epoch != r.epoch:
		r.err = errors.New("e6: rollback: the strategy changed during the probe: it is " + s.String())
		return
	case w.cfg.Cluster.Classify(err) != Accepts:
		w.probeFailed("return", to, r.failed+1, r.cause, err)
		r.err = errtext.Errorf("rollback: %s does not accept: %w", to, err)
		w.suspicion = nil
		w.rollbackLater(r.from, r.cause, r.failed)
		return
	case s.Phase == fsm.PhasePreparing: // a transition to the other side is preparing: it becomes the rollback
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

// rollbackLater retries a rollback because of vetoes after a pause. Without it there would
// be one attempt only, as the client acts on a veto when it is added.
func (w *writer) rollbackLater(from fsm.Side, cause fsm.Cause, failed int) {
	if cause.Reason != fsm.ReasonStore {
		return
	}
	r := &rollback{epoch: w.machine.Snapshot().Epoch, from: from, failed: failed + 1}
	w.later, r.id = r, w.newID(r)
	pause := pauseAfter(failed) + w.jitterOf(cause)
	w.decide("rollback later", "", "pause", pause)
	w.spawn("rollback later", func(rt *Router) {
		if backoff.Sleep(rt.ctx, pause, nil) == nil {
			rt.post(&rollbackRetryDue{r})
		}
	})
}

// retryRollback retries a rollback, unless the vetoes have ended, the active side has
// changed, or a Switch to the active side has cancelled it.
func (w *writer) retryRollback(r *rollback) {
	s := w.machine.Snapshot()
	if w.later != r || s.Active != r.from || s.Epoch != r.epoch || w.closing {
		return
	}
	if v := w.vetoSummaryOf(r.from, w.record, w); w.isEnough(r.from, v) {
		w.startRollback(fleetCause(r.from, v)).failed = r.failed
	}
}

// rolledBackFrom starts the suppression of the side that a rollback leaves: until the
// vetoes end, or for the cool-down.
func (w *writer) rolledBackFrom(from fsm.Side, cause fsm.Cause) {
	switch cause.Reason {
	case fsm.ReasonStore:
		w.suppressVetoed(from, w.vetoSummaryOf(from, w.record, w))
		return
	case fsm.ReasonHealth:
		w.rolledBack = w.now
	}
	w.coolDown(from)
	w.veto(from, cause)
}

// Rollback changes to the side that is not active, if it accepts, and waits within
// ctx until new queries are routed to it. Announcements of the side that is left are
// ignored for the cool-down.
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

// requestRollback returns the rollback to wait for, and nil if it has aborted a transition
// in the preparing phase instead. known is false, and nothing is done, while no side is
// known to accept.
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
	case s.Phase == fsm.PhasePreparing: // the transition is a rollback already
		r = &rollback{done: make(chan struct{}), transition: w.transition}
		close(r.done)
		return r, true
	}
	return w.startRollback(cause), true
}

// await waits, within ctx, until done is closed.
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
