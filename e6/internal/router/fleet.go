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
func (c *Router) jitter(cause fsm.Cause) time.Duration {
	if most := c.cfg.Fleet.Jitter; most > 0 && byNews(cause) {
		return rand.N(most)
	}
	return 0
}

// staged reports whether an announcement is news to a fleet of which a part goes
// first. It is not if the fleet is on that side already, or if this client has
// waited for that part long enough.
func (c *Router) staged(a announcement) bool {
	if c.cfg.Store == nil || c.cfg.Fleet.StageShare == 0 || !byNews(a.cause) || c.share.fact.Active == a.target {
		return false
	}
	d := c.declined[a.target]
	return d == nil || d.why != waitsForStage || d.epoch != c.machine.Snapshot().Epoch
}

// goesFirst draws whether this client belongs to the part that goes first. Whoever
// brings the announcement to the store does, so that there is such a part in a small
// fleet too.
func (c *Router) goesFirst(a announcement) bool {
	return rand.Float64() < c.cfg.Fleet.StageShare || c.isHerald(a.target)
}

// isHerald reports whether it was this client that told the store of the announcement.
func (c *Router) isHerald(target fsm.Side) bool {
	return c.share.fact.Announced == target && c.share.fact.Writer == c.share.writer
}

// goLater leaves an announced side to the part of the fleet that goes first.
func (c *Router) goLater(a announcement) {
	d := c.decisionAbout(a.target)
	d.why, d.epoch, d.until = waitsForStage, c.machine.Snapshot().Epoch, time.Now().Add(c.cfg.Fleet.StageTimeout)
	c.publish()
	c.tell(a, false, "another part of the fleet goes first")
}

// goNow ends the wait for the part that goes first.
func (c *Router) goNow(target fsm.Side) {
	if d := c.declined[target]; d != nil && d.why == waitsForStage {
		delete(c.declined, target)
		c.publish()
	}
}

// beginStage begins when a client that goes first is on the new side.
func (c *Router) beginStage(side fsm.Side) {
	s := &stage{side: side, began: time.Now()}
	s.timer = time.AfterFunc(c.cfg.Fleet.StageTime, func() {
		c.post(func() {
			if c.stage == s {
				c.endStage("held", fsm.Cause{Reason: fsm.ReasonAccepted})
				c.say(saying{Fact: store.Fact{Active: side}, unlessVetoed: true})
			}
		})
	})
	c.stage = s
}

// endStage tells how the stage ended, if there is one. It has failed if the client
// left the side.
func (c *Router) endStage(result string, cause fsm.Cause) {
	if s := c.stage; s != nil {
		c.stage = nil
		s.timer.Stop()
		c.cfg.Events.Publish(cause, events.StageEnded{Side: s.side, Result: result, Took: time.Since(s.began)})
	}
}

// tellAccepted publishes that a transition's target has accepted, if that is for the
// others to follow: not yet if this client goes first, and not if it goes back
// because of what it alone has seen.
func (c *Router) tellAccepted(t *transition) {
	if t.staged {
		c.beginStage(t.target())
		return
	}
	c.tellBack(t.target(), t.start.Cause.Reason == fsm.ReasonHealth)
}

// fleetCause is why a client leaves a side that others find bad.
func fleetCause(side fsm.Side, s sentence) fsm.Cause {
	detail := fmt.Sprintf("%d of the clients find %s bad: %s", s.clients, side, s.why)
	if s.order {
		detail = fmt.Sprintf("it was ordered to leave %s: %s", side, s.why)
	}
	return fsm.Cause{Reason: fsm.ReasonStore, Detail: detail}
}
