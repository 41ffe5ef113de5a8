package router

import (
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// A writer makes the decisions of a Router. One goroutine runs it, and nothing else has
// a reference to it: what other goroutines find out reaches it as a message.
type writer struct {
	*Router // what it shares with the other goroutines

	machine    *fsm.Machine
	held       bool
	closing    bool
	failures   uint64
	failure    error
	lastKnown  fsm.Side
	served     fsm.Side   // the side of the last StrategyChanged event
	suspicion  *suspicion // of the active side, if there is one
	hasSettled bool       // a detection has found a side
	detection  *detection
	transition *transition
	check      *check
	rollback   *rollback
	later      *rollback                 // one that is tried again after a pause
	upcoming   *probation                // that of the epoch which begins next
	rolledBack time.Time                 // when the client last went back by itself
	received   map[fsm.Side]announcement // by its speaker, until that side is active
	stale      map[fsm.Side]announcement // by its speaker: the last one that was ignored
	suppressed map[fsm.Side]*suppression // by the target
	damping    damping
	agreed     *atomic.Int32 // calls that the active side answered in this epoch without naming the other one
	stage      *stage
	record     store.Record // the newest record of the store that was read
	updates    uint64       // how many updates were left for the publisher
	published  uint64       // the update that the publisher has dealt with last
	refresh    *time.Timer
}

func newWriter(rt *Router, machine *fsm.Machine) *writer {
	return &writer{
		Router:     rt,
		machine:    machine,
		lastKnown:  rt.cfg.Prefer,
		received:   make(map[fsm.Side]announcement),
		stale:      make(map[fsm.Side]announcement),
		suppressed: make(map[fsm.Side]*suppression),
		agreed:     new(atomic.Int32),
	}
}

// run handles messages until the router ends. It never blocks on anything else.
//
// What a response announced is handled before a message that was sent after it: a login
// whose response names the other side is known to have done so when it counts.
func (w *writer) run() {
	defer w.stopTimers()
	for {
		select {
		case e := <-w.inbox:
			w.takeAnnouncements()
			e.message.apply(w)
			if e.done != nil {
				close(e.done)
			}
		case <-w.announced:
			w.takeAnnouncements()
		case <-w.drained:
			w.onDrained()
		case <-w.ctx.Done():
			return
		}
	}
}

// takeAnnouncements handles the announcements that were left.
func (w *writer) takeAnnouncements() {
	for _, side := range fsm.Sides {
		if a := w.announcements[side].Swap(nil); a != nil {
			w.onAnnounced(*a)
		}
	}
}

// after sends a message later.
func (w *writer) after(pause time.Duration, m message) *time.Timer {
	rt := w.Router
	return time.AfterFunc(pause, func() { rt.post(m) })
}

// spawn runs a task on a goroutine of its own. It has the Router, and no access to what
// the writer knows.
func (w *writer) spawn(task func(*Router)) {
	rt := w.Router
	w.tasks.Go(func() { task(rt) })
}

// fire moves the machine, publishes the new routing and tells the world, in
// this order: a query that is pinned because of an event finds it published.
func (w *writer) fire(t fsm.Trigger) bool {
	before := w.machine.Snapshot()
	sign := w.signOf(t)
	moved, err := w.machine.Fire(t)
	if err != nil {
		// The rules in this package fire only what the table allows.
		w.cfg.Logger.Error("e6: a rule of the cutover contradicts the machine's table", "error", err)
		return false
	}
	if moved.After.Epoch != before.Epoch {
		w.newEpoch(moved.After)
	}
	w.publish()
	w.changed(moved, sign)
	w.cfg.Events.Publish(moved.Cause, events.Transition{Transition: moved, InFlight: w.pins.sum(before.Active)})
	return true
}

// newEpoch forgets what was decided on the evidence of the epoch before.
func (w *writer) newEpoch(now fsm.Snapshot) {
	w.held, w.suspicion = false, nil
	w.agreed = new(atomic.Int32)
	w.endStage("left", now.Cause)
	w.probation.Store(w.upcoming) // before the routing is published, so that no query is missed
	w.upcoming = nil
	if now.Active.Valid() {
		w.lastKnown = now.Active
	}
}

// hold makes new queries wait, or lets them go on.
func (w *writer) hold(on bool) {
	if w.held != on {
		w.held = on
		w.publish()
	}
}

// settled reports whether a side serves and nothing is changing.
func (w *writer) settled() bool {
	s := w.machine.Snapshot().State
	return s == fsm.StateBlue || s == fsm.StateGreen
}

// onCloseRequested takes no new queries from now on.
func (w *writer) onCloseRequested() {
	if !w.closing {
		w.closing = true
		w.publish()
		w.onDrained()
	}
}

// onDrained runs on the writer after a query has left a side that takes no new
// ones.
func (w *writer) onDrained() {
	if w.closing && w.noneLeft() {
		select {
		case <-w.idle:
		default:
			close(w.idle)
		}
	}
	w.commitIfDrained()
	w.releaseSessions()
}

// stopTimers runs when the writer ends, and leaves no timer behind.
func (w *writer) stopTimers() {
	if w.refresh != nil {
		w.refresh.Stop()
	}
	if w.stage != nil {
		w.stage.timer.Stop()
	}
	if w.transition != nil {
		w.abandon(fsm.Cause{Reason: fsm.ReasonCaller, Detail: "the client is closed"}, ErrClosed)
	}
}
