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
	// StateUnknown: no side is known, and no detection runs.
	StateUnknown State = iota
	// StateDetecting: the sides are probed for one that accepts.
	StateDetecting
	// StateBlue: blue serves, and no transition is in progress.
	StateBlue
	// StateGreen: green serves, and no transition is in progress.
	StateGreen
	// StateTransitioning: a transition from one side to the other is in progress. Its
	// progress is the Phase.
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

// UnmarshalText implements encoding.TextUnmarshaler. It accepts the texts of
// MarshalText. After an error, s is unchanged.
func (s *State) UnmarshalText(text []byte) error {
	for state := StateUnknown; state <= StateTransitioning; state++ {
		if string(text) == state.String() {
			*s = state
			return nil
		}
	}
	return fmt.Errorf("unknown state %q: expected unknown, detecting, blue, green or transitioning", shorten(string(text), 32))
}

// Settled returns the state in which the side serves without a transition: StateBlue or
// StateGreen. It returns StateUnknown for None.
func Settled(s Side) State {
	switch s {
	case Blue:
		return StateBlue
	case Green:
		return StateGreen
	}
	return StateUnknown
}

// Phase is the progress of a transition. It is PhaseNone in every state but
// StateTransitioning.
type Phase uint8

// The phases of a transition.
const (
	// PhaseNone: no transition is in progress.
	PhaseNone Phase = iota
	// PhasePreparing: the target is authenticated and checked by guards; new queries use
	// the origin.
	PhasePreparing
	// PhaseShared: a selector sends new queries to both sides.
	PhaseShared
	// PhaseDraining: new queries use the target; queries that run on the origin finish
	// there.
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

// Snapshot is the state of a machine at one time. It is immutable. The zero value is the
// state of a new machine.
type Snapshot struct {
	// State is the state of the machine.
	State State
	// Phase is the phase of the transition, and PhaseNone without one.
	Phase Phase
	// Active is the side of new queries: None in StateUnknown and StateDetecting, the
	// origin in PhasePreparing, and the target in PhaseShared and PhaseDraining.
	Active Side
	// Target is the side that the transition leads to, and None without one.
	Target Side
	// Epoch counts the changes of Active. A response to a call that was sent in an
	// earlier epoch is stale.
	Epoch uint64
	// Transition is the number of the transition in progress, or of the last one. The
	// first transition is 1; before it the number is 0.
	Transition uint64
	// Since is the time at which the state or the phase was entered.
	Since time.Time
	// Cause is the reason why it was entered.
	Cause Cause
}

// Origin is the side that the transition leaves, and None without one.
func (s Snapshot) Origin() Side { return s.Target.Other() }

// String returns a short form such as "blue", "transitioning blue->green
// (draining)" or "unknown".
func (s Snapshot) String() string {
	if s.State != StateTransitioning {
		return s.State.String()
	}
	return fmt.Sprintf("transitioning %s->%s (%s)", s.Origin(), s.Target, s.Phase)
}

// Report is a Snapshot as text, for a document in JSON.
type Report struct {
	// State, Active, Reason and Detail are the texts of the Snapshot: see State.String,
	// Side.String and Cause.
	State  string `json:"state"`
	Active string `json:"active"`
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Phase and Target are empty outside of a transition.
	Phase  string `json:"phase,omitempty"`
	Target string `json:"target,omitempty"`
	// Epoch, Transition and Since are those of the Snapshot.
	Epoch      uint64    `json:"epoch"`
	Transition uint64    `json:"transition"`
	Since      time.Time `json:"since"`
}

// Report returns the snapshot as text.
func (s Snapshot) Report() Report {
	r := Report{
		State: s.State.String(), Active: s.Active.String(), Epoch: s.Epoch, Transition: s.Transition, Since: s.Since,
		Reason: string(s.Cause.Reason), Detail: s.Cause.Detail,
	}
	if s.State == StateTransitioning {
		r.Phase, r.Target = s.Phase.String(), s.Target.String()
	}
	return r
}

// Cause is the reason for a step of the machine or for an event.
type Cause struct {
	// Reason is one of the constants below. The set is bounded, so it can be an attribute
	// of a metric.
	Reason Reason
	// Detail is a text for people. It has no secrets and no SQL.
	Detail string
	// Trace is the trace context of the call that caused it. It is invalid if there was
	// no such call.
	Trace trace.SpanContext
}

// String returns the reason, followed by the detail if there is one.
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
	ReasonFirstUse        Reason = "first_use"        // the first query, or the first after a failed detection
	ReasonAnnouncement    Reason = "announcement"     // a response named another side
	ReasonRefusal         Reason = "refusal"          // a side refused a call with 456
	ReasonUnreachable     Reason = "unreachable"      // a side could not be reached
	ReasonAccepted        Reason = "accepted"         // a side accepted
	ReasonDrained         Reason = "drained"          // the last query on the origin ended
	ReasonDeadline        Reason = "deadline"         // a time limit passed
	ReasonCredentials     Reason = "credentials"      // the credentials were rejected
	ReasonSuspended       Reason = "suspended"        // the cluster is suspended, and resuming it is disabled
	ReasonWithdrawn       Reason = "withdrawn"        // the announcement was withdrawn
	ReasonTargetUnhealthy Reason = "target_unhealthy" // the target failed after it accepted
	ReasonCaller          Reason = "caller"           // the application requested it
	ReasonStore           Reason = "store"            // a record of the shared store
	ReasonVeto            Reason = "veto"             // a guard vetoed the transition
	ReasonHealth          Reason = "health"           // the health policy was breached
	ReasonHook            Reason = "hook"             // a hook failed
	ReasonSelector        Reason = "selector"         // a selector decided
)
