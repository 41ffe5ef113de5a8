package fsm

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Trigger is a request to the machine for one event.
type Trigger struct {
	// Event is the event.
	Event Event
	// Side is the side that EventSettle, EventAnnounce, EventCommit, EventAbort
	// and EventRollback lead to. It is None for the other events.
	Side Side
	// Phase is PhaseShared or PhaseDraining for EventAccept, and PhaseNone for
	// the other events.
	Phase Phase
	// Cause is the reason for the event. Default: none.
	Cause Cause
	// At is the time of the event. Default: now.
	At time.Time
}

// String returns a short form such as "announce green" or "accept (draining)".
func (t Trigger) String() string {
	s := t.Event.String()
	if t.Side != None {
		s += " " + t.Side.String()
	}
	if t.Phase != PhaseNone {
		s += " (" + t.Phase.String() + ")"
	}
	return s
}

// row is the row of the table that the trigger selects, without its nodes.
func (t Trigger) row() row { return row{event: t.Event, side: t.Side, phase: t.Phase} }

// problem describes an argument that is wrong in every state, and is empty if there is
// none.
func (t Trigger) problem() string {
	switch {
	case t.Event == 0 || int(t.Event) >= len(eventNames):
		return "unknown event: use one of the Event constants"
	case t.Event.needsSide() && !t.Side.Valid():
		return "the event needs a side: set Side to Blue or Green"
	case !t.Event.needsSide() && t.Side != None:
		return "the event takes no side: leave Side at None"
	case t.Event == EventAccept && t.Phase != PhaseShared && t.Phase != PhaseDraining:
		return "the event needs a phase: set Phase to PhaseShared or PhaseDraining"
	case t.Event != EventAccept && t.Phase != PhaseNone:
		return "the event takes no phase: leave Phase at PhaseNone"
	}
	return ""
}

// Transition is a step that the machine has made.
type Transition struct {
	// Event is the event that caused the step.
	Event Event
	// ID is the number of the transition from side to side that the step belongs to,
	// or of the last one before it. It is After.Transition.
	ID uint64
	// Before and After are the snapshots before and after the step.
	Before, After Snapshot
	// Cause is the reason for the step.
	Cause Cause
	// At is the time of the step.
	At time.Time
}

// From is the state before the step.
func (t Transition) From() State { return t.Before.State }

// To is the state after the step.
func (t Transition) To() State { return t.After.State }

// String returns a short form such as "announce: blue => transitioning
// blue->green (preparing)".
func (t Transition) String() string {
	return fmt.Sprintf("%s: %s => %s", t.Event, t.Before, t.After)
}

// ErrIllegal matches every *TransitionError with errors.Is.
var ErrIllegal = errors.New("fsm: the event is illegal")

// TransitionError reports a trigger that the machine rejected. The machine has not
// changed.
type TransitionError struct {
	// Trigger is the rejected trigger.
	Trigger Trigger
	// Snapshot is the state of the machine.
	Snapshot Snapshot
	// Reason describes an argument of the trigger that is wrong in every state. It is
	// empty if the trigger is valid, but illegal in this state.
	Reason string
}

// Error implements error. It lists the triggers that are legal in the state.
func (e *TransitionError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("fsm: %s: %s", e.Trigger, e.Reason)
	}
	var legal []string
	for _, r := range table() {
		if r.from == e.Snapshot.node() {
			legal = append(legal, Trigger{Event: r.event, Side: r.side, Phase: r.phase}.String())
		}
	}
	return fmt.Sprintf("fsm: %s is illegal in state %s: legal are %s", e.Trigger, e.Snapshot, strings.Join(legal, ", "))
}

// Is reports that a *TransitionError is ErrIllegal.
func (e *TransitionError) Is(target error) bool { return target == ErrIllegal }
