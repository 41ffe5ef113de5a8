package router

import (
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// A suspicion is the first evidence in an epoch that the active side is to be left: a
// call that it refused or did not answer, or a request to go back. A change that
// follows began then, and because of that.
type suspicion struct {
	at       time.Time
	cause    fsm.Cause
	inFlight int64 // on the active side then
}

// suspect notes evidence against the active side. Only the first counts, unless it is
// so old that what it said must have been decided.
func (w *writer) suspect(cause fsm.Cause) {
	if w.suspicion == nil || time.Since(w.suspicion.at) > w.cfg.DetectionTimeout+w.cfg.ProbeTimeout {
		w.suspicion = &suspicion{at: time.Now(), cause: cause, inFlight: w.pins.sum(w.machine.Snapshot().Active)}
	}
}

// signOf is the first sign of the change that a trigger may lead to.
func (w *writer) signOf(t fsm.Trigger) suspicion {
	if w.detection != nil && t.Event == fsm.EventSettle {
		return w.detection.sign
	}
	if t.Event == fsm.EventReset {
		return suspicion{at: time.Now(), cause: t.Cause, inFlight: w.pins.sum(w.served)}
	}
	return w.firstSign(t.Cause)
}

// firstSign is the suspicion, or the cause and this moment if there is none.
func (w *writer) firstSign(cause fsm.Cause) suspicion {
	if w.suspicion != nil {
		return *w.suspicion
	}
	return suspicion{at: time.Now(), cause: cause, inFlight: w.pins.sum(w.machine.Snapshot().Active)}
}

// beganAt is when a transition that begins now had its first sign: a way back begins
// with the request or the breach, before the old side was asked whether it accepts.
func (w *writer) beganAt(event fsm.Event) time.Time {
	if event == fsm.EventRollback && w.suspicion != nil {
		return w.suspicion.at
	}
	return time.Now()
}

// changed publishes a change of the active side, if the step of the machine was one.
// fire calls it for every step, so that there is no change without its event and its
// hooks.
//
// What counts is the side that served last, not the one before the step: a detection
// gives up the active side and may settle on it again, which changes nothing.
func (w *writer) changed(step fsm.Transition, sign suspicion) {
	from, to := w.served, step.After.Active
	if to == from || step.After.State == fsm.StateDetecting || step.Event == fsm.EventFail {
		return
	}
	w.served = to
	if step.Event == fsm.EventAbort {
		sign.cause = step.Cause // it has the reason, and the first evidence in its detail
	}
	e := events.StrategyChanged{
		From: from, To: to, Change: changeKind(step.Event, sign.cause), Cause: sign.cause,
		InFlight: w.pins.sum(from), Epoch: step.After.Epoch,
	}
	if t := w.transition; t != nil {
		e.Transition = step.ID
		if step.Event == fsm.EventAccept {
			e.Change, e.Cause, sign.at = t.start.Change, t.start.Cause, t.start.At
		}
	}
	e.Took = max(step.At.Sub(sign.at), 0)
	w.cfg.Events.Publish(e.Cause, e)
	if step.Event != fsm.EventAccept { // the hooks of a transition were told when it began
		w.reportChange(e, step, sign)
	}
}

// reportChange tells hooks about a change that is over as soon as it is known to be
// one.
func (w *writer) reportChange(e events.StrategyChanged, step fsm.Transition, sign suspicion) {
	begin := w.cfg.Hooks.Cutover
	if begin == nil {
		return
	}
	start := CutoverStart{
		ID: e.Transition, Event: step.Event, Change: e.Change, From: e.From, To: e.To,
		Cause: e.Cause, At: sign.at, InFlight: max(sign.inFlight, e.InFlight),
	}
	end := CutoverEnd{Result: ResultSettled, Changed: true, Cause: step.Cause, Ready: step.At, At: step.At, Remaining: e.InFlight}
	if e.To == fsm.None {
		end.Result, end.Ready = ResultReset, time.Time{}
	}
	w.spawn(func(rt *Router) {
		_, ended := begin(background(rt.ctx, start.Cause), start)
		ended(end)
	})
}

// changeKind is the kind of a change that an event of the machine leads to, by what
// it began with. It is empty for an event that changes no side.
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
