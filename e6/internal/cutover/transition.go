package cutover

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// A transition is the work behind the state of that name: first its target is
// made ready, then its origin is drained. Messages about it carry the pointer;
// the writer drops those of a transition that is over.
type transition struct {
	origin, target fsm.Side
	cause          fsm.Cause
	ctx            context.Context // ends with the transition
	cancel         context.CancelFunc
	timer          *time.Timer // the limit of the present phase

	held     atomic.Bool   // the origin refuses: a probe sent from now on decides
	wake     chan struct{} // asks for the next probe at once
	doubted  bool          // the target is being checked after it had accepted
	draining time.Time     // when the target accepted

	ready chan struct{} // closed when the target is active, or never will be
	err   error         // why not; set before ready is closed
}

// begin moves towards target. It runs on the writer.
func (c *Coordinator) begin(event fsm.Event, target fsm.Side, cause fsm.Cause) *transition {
	c.supersede(cause)
	clear(c.heard)
	if !c.fire(fsm.Trigger{Event: event, Side: target, Cause: cause}) {
		return nil
	}
	t := &transition{
		origin: target.Other(), target: target, cause: cause,
		wake: make(chan struct{}, 1), ready: make(chan struct{}),
	}
	t.ctx, t.cancel = context.WithCancel(c.ctx)
	t.timer = time.AfterFunc(c.cfg.PrepareTimeout, func() { c.post(func() { c.onPrepareTimeout(t) }) })
	c.transition = t
	c.tasks.Go(func() { c.prepare(t) })
	return t
}

// prepare asks the target for a session until it gives one.
func (c *Coordinator) prepare(t *transition) {
	for attempt, pauses := 1, 0; ; attempt++ {
		held := t.held.Load() // before the call: only a later refusal counts
		session, took, err := c.login(t.ctx, t.target)
		if err == nil {
			c.post(func() { c.onReady(t, session, took) })
			return
		}
		if t.ctx.Err() != nil {
			return
		}
		c.failed("prepare", t.target, attempt, t.cause, err)
		c.post(func() { c.onNotReady(t, err, held) })
		if !held && t.held.Load() {
			pauses = 0
			continue // the origin began to refuse during the call: ask again at once
		}
		if c.cfg.Retry.Wait(t.ctx, pauses, t.wake) != nil {
			return
		}
		pauses++
	}
}

// onReady makes the target the active side.
func (c *Coordinator) onReady(t *transition, session string, took time.Duration) {
	if c.transition != t {
		return
	}
	c.sessions.install(t.target, session, took)
	cause := fsm.Cause{Reason: fsm.ReasonAccepted, Detail: t.cause.String(), Trace: t.cause.Trace}
	if !c.fire(fsm.Trigger{Event: fsm.EventAccept, Phase: fsm.PhaseDraining, Cause: cause}) {
		return
	}
	t.draining = time.Now()
	t.timer.Stop()
	t.timer = time.AfterFunc(c.cfg.DrainTimeout, func() { c.post(func() { c.onDrainTimeout(t) }) })
	close(t.ready)
	c.tellActive(t.target)
	c.commitIfDrained()
	c.applyHeard(t.target)
}

// onNotReady decides what a failed probe of the target means.
func (c *Coordinator) onNotReady(t *transition, err error, held bool) {
	if c.transition != t {
		return
	}
	switch verdict := c.cfg.Cluster.Judge(err); {
	case verdict == Denied:
		c.decline(t.target)
		c.abort(t, fsm.Cause{Reason: fsm.ReasonCredentials, Detail: err.Error(), Trace: t.cause.Trace})
	case held:
		// The origin refused before this probe was sent, and the target has not
		// accepted either: nobody is known to.
		c.detect(fsm.Cause{Reason: fsm.ReasonRefusal, Detail: "both sides refuse", Trace: t.cause.Trace}, t.target)
	}
}

// onPrepareTimeout gives up on a target that stayed unusable.
func (c *Coordinator) onPrepareTimeout(t *transition) {
	if c.transition != t || c.machine.Snapshot().Phase != fsm.PhasePreparing {
		return
	}
	c.decline(t.target)
	c.abort(t, fsm.Cause{
		Reason: fsm.ReasonDeadline, Trace: t.cause.Trace,
		Detail: fmt.Sprintf("%s was not ready within %s", t.target, c.cfg.PrepareTimeout),
	})
}

