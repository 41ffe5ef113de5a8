package router

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// An announcement is a side's word that new queries should go to target.
type announcement struct {
	speaker fsm.Side
	at      Stamp
	target  fsm.Side
	cause   fsm.Cause
}

// A decision is why an announced side is left alone for a while. Every response
// may repeat the announcement, so the decision is remembered, and reconsidered
// after a pause that grows with each strike.
type decision struct {
	why     whyDeclined
	epoch   uint64
	until   time.Time
	strikes int
}

// whyDeclined is why a side is left alone. What says that the side is bad holds in
// every epoch.
type whyDeclined uint8

const (
	unusable      whyDeclined = iota // it did not accept, or a guard did not allow it
	coolingDown                      // this client has gone back from it
	vetoed                           // the store has vetoes on it
	waitsForStage                    // another part of the fleet goes there first
)

// holds reports whether the decision still counts.
func (d *decision) holds(epoch uint64) bool {
	return (d.isBad() || d.epoch == epoch) && time.Now().Before(d.until)
}

// isBad reports whether the side is left alone because it is bad.
func (d *decision) isBad() bool { return d.why == coolingDown || d.why == vetoed }

// declinedFor spaces out how often a side that was declined is tried again.
const (
	declinedFor    = 5 * time.Second
	declinedForMax = 5 * time.Minute
)

// declinedPause is the pause before a side is tried again that has failed so often.
func declinedPause(failures int) time.Duration {
	return min(declinedFor<<min(failures, 16), declinedForMax)
}

// Announced reports that a response from speaker, to a call sent at that
// stamp, named target. It returns at once.
func (c *Router) Announced(ctx context.Context, speaker fsm.Side, at Stamp, target fsm.Side) {
	r := c.routing.Load()
	if target == r.Target || target == r.Active && r.Phase != fsm.PhasePreparing {
		return // what every response says around a cutover: nothing new to decide
	}
	if target != r.Active && speaker == r.Active && (time.Now().Before(r.Deaf) || time.Now().Before(r.SuppressedUntil)) {
		return // decided, for a while
	}
	a := announcement{speaker, at, target, causeOf(ctx, fsm.ReasonAnnouncement, "")}
	a.cause.Detail = speaker.String() + " named " + target.String()
	c.post(func() { c.onAnnounced(a) })
}

// onAnnounced decides what an announcement means. It runs on the writer.
func (c *Router) onAnnounced(a announcement) {
	s := c.machine.Snapshot()
	switch {
	case s.State == fsm.StateDetecting:
		// It may come from a query on the side that was active before, or from
		// the detection's own authentication. It counts if its speaker turns out
		// to be active.
		if a.at.Epoch == s.Epoch || a.at.Epoch+1 == s.Epoch && a.speaker == c.lastKnown {
			c.keep(a, "kept until a side is settled")
			return
		}
		c.ignore(a, "its call was sent before the present epoch, or not to the active side")
	case s.Phase == fsm.PhasePreparing && a.speaker == s.Target && a.at.Transition == s.Transition:
		c.keep(a, "kept until its speaker is active")
	case a.speaker != s.Active || a.at.Epoch != s.Epoch:
		c.ignore(a, "its call was sent before the present epoch, or not to the active side")
	case s.Phase == fsm.PhasePreparing && c.transition.back != nil:
		// The side that is being left may go on naming itself.
	case s.Phase == fsm.PhasePreparing:
		// The origin names itself again. An answer to a call from before the
		// transition cannot take the announcement back.
		if a.target == s.Active && a.at.Transition == s.Transition {
			c.tell(a, true, "the announcement is taken back")
			c.abort(c.transition, fsm.Cause{Reason: fsm.ReasonWithdrawn, Detail: a.cause.Detail, Trace: a.cause.Trace})
		}
	case a.target == s.Active:
	case a.at.Transition != s.Transition:
		// The transition that it asked for has begun since, and was given up in
		// the same epoch: what it says was decided.
		c.ignore(a, "its call was sent before the last transition")
	case c.held: // the target is being verified, and that decides
	default:
		c.follow(a)
	}
}

// follow begins the transition that an announcement or the store asks for,
// unless the side was declined a short while ago.
func (c *Router) follow(a announcement) {
	if d := c.declined[a.target]; d != nil && d.holds(c.machine.Snapshot().Epoch) {
		return // told when it was declined; repeated announcements are one
	}
	if c.suppress(a) {
		return
	}
	staged := c.staged(a)
	if staged && !c.goesFirst(a) {
		c.goLater(a)
		c.tellAnnounced(a)
		return
	}
	c.tell(a, true, "")
	c.tellAnnounced(a)
	consistent := c.consistent()
	if t := c.begin(fsm.EventAnnounce, a.target, a.cause); t != nil {
		t.staged = staged
		c.damping.followed(consistent)
	}
}

// keep remembers an announcement for the case that its speaker becomes active.
func (c *Router) keep(a announcement, why string) {
	if known, ok := c.heard[a.speaker]; ok && known.target == a.target {
		return
	}
	c.heard[a.speaker] = a
	c.tell(a, false, why)
}

// applyHeard follows what the side that has become active said before.
func (c *Router) applyHeard(active fsm.Side) {
	a, ok := c.heard[active]
	clear(c.heard)
	if ok && a.target != active {
		c.follow(a)
	}
}

// ignore tells about a stale announcement, once for each epoch it comes from.
func (c *Router) ignore(a announcement, why string) {
	if known, ok := c.stale[a.speaker]; ok && known.at == a.at && known.target == a.target {
		return
	}
	c.stale[a.speaker] = a
	c.tell(a, false, why)
}

func (c *Router) tell(a announcement, accepted bool, why string) {
	c.cfg.Events.Publish(a.cause, events.AnnouncementHeard{Speaker: a.speaker, Target: a.target, Accepted: accepted, Why: why})
}

// decline leaves a side alone for a while, longer with every strike.
func (c *Router) decline(target fsm.Side) {
	d := c.decisionAbout(target)
	if time.Since(d.until) > declinedForMax {
		d.strikes = 0 // that was another deployment
	}
	pause := declinedPause(d.strikes)
	d.strikes++
	if d.isBad() && time.Until(d.until) > pause {
		return
	}
	d.why, d.epoch, d.until = unusable, c.machine.Snapshot().Epoch, time.Now().Add(pause)
	c.publish()
}

// coolDown leaves a side alone for as long as the policy says, whatever it is
// announced by.
func (c *Router) coolDown(target fsm.Side) {
	d := c.decisionAbout(target)
	d.why, d.until = coolingDown, time.Now().Add(c.cfg.Policy.CoolDown)
	c.publish()
}

func (c *Router) decisionAbout(target fsm.Side) *decision {
	d := c.declined[target]
	if d == nil {
		d = &decision{}
		c.declined[target] = d
	}
	return d
}
