package store

import (
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Veto is one client's word that a side is bad. Like the rest of a Record it holds
// nothing secret.
type Veto struct {
	// Side is the side that is bad.
	Side fsm.Side `json:"side"`
	// Writer identifies the client that says so, as in Record.
	Writer string `json:"writer"`
	// Order is set if a person said so, and not a client by what it saw.
	Directive bool `json:"directive,omitempty"`
	// Why is the reason, for people: MaxWhy bytes at most.
	Reason string `json:"reason"`
	// At is when it was said, and Until when it ends, by the writer's clock. Readers
	// take no more from them than how long it lasts: see Rest.
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
}

// The limits of a Record's vetoes, which keep it small enough for every store.
const (
	MaxVetoes = 8
	MaxReason = 200
)

// MaxVeto is for how long a veto is believed at the most, whatever it says.
const MaxVeto = 24 * time.Hour

// Rest is how long the veto still stands, by the clock of this process; it is over at 0
// or less. A clock that goes wrong cannot make it longer than it was meant to be, nor
// longer than MaxVeto.
func (v Veto) Remaining() time.Duration {
	return min(time.Until(v.Until), v.Until.Sub(v.At), MaxVeto)
}

// Standing are the vetoes that are not over, the oldest first.
func (f Record) ActiveVetoes() (all []Veto) {
	for _, v := range f.Vetoes {
		if v.Remaining() > 0 {
			all = append(all, v)
		}
	}
	return all
}

// Vetoed reports whether a veto on that side stands.
func (f Record) Vetoed(side fsm.Side) bool {
	return slices.ContainsFunc(f.ActiveVetoes(), func(v Veto) bool { return v.Side == side })
}

// WithVeto returns the fact with a veto instead of the one that its writer has on the
// side, and without those that are over. It reports false, and adds nothing, if the
// veto is over itself, or if there are MaxVetoes already: what so many say is enough
// for everyone. Only an order takes the place of the oldest then.
func (f Record) WithVeto(v Veto) (Record, bool) {
	f.Vetoes = f.ActiveVetoes() // a slice of its own
	if v.Remaining() <= 0 {
		return f, false
	}
	f.Vetoes = slices.DeleteFunc(f.Vetoes, func(old Veto) bool { return old.Side == v.Side && old.Writer == v.Writer })
	if len(f.Vetoes) >= MaxVetoes {
		if !v.Directive {
			return f, false
		}
		f.Vetoes = f.Vetoes[1:]
	}
	f.Vetoes = append(f.Vetoes, v)
	return f, true
}
