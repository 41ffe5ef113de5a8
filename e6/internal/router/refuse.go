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
func (rt *Router) Refused(ctx context.Context, side fsm.Side, at Stamp) error {
	cause := causeOf(ctx, fsm.ReasonRefusal, side.String()+" refused a call")
	return rt.call(ctx, refused{side, at, cause})
}

// Failed reports that a call sent to side at that stamp got no answer. It
// returns when the writer has drawn its conclusions. Events repeat why, so it
// holds no secret and no SQL.
func (rt *Router) Failed(ctx context.Context, side fsm.Side, at Stamp, reason string) error {
	cause := causeOf(ctx, fsm.ReasonUnreachable, fmt.Sprintf("%s did not answer: %s", side, reason))
	return rt.call(ctx, unanswered{side, at, cause, false})
}

// AwaitVerdict waits, within ctx, for the conclusions of the probe that a call to side
// without an answer has started. It returns at once if there is none. A query that starts
// over calls it, so as not to use up its attempts before it is known whether the side
// still serves.
func (rt *Router) AwaitVerdict(ctx context.Context, side fsm.Side) error {
	m := verdictAwaited{side: side}
	if err := rt.call(ctx, &m); err != nil || m.concluded == nil {
		return err
	}
	select {
	case <-m.concluded:
		return nil
	case <-ctx.Done():
		return ctxerr.Cause(ctx)
	case <-rt.ctx.Done():
		return ErrClosed
	}
}

// verdictOn is closed once it is known whether a side that is probed serves, and nil if
// it is not probed.
func (w *writer) verdictOn(side fsm.Side) <-chan struct{} {
	switch t, k := w.transition, w.check; {
	case w.machine.Snapshot().Active != side:
	case t != nil && t.suspected:
		return t.verdict
	case k != nil && k.suspect && k.epoch == w.machine.Snapshot().Epoch:
		return k.done
	}
	return nil
}

// Silent reports that calls to side were outstanding for that time without any
// answer, whoever gave up on them; at is from when that began. The side is probed
// unless that is under way, and the probe decides (rule 21). It returns at once.
func (rt *Router) Silent(side fsm.Side, at Stamp, silent time.Duration) {
	cause := fsm.Cause{Reason: fsm.ReasonUnreachable, Detail: fmt.Sprintf("%s has answered no call for %s", side, silent.Round(time.Millisecond))}
	rt.post(unanswered{side, at, cause, true})
}

// onRefused decides what a refusal means. Only one whose call was sent in the
// present epoch is evidence.
func (w *writer) onRefused(side fsm.Side, at Stamp, cause fsm.Cause) {
	s := w.machine.Snapshot()
	if at.Epoch == s.Epoch && side == s.Active {
		w.suspect(cause)
	}
	switch {
	case at.Epoch != s.Epoch:
	case side == s.Active && s.State != fsm.StateTransitioning:
		w.detect(cause, side.Other())
	case side == s.Active && s.Phase == fsm.PhasePreparing:
		w.transition.held.set()
		w.hold(true)
		w.transition.probeNow()
	case side == s.Active:
		w.suspectTarget(w.transition, true, cause, 0)
	case s.Phase == fsm.PhaseShared:
		if w.stopSharing(w.transition, cause) {
			w.commit(ResultRefused, cause)
		}
	case s.Phase == fsm.PhaseDraining:
		w.commit(ResultRefused, cause)
	}
}

// onFailed decides what a missing answer means: at the most that the side is
// probed. One that was silent for the time of a probe gets less time for it.
func (w *writer) onFailed(side fsm.Side, at Stamp, cause fsm.Cause, silent bool) {
	s := w.machine.Snapshot()
	if at.Epoch == s.Epoch && side == s.Active {
		w.suspect(cause)
	}
	switch {
	case at.Epoch != s.Epoch:
	case side != s.Active && s.Phase == fsm.PhaseShared:
		w.suspectOrigin(w.transition, cause)
	case side != s.Active:
	case s.State != fsm.StateTransitioning:
		w.startCheck(cause, w.probeLimit(silent)).suspect = true
	case s.Phase == fsm.PhasePreparing:
		w.transition.probeNow()
	default:
		w.suspectTarget(w.transition, false, cause, w.probeLimit(silent))
	}
}

// probeLimit is the time limit of a probe. A side that has been silent is left within
// twice the time of a probe from when the silence began: that was the first half.
func (rt *Router) probeLimit(silent bool) time.Duration {
	if silent {
		return rt.cfg.ProbeTimeout * 3 / 4
	}
	return rt.cfg.ProbeTimeout
}

// doubt checks a target that has accepted and now fails. While it is known to
// refuse, new queries wait.
func (w *writer) suspectTarget(t *transition, refused bool, cause fsm.Cause, limit time.Duration) {
	if refused {
		w.hold(true)
	}
	if !t.suspected {
		verdict := make(chan struct{})
		t.suspected, t.verdict = true, verdict
		w.spawn(func(rt *Router) {
			rt.verifyTarget(t, refused, cause, limit)
			rt.post(verificationEnded{verdict}) // after its conclusions
		})
	}
}

// verify probes the target within limit, unless it is known to refuse, and then the
// origin.
func (rt *Router) verifyTarget(t *transition, refused bool, cause fsm.Cause, limit time.Duration) {
	if !refused {
		err := rt.pingWithin(t.ctx, limit, t.target())
		verdict := rt.cfg.Cluster.Classify(err)
		if verdict == Accepts {
			rt.post(targetHealthy{t})
			return
		}
		refused = verdict == Refuses
		if t.ctx.Err() != nil {
			return
		}
		rt.failed("drain", t.target(), 1, cause, err)
	}
	err := rt.ping(t.ctx, t.origin())
	accepts := rt.cfg.Cluster.Classify(err) == Accepts
	if t.ctx.Err() != nil {
		return
	}
	if !accepts {
		rt.failed("return", t.origin(), 1, cause, err)
	}
	rt.post(originProbed{t, accepts, refused, cause})
}

// onTargetHealthy ends the doubt about a target that does accept.
func (w *writer) onTargetHealthy(t *transition) {
	if w.transition == t {
		t.suspected, w.suspicion = false, nil
		w.hold(false)
	}
}

// onOriginProbed goes back to an origin that accepts, and looks for a side if
// neither does. A target that refuses does so to everyone; that it cannot be reached
// is what this client alone has seen.
func (w *writer) onOriginProbed(t *transition, originAccepts, targetRefuses bool, cause fsm.Cause) {
	if w.transition == t && !targetRefuses {
		w.foundDead(t.target())
	}
	switch {
	case w.transition != t:
	case originAccepts:
		w.abort(t, fsm.Cause{Reason: fsm.ReasonTargetUnhealthy, Detail: cause.Detail, Trace: cause.Trace})
		w.suppressSide(t.target())
		if !targetRefuses {
			w.veto(t.target(), cause)
		}
		w.publishReturn(t.origin(), !targetRefuses)
	default:
		w.detect(cause, t.origin())
	}
}

// ping asks a side for a sign of life.
func (rt *Router) ping(ctx context.Context, side fsm.Side) error {
	return rt.pingWithin(ctx, rt.cfg.ProbeTimeout, side)
}

func (rt *Router) pingWithin(ctx context.Context, limit time.Duration, side fsm.Side) error {
	return rt.probe(ctx, limit, func(ctx context.Context) error { return rt.cfg.Cluster.Ping(ctx, side) })
}
