package router

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// Hooks are callbacks that decide about cutovers or observe them. Each may be nil. None
// runs on the writer, so they may block.
type Hooks struct {
	// Guard decides about a transition whose target has accepted. ctx ends when the
	// decision no longer counts; Guard must return then.
	Guard func(ctx context.Context, p Proposal) Decision
	// WaitShared returns when no selector needs both sides any longer. If it is nil,
	// no transition has a shared phase.
	WaitShared func(ctx context.Context, shared fsm.Snapshot)
	// Order returns the order in which a detection tries the sides.
	Order func(ctx context.Context, s DetectionStart) [2]fsm.Side

	// The other hooks are called when an operation begins; the function that they
	// return is called when it has ended. The operation uses the context that they
	// return.
	Detection func(ctx context.Context, s DetectionStart) (context.Context, func(DetectionEnd))
	Session   func(ctx context.Context, s SessionStart) (context.Context, func(SessionEnd))
	Cutover   func(ctx context.Context, s CutoverStart) (context.Context, func(CutoverEnd))
}

// Proposal is a transition about which the guards decide.
type Proposal struct {
	// ID is the number of the transition.
	ID uint64
	// Event is fsm.EventAnnounce or fsm.EventRollback.
	Event fsm.Event
	// From is the active side, To the side that has accepted.
	From, To fsm.Side
	// Cause is the cause of the transition.
	Cause fsm.Cause
	// Attempt counts the calls of the guards for this transition, from 1: they are
	// called again after a delay.
	Attempt int
	// InFlight is the number of queries on From.
	InFlight int64
}

// Decision is the decision of the guards about a transition. The zero value allows it.
type Decision struct {
	// Veto aborts the transition. Reason is its explanation for people.
	Veto   bool
	Reason string
	// Delay calls the guards again after that time.
	Delay time.Duration

	// By is the name of the guard, or the names of the guards, that decided.
	By string
}

// DetectionStart describes a detection that begins.
type DetectionStart struct {
	// Cause is the cause of the detection.
	Cause fsm.Cause
	// From is the side that was active before, or None.
	From fsm.Side
	// At is the time of the first sign, such as the first refused call. The detection
	// begins then or later.
	At time.Time
	// Order is the order in which it tries the sides.
	Order [2]fsm.Side
}

// DetectionEnd describes a detection that has ended.
type DetectionEnd struct {
	// Side is the side that accepted, or None.
	Side fsm.Side
	// Rounds is the number of rounds; each tries both sides.
	Rounds int
	Took   time.Duration
	// Err is the error of a detection that found no side.
	Err error
}

// SessionStart describes a login that begins.
type SessionStart struct {
	Side fsm.Side
	// Purpose is detect, prepare (for a cutover) or session (for a query).
	Purpose string
}

// SessionEnd describes a login that has ended.
type SessionEnd struct {
	Took time.Duration
	Err  error
}

// CutoverStart describes a change of the active side that begins.
//
// For a transition the hook is called when it begins, before it is known whether the
// target accepts. For every other change it is called after the active side has changed:
// At is the time of its first sign, and CutoverEnd follows at once.
type CutoverStart struct {
	// ID is the number of the transition, and 0 for a change without one.
	ID uint64
	// Event is the event of the machine: fsm.EventAnnounce or fsm.EventRollback for
	// a transition, otherwise fsm.EventAbort, fsm.EventSettle or fsm.EventReset.
	Event fsm.Event
	// Change is the kind of the change, as in the StrategyChanged event.
	Change events.ChangeKind
	// From is the active side before the change, To the one after it. Each may be
	// None: From on first use and after a reset, To for a reset.
	From, To fsm.Side
	// Cause is the cause of the change: the announcement, the first refusal, the request.
	Cause fsm.Cause
	// At is the time of its first sign.
	At time.Time
	// InFlight is the number of queries on From then.
	InFlight int64
	// Limit is the maximum duration of a transition, all phases together. It is 0 for
	// every other change.
	Limit time.Duration
}

// background returns the context of an operation of the router itself, in the trace of
// its cause.
func background(ctx context.Context, cause fsm.Cause) context.Context {
	if !cause.Trace.IsValid() {
		return ctx
	}
	return trace.ContextWithSpanContext(ctx, cause.Trace)
}

// The results of a transition.
const (
	// ResultDrained, ResultDeadline, ResultRefused and ResultSuperseded: it was
	// committed, because no query was left on the origin, the drain timed out, the
	// origin refused, or the next transition began.
	ResultDrained    = "drained"
	ResultDeadline   = "deadline"
	ResultRefused    = "refused"
	ResultSuperseded = "superseded"
	// ResultAborted: the origin is active. If the target had accepted, the abort is a
	// change of its own.
	ResultAborted = "aborted"
	// ResultAbandoned: it ended without an active side, because no side accepts
	// or the client was reset or closed.
	ResultAbandoned = "abandoned"
	// ResultSettled: a change without a transition. ResultReset: a change to None, by
	// a reset.
	ResultSettled = "settled"
	ResultReset   = "reset"
)

// CutoverEnd describes a change, or an aborted transition, that has ended. The time of a
// step that did not happen is zero.
type CutoverEnd struct {
	// Result is one of the Result constants.
	Result string
	// Changed reports whether the active side changed, with one StrategyChanged event.
	// A transition that ended before its target accepted changed nothing.
	Changed bool
	// Cause is the cause of the end.
	Cause fsm.Cause
	// Ready is the time at which the target became active, FirstQuery that of the
	// first query on it, and Drained that of the last unpinned query of the origin.
	Ready, FirstQuery, Drained time.Time
	// At is the time of the end.
	At time.Time
	// Remaining is the number of queries in flight at the end on the side that was left.
	Remaining int64
}
