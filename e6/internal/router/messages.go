package router

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/store"
)

// A message is an input of the router: something that a goroutine saw, or wants. Only
// the writer applies it. A message about a call of the cluster carries the side and the
// Stamp of the call, or the work that made it, so that the writer can tell what is stale.
//
// Messages with a pointer receiver carry results, which whoever has called reads after
// the writer has applied them.
type message interface{ apply(w *writer) }

// An envelope carries a message, and tells when it was applied.
type envelope struct {
	message
	done chan struct{} // may be nil
}

// post sends a message to the writer. It is dropped once the writer has ended.
func (rt *Router) post(m message) bool { return rt.send(envelope{message: m}) }

func (rt *Router) send(e envelope) bool {
	select {
	case rt.inbox <- e:
		return true
	case <-rt.ctx.Done():
		return false
	}
}

// call sends a message to the writer and waits, within ctx, until it was applied.
func (rt *Router) call(ctx context.Context, m message) error {
	applied := make(chan struct{})
	if !rt.send(envelope{m, applied}) {
		return ErrClosed
	}
	select {
	case <-applied:
		return nil
	case <-ctx.Done():
		return ctxerr.Cause(ctx)
	case <-rt.ctx.Done():
		return ErrClosed
	}
}

// leaveAnnouncement leaves an announcement for the writer, in the place of an older one
// from the same source. It never waits: it runs on the goroutine of a response.
func (rt *Router) leaveAnnouncement(a announcement) {
	if !a.source.Valid() {
		return
	}
	slot := &rt.announcements[a.source]
	for {
		present := slot.Load()
		if present != nil && present.at.Transition > a.at.Transition {
			return // from an older response, which comes late
		}
		if slot.CompareAndSwap(present, &a) {
			break
		}
	}
	select {
	case rt.announced <- struct{}{}:
	default: // the writer is going to look
	}
}

// The calls of statements.
type (
	// refused: the ingress turned a call away.
	refused struct {
		side  fsm.Side
		at    Stamp
		cause fsm.Cause
	}
	// unanswered: a call got no response, or all of them for some time.
	unanswered struct {
		side   fsm.Side
		at     Stamp
		cause  fsm.Cause
		silent bool
	}
	// verdictAwaited: a statement waits for the probe of its side.
	verdictAwaited struct {
		side      fsm.Side
		concluded <-chan struct{}
	}
	// sideNeeded: a query found no side.
	sideNeeded struct{ cause fsm.Cause }
	// healthBreached: a side on probation breaks the policy.
	healthBreached struct {
		probation          *probation
		reason             string
		requests, failures int64
	}
)

func (m refused) apply(w *writer)         { w.onRefused(m.side, m.at, m.cause) }
func (m unanswered) apply(w *writer)      { w.onFailed(m.side, m.at, m.cause, m.silent) }
func (m *verdictAwaited) apply(w *writer) { m.concluded = w.verdictOn(m.side) }
func (m sideNeeded) apply(w *writer)      { w.detectIfUnknown(m.cause) }
func (m healthBreached) apply(w *writer)  { w.onBreach(m.probation, m.reason, m.requests, m.failures) }

// Detections and sessions.
type (
	// detected: a side accepted.
	detected struct {
		detection *detection
		side      fsm.Side
		session   string
		took      time.Duration
	}
	// detectionFailed: neither did, and the detection is over.
	detectionFailed struct {
		detection *detection
		reason    fsm.Reason
		report    *DetectionError
	}
	// sessionNeeded: a query needs a session of a side that has none.
	sessionNeeded struct {
		opening *opening
		side    fsm.Side
		cause   fsm.Cause
		pause   time.Duration
	}
	// sessionOpened: there is one. It may be of no use any more.
	sessionOpened struct{}
	// checked: a probe of the active side is over.
	checked struct {
		check *check
		cause fsm.Cause
	}
	// refreshDue: what is known about the active side has aged.
	refreshDue struct{}
)

func (m detected) apply(w *writer)        { w.onDetected(m.detection, m.side, m.session, m.took) }
func (m detectionFailed) apply(w *writer) { w.onDetectionFailed(m.detection, m.reason, m.report) }
func (m sessionNeeded) apply(w *writer) {
	w.spawn(func(rt *Router) { rt.sessions.open(m.opening, m.side, m.cause, m.pause) })
}
func (sessionOpened) apply(w *writer) { w.releaseSessions() }
func (m checked) apply(w *writer)     { w.onChecked(m.check, m.cause) }
func (refreshDue) apply(w *writer) {
	w.onRefreshDue(fsm.Cause{Reason: fsm.ReasonDeadline, Detail: "what is known about the side has aged"})
}

