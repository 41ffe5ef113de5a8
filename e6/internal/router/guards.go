package router

import (
	"context"
	"errors"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
)

// ErrVetoed is the error of a transition that a guard has vetoed.
var ErrVetoed = errors.New("e6: a guard has vetoed the transition")

// runGuards calls the guards of a transition whose target has accepted. If they ask for a
// delay, decided is false and again is that delay.
//
// Their context ends, and their decision is overruled, once the origin refuses: the target
// is the only side that accepts then.
func (rt *Router) runGuards(ctx context.Context, t *transition, attempt int) (again time.Duration, decided bool) {
	guard := rt.cfg.Hooks.Guard
	if guard == nil || t.held.isSet() {
		rt.post(&targetReady{t})
		return 0, true
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.held.ctx, cancel)()
	began := time.Now()
	d := guard(ctx, hook.Proposal{
		ID: t.start.ID, Event: t.start.Event, From: t.origin(), To: t.target(), Cause: t.start.Cause,
		Attempt: attempt, InFlight: rt.pins.sum(t.origin()),
	})
	took := time.Since(began)
	if d.Delay > 0 && !d.Veto && !t.held.isSet() {
		rt.cfg.Events.Publish(t.start.Cause, guardDecided(t, d, took, false))
		return d.Delay, false
	}
	rt.post(&guardsDecided{t, d, took})
	return 0, true
}

// onGuardsDecided applies the decision of the guards.
func (w *writer) onGuardsDecided(t *transition, d hook.Decision, took time.Duration) {
	if w.transition != t {
		return
	}
	overruled := w.isHeld(t)
	w.emit(t.start.Cause, guardDecided(t, d, took, overruled && (d.Veto || d.Delay > 0)))
	if !d.Veto || overruled {
		w.onReady(t)
		return
	}
	w.suppressSide(t.target())
	w.abort(t, t.cause(fsm.ReasonVeto, d.Reason))
}

func guardDecided(t *transition, d hook.Decision, took time.Duration, overruled bool) events.GuardDecided {
	decision := "allow"
	switch {
	case d.Veto:
		decision = "veto"
	case d.Delay > 0:
		decision = "delay"
	}
	return events.GuardDecided{
		Guard: d.By, Target: t.target(), Decision: decision, Reason: d.Reason, Overruled: overruled, Delay: d.Delay, Took: took,
	}
}
