package router

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/backoff"
)

// A transition does the work of the state transitioning: it prepares the target, then
// drains the origin. Its messages hold the pointer; the writer drops those of a
// transition that has ended.
type transition struct {
	id     uint64
	start  hook.CutoverStart
	ctx    context.Context // ends with the transition
	cancel context.CancelFunc
	timer  *time.Timer // the time limit of the current phase

	back            *fsm.Cause    // the cause of a rollback; nil for any other transition
	staged          bool          // this client is of the first stage
	jitter          time.Duration // pause before the first login
	held            heldFlag      // the origin refuses: the next login that is sent decides
	wake            chan struct{} // has a value if the next login shall not wait
	suspected       bool          // the target is being verified after it had accepted
	verification    *verification // of a suspected target
	originSuspected bool          // the origin is being probed in the shared phase
	accepted        time.Time     // when the target accepted
	first           atomic.Int64  // time of the first query on the target
	shared          func()        // ends the context of the shared phase

	ready chan struct{}   // closed when the target is active, or the transition has failed
	err   error           // of a failed transition; set before ready is closed
	over  chan struct{}   // closed when the transition has ended
	end   hook.CutoverEnd // its result; set before over is closed
}

func (t *transition) origin() fsm.Side { return t.start.From }
func (t *transition) target() fsm.Side { return t.start.To }

// cause returns a cause in the trace of the transition.
func (t *transition) cause(reason fsm.Reason, detail string) fsm.Cause {
	return fsm.Cause{Reason: reason, Detail: detail, Trace: t.start.Cause.Trace}
}

// heldFlag is a flag that is set once. Its context ends when it is set.
type heldFlag struct {
	ctx context.Context
	set context.CancelFunc
}

func (h heldFlag) isSet() bool { return h.ctx.Err() != nil }

// begin starts a transition to target. It runs on the writer.
func (w *writer) begin(event fsm.Event, target fsm.Side, cause fsm.Cause) *transition {
	began := w.beganAt(event)
	w.supersede(cause)
	clear(w.received)
	if !w.fire(fsm.Trigger{Event: event, Side: target, Cause: cause}) {
		return nil
	}
	now := w.machine.Snapshot()
	t := &transition{
		start: hook.CutoverStart{
			ID: now.Transition, Event: event, Change: changeKind(event, cause), From: target.Other(), To: target, Cause: cause,
			At: began, InFlight: w.inFlight(target.Other()), Limit: w.limit(event),
		},
		jitter: w.jitterOf(cause),
		wake:   make(chan struct{}, 1), ready: make(chan struct{}), over: make(chan struct{}), shared: func() {},
	}
	if event == fsm.EventRollback {
		t.back = &cause
	}
	t.ctx, t.cancel = context.WithCancel(w.ctx)
	t.held.ctx, t.held.set = context.WithCancel(t.ctx)
	t.timer = w.after(t.jitter+w.cfg.PrepareTimeout, &prepareTimedOut{t})
	w.transition, t.id = t, w.newID(t)
	w.spawn("transition", func(rt *Router) { rt.run(t) })
	return t
}

// limit is the maximum duration of a transition, all phases together.
func (rt *Router) limit(event fsm.Event) time.Duration {
	limit := rt.cfg.Fleet.Jitter + rt.cfg.PrepareTimeout + rt.cfg.DrainTimeout
	if rt.mayShare(event) {
		limit += rt.cfg.SharedTimeout
	}
	return limit
}

// run prepares a transition, and calls the cutover hook at its begin and at its end.
func (rt *Router) run(t *transition) {
	ctx, end := t.ctx, func(hook.CutoverEnd) {}
	if begin := rt.cfg.Hooks.Cutover; begin != nil {
		ctx, end = begin(ctx, t.start)
	} else {
		ctx = background(ctx, t.start.Cause)
	}
	rt.prepare(ctx, t)
	<-t.over
	end(t.end)
}

// prepare logs in on the target until it accepts, and then calls the guards until they
// have decided.
func (rt *Router) prepare(ctx context.Context, t *transition) {
	if t.jitter > 0 && backoff.Sleep(ctx, t.jitter, t.wake) != nil {
		return
	}
	for attempt := 1; rt.makeReady(ctx, t); attempt++ {
		again, decided := rt.runGuards(ctx, t, attempt)
		if decided || backoff.Sleep(ctx, again, t.held.ctx.Done()) != nil {
			return
		}
	}
}

