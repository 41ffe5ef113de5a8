package router

import (
	"context"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
)

// Refused reports that a call sent to side at that stamp was turned away by
// the ingress. It returns when the writer has drawn its conclusions, so that a
// caller that pins again finds them.
func (c *Router) Refused(ctx context.Context, side fsm.Side, at Stamp) error {
	cause := causeOf(ctx, fsm.ReasonRefusal, side.String()+" refused a call")
	return c.call(ctx, func() { c.onRefused(side, at, cause) })
}

// Failed reports that a call sent to side at that stamp got no answer. It
// returns when the writer has drawn its conclusions. Events repeat why, so it
// holds no secret and no SQL.
func (c *Router) Failed(ctx context.Context, side fsm.Side, at Stamp, why string) error {
	cause := causeOf(ctx, fsm.ReasonUnreachable, fmt.Sprintf("%s did not answer: %s", side, why))
	return c.call(ctx, func() { c.onFailed(side, at, cause, false) })
}

// AwaitVerdict waits, within ctx, for the conclusions of the probe that a call to side
// without an answer has started. It returns at once if there is none. A query that starts
// over calls it, so as not to use up its attempts before it is known whether the side
// still serves.
func (c *Router) AwaitVerdict(ctx context.Context, side fsm.Side) error {
	var concluded <-chan struct{}
	if err := c.call(ctx, func() {
		switch t, k := c.transition, c.check; {
		case c.machine.Snapshot().Active != side:
		case t != nil && t.doubted:
			concluded = t.verdict
		case k != nil && k.suspect && k.epoch == c.machine.Snapshot().Epoch:
			concluded = k.done
		}
	}); err != nil || concluded == nil {
		return err
	}
	select {
	case <-concluded:
		return nil
	case <-ctx.Done():
		return ctxerr.Why(ctx)
	case <-c.ctx.Done():
		return ErrClosed
	}
}

// Silent reports that calls to side were outstanding for that time without any
// answer, whoever gave up on them; at is from when that began. The side is probed
// unless that is under way, and the probe decides (rule 21). It returns at once.
func (c *Router) Silent(side fsm.Side, at Stamp, silent time.Duration) {
	cause := fsm.Cause{Reason: fsm.ReasonUnreachable, Detail: fmt.Sprintf("%s has answered no call for %s", side, silent.Round(time.Millisecond))}
	c.post(func() { c.onFailed(side, at, cause, true) })
}

// onRefused decides what a refusal means. Only one whose call was sent in the
// present epoch is evidence.
func (c *Router) onRefused(side fsm.Side, at Stamp, cause fsm.Cause) {
	s := c.machine.Snapshot()
	if at.Epoch == s.Epoch && side == s.Active {
		c.suspect(cause)
	}
	switch {
	case at.Epoch != s.Epoch:
	case side == s.Active && s.State != fsm.StateTransitioning:
		c.detect(cause, side.Other())
	case side == s.Active && s.Phase == fsm.PhasePreparing:
		c.transition.held.set()
		c.hold(true)
		c.transition.hurry()
	case side == s.Active:
		c.doubt(c.transition, true, cause, 0)
	case s.Phase == fsm.PhaseShared:
		if c.stopSharing(c.transition, cause) {
			c.commit(ResultRefused, cause)
		}
	case s.Phase == fsm.PhaseDraining:
		c.commit(ResultRefused, cause)
	}
}

// onFailed decides what a missing answer means: at the most that the side is
// probed. One that was silent for the time of a probe gets less time for it.
func (c *Router) onFailed(side fsm.Side, at Stamp, cause fsm.Cause, silent bool) {
	s := c.machine.Snapshot()
	if at.Epoch == s.Epoch && side == s.Active {
		c.suspect(cause)
	}
	switch {
	case at.Epoch != s.Epoch:
	case side != s.Active && s.Phase == fsm.PhaseShared:
		c.suspectOrigin(c.transition, cause)
	case side != s.Active:
	case s.State != fsm.StateTransitioning:
		c.startCheck(cause, c.probeLimit(silent)).suspect = true
	case s.Phase == fsm.PhasePreparing:
		c.transition.hurry()
	default:
		c.doubt(c.transition, false, cause, c.probeLimit(silent))
	}
}

// probeLimit is the time limit of a probe. A side that has been silent is left within
// twice the time of a probe from when the silence began: that was the first half.
func (c *Router) probeLimit(silent bool) time.Duration {
	if silent {
		return c.cfg.ProbeTimeout * 3 / 4
	}
	return c.cfg.ProbeTimeout
}

// doubt checks a target that has accepted and now fails. While it is known to
// refuse, new queries wait.
func (c *Router) doubt(t *transition, refused bool, cause fsm.Cause, limit time.Duration) {
	if refused {
		c.hold(true)
	}
	if !t.doubted {
		verdict := make(chan struct{})
		t.doubted, t.verdict = true, verdict
		c.tasks.Go(func() {
			c.verify(t, refused, cause, limit)
			c.post(func() { close(verdict) }) // after its conclusions
		})
	}
}

// verify probes the target within limit, unless it is known to refuse, and then the
// origin.
func (c *Router) verify(t *transition, refused bool, cause fsm.Cause, limit time.Duration) {
	if !refused {
		err := c.pingWithin(t.ctx, limit, t.target())
		verdict := c.cfg.Cluster.Judge(err)
		if verdict == Accepts {
			c.post(func() { c.onTrusted(t) })
			return
		}
		refused = verdict == Refuses
		if t.ctx.Err() != nil {
			return
		}
		c.failed("drain", t.target(), 1, cause, err)
	}
	err := c.ping(t.ctx, t.origin())
	accepts := c.cfg.Cluster.Judge(err) == Accepts
	if t.ctx.Err() != nil {
		return
	}
	if !accepts {
		c.failed("return", t.origin(), 1, cause, err)
	}
	c.post(func() { c.onVerified(t, accepts, refused, cause) })
}

// onTrusted ends the doubt about a target that does accept.
func (c *Router) onTrusted(t *transition) {
	if c.transition == t {
		t.doubted, c.suspicion = false, nil
		c.hold(false)
	}
}

// onVerified goes back to an origin that accepts, and looks for a side if
// neither does. A target that refuses does so to everyone; that it cannot be reached
// is what this client alone has seen.
func (c *Router) onVerified(t *transition, originAccepts, targetRefuses bool, cause fsm.Cause) {
	switch {
	case c.transition != t:
	case originAccepts:
		c.abort(t, fsm.Cause{Reason: fsm.ReasonSickTarget, Detail: cause.Detail, Trace: cause.Trace})
		c.decline(t.target())
		if !targetRefuses {
			c.veto(t.target(), cause)
		}
		c.tellBack(t.origin(), !targetRefuses)
	default:
		c.detect(cause, t.origin())
	}
}

// ping asks a side for a sign of life.
func (c *Router) ping(ctx context.Context, side fsm.Side) error {
	return c.pingWithin(ctx, c.cfg.ProbeTimeout, side)
}

func (c *Router) pingWithin(ctx context.Context, limit time.Duration, side fsm.Side) error {
	return c.probe(ctx, limit, func(ctx context.Context) error { return c.cfg.Cluster.Ping(ctx, side) })
}