// Transitions.
type (
	// targetAccepted: the target has opened a session.
	targetAccepted struct {
		transition *transition
		session    string
		took       time.Duration
		installed  bool // false if the transition is over
	}
	// targetNotReady: it has not. held says that the origin refused before the probe.
	targetNotReady struct {
		transition *transition
		err        error
		held       bool
	}
	// targetReady: no guard has to be asked.
	targetReady struct{ transition *transition }
	// guardsDecided: they were.
	guardsDecided struct {
		transition  *transition
		suppression Decision
		took        time.Duration
	}
	// prepareTimedOut and drainTimedOut: the time of a phase is up.
	prepareTimedOut struct{ transition *transition }
	drainTimedOut   struct{ transition *transition }
	// sharedPhaseEnded: no selector needs both sides, or its time is up.
	sharedPhaseEnded struct {
		transition *transition
		cause      fsm.Cause
	}
	// sharedOriginProbed: an origin that got new queries was probed.
	sharedOriginProbed struct {
		transition *transition
		accepts    bool
		cause      fsm.Cause
	}
	// targetHealthy: a target that had not answered does.
	targetHealthy struct{ transition *transition }
	// originProbed: it does not, and the origin was probed.
	originProbed struct {
		transition             *transition
		accepts, targetRefuses bool
		cause                  fsm.Cause
	}
	// verificationEnded: the conclusions about a target were drawn.
	verificationEnded struct{ verdict chan struct{} }
)

func (m *targetAccepted) apply(w *writer) {
	m.installed = w.onTargetAccepted(m.transition, m.session, m.took)
}
func (m targetNotReady) apply(w *writer)   { w.onNotReady(m.transition, m.err, m.held) }
func (m targetReady) apply(w *writer)      { w.onReady(m.transition) }
func (m guardsDecided) apply(w *writer)    { w.onGuardsDecided(m.transition, m.suppression, m.took) }
func (m prepareTimedOut) apply(w *writer)  { w.onPrepareTimeout(m.transition) }
func (m drainTimedOut) apply(w *writer)    { w.onDrainTimeout(m.transition) }
func (m sharedPhaseEnded) apply(w *writer) { w.onShared(m.transition, m.cause) }
func (m sharedOriginProbed) apply(w *writer) {
	w.onSharedOriginProbed(m.transition, m.accepts, m.cause)
}
func (m targetHealthy) apply(w *writer) { w.onTargetHealthy(m.transition) }
func (m originProbed) apply(w *writer) {
	w.onOriginProbed(m.transition, m.accepts, m.targetRefuses, m.cause)
}
func (m verificationEnded) apply(w *writer) { close(m.verdict) }

// The caller, and the store.
type (
	// switchRequested, rollbackRequested: known is false while no side is known to
	// accept; the caller asks again then.
	switchRequested struct {
		side       fsm.Side
		cause      fsm.Cause
		transition *transition // to wait for; nil if the side is active
		known      bool
	}
	rollbackRequested struct {
		cause    fsm.Cause
		rollback *rollback // to wait for; nil if a transition was taken back
		known    bool
	}
	// rollbackProbed: the side to go back to was probed.
	rollbackProbed struct {
		rollback *rollback
		err      error
	}
	// rollbackRetryDue: one that did not accept may be tried again.
	rollbackRetryDue struct{ rollback *rollback }
	refreshRequested struct {
		cause fsm.Cause
		check *check // to wait for; nil if no side is settled
	}
	resetRequested struct{ cause fsm.Cause }
	closeRequested struct{}
	// recordRead: the store has a record. recordPublished: it has it because the
	// publisher has dealt with that update.
	recordRead      struct{ record store.Record }
	recordPublished struct {
		update uint64
		record store.Record
	}
	// stageHeld: a client that went first has been on the new side long enough.
	stageHeld struct{ stage *stage }
)

func (m *switchRequested) apply(w *writer)   { m.transition, m.known = w.switchTo(m.side, m.cause) }
func (m *rollbackRequested) apply(w *writer) { m.rollback, m.known = w.requestRollback(m.cause) }
func (m rollbackProbed) apply(w *writer)     { w.onRollbackProbed(m.rollback, m.err) }
func (m rollbackRetryDue) apply(w *writer)   { w.retryRollback(m.rollback) }
func (m *refreshRequested) apply(w *writer)  { m.check = w.onRefreshDue(m.cause) }
func (m resetRequested) apply(w *writer)     { w.onReset(m.cause) }
func (closeRequested) apply(w *writer)       { w.onCloseRequested() }
func (m recordRead) apply(w *writer)         { w.onRecord(m.record) }
func (m recordPublished) apply(w *writer)    { w.onPublished(m.update, m.record) }
func (m stageHeld) apply(w *writer)          { w.onStageHeld(m.stage) }