// makeReady opens a session on the target. It reports false if the transition ends
// first.
func (rt *Router) makeReady(ctx context.Context, t *transition) bool {
	failures := repeated{rt: rt, purpose: "prepare"}
	for attempt, pauses := 1, 0; t.ctx.Err() == nil; attempt++ {
		// Read before the login. If the login fails and held was set, both sides refuse.
		// If the origin begins to refuse during the login, its failure may be older than
		// the cutover of the ingress: only the next login decides.
		held := t.held.isSet()
		session, took, err := rt.login(ctx, t.target(), "prepare")
		if err == nil {
			m := targetAccepted{transition: t, session: session, took: took}
			return rt.call(t.ctx, &m) == nil && m.installed
		}
		if t.ctx.Err() != nil {
			return false
		}
		failures.failed(t.target(), attempt, t.start.Cause, err)
		rt.post(&targetNotReady{t, err, held})
		if !held && t.held.isSet() {
			pauses = 0
			continue // the origin began to refuse during the login: retry without a pause
		}
		pause := rt.cfg.Retry.Pause(pauses)
		if !t.held.isSet() {
			pause = max(pause, rt.jitter(t.start.Cause)) // no query waits, so the logins of a fleet can be spread out
		}
		if backoff.Sleep(ctx, pause, t.wake) != nil {
			return false
		}
		pauses++
	}
	return false
}

// onTargetAccepted installs the session of a target that has accepted.
func (w *writer) onTargetAccepted(t *transition, session string, took time.Duration) bool {
	if w.transition != t {
		return false
	}
	w.install(t.target(), session, took, "prepare")
	return true
}

// onReady makes the target active.
func (w *writer) onReady(t *transition) {
	if w.transition != t {
		return
	}
	if w.sendsBack(t) {
		w.suppressSide(t.target())
		w.abort(t, t.cause(fsm.ReasonWithdrawn, fmt.Sprintf("%s announced %s", t.target(), t.origin())))
		return
	}
	baseline := w.windows[t.origin()].Summary()
	phase := fsm.PhaseDraining
	if w.mayShare(t.start.Event) && t.back == nil && !w.isHeld(t) {
		phase = fsm.PhaseShared
	}
	t.accepted = w.now // before the first query of the target can be pinned
	w.upcoming = w.probationOf(t, baseline)
	if !w.fire(fsm.Trigger{Event: fsm.EventAccept, Phase: phase, Cause: t.cause(fsm.ReasonAccepted, t.start.Cause.String())}) {
		return
	}
	if t.back != nil {
		w.rolledBackFrom(t.origin(), *t.back)
	}
	close(t.ready)
	w.publishAccepted(t)
	if phase == fsm.PhaseShared {
		w.shareSides(t)
	} else {
		w.startDraining(t)
	}
	w.applyReceived(t.target())
}

// sendsBack reports whether a target that only the store has named accepts, but announced
// the origin in a response. Then the target is being replaced, and the record is stale.
func (w *writer) sendsBack(t *transition) bool {
	a, announced := w.received[t.target()]
	return announced && a.target == t.origin() && !w.isHeld(t) && t.back == nil &&
		t.start.Event == fsm.EventAnnounce && t.start.Cause.Reason == fsm.ReasonStore
}

// startDraining starts the draining phase.
func (w *writer) startDraining(t *transition) {
	t.timer.Stop()
	t.timer = w.after(w.cfg.DrainTimeout, &drainTimedOut{t})
	w.commitIfDrained()
}

// onNotReady handles a failed login on the target.
func (w *writer) onNotReady(t *transition, err error, held bool) {
	if w.transition != t {
		return
	}
	switch verdict := w.cfg.Cluster.Classify(err); {
	case verdict == Denied:
		w.suppressSide(t.target())
		w.abort(t, t.cause(fsm.ReasonCredentials, w.cfg.Describe(err)))
	case held:
		// The origin refused before this login was sent, and the target does not
		// accept either: no side is known to accept.
		w.detect(t.cause(fsm.ReasonRefusal, "both sides refuse"), t.target())
	}
}

// onPrepareTimeout aborts a transition whose target did not become ready in time.
func (w *writer) onPrepareTimeout(t *transition) {
	if w.transition != t || w.machine.Snapshot().Phase != fsm.PhasePreparing {
		return
	}
	w.suppressSide(t.target())
	w.abort(t, t.cause(fsm.ReasonDeadline, fmt.Sprintf("%s was not ready within %s", t.target(), w.cfg.PrepareTimeout)))
}

// onDrainTimeout ends the transition. The queries on the origin continue.
func (w *writer) onDrainTimeout(t *transition) {
	if w.transition == t {
		w.commit(hook.ResultDeadline, t.cause(fsm.ReasonDeadline, fmt.Sprintf("%s was not drained within %s", t.origin(), w.cfg.DrainTimeout)))
	}
}

// commitIfDrained ends the transition if no query is in flight on the origin.
func (w *writer) commitIfDrained() {
	t := w.transition
	if t == nil || w.machine.Snapshot().Phase != fsm.PhaseDraining || w.inFlight(t.origin()) > 0 {
		return
	}
	w.commit(hook.ResultDrained, t.cause(fsm.ReasonDrained, ""))
}

