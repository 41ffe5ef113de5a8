package router

import (
	"context"
	"fmt"

	"github.com/e6data/e6data-go/e6/fsm"
)

// mayShare reports whether a transition of that kind has a shared phase. A rollback has
// none.
func (rt *Router) mayShare(event fsm.Event) bool {
	return rt.cfg.Hooks.WaitShared != nil && event == fsm.EventAnnounce
}

// shareSides runs the shared phase: both sides take new queries until WaitShared returns,
// or for SharedTimeout.
func (w *writer) shareSides(t *transition) {
	t.timer.Stop()
	t.timer = w.after(w.cfg.SharedTimeout, &sharedPhaseEnded{t, t.cause(fsm.ReasonDeadline, fmt.Sprintf("both sides were used for %s", w.cfg.SharedTimeout))})
	ctx, cancel := context.WithCancel(background(t.ctx, t.start.Cause))
	t.shared = cancel
	snapshot := w.machine.Snapshot()
	w.spawn("shared phase", func(rt *Router) {
		defer cancel()
		rt.cfg.Hooks.WaitShared(ctx, snapshot)
		rt.post(&sharedPhaseEnded{t, t.cause(fsm.ReasonSelector, "no selector needs both sides any longer")})
	})
}

// onShared ends the shared phase of a transition, unless it has ended already.
func (w *writer) onShared(t *transition, cause fsm.Cause) {
	if w.transition == t && w.machine.Snapshot().Phase == fsm.PhaseShared && w.stopSharing(t, cause) {
		w.startDraining(t)
	}
}

// stopSharing makes the target the only side that takes new queries.
func (w *writer) stopSharing(t *transition, cause fsm.Cause) bool {
	t.shared()
	return w.fire(fsm.Trigger{Event: fsm.EventAccept, Phase: fsm.PhaseDraining, Cause: cause})
}

// suspectOrigin probes the origin of a shared phase after a call to it got no response. If
// the probe fails, the shared phase ends.
func (w *writer) suspectOrigin(t *transition, cause fsm.Cause) {
	if t.originSuspected {
		return
	}
	t.originSuspected = true
	w.spawn("origin", func(rt *Router) {
		err := rt.ping(t.ctx, t.origin())
		accepts := rt.cfg.Cluster.Classify(err) == Accepts
		if !accepts && t.ctx.Err() == nil {
			rt.failed("share", t.origin(), 1, cause, err)
		}
		rt.post(&sharedOriginProbed{t, accepts, cause})
	})
}

func (w *writer) onSharedOriginProbed(t *transition, accepts bool, cause fsm.Cause) {
	t.originSuspected = false
	if !accepts {
		w.onShared(t, cause)
	}
}
