package router

import (
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
)

// A suspicion is the first sign in an epoch of a change of the active side: a call that
// was refused or got no response, or a rollback request. It gives the start and the cause
// of the change that follows.
type suspicion struct {
	at       time.Time
	cause    fsm.Cause
	inFlight int64 // on the active side then
}

// suspect records a suspicion of the active side. A later one replaces it only after the
// time in which the first must have led to a decision.
func (w *writer) suspect(cause fsm.Cause) {
	if w.suspicion == nil || w.since(w.suspicion.at) > w.cfg.DetectionTimeout+w.cfg.ProbeTimeout {
		w.suspicion = &suspicion{at: w.now, cause: cause, inFlight: w.inFlight(w.machine.Snapshot().Active)}
	}
}

// signOf is the suspicion that belongs to the change that a trigger may cause.
func (w *writer) signOf(t fsm.Trigger) suspicion {
	if w.detection != nil && t.Event == fsm.EventSettle {
		return w.detection.sign
	}
	if t.Event == fsm.EventReset {
		return suspicion{at: w.now, cause: t.Cause, inFlight: w.inFlight(w.served)}
	}
	return w.firstSign(t.Cause)
}

// firstSign is the recorded suspicion, or a new one with that cause.
func (w *writer) firstSign(cause fsm.Cause) suspicion {
	if w.suspicion != nil {
		return *w.suspicion
	}
	return suspicion{at: w.now, cause: cause, inFlight: w.inFlight(w.machine.Snapshot().Active)}
}

// beganAt is the start time of a transition. A rollback starts with the request or the
// breach, before the probe of the other side.
func (w *writer) beganAt(event fsm.Event) time.Time {
	if event == fsm.EventRollback && w.suspicion != nil {
		return w.suspicion.at
	}
	return w.now
}

// changed publishes a StrategyChanged event and calls the hooks, if a step of the machine
// changed the active side. fire calls it for every step.
//
// It compares with the side that served last, not with the side before the step: a
// detection clears the active side and may settle on the same side again, which is no
// change.
func (w *writer) changed(step fsm.Transition, sign suspicion) {
	from, to := w.served, step.After.Active
	if to == from || step.After.State == fsm.StateDetecting || step.Event == fsm.EventFail {
		return
	}
	w.served = to
	if step.Event == fsm.EventAbort {
		sign.cause = step.Cause // its detail holds the first sign
	}
	e := events.StrategyChanged{
		From: from, To: to, Change: changeKind(step.Event, sign.cause), Cause: sign.cause,
		InFlight: w.inFlight(from), Epoch: step.After.Epoch,
	}
	if t := w.transition; t != nil {
		e.Transition = step.ID
		if step.Event == fsm.EventAccept {
			e.Change, e.Cause, sign.at = t.start.Change, t.start.Cause, t.start.At
		}
	}
	e.Took = max(w.since(sign.at)-w.since(step.At), 0)
	w.emit(e.Cause, e)
	if step.Event != fsm.EventAccept { // the hooks of a transition were called when it began
		w.reportChange(e, step, sign)
	}
}

// reportChange calls the hooks for the start and the end of a change that has no
// transition.
func (w *writer) reportChange(e events.StrategyChanged, step fsm.Transition, sign suspicion) {
	begin := w.cfg.Hooks.Cutover
	if begin == nil {
		return
	}
	start := hook.CutoverStart{
		ID: e.Transition, Event: step.Event, Change: e.Change, From: e.From, To: e.To,
		Cause: e.Cause, At: sign.at, InFlight: max(sign.inFlight, e.InFlight),
	}
	end := hook.CutoverEnd{Result: hook.ResultSettled, Changed: true, Cause: step.Cause, Ready: step.At, At: step.At, Remaining: e.InFlight}
	if e.To == fsm.None {
		end.Result, end.Ready = hook.ResultReset, time.Time{}
	}
	w.spawn("cutover hooks", func(rt *Router) {
		_, ended := begin(background(rt.ctx, start.Cause), start)
		ended(end)
	})
}

// changeKind is the kind of the change that an event of the machine with that cause makes.
// It is empty for an event that does not change the active side.
func changeKind(event fsm.Event, cause fsm.Cause) events.ChangeKind {
	switch event {
	case fsm.EventAnnounce:
		switch cause.Reason {
		case fsm.ReasonCaller:
			return events.ChangeRequested
		case fsm.ReasonStore:
			return events.ChangeStore
		}
		return events.ChangeAnnounced
	case fsm.EventRollback:
		return events.ChangeRolledBack
	case fsm.EventAbort:
		switch cause.Reason {
		case fsm.ReasonHealth, fsm.ReasonCaller, fsm.ReasonStore:
			return events.ChangeRolledBack
		}
		return events.ChangeAborted
	case fsm.EventSettle:
		if cause.Reason == fsm.ReasonFirstUse {
			return events.ChangeDetected
		}
		return events.ChangeAbrupt
	case fsm.EventReset:
		return events.ChangeReset
	}
	return ""
}
