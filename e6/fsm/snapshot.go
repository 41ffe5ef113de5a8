package fsm

import (
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// State is a state of the strategy machine. The zero value is StateUnknown.
type State uint8

// The states.
const (
	// StateUnknown: no side is known, and none is being looked for.
	StateUnknown State = iota
	// StateDetecting: both sides are being asked which one accepts.
	StateDetecting
	// StateBlue: blue serves, and no change is under way.
	StateBlue
	// StateGreen: green serves, and no change is under way.
	StateGreen
	// StateTransitioning: the sides are being changed; Phase says how far it is.
	StateTransitioning
)

// String returns "unknown", "detecting", "blue", "green" or "transitioning".
func (s State) String() string {
	switch s {
	case StateUnknown:
		return "unknown"
	case StateDetecting:
		return "detecting"
	case StateBlue:
		return "blue"
	case StateGreen:
		return "green"
	case StateTransitioning:
		return "transitioning"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// MarshalText implements encoding.TextMarshaler with the same text as String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It reads what MarshalText
// writes.
func (s *State) UnmarshalText(text []byte) error {
	for state := StateUnknown; state <= StateTransitioning; state++ {
		if string(text) == state.String() {
			*s = state
			return nil
		}
	}
	return fmt.Errorf("unknown state %q: expected unknown, detecting, blue, green or transitioning", shorten(string(text), 32))
}

// Settled returns the state in which that side serves and nothing changes, and
// StateUnknown for None.
func Settled(s Side) State {
	switch s {
	case Blue:
		return StateBlue
	case Green:
		return StateGreen
	}
	return StateUnknown
}

// Phase is how far a transition is. It is PhaseNone in every state but
// StateTransitioning.
type Phase uint8

// The phases of a transition.
const (
	// PhaseNone: no transition is under way.
	PhaseNone Phase = iota
	// PhasePreparing: the target is made ready; new queries still go to the origin.
	PhasePreparing
	// PhaseShared: both sides take new queries, as a selector decides.
	PhaseShared
	// PhaseDraining: new queries go to the target; those on the origin finish there.
	PhaseDraining
)

// String returns "none", "preparing", "shared" or "draining".
func (p Phase) String() string {
	switch p {
	case PhaseNone:
		return "none"
	case PhasePreparing:
		return "preparing"
	case PhaseShared:
		return "shared"
	case PhaseDraining:
		return "draining"
	}
	return fmt.Sprintf("Phase(%d)", uint8(p))
}

// MarshalText implements encoding.TextMarshaler with the same text as String.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Snapshot is what is known at one moment. It is immutable; the zero value is
// the beginning, when nothing is known.
type Snapshot struct {
	// State is the state of the machine.
	State State
	// Phase is how far the transition is, if one is under way.
	Phase Phase
	// Active is the side of new queries: None while unknown or detecting, the
	// origin while preparing, and the target from then on.
	Active Side
	// Target is where a transition leads, and None when there is none.
	Target Side
	// Epoch counts the changes of Active. Whatever was sent in an earlier epoch
	// says nothing about this one.
	Epoch uint64
	// Transition numbers the transitions from side to side, beginning with 1:
	// the one under way, or the last one. It is 0 before the first.
	Transition uint64
	// Since is when the state or the phase was entered.
	Since time.Time
	// Cause is why it was entered.
	Cause Cause
}

// Origin is the side that a transition leaves, and None when there is none.
func (s Snapshot) Origin() Side { return s.Target.Other() }

// String returns a short form such as "blue", "transitioning blue->green
// (draining)" or "unknown".
func (s Snapshot) String() string {
	if s.State != StateTransitioning {
		return s.State.String()
	}
	return fmt.Sprintf("transitioning %s->%s (%s)", s.Origin(), s.Target, s.Phase)
}

// Cause is why something happened.
type Cause struct {
	// Reason is one of a small set, fit for a metric's attribute.
	Reason Reason
	// Detail says it in words, for people. It holds no secrets and no SQL.
	Detail string
	// Trace is the trace context of the call that caused it, if there was one.
	Trace trace.SpanContext
}

// String returns the reason, with the detail behind it if there is one.
func (c Cause) String() string {
	if c.Detail == "" {
		return string(c.Reason)
	}
	return string(c.Reason) + ": " + c.Detail
}

// Reason is the kind of a cause.
type Reason string

// The reasons.
const (
	ReasonFirstUse     Reason = "first_use"    // the first query, or the first after a failed detection
	ReasonAnnouncement Reason = "announcement" // a response named another side
	ReasonRefusal      Reason = "refusal"      // a side refused a call with 456
	ReasonUnreachable  Reason = "unreachable"  // a side could not be reached
	ReasonAccepted     Reason = "accepted"     // a side accepted
	ReasonDrained      Reason = "drained"      // the last query on the origin ended
	ReasonDeadline     Reason = "deadline"     // a time limit passed
	ReasonCredentials  Reason = "credentials"  // the credentials were rejected
	ReasonSuspended    Reason = "suspended"    // the cluster is suspended and may not be resumed
	ReasonWithdrawn    Reason = "withdrawn"    // the announcement was taken back
	ReasonSickTarget   Reason = "sick_target"  // the target failed after it had accepted
	ReasonCaller       Reason = "caller"       // the application asked for it
	ReasonStore        Reason = "store"        // the shared store said so
	ReasonVeto         Reason = "veto"         // a guard said no
	ReasonHealth       Reason = "health"       // the health policy said so
	ReasonHook         Reason = "hook"         // a hook failed
	ReasonSelector     Reason = "selector"     // the selectors said so
)
