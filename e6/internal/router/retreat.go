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
func (c *Router) probationOf(t *transition, baseline health.Summary) *probation {
	if t.start.Event != fsm.EventAnnounce || !c.cfg.Policy.Automatic {
		return nil
	}
	return &probation{
		side: t.target(), epoch: c.machine.Snapshot().Epoch + 1, until: t.accepted.Add(c.cfg.Policy.Probation),
		baseline: baseline, window: health.NewWindow(c.cfg.HealthWindow),
	}
}

// Health is how a side did in the last while.
func (c *Router) Health(side fsm.Side) health.Summary {
	if w := c.windows[side]; w != nil {
		return w.Summary()
	}
	return health.Summary{}
}

// Probation is until when a side is watched, and the zero Time if it is not.
func (c *Router) Probation(side fsm.Side) time.Time {
	if p := c.probation.Load(); p != nil && p.side == side && time.Now().Before(p.until) {
		return p.until
	}
	return time.Time{}
}

// Answered reports that the stack of a side did its work for the query of a
// Pin. The latency is 0 if it says nothing about the side.
func (c *Router) Answered(p Pin, latency time.Duration) {
	c.examine(p, func(w *health.Window) {
		if latency > 0 {
			w.Succeeded(latency)
		} else {
			w.Answered()
		}
	})
}

// Unanswered reports that it did not. What the writer must be told, Failed and
// Refused tell it: this is for the statistics.
func (c *Router) Unanswered(p Pin) {
	c.examine(p, (*health.Window).Failed)
}

// examine counts the end of a query, and looks whether its side breaks the
// policy. For that only what the side was given since it accepted counts: a query
// from an earlier epoch is no evidence.
func (c *Router) examine(pin Pin, count func(*health.Window)) {
	count(c.windows[pin.Side])
	p := c.probation.Load()
	if p == nil || pin.Side != p.side || pin.Epoch != p.epoch || !time.Now().Before(p.until) {
		return
	}
	count(p.window)
	why, requests, failures := c.breach(p)
	if why == "" {
		return
	}
	// Many queries notice it at once, and again until the old side accepts.
	now, next := time.Now().UnixNano(), p.next.Load()
	if now >= next && p.next.CompareAndSwap(next, now+int64(declinedFor)) {
		c.post(func() { c.onBreach(p, why, requests, failures) })
	}
}