// commit ends the transition with the target active.
func (w *writer) commit(result string, cause fsm.Cause) {
	t := w.transition
	held := w.held // read before fire, which resets it with the epoch
	if !w.fire(fsm.Trigger{Event: fsm.EventCommit, Side: t.target(), Cause: cause}) {
		return
	}
	delete(w.suppressed, t.target())
	w.finish(t, result, cause, nil)
	if held {
		w.detect(fsm.Cause{Reason: fsm.ReasonRefusal, Detail: "the target refuses, and the origin is gone", Trace: cause.Trace}, t.origin())
		return
	}
	w.scheduleRefresh()
	if t.suspected {
		// The origin was drained during the verification of the target, which ends
		// with the transition: a check continues it.
		w.startCheck(cause, w.cfg.ProbeTimeout).suspect = true
	}
}

// abort ends the transition with the origin active.
func (w *writer) abort(t *transition, cause fsm.Cause) {
	drained := w.machine.Snapshot().Phase != fsm.PhasePreparing
	held := w.held
	if !w.fire(fsm.Trigger{Event: fsm.EventAbort, Side: t.origin(), Cause: cause}) {
		return
	}
	if t.back != nil && cause.Reason != fsm.ReasonWithdrawn {
		w.rollbackLater(t.origin(), *t.back, 0)
	}
	err := fmt.Errorf("e6: the transition from %s to %s was aborted: %s", t.origin(), t.target(), cause)
	if cause.Reason == fsm.ReasonVeto {
		err = fmt.Errorf("%w: %w", err, ErrVetoed)
	}
	if drained {
		w.finish(t, hook.ResultAborted, cause, err)
	} else {
		if t.start.Event == fsm.EventAnnounce && cause.Reason != fsm.ReasonWithdrawn {
			w.damping.forget()
		}
		w.endTransition(hook.ResultAborted, cause, err)
		w.releaseSessions()
		if held {
			// The origin had begun to refuse: no side is known to accept.
			w.detect(fsm.Cause{Reason: fsm.ReasonRefusal, Detail: "the origin refuses", Trace: cause.Trace}, t.target())
			return
		}
		w.suspicion = nil // it was resolved
	}
	w.scheduleRefresh()
}

// supersede commits a transition that is shared or draining when the next one begins.
// The queries on its origin continue.
func (w *writer) supersede(cause fsm.Cause) {
	switch w.machine.Snapshot().Phase {
	case fsm.PhaseShared:
		if !w.stopSharing(w.transition, cause) {
			return
		}
		fallthrough
	case fsm.PhaseDraining:
		w.commit(hook.ResultSuperseded, cause)
	}
}

// finish publishes the result of the drain and ends the transition.
func (w *writer) finish(t *transition, result string, cause fsm.Cause, err error) {
	w.emit(t.start.Cause, events.DrainEnded{
		Side: t.origin(), Result: result, Remaining: w.inFlight(t.origin()), Took: w.since(t.accepted),
	})
	w.endTransition(result, cause, err)
	w.releaseSessions()
}

// abandon ends the current transition, if there is one, without an active side.
func (w *writer) abandon(cause fsm.Cause, err error) {
	if t := w.transition; t != nil && w.machine.Snapshot().Phase > fsm.PhasePreparing {
		w.finish(t, hook.ResultAbandoned, cause, err)
		return
	}
	w.endTransition(hook.ResultAbandoned, cause, err)
}

// endTransition stops the current transition, if there is one. It does not move the
// machine.
func (w *writer) endTransition(result string, cause fsm.Cause, err error) {
	t := w.transition
	if t == nil {
		return
	}
	w.transition = nil
	left := t.origin()
	if result == hook.ResultAborted {
		left = t.target()
	}
	w.endOf(t, hook.CutoverEnd{Result: result, Cause: cause, Remaining: w.inFlight(left)})
	select {
	case <-t.ready:
	default:
		t.err = err
		close(t.ready)
	}
}

// endOf stops the logins, the probes and the timer of a transition, and sets its result.
func (w *writer) endOf(t *transition, end hook.CutoverEnd) {
	t.cancel()
	t.timer.Stop()
	end.At, end.Ready, end.Changed = w.now, t.accepted, !t.accepted.IsZero()
	if first := w.observe(observedFirstQuery, t.first.Load); first != 0 {
		end.FirstQuery = time.Unix(0, first)
		if end.FirstQuery.After(end.At) { // it was pinned while this step ran
			end.FirstQuery = end.At
		}
	}
	if end.Result == hook.ResultDrained {
		end.Drained = end.At
	}
	w.decide("transition ended", end.Result, "changed", end.Changed, "remaining", end.Remaining, "first_query", stampOf(end.FirstQuery), "cause", end.Cause)
	t.end = end
	close(t.over)
}

// probeNow skips the pause before the next login on the target.
func (w *writer) probeNow(t *transition) {
	w.decide("probe now", "")
	select {
	case t.wake <- struct{}{}:
	default:
	}
}
