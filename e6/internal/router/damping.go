package router

import (
	"fmt"
	"math"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// A damping spaces out the changes that announcements lead to (rule 23). Two sides
// that announce each other would move the client with every answer, and each change
// costs a login and the streams of a drain.
//
// A deployment, its rollback and one more of both are followed at once. Each further
// change has to wait, twice as long as the one before. A side that serves for
// dampingCalm before it announces the other one does not count; dampingQuiet without a
// change forgets everything.
type damping struct {
	changes int       // followed in quick succession
	last    time.Time // when the last one was followed
	until   time.Time // announcements are suppressed until then; zero if none has been
}

const (
	dampingFree = 4
	// A side that names the other one in half of its answers, as behind replicas that
	// disagree, looks consistent once in 65,536 epochs.
	dampingAgreed = 16
	dampingPause  = 500 * time.Millisecond
	dampingMax    = 5 * time.Minute
	dampingCalm   = 30 * time.Second
	dampingQuiet  = 10 * time.Minute
)

// contradicts is the count of a side that named the other one before it had answered
// dampingAgreed calls: it stays below dampingAgreed for the rest of the epoch.
const contradicts = math.MinInt32

// next is when the next announcement may be followed.
func (d *damping) next() time.Time {
	if d.changes < dampingFree || time.Since(d.last) > dampingQuiet {
		return time.Time{}
	}
	return d.last.Add(min(dampingPause<<min(d.changes-dampingFree, 16), dampingMax))
}

// followed counts a change. consistent says that the side which announced it had not
// named the other one before.
func (d *damping) followed(consistent bool) {
	served := time.Since(d.last)
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
	d.last, d.until = time.Now(), time.Time{}
}

// forget takes back the count of a change that did not happen: what was declined is
// tried again after pauses of its own.
func (d *damping) forget() { d.changes = max(0, d.changes-1) }

// suppress reports whether an announcement comes too early to be followed, and tells
// about the first one that does.
func (w *writer) dampen(a announcement) bool {
	if w.consistent() {
		return false
	}
	w.agreed.Store(contradicts)
	d := &w.damping
	next := d.next()
	if !time.Now().Before(next) {
		return false
	}
	if d.until != next {
		d.until = next
		w.publish()
		w.report(a, false, fmt.Sprintf("suppressed until %s: the side changed %d times in quick succession",
			next.UTC().Format(time.RFC3339Nano), d.changes))
	}
	return true
}

// consistent reports whether the active side answered dampingAgreed calls in this epoch
// before it named the other one.
func (w *writer) consistent() bool { return w.agreed.Load() >= dampingAgreed }

// Agreed reports that a response of side to a call sent at that stamp named no other
// side. It is called for nearly every response: it takes no lock, and once a side has
// agreed often enough it only reads.
func (rt *Router) Agreed(side fsm.Side, at Stamp) {
	r := rt.routing.Load()
	if r.agreed == nil || at.Epoch != r.Epoch || side != r.Active {
		return
	}
	if n := r.agreed.Load(); n >= 0 && n < dampingAgreed {
		r.agreed.Add(1)
	}
}
