package router

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/backoff"
)

// A transition is the work behind the state of that name: first its target is
// made ready, then its origin is drained. Messages about it carry the pointer;
// the writer drops those of a transition that is over.
type transition struct {
	start  CutoverStart
	ctx    context.Context // ends with the transition
	cancel context.CancelFunc
	timer  *time.Timer // the limit of the present phase

	back            *fsm.Cause    // why its origin is to be left, whatever that says; nil if it is not a way back
	staged          bool          // another part of the fleet waits for how it goes
	jitter          time.Duration // waited before the first probe
	held            heldFlag      // the origin refuses: a probe sent from now on decides
	wake            chan struct{} // asks for the next probe at once
	suspected       bool          // the target is being checked after it had accepted
	verdict         chan struct{} // closed when that check is over
	originSuspected bool
	accepted        time.Time    // when the target did
	first           atomic.Int64 // when the first query went to the target
	shared          func()       // ends the context of the shared phase

	ready chan struct{} // closed when the target is active, or never will be
	err   error         // why not; set before ready is closed
	over  chan struct{} // closed when the transition has ended
	end   CutoverEnd    // how; set before over is closed
}

func (t *transition) origin() fsm.Side { return t.start.From }
func (t *transition) target() fsm.Side { return t.start.To }

// cause is why something happens to the transition, in the trace of what began
// it.
func (t *transition) cause(reason fsm.Reason, detail string) fsm.Cause {
	return fsm.Cause{Reason: reason, Detail: detail, Trace: t.start.Cause.Trace}
}

// heldFlag is set once, and can be waited for.
type heldFlag struct {
	ctx context.Context // ends when it is set
	set context.CancelFunc
}

func (h heldFlag) isSet() bool { return h.ctx.Err() != nil }

// begin moves towards target. It runs on the writer.
func (w *writer) begin(event fsm.Event, target fsm.Side, cause fsm.Cause) *transition {
	began := w.beganAt(event)
	w.supersede(cause)
	clear(w.received)
	if !w.fire(fsm.Trigger{Event: event, Side: target, Cause: cause}) {
		return nil
	}
	now := w.machine.Snapshot()
	t := &transition{
		start: CutoverStart{
			ID: now.Transition, Event: event, Change: changeKind(event, cause), From: target.Other(), To: target, Cause: cause,
			At: began, InFlight: w.pins.sum(target.Other()), Limit: w.limit(event),
		},
		jitter: w.jitter(cause),
		wake:   make(chan struct{}, 1), ready: make(chan struct{}), over: make(chan struct{}), shared: func() {},
	}
	if event == fsm.EventRollback {
		t.back = &cause
	}
	t.ctx, t.cancel = context.WithCancel(w.ctx)
	t.held.ctx, t.held.set = context.WithCancel(t.ctx)
	t.timer = w.after(t.jitter+w.cfg.PrepareTimeout, prepareTimedOut{t})
	w.transition = t
	w.spawn(func(rt *Router) { rt.run(t) })
	return t
}

// limit is how long a transition may take, all phases together.
func (rt *Router) limit(event fsm.Event) time.Duration {
	limit := rt.cfg.Fleet.Jitter + rt.cfg.PrepareTimeout + rt.cfg.DrainTimeout
	if rt.mayShare(event) {
		limit += rt.cfg.SharedTimeout
	}
	return limit
}

// lead does the work of a transition, and tells whoever wants to hear of it
// when it begins and when it has ended.
func (rt *Router) run(t *transition) {
	ctx, end := t.ctx, func(CutoverEnd) {}
	if begin := rt.cfg.Hooks.Cutover; begin != nil {
		ctx, end = begin(ctx, t.start)
	} else {
		ctx = background(ctx, t.start.Cause)
	}
	rt.prepare(ctx, t)
	<-t.over
	end(t.end)
}

