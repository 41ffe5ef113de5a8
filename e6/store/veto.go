package store

import (
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Veto is one client's word that a side is bad. Like the rest of a Fact it holds
// nothing secret.
type Veto struct {
	// Side is the side that is bad.
	Side fsm.Side `json:"side"`
	// Writer identifies the client that says so, as in Fact.
	Writer string `json:"writer"`
	// Order is set if a person said so, and not a client by what it saw.
	Order bool `json:"order,omitempty"`
	// Why is the reason, for people: MaxWhy bytes at most.
	Why string `json:"why"`
	// At is when it was said, and Until when it ends, by the writer's clock. Readers
	// take no more from them than how long it lasts: see Rest.
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
}

// The limits of a Fact's vetoes, which keep it small enough for every store.
const (
	MaxVetoes = 8
	MaxWhy    = 200
)

// MaxVeto is for how long a veto is believed at the most, whatever it says.
const MaxVeto = 24 * time.Hour

// Rest is how long the veto still stands, by the clock of this process; it is over at 0
// or less. A clock that goes wrong cannot make it longer than it was meant to be, nor
// longer than MaxVeto.
func (v Veto) Rest() time.Duration {
	return min(time.Until(v.Until), v.Until.Sub(v.At), MaxVeto)
}

// Standing are the vetoes that are not over, the oldest first.
func (f Fact) Standing() (all []Veto) {
	for _, v := range f.Vetoes {
		if v.Rest() > 0 {
			all = append(all, v)
		}
	}
	return all
}

// Vetoed reports whether a veto on that side stands.
func (f Fact) Vetoed(side fsm.Side) bool {
	return slices.ContainsFunc(f.Standing(), func(v Veto) bool { return v.Side == side })
}

// WithVeto returns the fact with a veto instead of the one that its writer has on the
// side, and without those that are over. It reports false, and adds nothing, if the
// veto is over itself, or if there are MaxVetoes already: what so many say is enough
// for everyone. Only an order takes the place of the oldest then.
func (f Fact) WithVeto(v Veto) (Fact, bool) {
	f.Vetoes = f.Standing() // a slice of its own
	if v.Rest() <= 0 {
		return f, false
	}
	f.Vetoes = slices.DeleteFunc(f.Vetoes, func(old Veto) bool { return old.Side == v.Side && old.Writer == v.Writer })
	if len(f.Vetoes) >= MaxVetoes {
		if !v.Order {
			return f, false
		}
		f.Vetoes = f.Vetoes[1:]
	}
	f.Vetoes = append(f.Vetoes, v)
	return f, true
}
