package cutover

import (
	"context"
	"fmt"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Refused reports that a call sent to side at that stamp was turned away by
// the ingress. It returns when the writer has drawn its conclusions, so that a
// caller that pins again finds them.
func (c *Coordinator) Refused(ctx context.Context, side fsm.Side, at Stamp) error {
	cause := causeOf(ctx, fsm.ReasonRefusal, side.String()+" refused a call")
	return c.call(ctx, func() { c.onRefused(side, at, cause) })
}

// Failed reports that a call sent to side at that stamp got no answer. It
// returns when the writer has drawn its conclusions. Events repeat why, so it
// holds no secret and no SQL.
func (c *Coordinator) Failed(ctx context.Context, side fsm.Side, at Stamp, why string) error {
	cause := causeOf(ctx, fsm.ReasonUnreachable, fmt.Sprintf("%s did not answer: %s", side, why))
	return c.call(ctx, func() { c.onFailed(side, at, cause) })
}

// onRefused decides what a refusal means. Only one whose call was sent in the
// present epoch is evidence.
func (c *Coordinator) onRefused(side fsm.Side, at Stamp, cause fsm.Cause) {
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
		c.doubt(c.transition, true, cause)
	case s.Phase == fsm.PhaseShared:
		if c.stopSharing(c.transition, cause) {
			c.commit(ResultRefused, cause)
		}
	case s.Phase == fsm.PhaseDraining:
		c.commit(ResultRefused, cause)
	}
}

// onFailed decides what a missing answer means: at the most that the side is
// asked for a sign of life.
func (c *Coordinator) onFailed(side fsm.Side, at Stamp, cause fsm.Cause) {
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
		c.startCheck(cause).suspect = true
	case s.Phase == fsm.PhasePreparing:
		c.transition.hurry()
	default:
		c.doubt(c.transition, false, cause)
	}
}

// doubt checks a target that has accepted and now fails. While it is known to
// refuse, new queries wait.
func (c *Coordinator) doubt(t *transition, refused bool, cause fsm.Cause) {
	if refused {
		c.hold(true)
	}
	if !t.doubted {
		t.doubted = true
		c.tasks.Go(func() { c.verify(t, refused, cause) })
	}
}

// verify asks the target, unless it is known to refuse, and then the origin.
func (c *Coordinator) verify(t *transition, refused bool, cause fsm.Cause) {
	if !refused {
		err := c.ping(t.ctx, t.target())
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
func (c *Coordinator) onTrusted(t *transition) {
	if c.transition == t {
		t.doubted, c.suspicion = false, nil
		c.hold(false)
	}
}

// onVerified goes back to an origin that accepts, and looks for a side if
// neither does. A target that refuses does so to everyone; that it cannot be reached
// is what this client alone has seen.
func (c *Coordinator) onVerified(t *transition, originAccepts, targetRefuses bool, cause fsm.Cause) {
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
func (c *Coordinator) ping(ctx context.Context, side fsm.Side) error {
	return c.probe(ctx, func(ctx context.Context) error { return c.cfg.Cluster.Ping(ctx, side) })
}
