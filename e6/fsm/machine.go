package fsm

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Trigger asks the machine for one event.
type Trigger struct {
	// Event is the event.
	Event Event
	// Side is the side that EventSettle, EventAnnounce, EventCommit, EventAbort
	// and EventRollback lead to, and None for the other events.
	Side Side
	// Phase is PhaseShared or PhaseDraining for EventAccept, and PhaseNone for
	// the other events.
	Phase Phase
	// Cause is why it happens.
	Cause Cause
	// At is when it happens; the zero Time means now.
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

// Transition is a step that the machine has made.
type Transition struct {
	// Event is what moved it.
	Event Event
	// ID numbers the transition from side to side that the step belongs to, or
	// the last one before it. It is After.Transition.
	ID uint64
	// Before and After are what was known before and after the step.
	Before, After Snapshot
	// Cause is why it happened.
	Cause Cause
	// At is when it happened.
	At time.Time
}

// From is the state that was left.
func (t Transition) From() State { return t.Before.State }

// To is the state that was entered.
func (t Transition) To() State { return t.After.State }

// String returns a short form such as "announce: blue => transitioning
// blue->green (preparing)".
func (t Transition) String() string {
	return fmt.Sprintf("%s: %s => %s", t.Event, t.Before, t.After)
}

// ErrIllegal is what every *TransitionError is.
var ErrIllegal = errors.New("fsm: the event is illegal")

// TransitionError reports a trigger that the machine has not followed. Nothing
// has changed.
type TransitionError struct {
	// Trigger is what was asked for.
	Trigger Trigger
	// Snapshot is where the machine is.
	Snapshot Snapshot
	// Reason says what is wrong with the trigger itself. It is empty if the
	// trigger is fine, but not in this state.
	Reason string
}

// Error implements error.
func (e *TransitionError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("fsm: %s: %s", e.Trigger, e.Reason)
	}
	return fmt.Sprintf("fsm: %s is illegal in state %s", e.Trigger, e.Snapshot)
}

// Is reports that a *TransitionError is ErrIllegal.
func (e *TransitionError) Is(target error) bool { return target == ErrIllegal }

// Machine is a strategy machine. One goroutine at a time may call Fire and Can;
// any may call Snapshot.
type Machine struct {
	engine *engine
	now    atomic.Pointer[Snapshot]
}

// New returns a machine in StateUnknown. The error is a *TableError, if the
// declared table is not sound.
func New() (*Machine, error) {
	e, err := declared()
	if err != nil {
		return nil, err
	}
	m := &Machine{engine: e}
	m.now.Store(&Snapshot{})
	return m, nil
}

// Snapshot returns what is known. It takes no lock and allocates nothing.
func (m *Machine) Snapshot() Snapshot { return *m.now.Load() }

// Can reports whether Fire would follow the trigger.
func (m *Machine) Can(t Trigger) bool {
	_, err := m.next(t)
	return err == nil
}

// Fire makes one step. A trigger that is malformed, or illegal in the present
// state, is a *TransitionError and changes nothing.
func (m *Machine) Fire(t Trigger) (Transition, error) {
	to, err := m.next(t)
	if err != nil {
		return Transition{}, err
	}
	before := m.Snapshot()
	after := before.after(to, t)
	m.now.Store(&after)
	return Transition{Event: t.Event, ID: after.Transition, Before: before, After: after, Cause: t.Cause, At: after.Since}, nil
}

// next is where the trigger leads, or a *TransitionError.
func (m *Machine) next(t Trigger) (node, error) {
	now := m.Snapshot()
	if problem := t.problem(); problem != "" {
		return node{}, &TransitionError{t, now, problem}
	}
	to, ok := m.engine.next(now.node(), t.row())
	if !ok {
		return node{}, &TransitionError{t, now, ""}
	}
	return to, nil
}

// node is where a machine stands that knows this.
func (s Snapshot) node() node { return node{s.State, s.Phase, s.Target} }

// after is what is known once the trigger has led to the node. Every step leads
// to another state or phase, so Since is always the step's own time; it never goes
// back, even if the clock does.
func (before Snapshot) after(n node, t Trigger) Snapshot {
	at := t.At
	if at.IsZero() {
		at = time.Now()
	}
	if at.Before(before.Since) {
		at = before.Since
	}
	s := Snapshot{
		State: n.state, Phase: n.phase, Active: n.active(), Target: n.target,
		Epoch: before.Epoch, Transition: before.Transition, Since: at, Cause: t.Cause,
	}
	if s.Active != before.Active {
		s.Epoch++
	}
	if t.Event == EventAnnounce || t.Event == EventRollback {
		s.Transition++
	}
	return s
}

// row is the line of the table that the trigger asks for, as far as it names one.
func (t Trigger) row() row { return row{event: t.Event, side: t.Side, phase: t.Phase} }

// problem says what is wrong with the trigger, whatever the state.
func (t Trigger) problem() string {
	switch {
	case t.Event == 0 || int(t.Event) >= len(eventNames):
		return "there is no such event"
	case t.Event.wantsSide() && !t.Side.Valid():
		return "the event needs a side, blue or green"
	case !t.Event.wantsSide() && t.Side != None:
		return "the event is about no side"
	case t.Event == EventAccept && t.Phase != PhaseShared && t.Phase != PhaseDraining:
		return "the event needs a phase, shared or draining"
	case t.Event != EventAccept && t.Phase != PhaseNone:
		return "the event is about no phase"
	}
	return ""
}
