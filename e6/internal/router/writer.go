package router

import (
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// A writer makes the decisions of a Router. One goroutine runs it, and no other goroutine
// has a reference to it: they send messages.
type writer struct {
	*Router // the part that is shared with other goroutines

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
	later      *rollback                 // waits for its retry
	upcoming   *probation                // of the next epoch
	rolledBack time.Time                 // time of the last automatic rollback
	received   map[fsm.Side]announcement // by source, until that side is active
	stale      map[fsm.Side]announcement // by source: the last one that was ignored
	suppressed map[fsm.Side]*suppression // by target
	damping    damping
	agreed     *atomic.Int32 // responses of the active side in this epoch that did not name the other side
	stage      *stage
	record     store.Record // the newest record that was read from the store
	updates    uint64       // number of updates that were sent to the publisher
	published  uint64       // number of the last update that the publisher has handled
	refresh    *time.Timer

	now       time.Time // of the step: when the writer took its message
	measured  int64     // number of calls of since in the step
	ids       uint64    // number of the last entity
	sent      storeUpdate
	recording *recording // nil: there is no record
	replaying *replaying // nil in a client
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

// run handles messages until the router ends. It blocks on nothing else.
//
// takeAnnouncements runs before each message. A login can announce the other side in its
// response: the goroutine of the login stores the announcement first and sends its message
// afterwards, so the announcement is handled before the target becomes active.
func (w *writer) run() {
	defer w.step(&ended{})
	for {
		select {
		case e := <-w.inbox:
			w.takeAnnouncements()
			w.step(e.message)
			if e.done != nil {
				close(e.done)
			}
		case <-w.announced:
			w.takeAnnouncements()
		case <-w.drained:
			w.step(&unpinned{})
		case <-w.ctx.Done():
			return
		}
	}
}

// takeAnnouncements handles the announcements that responses have stored.
func (w *writer) takeAnnouncements() {
	for _, side := range fsm.Sides {
		if a := w.announcements[side].Swap(nil); a != nil {
			w.step(&announced{*a})
		}
	}
}

// step applies a message.
func (w *writer) step(m message) {
	w.now, w.measured = time.Now(), 0
	if w.recording != nil {
		w.recording.begin(w, m)
		defer w.recording.end(w, m)
	}
	m.apply(w)
}

// fire moves the machine, publishes the new routing and then the events, in this order.
// With the events first, a subscriber could pin a query in reaction to an event and get
// the side that is no longer active.
func (w *writer) fire(t fsm.Trigger) bool {
	before := w.machine.Snapshot()
	sign := w.signOf(t)
	t.At = w.now
	moved, err := w.machine.Fire(t)
	if err != nil {
		// The rules in this package fire only what the table allows.
		w.cfg.Logger.Error("event rejected by the strategy machine", "component", events.ComponentStrategy, "error", err)
		return false
	}
	w.decideTransition(moved)
	if moved.After.Epoch != before.Epoch {
		w.newEpoch(moved.After)
	}
	w.publish()
	w.changed(moved, sign)
	w.emit(moved.Cause, events.Transition{Transition: moved, InFlight: w.inFlight(before.Active)})
	return true
}

// newEpoch resets the state that belongs to the previous epoch.
func (w *writer) newEpoch(now fsm.Snapshot) {
	w.held, w.suspicion = false, nil
	w.agreed = new(atomic.Int32)
	w.endStage("left", now.Cause)
	w.probation.Store(w.upcoming) // before the routing is published: a query of the new epoch finds its probation
	w.upcoming = nil
	if now.Active.Valid() {
		w.lastKnown = now.Active
	}
}

// hold makes new queries wait (on), or releases them.
func (w *writer) hold(on bool) {
	if w.held != on {
		w.held = on
		w.publish()
	}
}

// settled reports whether the state is blue or green.
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

// onDrained runs on the writer after a query was unpinned from a side that takes no new
// queries.
func (w *writer) onDrained() {
	if w.closing && w.noQueryLeft() {
		select {
		case <-w.idle:
		default:
			close(w.idle)
		}
	}
	w.commitIfDrained()
	w.releaseSessions()
	if w.inFlightElsewhere(w.machine.Snapshot().Active) == 0 {
		w.presence.notify() // also after a drain that has timed out
	}
}

// stopTimers stops all timers. It runs when the writer ends.
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
