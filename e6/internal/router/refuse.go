package router

import (
	"context"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
)

// Refused reports that the ingress refused (456) a call sent to side at that
// stamp. It returns when the writer has handled that, so that a caller that pins
// again gets the new routing.
func (rt *Router) Refused(ctx context.Context, side fsm.Side, at Stamp) error {
	cause := causeOf(ctx, fsm.ReasonRefusal, side.String()+" refused a call")
	return rt.call(ctx, &refused{side, at, cause})
}

// Failed reports that a call sent to side at that stamp got no response. It
// returns when the writer has handled that. The reason is published in events, so
// it must hold no secret and no SQL.
func (rt *Router) Failed(ctx context.Context, side fsm.Side, at Stamp, reason string) error {
	cause := causeOf(ctx, fsm.ReasonUnreachable, fmt.Sprintf("no response from %s: %s", side, reason))
	return rt.call(ctx, &unanswered{side, at, cause, false})
}

// AwaitVerdict waits, within ctx, until the result of a probe of side is applied that a
// call without a response has started. It returns at once if there is none. A replay calls
// it first, so that a query does not use up its attempts while the side is suspected.
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

// verdictOn returns a channel that is closed when the result of the probe of side was
// applied, and nil if no probe of a suspected side is in flight.
func (w *writer) verdictOn(side fsm.Side) <-chan struct{} {
	switch t, k := w.transition, w.check; {
	case w.machine.Snapshot().Active != side:
	case t != nil && t.suspected:
		return t.verification.concluded
	case k != nil && k.suspect && k.epoch == w.machine.Snapshot().Epoch:
		return k.done
	}
	return nil
}

// Silent reports that calls to side were outstanding for that time without any
// response, also if their callers cancelled them; at is the stamp of the first. The
// side is probed, unless a probe is in flight, and only the probe changes the state
// (rule 21). Silent does not block.
func (rt *Router) Silent(side fsm.Side, at Stamp, silent time.Duration) {
	cause := fsm.Cause{Reason: fsm.ReasonUnreachable, Detail: fmt.Sprintf("no response from %s for %s", side, silent.Round(time.Millisecond))}
	rt.post(&unanswered{side, at, cause, true})
}

// onRefused handles a refusal. Only one whose call was sent in the current epoch
// counts.
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
		w.decide("origin refuses", "")
		w.transition.held.set()
		w.hold(true)
		w.probeNow(w.transition)
	case side == s.Active:
		w.suspectTarget(w.transition, true, cause, 0)
	case s.Phase == fsm.PhaseShared:
		if w.stopSharing(w.transition, cause) {
			w.commit(hook.ResultRefused, cause)
		}
	case s.Phase == fsm.PhaseDraining:
		w.commit(hook.ResultRefused, cause)
	}
}

// onFailed handles a call without a response: at most it starts a probe of the
// side. The probe of a silent side has a shorter time limit.
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
		w.probeNow(w.transition)
	default:
		w.suspectTarget(w.transition, false, cause, w.probeLimit(silent))
	}
}

// probeLimit is the time limit of a probe. The silence of a side lasts one ProbeTimeout
// before it is reported; with the shorter limit the probe ends, and a detection starts,
// within two of them.
func (rt *Router) probeLimit(silent bool) time.Duration {
	if silent {
		return rt.cfg.ProbeTimeout * 3 / 4
	}
	return rt.cfg.ProbeTimeout
}

// suspectTarget starts the verification of a target that has accepted and now fails.
// While it is known to refuse, new queries wait.
func (w *writer) suspectTarget(t *transition, refused bool, cause fsm.Cause, limit time.Duration) {
	if refused {
		w.hold(true)
	}
	if !t.suspected {
		v := &verification{concluded: make(chan struct{})}
		v.id = w.newID(v)
		t.suspected, t.verification = true, v
		w.spawn("verification", func(rt *Router) {
			rt.verifyTarget(t, refused, cause, limit)
			rt.post(&verificationEnded{v}) // after its result, so that AwaitVerdict returns when that is applied
		})
	}
}

// A verification is the probe of a target that has accepted and now fails.
type verification struct {
	id        uint64
	concluded chan struct{} // closed when the verification has ended
}

// verifyTarget probes the target within limit, unless it is known to refuse. If the target
// does not accept, it probes the origin.
func (rt *Router) verifyTarget(t *transition, refused bool, cause fsm.Cause, limit time.Duration) {
	if !refused {
		err := rt.pingWithin(t.ctx, limit, t.target())
		verdict := rt.cfg.Cluster.Classify(err)
		if verdict == Accepts {
			rt.post(&targetHealthy{t})
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
	rt.post(&originProbed{t, accepts, refused, cause})
}

// onTargetHealthy clears the suspicion of a target that accepts.
func (w *writer) onTargetHealthy(t *transition) {
	if w.transition == t {
		t.suspected, w.suspicion = false, nil
		w.hold(false)
	}
}

// onOriginProbed aborts the transition if the origin accepts, and starts a detection
// otherwise. A target that refuses does so for every client. A target that is
// unreachable may be so for this client only: it publishes a veto.
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

// ping is a health probe of a side within ProbeTimeout.
func (rt *Router) ping(ctx context.Context, side fsm.Side) error {
	return rt.pingWithin(ctx, rt.cfg.ProbeTimeout, side)
}

func (rt *Router) pingWithin(ctx context.Context, limit time.Duration, side fsm.Side) error {
	return rt.probe(ctx, limit, func(ctx context.Context) error { return rt.cfg.Cluster.Ping(ctx, side) })
}