// onDrainTimeout ends the transition, not the queries: they go on where they are.
func (c *Coordinator) onDrainTimeout(t *transition) {
	if c.transition == t {
		c.commit("deadline", fsm.Cause{Reason: fsm.ReasonDeadline, Trace: t.cause.Trace,
			Detail: fmt.Sprintf("%s was not drained within %s", t.origin, c.cfg.DrainTimeout)})
	}
}

// commitIfDrained ends the transition once no query is left on the origin.
func (c *Coordinator) commitIfDrained() {
	t := c.transition
	if t == nil || c.machine.Snapshot().Phase != fsm.PhaseDraining || c.pins.sum(t.origin) > 0 {
		return
	}
	c.commit("drained", fsm.Cause{Reason: fsm.ReasonDrained, Trace: t.cause.Trace})
}

// commit ends the transition at its target.
func (c *Coordinator) commit(result string, cause fsm.Cause) {
	t := c.transition
	held := c.held // a target under suspicion stays so
	if !c.fire(fsm.Trigger{Event: fsm.EventCommit, Side: t.target, Cause: cause}) {
		return
	}
	delete(c.declined, t.target)
	c.finish(t, t.origin, result, nil)
	if held {
		c.detect(fsm.Cause{Reason: fsm.ReasonRefusal, Detail: "the target refuses, and the origin is gone", Trace: cause.Trace}, t.origin)
		return
	}
	c.scheduleRefresh()
	if t.doubted {
		// The origin was drained while the target was being verified.
		c.startCheck(cause).suspect = true
	}
}

// abort ends the transition at its origin.
func (c *Coordinator) abort(t *transition, cause fsm.Cause) {
	drained := c.machine.Snapshot().Phase != fsm.PhasePreparing
	held := c.held
	if !c.fire(fsm.Trigger{Event: fsm.EventAbort, Side: t.origin, Cause: cause}) {
		return
	}
	err := fmt.Errorf("e6: the transition from %s to %s was aborted: %s", t.origin, t.target, cause)
	if drained {
		c.finish(t, t.origin, "aborted", err)
	} else {
		c.endTransition(err)
		c.releaseSessions()
		if held {
			// The origin had begun to refuse: it is no place to stay.
			c.detect(fsm.Cause{Reason: fsm.ReasonRefusal, Detail: "the origin refuses", Trace: cause.Trace}, t.target)
			return
		}
	}
	c.scheduleRefresh()
}

// supersede ends a transition that is draining when the next one begins. Its
// queries go on where they are.
func (c *Coordinator) supersede(cause fsm.Cause) {
	switch c.machine.Snapshot().Phase {
	case fsm.PhaseShared:
		if !c.fire(fsm.Trigger{Event: fsm.EventAccept, Phase: fsm.PhaseDraining, Cause: cause}) {
			return
		}
		fallthrough
	case fsm.PhaseDraining:
		c.commit("superseded", cause)
	}
}

// finish tells how a drain ended and cleans up after the transition.
func (c *Coordinator) finish(t *transition, drained fsm.Side, result string, err error) {
	c.cfg.Events.Publish(t.cause, events.DrainEnded{
		Side: drained, Result: result, Remaining: c.pins.sum(drained), Took: time.Since(t.draining),
	})
	c.endTransition(err)
	c.releaseSessions()
}

// abandon ends the transition that is under way, if there is one, and leads to
// neither of its sides.
func (c *Coordinator) abandon(err error) {
	if t := c.transition; t != nil && c.machine.Snapshot().Phase == fsm.PhaseDraining {
		c.finish(t, t.origin, "aborted", err)
		return
	}
	c.endTransition(err)
}

// endTransition stops the work of the transition that is under way, if there
// is one. It moves nothing.
func (c *Coordinator) endTransition(err error) {
	if t := c.transition; t != nil {
		c.transition = nil
		t.end()
		select {
		case <-t.ready:
		default:
			t.err = err
			close(t.ready)
		}
	}
}

// end stops the transition's probes and its timer.
func (t *transition) end() {
	t.cancel()
	t.timer.Stop()
}

// hurry asks for the next probe at once.
func (t *transition) hurry() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}