// prepare asks the target for a session until it gives one, and then the guards
// until they have decided.
func (rt *Router) prepare(ctx context.Context, t *transition) {
	if t.jitter > 0 && backoff.Sleep(ctx, t.jitter, t.wake) != nil {
		return
	}
	for asked := 1; rt.makeReady(ctx, t); asked++ {
		again, decided := rt.runGuards(ctx, t, asked)
		if decided || backoff.Sleep(ctx, again, t.held.ctx.Done()) != nil {
			return
		}
	}
}

// makeReady opens a session on the target. It reports false if the transition
// ended before.
func (rt *Router) makeReady(ctx context.Context, t *transition) bool {
	failures := repeated{rt: rt, purpose: "prepare"}
	for attempt, pauses := 1, 0; t.ctx.Err() == nil; attempt++ {
		held := t.held.isSet() // before the call: only a later refusal counts
		session, took, err := rt.login(ctx, t.target(), "prepare")
		if err == nil {
			m := targetAccepted{transition: t, session: session, took: took}
			return rt.call(t.ctx, &m) == nil && m.installed
		}
		if t.ctx.Err() != nil {
			return false
		}
		failures.failed(t.target(), attempt, t.start.Cause, err)
		rt.post(targetNotReady{t, err, held})
		if !held && t.held.isSet() {
			pauses = 0
			continue // the origin began to refuse during the call: ask again at once
		}
		pause := rt.cfg.Retry.Pause(pauses)
		if !t.held.isSet() {
			pause = max(pause, rt.jitter(t.start.Cause)) // nobody waits, and a fleet would ask all the time
		}
		if backoff.Sleep(ctx, pause, t.wake) != nil {
			return false
		}
		pauses++
	}
	return false
}

// onTargetAccepted keeps the session of a target that has accepted.
func (w *writer) onTargetAccepted(t *transition, session string, took time.Duration) bool {
	if w.transition != t {
		return false
	}
	w.sessions.install(t.target(), session, took, "prepare")
	return true
}

// onReady makes the target the active side.
func (w *writer) onReady(t *transition) {
	if w.transition != t {
		return
	}
	if w.sendsBack(t) {
		w.suppressSide(t.target())
		w.abort(t, t.cause(fsm.ReasonWithdrawn, fmt.Sprintf("%s itself named %s", t.target(), t.origin())))
		return
	}
	baseline := w.windows[t.origin()].Summary()
	phase := fsm.PhaseDraining
	if w.mayShare(t.start.Event) && t.back == nil && !t.held.isSet() {
		phase = fsm.PhaseShared
	}
	t.accepted = time.Now() // before the first query can be there
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

// sendsBack reports whether a target that only the store has named accepts, and names the
// origin in the same breath. It is on its way out then, and the store is wrong.
func (w *writer) sendsBack(t *transition) bool {
	a, updates := w.received[t.target()]
	return updates && a.target == t.origin() && !t.held.isSet() && t.back == nil &&
		t.start.Event == fsm.EventAnnounce && t.start.Cause.Reason == fsm.ReasonStore
}

// startDraining waits for the queries of the origin.
func (w *writer) startDraining(t *transition) {
	t.timer.Stop()
	t.timer = w.after(w.cfg.DrainTimeout, drainTimedOut{t})
	w.commitIfDrained()
}

// onNotReady decides what a failed probe of the target means.
func (w *writer) onNotReady(t *transition, err error, held bool) {
	if w.transition != t {
		return
	}
	switch verdict := w.cfg.Cluster.Classify(err); {
	case verdict == Denied:
		w.suppressSide(t.target())
		w.abort(t, t.cause(fsm.ReasonCredentials, w.cfg.Describe(err)))
	case held:
		// The origin refused before this probe was sent, and the target has not
		// accepted either: nobody is known to.
		w.detect(t.cause(fsm.ReasonRefusal, "both sides refuse"), t.target())
	}
}

// onPrepareTimeout gives up on a target that stayed unusable.
func (w *writer) onPrepareTimeout(t *transition) {
	if w.transition != t || w.machine.Snapshot().Phase != fsm.PhasePreparing {
		return
	}
	w.suppressSide(t.target())
	w.abort(t, t.cause(fsm.ReasonDeadline, fmt.Sprintf("%s was not ready within %s", t.target(), w.cfg.PrepareTimeout)))
}

// onDrainTimeout ends the transition, not the queries: they go on where they are.
func (w *writer) onDrainTimeout(t *transition) {
	if w.transition == t {
		w.commit(ResultDeadline, t.cause(fsm.ReasonDeadline, fmt.Sprintf("%s was not drained within %s", t.origin(), w.cfg.DrainTimeout)))
	}
}

// commitIfDrained ends the transition once no query is left on the origin.
func (w *writer) commitIfDrained() {
	t := w.transition
	if t == nil || w.machine.Snapshot().Phase != fsm.PhaseDraining || w.pins.sum(t.origin()) > 0 {
		return
	}
	w.commit(ResultDrained, t.cause(fsm.ReasonDrained, ""))
}

// commit ends the transition at its target.
func (w *writer) commit(result string, cause fsm.Cause) {
	t := w.transition
	held := w.held // a target under suspicion stays so
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
		// The origin was drained while the target was being verified.
		w.startCheck(cause, w.cfg.ProbeTimeout).suspect = true
	}
}

