package router

import (
	"fmt"
	"math"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// A damping limits the rate of changes that announcements cause (rule 23). Without it, two
// sides that announce each other would move the client with every response, and each change
// costs a login and the streams of a drain.
//
// The first dampingFree changes are followed at once: a deployment, its rollback, and both
// again. Each further change waits twice as long as the one before. Every dampingCalm for
// which a side serves before it announces the other one takes back one change; dampingQuiet
// without a change resets the count.
type damping struct {
	changes int       // number of recent changes
	last    time.Time // time of the last change
	until   time.Time // announcements are suppressed until then; zero if none was
}

const (
	dampingFree = 4
	// With replicas that disagree, a side names the other one in half of its responses.
	// It is taken for consistent once in 2^16 = 65,536 epochs.
	dampingAgreed = 16
	dampingPause  = 500 * time.Millisecond
	dampingMax    = 5 * time.Minute
	dampingCalm   = 30 * time.Second
	dampingQuiet  = 10 * time.Minute
)

// contradicts is the value of agreed for a side that named the other one within its first
// dampingAgreed responses: it stays below dampingAgreed for the rest of the epoch.
const contradicts = math.MinInt32

// next is the time from which the next announcement may be followed.
func (d *damping) next(c clock) time.Time {
	if d.changes < dampingFree || c.since(d.last) > dampingQuiet {
		return time.Time{}
	}
	return d.last.Add(min(dampingPause<<min(d.changes-dampingFree, 16), dampingMax))
}

// followed counts a change. served: the time since the last one. consistent: the source had not named the other side before.
func (d *damping) followed(now time.Time, served time.Duration, consistent bool) {
	switch {
	case d.last.IsZero() || served > dampingQuiet:
		d.changes = 0
	case d.until.IsZero() && served >= dampingCalm:
		d.changes = max(0, d.changes-int(served/dampingCalm))
	case consistent:
		d.changes = max(0, d.changes-1)
	}
	if !consistent {
		d.changes++
	}
	d.last, d.until = now, time.Time{}
}

// forget takes back the count of a change that did not happen: the suppression of its
// target has its own pauses.
func (d *damping) forget() { d.changes = max(0, d.changes-1) }

// dampen reports whether an announcement is damped, and publishes the first one that is.
func (w *writer) dampen(a announcement) bool {
	if w.consistent() {
		return false
	}
	w.agreed.Store(contradicts)
	d := &w.damping
	next := d.next(w)
	delay := -w.since(next)
	if delay <= 0 {
		return false
	}
	if d.until != next {
		d.until = next
		w.publish()
		w.emit(a.cause, events.AnnouncementReceived{Source: a.source, Target: a.target, Delay: delay,
			Reason: fmt.Sprintf("suppressed until %s: the side changed %d times in quick succession", next.UTC().Format(time.RFC3339Nano), d.changes)})
	}
	return true
}

// consistent reports whether dampingAgreed responses of the active side in this epoch did
// not name the other side, before the first that did.
func (w *writer) consistent() bool {
	return w.observe(observedAgreed, func() int64 { return int64(w.agreed.Load()) }) >= dampingAgreed
}

// Agreed reports that a response of side to a call sent at that stamp named no other
// side. It is called for nearly every response, so it takes no lock and, once the count
// has reached dampingAgreed, only reads.
func (rt *Router) Agreed(side fsm.Side, at Stamp) {
	r := rt.routing.Load()
	if r.agreed == nil || at.Epoch != r.Epoch || side != r.Active {
		return
	}
	if n := r.agreed.Load(); n >= 0 && n < dampingAgreed {
		r.agreed.Add(1)
	}
}
