package hook

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Guard allows, delays or vetoes a transition. It is called when the target has
// accepted, before any query of the application is routed to the target, and again after
// each Delay. It is also called for a transition that the application requested, and for
// a rollback.
//
// ctx ends after Config.GuardBudget. A decision that the guard returns promptly after
// that, for example because its own query ran into the deadline, still counts. A guard
// that panics or does not return allows the transition. If the origin refuses calls, only
// the target is left: guards are not called then, and ctx ends if that happens during
// the call.
type Guard interface {
	Guard(ctx context.Context, p *Proposal) Decision
}

// Proposal is a transition for which a Guard decides.
type Proposal struct {
	// ID is the number of the transition.
	ID uint64
	// Event is fsm.EventAnnounce, or fsm.EventRollback for a rollback.
	Event fsm.Event
	// From is the origin: the side that serves. To is the target, which has accepted.
	From, To fsm.Side
	// Cause is why the transition began.
	Cause fsm.Cause
	// Attempt counts the calls of the guards for this transition, from 1: a Delay leads
	// to another call.
	Attempt int
	// InFlight is the number of queries on From.
	InFlight int64

	// Health returns the recent health of a side.
	Health func(side fsm.Side) SideHealth
	// Query runs a statement on the target and returns its whole result. The statement
	// is not retried, and it does not count in the health of the target. The errors are
	// those of e6.Client.QueryAll.
	Query func(ctx context.Context, sql string) (*Result, error)
}

// Result is the result of Proposal.Query.
type Result struct {
	// Columns are the names of the columns.
	Columns []string
	// Rows are the values of the rows, in the types of e6.Rows.Values.
	Rows [][]any
}

// Decision is the answer of a Guard: see Allow, Delay and Veto. The zero value allows
// the transition.
type Decision struct {
	// Veto keeps the origin.
	Veto bool
	// Reason is a text for people. Events and errors carry it.
	Reason string
	// Delay calls the guards again after that time.
	Delay time.Duration

	// By names the guards that decided. The client sets it.
	By string
}

// Allow lets the transition continue.
func Allow() Decision { return Decision{} }

// Delay calls the guards again after d, at least 1 millisecond. Config.ReadyTimeout
// limits all delays of a transition together.
func Delay(d time.Duration, reason string) Decision {
	return Decision{Delay: max(d, time.Millisecond), Reason: reason}
}

// Veto keeps the origin. The transition is tried again when the cluster repeats the
// announcement, after a back-off that grows from 5 seconds to 5 minutes.
func Veto(reason string) Decision { return Decision{Veto: true, Reason: reason} }