// breach says how the side on probation breaks the policy, if it does.
func (c *Router) breach(p *probation) (why string, requests, failures int64) {
	policy, w := &c.cfg.Policy, p.window
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
func (c *Router) onBreach(p *probation, why string, requests, failures int64) {
	s := c.machine.Snapshot()
	if c.probation.Load() != p || c.closing || s.Epoch != p.epoch {
		return
	}
	if d := c.declined[p.side.Other()]; d != nil && d.why != waitsForStage && d.holds(s.Epoch) {
		return // a guard, or the old side itself, did not allow it a short while ago
	}
	action := "none"
	switch {
	case s.Phase == fsm.PhasePreparing: // it is being left already
	case !c.rolledBack.IsZero() && time.Since(c.rolledBack) < c.cfg.Policy.CoolDown:
		why += fmt.Sprintf("; the last rollback was %s ago", time.Since(c.rolledBack).Round(time.Second))
	case s.State == fsm.StateTransitioning:
		action = "abort"
	default:
		action = "rollback"
	}
	cause := fsm.Cause{Reason: fsm.ReasonHealth, Detail: why}
	if c.transition != nil {
		cause.Trace = c.transition.start.Cause.Trace
	}
	c.cfg.Events.Publish(cause, events.HealthBreached{Side: p.side, Why: why, Requests: requests, Failures: failures, Action: action})
	if action != "none" {
		c.startRetreat(cause)
	}
}

// A retreat is the way back to the other side, if that accepts.
type retreat struct {
	epoch  uint64
	from   fsm.Side
	cause  fsm.Cause
	failed int // how often the other side did not accept before

	done       chan struct{} // closed when it is known what becomes of it
	err        error
	transition *transition // what leads back, if it takes one
}

// startRetreat asks the other side, unless that is under way in this epoch. It
// runs on the writer, with an active side.
func (c *Router) startRetreat(cause fsm.Cause) *retreat {
	s := c.machine.Snapshot()
	if c.retreat == nil || c.retreat.epoch != s.Epoch {
		r := &retreat{epoch: s.Epoch, from: s.Active, cause: cause, done: make(chan struct{})}
		c.retreat, c.later = r, nil
		c.suspect(cause)
		c.tasks.Go(func() {
			err := c.ping(background(c.ctx, cause), r.from.Other())
			c.post(func() { c.onRetreat(r, err) })
		})
	}
	return c.retreat
}

// onRetreat goes back, now that the other side has answered.
func (c *Router) onRetreat(r *retreat, err error) {
	if c.retreat == r {
		c.retreat = nil
	}
	defer close(r.done)
	s := c.machine.Snapshot()
	to := r.from.Other()
	switch {
	case s.Active == to:
		return // somebody else was faster
	case s.Active != r.from || s.Epoch != r.epoch:
		r.err = errors.New("e6: rollback: the strategy has changed meanwhile: it is " + s.String())
		return
	case c.cfg.Cluster.Judge(err) != Accepts:
		c.failed("return", to, r.failed+1, r.cause, err)
		r.err = errtext.Errorf("rollback: %s does not accept: %w", to, err)
		c.suspicion = nil
		c.retreatLater(r.from, r.cause, r.failed)
		return
	case s.Phase == fsm.PhasePreparing: // on the way to where it shall go
		if r.transition = c.transition; r.transition.back == nil {
			r.transition.back = &r.cause
		}
		return
	}
	if t := c.transition; t != nil {
		c.retreated(t.target(), r.cause)
		c.abort(t, r.cause)
		c.tellBack(t.origin(), r.cause.Reason == fsm.ReasonHealth)
		return
	}
	r.transition = c.begin(fsm.EventRollback, to, r.cause)
}

// retreatLater tries again after a while to leave a side that vetoes in the store are
// about: they are news only once.
func (c *Router) retreatLater(from fsm.Side, cause fsm.Cause, failed int) {
	if cause.Reason != fsm.ReasonStore {
		return
	}
	r := &retreat{epoch: c.machine.Snapshot().Epoch, from: from, failed: failed + 1}
	c.later = r
	pause := declinedPause(failed) + c.jitter(cause)
	c.tasks.Go(func() {
		if backoff.Sleep(c.ctx, pause, nil) == nil {
			c.post(func() { c.retreatAgain(r) })
		}
	})
}

// retreatAgain tries again, unless there is no reason left or somebody has decided
// otherwise.
func (c *Router) retreatAgain(r *retreat) {
	s := c.machine.Snapshot()
	if c.later != r || s.Active != r.from || s.Epoch != r.epoch || c.closing {
		return
	}
	if v := c.sentenceOn(r.from, c.share.fact); c.isEnough(r.from, v) {
		c.startRetreat(fleetCause(r.from, v)).failed = r.failed
	}
}

// retreated begins the cool-down of a side that is left.
func (c *Router) retreated(from fsm.Side, cause fsm.Cause) {
	switch cause.Reason {
	case fsm.ReasonStore: // as long as the vetoes say
		c.leaveAlone(from, c.sentenceOn(from, c.share.fact))
		return
	case fsm.ReasonHealth:
		c.rolledBack = time.Now()
	}
	c.coolDown(from)
	c.veto(from, cause)
}

// Rollback goes back to the side that is not active, if it accepts, and waits
// within ctx until new queries go there. Announcements of the side that is left
// are ignored for the cool-down.
func (c *Router) Rollback(ctx context.Context, reason string) error {
	cause := causeOf(ctx, fsm.ReasonCaller, "rollback: "+reason)
	var r *retreat
	for known := false; !known; {
		if _, err := c.waitForSide(ctx); err != nil {
			return err
		}
		if err := c.call(ctx, func() { r, known = c.rollBack(cause) }); err != nil {
			return err
		}
	}
	if r == nil {
		return nil
	}
	if err := c.await(ctx, r.done); err != nil {
		return errtext.Errorf("rollback: %w", err)
	}
	if r.transition == nil {
		return r.err
	}
	if err := c.await(ctx, r.transition.ready); err != nil {
		return errtext.Errorf("rollback: waiting for %s to accept: %w", r.transition.target(), err)
	}
	return r.transition.err
}

// rollBack returns the retreat to wait for, and none if a transition that had
// not come far is taken back. It does nothing while no side is known to accept.
func (c *Router) rollBack(cause fsm.Cause) (r *retreat, known bool) {
	s := c.machine.Snapshot()
	switch {
	case c.closing, c.held, s.Active == fsm.None:
		return nil, false
	case s.Phase == fsm.PhasePreparing && c.transition.back == nil:
		c.coolDown(c.transition.target())
		c.veto(c.transition.target(), cause)
		c.abort(c.transition, cause)
		return nil, true
	case s.Phase == fsm.PhasePreparing: // on the way back already
		r = &retreat{done: make(chan struct{}), transition: c.transition}
		close(r.done)
		return r, true
	}
	return c.startRetreat(cause), true
}

// await waits within ctx for something that the writer brings about.
func (c *Router) await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctxerr.Why(ctx)
	case <-c.ctx.Done():
		return ErrClosed
	}
}
