package fsm

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Machine is a strategy machine. Machines are independent of each other. All methods
// may be called by any goroutine; Snapshot does not wait for the others.
type Machine struct {
	snapshot atomic.Pointer[Snapshot]

	// mu orders the steps, including the publication of their snapshots. Without it:
	// one goroutine fires detect, and looplab/fsm unlocks; another fires settle and
	// publishes "blue"; the first one publishes "detecting", which is wrong from then on.
	mu     sync.Mutex
	engine engine
}

// New returns a machine in StateUnknown. The error is a *TableError; it means that the
// package's own table is invalid.
func New() (*Machine, error) {
	d, err := declared()
	if err != nil {
		return nil, err
	}
	m := new(Machine)
	m.snapshot.Store(new(Snapshot))
	m.engine = newEngine(d, m.publish)
	return m, nil
}

// Restore returns a machine with that snapshot, such as one from a record of another
// machine. The error is an ErrIllegal if no machine can have it.
func Restore(s Snapshot) (*Machine, error) {
	m, err := New()
	if err != nil {
		return nil, err
	}
	if !m.engine.enter(s.node()) || s.Active != s.node().active() {
		return nil, fmt.Errorf("fsm: restore %s with active side %s: %w", s, s.Active, ErrIllegal)
	}
	m.snapshot.Store(&s)
	return m, nil
}

// Snapshot returns the current snapshot. It takes no lock and allocates nothing.
func (m *Machine) Snapshot() Snapshot { return *m.snapshot.Load() }

// Can reports whether Fire would accept the trigger now.
func (m *Machine) Can(t Trigger) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return t.problem() == "" && m.engine.can(t)
}

// Fire makes one step and returns it. A trigger with a wrong argument, or one that is
// illegal in the current state, returns a *TransitionError and changes nothing.
func (m *Machine) Fire(t Trigger) (Transition, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if problem := t.problem(); problem != "" {
		return Transition{}, &TransitionError{t, m.Snapshot(), problem}
	}
	s := &step{trigger: t}
	if !m.engine.fire(s) {
		return Transition{}, &TransitionError{t, m.Snapshot(), ""}
	}
	return s.made, nil
}

// publish is called by the engine when it has entered a node, and publishes the
// snapshot. Fire holds the lock.
func (m *Machine) publish(entered node, s *step) {
	t, before := s.trigger, m.Snapshot()
	after := before.next(entered, t)
	s.made = Transition{Event: t.Event, ID: after.Transition, Before: before, After: after, Cause: t.Cause, At: after.Since}
	m.snapshot.Store(&after)
}

// node is the node of a machine with this snapshot.
func (s Snapshot) node() node { return node{s.State, s.Phase, s.Target} }

// next is the snapshot after the trigger has led to the node. Every step leads to
// another state or phase, so Since is the time of the step. It never decreases, even if
// the clock does.
func (s Snapshot) next(n node, t Trigger) Snapshot {
	at := t.At
	if at.IsZero() {
		at = time.Now()
	}
	if at.Before(s.Since) {
		at = s.Since
	}
	after := Snapshot{
		State: n.state, Phase: n.phase, Active: n.active(), Target: n.target,
		Epoch: s.Epoch, Transition: s.Transition, Since: at, Cause: t.Cause,
	}
	if after.Active != s.Active {
		after.Epoch++
	}
	if t.Event == EventAnnounce || t.Event == EventRollback {
		after.Transition++
	}
	return after
}
