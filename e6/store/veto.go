package store

import (
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Veto is one client's report that a side is bad. Like the rest of a Record it holds
// nothing secret.
type Veto struct {
	// Side is the side that is bad.
	Side fsm.Side `json:"side"`
	// Writer identifies the client that wrote the veto, as in Record.
	Writer string `json:"writer"`
	// Directive is true for a veto of an operator, false for one of a client's guards.
	Directive bool `json:"directive,omitempty"`
	// Reason is shown to people: MaxReason bytes at most.
	Reason string `json:"reason"`
	// At is when it was written, and Until when it ends, by the writer's clock. Readers
	// use only the duration between them: see Remaining.
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
}

// The limits of a Record's vetoes, which keep it small enough for every store.
const (
	MaxVetoes = 8
	MaxReason = 200
)

// MaxVeto limits how long readers respect a veto, for any value of its Until.
const MaxVeto = 24 * time.Hour

// Remaining is how long the veto is still active, by the clock of this process; it has ended at 0
// or less. A wrong clock cannot make it longer than the writer intended, nor
// longer than MaxVeto.
func (v Veto) Remaining() time.Duration {
	return min(time.Until(v.Until), v.Until.Sub(v.At), MaxVeto)
}

// ActiveVetoes returns the vetoes that have not ended, the oldest first.
func (f Record) ActiveVetoes() (all []Veto) {
	for _, v := range f.Vetoes {
		if v.Remaining() > 0 {
			all = append(all, v)
		}
	}
	return all
}

// Vetoed reports whether a veto on that side is active.
func (f Record) Vetoed(side fsm.Side) bool {
	return slices.ContainsFunc(f.ActiveVetoes(), func(v Veto) bool { return v.Side == side })
}

// WithVeto returns the record with v in place of the veto that its writer has on the
// side, and without vetoes that have ended. It reports false, and adds nothing, if v
// has ended itself, or if there are MaxVetoes already: more of them change nothing.
// Only a directive replaces the oldest one then.
func (f Record) WithVeto(v Veto) (Record, bool) {
	f.Vetoes = f.ActiveVetoes() // a new slice: readers share the old one
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
