package router

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// Fleet coordinates the cutovers of the clients that share a store. With the zero value
// each client follows a new record at once.
type Fleet struct {
	// Present registers the client in the presence list of its cluster, if the store
	// has one.
	Present bool
	// Jitter is the longest random pause before a client logs in on an announced
	// side, so that the logins of a fleet are spread out.
	Jitter time.Duration
	// StageShare is the share of the clients in the first stage of a cutover; 0: no
	// stages. The other clients wait until a client of the first stage has been on the
	// new side for StageTime without a rollback, but at most for StageTimeout.
	StageShare   float64
	StageTime    time.Duration
	StageTimeout time.Duration
	// Votes is the number of clients that must veto a side before the others leave it
	// too.
	Votes int
}

// A stage is the time that a client of the first stage stays on the new side before it
// publishes the side to the others.
type stage struct {
	id    uint64
	side  fsm.Side
	began time.Time
	timer *time.Timer
}

// isUnattended reports whether a cause is an announcement or a record: no caller and no
// query waits for what it starts.
func isUnattended(cause fsm.Cause) bool {
	return cause.Reason == fsm.ReasonAnnouncement || cause.Reason == fsm.ReasonStore
}

// jitter returns the random pause of a transition before it logs in on its target.
func (rt *Router) jitter(cause fsm.Cause) time.Duration {
	if most := rt.cfg.Fleet.Jitter; most > 0 && isUnattended(cause) {
		return rand.N(most)
	}
	return 0
}

// jitterOf is jitter for the writer.
func (w *writer) jitterOf(cause fsm.Cause) time.Duration {
	return time.Duration(w.observe(observedJitter, func() int64 { return int64(w.jitter(cause)) }))
}

// staged reports whether the fleet follows an announcement in stages. It does not if the
// record names the target as active already, or if this client has waited for StageTimeout.
func (w *writer) staged(a announcement) bool {
	if w.cfg.Store == nil || w.cfg.Fleet.StageShare == 0 || !isUnattended(a.cause) || w.record.Active == a.target {
		return false
	}
	d := w.suppressed[a.target]
	return d == nil || d.reason != waitsForStage || d.epoch != w.machine.Snapshot().Epoch
}

// inFirstStage draws at random whether this client belongs to the first stage. The client
// that published the announcement always does, so that the stage of a small fleet is not
// empty.
func (w *writer) inFirstStage(a announcement) bool {
	return w.observeBool(observedFirstStage, func() bool { return rand.Float64() < w.cfg.Fleet.StageShare }) || w.isAnnouncer(a.target)
}

// isAnnouncer reports whether this client published the announcement.
func (w *writer) isAnnouncer(target fsm.Side) bool {
	return w.record.Announced == target && w.record.Writer == w.publisher.id
}

// deferToStage suppresses an announced side until the first stage has ended.
func (w *writer) deferToStage(a announcement) {
	d := w.suppressionOf(a.target)
	d.reason, d.epoch, d.until = waitsForStage, w.machine.Snapshot().Epoch, w.now.Add(w.cfg.Fleet.StageTimeout)
	w.publish()
	w.report(a, false, "the first stage of the fleet moves first")
}

// endDeferral ends the suppression for the first stage.
func (w *writer) endDeferral(target fsm.Side) {
	if d := w.suppressed[target]; d != nil && d.reason == waitsForStage {
		delete(w.suppressed, target)
		w.publish()
	}
}

// beginStage starts the stage time. It is called when the new side is active.
func (w *writer) beginStage(side fsm.Side) {
	s := &stage{side: side, began: w.now}
	s.id = w.newID(s)
	s.timer = w.after(w.cfg.Fleet.StageTime, &stageHeld{s})
	w.stage = s
}

// onStageHeld publishes the new side, so that the other clients follow.
func (w *writer) onStageHeld(s *stage) {
	if w.stage == s {
		w.endStage("held", fsm.Cause{Reason: fsm.ReasonAccepted})
		w.updateStore(storeUpdate{Record: store.Record{Active: s.side}, unlessVetoed: true})
	}
}

// endStage ends the stage, if there is one, and publishes its result: held, or left if
// the client has left the side.
func (w *writer) endStage(result string, cause fsm.Cause) {
	if s := w.stage; s != nil {
		w.stage = nil
		s.timer.Stop()
		w.emit(cause, events.StageEnded{Side: s.side, Result: result, Took: w.since(s.began)})
	}
}

// publishAccepted publishes the target of a transition, so that other clients follow. A
// client of the first stage publishes it after the stage time; a rollback for health may
// publish a veto only.
func (w *writer) publishAccepted(t *transition) {
	if t.staged {
		w.beginStage(t.target())
		return
	}
	w.publishReturn(t.target(), t.start.Cause.Reason == fsm.ReasonHealth)
}

// fleetCause is the cause of a rollback because of vetoes.
func fleetCause(side fsm.Side, s vetoSummary) fsm.Cause {
	detail := fmt.Sprintf("%d clients have vetoed %s: %s", s.clients, side, s.reason)
	if s.directive {
		detail = fmt.Sprintf("a directive vetoes %s: %s", side, s.reason)
	}
	return fsm.Cause{Reason: fsm.ReasonStore, Detail: detail}
}
