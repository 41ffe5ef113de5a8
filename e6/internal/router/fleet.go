package router

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// Fleet says how the clients that share a store go through a cutover together. The
// zero value lets each follow at once what the others learn.
type Fleet struct {
	// Present lists the client among those of its cluster, if the store can.
	Present bool
	// Jitter is the most that a client waits before it logs in to a side that was
	// announced, so that a fleet does not do that in one instant.
	Jitter time.Duration
	// StageShare is the share of the clients that follow an announcement first, and
	// 0 lets all follow. The others wait until one of the first has been on the new
	// side for StageTime without a reason to leave it, or for StageTimeout.
	StageShare   float64
	StageTime    time.Duration
	StageTimeout time.Duration
	// Votes is how many clients must find a side bad before the others leave it as
	// well.
	Votes int
}

// A stage is the time in which a client that went first stays on the new side before
// the others follow.
type stage struct {
	side  fsm.Side
	began time.Time
	timer *time.Timer
}

// byNews reports whether something begins because of what the cluster or the store
// said, and neither a person nor a query waits for it.
func byNews(cause fsm.Cause) bool {
	return cause.Reason == fsm.ReasonAnnouncement || cause.Reason == fsm.ReasonStore
}

// jitter draws the time that a transition waits before it logs in to its target.
func (rt *Router) jitter(cause fsm.Cause) time.Duration {
	if most := rt.cfg.Fleet.Jitter; most > 0 && byNews(cause) {
		return rand.N(most)
	}
	return 0
}

// staged reports whether an announcement is news to a fleet of which a part goes
// first. It is not if the fleet is on that side already, or if this client has
// waited for that part long enough.
func (w *writer) staged(a announcement) bool {
	if w.cfg.Store == nil || w.cfg.Fleet.StageShare == 0 || !byNews(a.cause) || w.record.Active == a.target {
		return false
	}
	d := w.suppressed[a.target]
	return d == nil || d.reason != waitsForStage || d.epoch != w.machine.Snapshot().Epoch
}

// inFirstStage draws whether this client belongs to the part that goes first. Whoever
// brings the announcement to the store does, so that there is such a part in a small
// fleet too.
func (w *writer) inFirstStage(a announcement) bool {
	return rand.Float64() < w.cfg.Fleet.StageShare || w.isAnnouncer(a.target)
}

// isAnnouncer reports whether it was this client that told the store of the announcement.
func (w *writer) isAnnouncer(target fsm.Side) bool {
	return w.record.Announced == target && w.record.Writer == w.publisher.id
}

// deferToStage leaves an announced side to the part of the fleet that goes first.
func (w *writer) deferToStage(a announcement) {
	d := w.suppressionOf(a.target)
	d.reason, d.epoch, d.until = waitsForStage, w.machine.Snapshot().Epoch, time.Now().Add(w.cfg.Fleet.StageTimeout)
	w.publish()
	w.report(a, false, "another part of the fleet goes first")
}

// endDeferral ends the wait for the part that goes first.
func (w *writer) endDeferral(target fsm.Side) {
	if d := w.suppressed[target]; d != nil && d.reason == waitsForStage {
		delete(w.suppressed, target)
		w.publish()
	}
}

// beginStage begins when a client that goes first is on the new side.
func (w *writer) beginStage(side fsm.Side) {
	s := &stage{side: side, began: time.Now()}
	s.timer = w.after(w.cfg.Fleet.StageTime, stageHeld{s})
	w.stage = s
}

// onStageHeld lets the others follow.
func (w *writer) onStageHeld(s *stage) {
	if w.stage == s {
		w.endStage("held", fsm.Cause{Reason: fsm.ReasonAccepted})
		w.updateStore(storeUpdate{Record: store.Record{Active: s.side}, unlessVetoed: true})
	}
}

// endStage tells how the stage ended, if there is one. It has failed if the client
// left the side.
func (w *writer) endStage(result string, cause fsm.Cause) {
	if s := w.stage; s != nil {
		w.stage = nil
		s.timer.Stop()
		w.cfg.Events.Publish(cause, events.StageEnded{Side: s.side, Result: result, Took: time.Since(s.began)})
	}
}

// publishAccepted publishes that a transition's target has accepted, if that is for the
// others to follow: not yet if this client goes first, and not if it goes back
// because of what it alone has seen.
func (w *writer) publishAccepted(t *transition) {
	if t.staged {
		w.beginStage(t.target())
		return
	}
	w.publishReturn(t.target(), t.start.Cause.Reason == fsm.ReasonHealth)
}

// fleetCause is why a client leaves a side that others find bad.
func fleetCause(side fsm.Side, s vetoSummary) fsm.Cause {
	detail := fmt.Sprintf("%d of the clients find %s bad: %s", s.clients, side, s.reason)
	if s.order {
		detail = fmt.Sprintf("it was ordered to leave %s: %s", side, s.reason)
	}
	return fsm.Cause{Reason: fsm.ReasonStore, Detail: detail}
}
