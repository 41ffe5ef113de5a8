package router

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// An announcement is a side's word that new queries should go to target.
type announcement struct {
	source fsm.Side
	at     Stamp
	target fsm.Side
	cause  fsm.Cause
}

// A decision is why an announced side is left alone for a while. Every response
// may repeat the announcement, so the decision is remembered, and reconsidered
// after a pause that grows with each strike.
type suppression struct {
	reason  suppressReason
	epoch   uint64
	until   time.Time
	strikes int
}

// suppressReason is why a side is left alone. What says that the side is bad holds in
// every epoch.
type suppressReason uint8

const (
	unusable      suppressReason = iota // it did not accept, or a guard did not allow it
	coolingDown                         // this client has gone back from it
	vetoed                              // the store has vetoes on it
	waitsForStage                       // another part of the fleet goes there first
)

// holds reports whether the decision still counts.
func (d *suppression) holds(epoch uint64) bool {
	return (d.isBad() || d.epoch == epoch) && time.Now().Before(d.until)
}

// isBad reports whether the side is left alone because it is bad.
func (d *suppression) isBad() bool { return d.reason == coolingDown || d.reason == vetoed }

// suppressPause spaces out how often a side that was declined is tried again.
const (
	suppressPause    = 5 * time.Second
	suppressPauseMax = 5 * time.Minute
)

// pauseAfter is the pause before a side is tried again that has failed so often.
func pauseAfter(failures int) time.Duration {
	return min(suppressPause<<min(failures, 16), suppressPauseMax)
}

// Announced reports that a response from speaker, to a call sent at that
// stamp, named target. It returns at once.
func (rt *Router) Announced(ctx context.Context, source fsm.Side, at Stamp, target fsm.Side) {
	r := rt.routing.Load()
	if target == r.Target || target == r.Active && r.Phase != fsm.PhasePreparing {
		return // what every response says around a cutover: nothing new to decide
	}
	if target != r.Active && source == r.Active && (time.Now().Before(r.SuppressedUntil) || time.Now().Before(r.DampedUntil)) {
		return // decided, for a while
	}
	a := announcement{source, at, target, causeOf(ctx, fsm.ReasonAnnouncement, "")}
	a.cause.Detail = source.String() + " named " + target.String()
	rt.leaveAnnouncement(a)
}

// onAnnounced decides what an announcement means. It runs on the writer.
func (w *writer) onAnnounced(a announcement) {
	s := w.machine.Snapshot()
	switch {
	case s.State == fsm.StateDetecting:
		// It may come from a query on the side that was active before, or from
		// the detection's own authentication. It counts if its speaker turns out
		// to be active.
		if a.at.Epoch == s.Epoch || a.at.Epoch+1 == s.Epoch && a.source == w.lastKnown {
			w.keep(a, "kept until a side is settled")
			return
		}
		w.ignore(a, "its call was sent before the present epoch, or not to the active side")
	case s.Phase == fsm.PhasePreparing && a.source == s.Target && a.at.Transition == s.Transition:
		w.keep(a, "kept until its speaker is active")
	case a.source != s.Active || a.at.Epoch != s.Epoch:
		w.ignore(a, "its call was sent before the present epoch, or not to the active side")
	case s.Phase == fsm.PhasePreparing && w.transition.back != nil:
		// The side that is being left may go on naming itself.
	case s.Phase == fsm.PhasePreparing:
		// The origin names itself again. An answer to a call from before the
		// transition cannot take the announcement back.
		if a.target == s.Active && a.at.Transition == s.Transition {
			w.report(a, true, "the announcement is taken back")
			w.abort(w.transition, fsm.Cause{Reason: fsm.ReasonWithdrawn, Detail: a.cause.Detail, Trace: a.cause.Trace})
		}
	case a.target == s.Active:
	case a.at.Transition != s.Transition:
		// The transition that it asked for has begun since, and was given up in
		// the same epoch: what it says was decided.
		w.ignore(a, "its call was sent before the last transition")
	case w.held: // the target is being verified, and that decides
	default:
		w.follow(a)
	}
}

// follow begins the transition that an announcement or the store asks for,
// unless the side was declined a short while ago.
func (w *writer) follow(a announcement) {
	if d := w.suppressed[a.target]; d != nil && d.holds(w.machine.Snapshot().Epoch) {
		return // told when it was declined; repeated announcements are one
	}
	if w.dampen(a) {
		return
	}
	staged := w.staged(a)
	if staged && !w.inFirstStage(a) {
		w.deferToStage(a)
		w.publishAnnounced(a)
		return
	}
	w.report(a, true, "")
	w.publishAnnounced(a)
	consistent := w.consistent()
	if t := w.begin(fsm.EventAnnounce, a.target, a.cause); t != nil {
		t.staged = staged
		w.damping.followed(consistent)
	}
}

// keep remembers an announcement for the case that its speaker becomes active.
func (w *writer) keep(a announcement, reason string) {
	if known, ok := w.received[a.source]; ok && known.target == a.target {
		return
	}
	w.received[a.source] = a
	w.report(a, false, reason)
}

// applyReceived follows what the side that has become active said before.
func (w *writer) applyReceived(active fsm.Side) {
	a, ok := w.received[active]
	clear(w.received)
	if ok && a.target != active {
		w.follow(a)
	}
}

// ignore tells about a stale announcement, once for each epoch it comes from.
func (w *writer) ignore(a announcement, reason string) {
	if known, ok := w.stale[a.source]; ok && known.at == a.at && known.target == a.target {
		return
	}
	w.stale[a.source] = a
	w.report(a, false, reason)
}

func (rt *Router) report(a announcement, accepted bool, reason string) {
	rt.cfg.Events.Publish(a.cause, events.AnnouncementReceived{Source: a.source, Target: a.target, Accepted: accepted, Reason: reason})
}

// decline leaves a side alone for a while, longer with every strike.
func (w *writer) suppressSide(target fsm.Side) {
	d := w.suppressionOf(target)
	if time.Since(d.until) > suppressPauseMax {
		d.strikes = 0 // that was another deployment
	}
	pause := pauseAfter(d.strikes)
	d.strikes++
	if d.isBad() && time.Until(d.until) > pause {
		return
	}
	d.reason, d.epoch, d.until = unusable, w.machine.Snapshot().Epoch, time.Now().Add(pause)
	w.publish()
}

// coolDown leaves a side alone for as long as the policy says, whatever it is
// announced by.
func (w *writer) coolDown(target fsm.Side) {
	d := w.suppressionOf(target)
	d.reason, d.until = coolingDown, time.Now().Add(w.cfg.Policy.CoolDown)
	w.publish()
}

func (w *writer) suppressionOf(target fsm.Side) *suppression {
	d := w.suppressed[target]
	if d == nil {
		d = &suppression{}
		w.suppressed[target] = d
	}
	return d
}
