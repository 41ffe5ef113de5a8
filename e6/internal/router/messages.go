package router

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/store"
)

// A message is an input of the router: an observation or a request of a goroutine. Only
// the writer applies it. A message about a call to the cluster holds the side and the
// Stamp of the call, or the transition, detection or check that made it, so that the
// writer recognises a stale one.
//
// Messages with a pointer receiver hold results, which the caller reads after the writer
// has applied the message.
type message interface {
	apply(w *writer)
	// fields writes or reads what the writer needs to apply the message again: see
	// fields.go, which also has the list of all messages.
	fields(c *codec)
}

// An envelope holds a message, and a channel that is closed when it was applied.
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

// call sends a message to the writer and waits, within ctx, until it is applied.
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

// leaveAnnouncement stores an announcement for the writer, in place of an older one from
// the same source. It never blocks: it runs on the goroutine that received the response.
func (rt *Router) leaveAnnouncement(a announcement) {
	if !a.source.Valid() {
		return
	}
	slot := &rt.announcements[a.source]
	for {
		current := slot.Load()
		if current != nil && current.at.Transition > a.at.Transition {
			return // this one is of an older call, whose response came late
		}
		if slot.CompareAndSwap(current, &a) {
			break
		}
	}
	select {
	case rt.announced <- struct{}{}:
	default: // the writer has not read the value of the channel yet, and will load all slots then
	}
}

// The calls of statements.
type (
	// refused: the ingress refused a call (456).
	refused struct {
		side  fsm.Side
		at    Stamp
		cause fsm.Cause
	}
	// unanswered: a call got no response. silent: no call of the side got one for a while.
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
	// healthBreached: a side on probation exceeds a limit of the policy.
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

// Signals to the writer that do not come from the inbox.
type (
	// announced: a response named another side.
	announced struct{ announcement }
	// unpinned: a query has left a side that takes no new queries.
	unpinned struct{}
	// ended: the router is closed. It is the last message.
	ended struct{}
)

func (m announced) apply(w *writer) { w.onAnnounced(m.announcement) }
func (unpinned) apply(w *writer)    { w.onDrained() }
func (ended) apply(w *writer)       { w.stopTimers() }

// Detections and sessions.
type (
	// detected: a side accepted the login of a detection.
	detected struct {
		detection *detection
		side      fsm.Side
		session   string
		took      time.Duration
		// otherRefused: the other side refused a login of the detection.
		otherRefused bool
	}
	// detectionFailed: the detection has ended without a side.
	detectionFailed struct {
		detection *detection
		reason    fsm.Reason
		report    error
		text      string // of the report, for events
	}
	// sessionNeeded: a query needs a session of a side that has none.
	sessionNeeded struct {
		opening *opening
		side    fsm.Side
		cause   fsm.Cause
		pause   time.Duration
	}
	// sessionOpened: the login has ended. The queries that needed the session may have ended too.
	sessionOpened struct{}
	// checked: a health probe of the active side has ended.
	checked struct {
		check *check
		err   error
		cause fsm.Cause
	}
	// refreshDue: the refresh interval is over.
	refreshDue struct{}
)

func (m detected) apply(w *writer) {
	w.onDetected(m.detection, m.side, m.session, m.took, m.otherRefused)
}
func (m detectionFailed) apply(w *writer) {
	w.onDetectionFailed(m.detection, m.reason, m.report, m.text)
}
func (m sessionNeeded) apply(w *writer) {
	w.spawn("session", func(rt *Router) { rt.sessions.open(m.opening, m.side, m.cause, m.pause) })
}
func (sessionOpened) apply(w *writer) { w.releaseSessions() }
func (m checked) apply(w *writer)     { w.onChecked(m.check, m.err, m.cause) }
func (refreshDue) apply(w *writer) {
	w.onRefreshDue(fsm.Cause{Reason: fsm.ReasonDeadline, Detail: "the refresh interval is over"})
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
	// targetNotReady: a login on the target failed. held: the origin had refused before
	// that login was sent.
	targetNotReady struct {
		transition *transition
		err        error
		held       bool
	}
	// targetReady: the target accepts, and there is no guard to call.
	targetReady struct{ transition *transition }
	// guardsDecided: the guards have returned their decision.
	guardsDecided struct {
		transition *transition
		decision   hook.Decision
		took       time.Duration
	}
	// prepareTimedOut, drainTimedOut: the time limit of a phase is over.
	prepareTimedOut struct{ transition *transition }
	drainTimedOut   struct{ transition *transition }
	// sharedPhaseEnded: no selector needs both sides, or the time limit is over.
	sharedPhaseEnded struct {
		transition *transition
		cause      fsm.Cause
	}
	// sharedOriginProbed: a suspected origin of a shared phase was probed.
	sharedOriginProbed struct {
		transition *transition
		accepts    bool
		cause      fsm.Cause
	}
	// targetHealthy: a suspected target accepts.
	targetHealthy struct{ transition *transition }
	// originProbed: a suspected target does not accept, and the origin was probed.
	originProbed struct {
		transition             *transition
		accepts, targetRefuses bool
		cause                  fsm.Cause
	}
	// verificationEnded: the verification of a target has ended, and its result was applied.
	verificationEnded struct{ verification *verification }
)

func (m *targetAccepted) apply(w *writer) {
	m.installed = w.onTargetAccepted(m.transition, m.session, m.took)
}
func (m targetNotReady) apply(w *writer)   { w.onNotReady(m.transition, m.err, m.held) }
func (m targetReady) apply(w *writer)      { w.onReady(m.transition) }
func (m guardsDecided) apply(w *writer)    { w.onGuardsDecided(m.transition, m.decision, m.took) }
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
func (m verificationEnded) apply(w *writer) { close(m.verification.concluded) }

// The caller, and the store.
type (
	// switchRequested, rollbackRequested: known is false while no side is known to
	// accept; then the caller waits and sends the message again.
	switchRequested struct {
		side       fsm.Side
		cause      fsm.Cause
		transition *transition // to wait for; nil if the side is active
		known      bool
	}
	rollbackRequested struct {
		cause    fsm.Cause
		rollback *rollback // to wait for; nil if a transition was aborted instead
		known    bool
	}
	// rollbackProbed: the target of a rollback was probed.
	rollbackProbed struct {
		rollback *rollback
		err      error
	}
	// rollbackRetryDue: the pause before a retry of a rollback is over.
	rollbackRetryDue struct{ rollback *rollback }
	refreshRequested struct {
		cause fsm.Cause
		check *check // to wait for; nil if no side is settled
	}
	resetRequested struct{ cause fsm.Cause }
	closeRequested struct{}
	// recordRead: the watch of the store delivered a record. recordPublished: the
	// publisher has handled that update, and the store holds that record.
	recordRead      struct{ record store.Record }
	recordPublished struct {
		update uint64
		record store.Record
	}
	// stageHeld: a client of the first stage has been on the new side for the stage time.
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