// abort ends the transition at its origin.
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
		w.finish(t, ResultAborted, cause, err)
	} else {
		if t.start.Event == fsm.EventAnnounce && cause.Reason != fsm.ReasonWithdrawn {
			w.damping.forget()
		}
		w.endTransition(ResultAborted, cause, err)
		w.releaseSessions()
		if held {
			// The origin had begun to refuse: it is no place to stay.
			w.detect(fsm.Cause{Reason: fsm.ReasonRefusal, Detail: "the origin refuses", Trace: cause.Trace}, t.target())
			return
		}
		w.suspicion = nil // what it said was decided
	}
	w.scheduleRefresh()
}

// supersede ends a transition that is draining when the next one begins. Its
// queries go on where they are.
func (w *writer) supersede(cause fsm.Cause) {
	switch w.machine.Snapshot().Phase {
	case fsm.PhaseShared:
		if !w.stopSharing(w.transition, cause) {
			return
		}
		fallthrough
	case fsm.PhaseDraining:
		w.commit(ResultSuperseded, cause)
	}
}

// finish tells how a drain ended and cleans up after the transition.
func (w *writer) finish(t *transition, result string, cause fsm.Cause, err error) {
	w.cfg.Events.Publish(t.start.Cause, events.DrainEnded{
		Side: t.origin(), Result: result, Remaining: w.pins.sum(t.origin()), Took: time.Since(t.accepted),
	})
	w.endTransition(result, cause, err)
	w.releaseSessions()
}

// abandon ends the transition that is under way, if there is one, and leads to
// neither of its sides.
func (w *writer) abandon(cause fsm.Cause, err error) {
	if t := w.transition; t != nil && w.machine.Snapshot().Phase > fsm.PhasePreparing {
		w.finish(t, ResultAbandoned, cause, err)
		return
	}
	w.endTransition(ResultAbandoned, cause, err)
}

// endTransition stops the work of the transition that is under way, if there
// is one. It moves nothing.
func (w *writer) endTransition(result string, cause fsm.Cause, err error) {
	t := w.transition
	if t == nil {
		return
	}
	w.transition = nil
	left := t.origin()
	if result == ResultAborted {
		left = t.target()
	}
	t.finish(CutoverEnd{Result: result, Cause: cause, Remaining: w.pins.sum(left)})
	select {
	case <-t.ready:
	default:
		t.err = err
		close(t.ready)
	}
}

// finish stops the transition's probes and its timer, and leaves its report.
func (t *transition) finish(end CutoverEnd) {
	t.cancel()
	t.timer.Stop()
	end.At, end.Ready, end.Changed = time.Now(), t.accepted, !t.accepted.IsZero()
	if first := t.first.Load(); first != 0 {
		end.FirstQuery = time.Unix(0, first)
	}
	if end.Result == ResultDrained {
		end.Drained = end.At
	}
	t.end = end
	close(t.over)
}

// hurry asks for the next probe at once.
func (t *transition) probeNow() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}
