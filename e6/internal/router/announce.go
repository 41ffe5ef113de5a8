package router

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// An announcement is the value of a response header with which a side (the source) asks
// clients to send new queries to target.
type announcement struct {
	source fsm.Side
	at     Stamp
	target fsm.Side
	cause  fsm.Cause
}

// A suppression makes the client ignore announcements of a side until a time. Every
// response may repeat an announcement, so the suppression is stored; its pause doubles
// with each strike.
type suppression struct {
	reason  suppressReason
	epoch   uint64
	until   time.Time
	strikes int
}

// suppressReason is the reason of a suppression. coolingDown and vetoed hold in every
// epoch, the others only in the epoch in which they began.
type suppressReason uint8

const (
	unusable      suppressReason = iota // the side did not accept, or a guard vetoed it
	coolingDown                         // this client has rolled back from the side
	vetoed                              // the store has vetoes on the side
	waitsForStage                       // the first stage of the fleet moves before this client
)

// holds reports whether the suppression is in force in that epoch.
func (d *suppression) holds(epoch uint64, c clock) bool {
	return (d.isBad() || d.epoch == epoch) && c.since(d.until) < 0
}

// isBad reports whether the reason is a rollback or a veto.
func (d *suppression) isBad() bool { return d.reason == coolingDown || d.reason == vetoed }

// suppressPause is the first pause of a suppression, suppressPauseMax the longest.
const (
	suppressPause    = 5 * time.Second
	suppressPauseMax = 5 * time.Minute
)

// pauseAfter is the pause after that many failures.
func pauseAfter(failures int) time.Duration {
	return min(suppressPause<<min(failures, 16), suppressPauseMax)
}

// Announced reports that a response from source, to a call sent at that stamp,
// announced target. It never blocks.
func (rt *Router) Announced(ctx context.Context, source fsm.Side, at Stamp, target fsm.Side) {
	r := rt.routing.Load()
	if target == r.Target || target == r.Active && r.Phase != fsm.PhasePreparing {
		return // every response repeats this during a cutover
	}
	if target != r.Active && source == r.Active && (time.Now().Before(r.SuppressedUntil) || time.Now().Before(r.DampedUntil)) {
		return // suppressed or damped
	}
	a := announcement{source, at, target, causeOf(ctx, fsm.ReasonAnnouncement, "")}
	a.cause.Detail = source.String() + " named " + target.String()
	rt.leaveAnnouncement(a)
}

// onAnnounced handles an announcement. It runs on the writer.
func (w *writer) onAnnounced(a announcement) {
	s := w.machine.Snapshot()
	switch {
	case s.State == fsm.StateDetecting:
		// The source is the side that was active before, or a side that the
		// detection logs in on. The announcement is followed if the detection
		// settles on its source.
		if a.at.Epoch == s.Epoch || a.at.Epoch+1 == s.Epoch && a.source == w.lastKnown {
			w.keep(a, "kept until a side is settled")
			return
		}
		w.ignore(a, "its call was sent before the current epoch, or not to the active side")
	case s.Phase == fsm.PhasePreparing && a.source == s.Target && a.at.Transition == s.Transition:
		w.keep(a, "kept until its source is active")
	case a.source != s.Active || a.at.Epoch != s.Epoch:
		w.ignore(a, "its call was sent before the current epoch, or not to the active side")
	case s.Phase == fsm.PhasePreparing && w.transition.back != nil:
		// During a rollback the origin may keep naming itself: ignored.
	case s.Phase == fsm.PhasePreparing:
		// The origin names itself again and so withdraws its announcement. Only a
		// call that was sent during the transition counts: the response to an
		// earlier call may arrive after the announcement.
		if a.target == s.Active && a.at.Transition == s.Transition {
			w.report(a, true, "the announcement is withdrawn")
			w.abort(w.transition, fsm.Cause{Reason: fsm.ReasonWithdrawn, Detail: a.cause.Detail, Trace: a.cause.Trace})
		}
	case a.target == s.Active:
	case a.at.Transition != s.Transition:
		// Its transition began after the call was sent, and was aborted in the same
		// epoch: this is the same announcement again.
		w.ignore(a, "its call was sent before the last transition")
	case w.held: // the target is being verified: ignored until that ends
	default:
		w.follow(a)
	}
}

// follow begins the transition that an announcement or a record requests, unless the
// target is suppressed.
func (w *writer) follow(a announcement) {
	if d := w.suppressed[a.target]; d != nil && d.holds(w.machine.Snapshot().Epoch, w) {
		return // the first announcement was reported when the suppression began
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
		w.damping.followed(w.now, w.since(w.damping.last), consistent)
	}
}

// keep stores an announcement, which is followed if its source becomes active.
func (w *writer) keep(a announcement, reason string) {
	if known, ok := w.received[a.source]; ok && known.target == a.target {
		return
	}
	w.received[a.source] = a
	w.report(a, false, reason)
}

// applyReceived follows the stored announcement of the side that has become active.
func (w *writer) applyReceived(active fsm.Side) {
	a, ok := w.received[active]
	clear(w.received)
	if ok && a.target != active {
		w.follow(a)
	}
}

// ignore reports a stale announcement, once for each stamp.
func (w *writer) ignore(a announcement, reason string) {
	if known, ok := w.stale[a.source]; ok && known.at == a.at && known.target == a.target {
		return
	}
	w.stale[a.source] = a
	w.report(a, false, reason)
}

func (w *writer) report(a announcement, accepted bool, reason string) {
	w.emit(a.cause, events.AnnouncementReceived{Source: a.source, Target: a.target, Accepted: accepted, Reason: reason})
}

// suppressSide suppresses a side for a pause that grows with every strike.
func (w *writer) suppressSide(target fsm.Side) {
	d := w.suppressionOf(target)
	if w.since(d.until) > suppressPauseMax {
		d.strikes = 0 // the earlier strikes belong to another deployment
	}
	pause := pauseAfter(d.strikes)
	d.strikes++
	if d.isBad() && -w.since(d.until) > pause {
		return
	}
	d.reason, d.epoch, d.until = unusable, w.machine.Snapshot().Epoch, w.now.Add(pause)
	w.publish()
}

// coolDown suppresses a side for the cool-down of the policy.
func (w *writer) coolDown(target fsm.Side) {
	d := w.suppressionOf(target)
	d.reason, d.until = coolingDown, w.now.Add(w.cfg.Policy.CoolDown)
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
