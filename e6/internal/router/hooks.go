package router

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// Hooks are what others have to say about cutovers, and hear of them. Each may
// be nil. None is called by the writer, so that they may take their time.
type Hooks struct {
	// Guard judges a transition whose target has accepted. It ends with ctx,
	// which ends when its judgment no longer counts.
	Guard func(ctx context.Context, p Proposal) Decision
	// Hold returns when no selector needs both sides any longer. If it is nil,
	// a transition is never shared.
	WaitShared func(ctx context.Context, shared fsm.Snapshot)
	// Order says in which order a detection asks the sides.
	Order func(ctx context.Context, s DetectionStart) [2]fsm.Side

	// The others are told when some work begins, and when it has ended. The
	// work goes on in the context that they return.
	Detection func(ctx context.Context, s DetectionStart) (context.Context, func(DetectionEnd))
	Session   func(ctx context.Context, s SessionStart) (context.Context, func(SessionEnd))
	Cutover   func(ctx context.Context, s CutoverStart) (context.Context, func(CutoverEnd))
}

// Proposal is a transition that is to be judged.
type Proposal struct {
	// ID is the number of the transition.
	ID uint64
	// Event is fsm.EventAnnounce or fsm.EventRollback.
	Event fsm.Event
	// From is the side that serves, To the one that has accepted.
	From, To fsm.Side
	// Cause is why the transition began.
	Cause fsm.Cause
	// Attempt counts how often the guards were asked about it, from 1: they are
	// asked again after a delay.
	Attempt int
	// InFlight is the number of queries on From.
	InFlight int64
}

// Decision is what guards say about a transition. The zero value allows it.
type Decision struct {
	// Veto keeps the origin. Reason says why, for people.
	Veto   bool
	Reason string
	// Delay asks again after that time.
	Delay time.Duration

	// By names the guard, or the guards, that decided.
	By string
}

// DetectionStart: the client begins to look for a side that accepts.
type DetectionStart struct {
	// Cause is why it does.
	Cause fsm.Cause
	// From is the side that was active before, or None.
	From fsm.Side
	// At is when the first sign came that a side has to be looked for, such as the
	// first refused call. The detection begins then or later.
	At time.Time
	// Order is the order in which it asks the sides.
	Order [2]fsm.Side
}

// DetectionEnd: the search is over.
type DetectionEnd struct {
	// Side is the side that accepted, or None.
	Side fsm.Side
	// Rounds is how often both sides were asked.
	Rounds int
	Took   time.Duration
	// Err is why no side was found.
	Err error
}

// SessionStart: the client begins to log in on a side.
type SessionStart struct {
	Side fsm.Side
	// Purpose is detect, prepare (of a cutover) or session (a query needs one).
	Purpose string
}

// SessionEnd: the side has answered, or has not.
type SessionEnd struct {
	Took time.Duration
	Err  error
}

// CutoverStart: a change of the active side begins.
//
// A transition from side to side is told when it begins, before it is known whether
// the target will accept. Every other change is told when the active side has
// changed: At is when its first sign came, and CutoverEnd follows at once.
type CutoverStart struct {
	// ID is the number of the transition, and 0 for a change that is no part of one.
	ID uint64
	// Event is the event of the machine: fsm.EventAnnounce or fsm.EventRollback for
	// a transition, otherwise fsm.EventAbort, fsm.EventSettle or fsm.EventReset.
	Event fsm.Event
	// Change is the kind of the change, as in the StrategyChanged event.
	Change events.ChangeKind
	// From is the side that is left, To the one that new queries shall go to. Each
	// may be None: From on first use and after a reset, To for a reset.
	From, To fsm.Side
	// Cause is why it begins: the announcement, the first refusal, the request.
	Cause fsm.Cause
	// At is when its first sign came.
	At time.Time
	// InFlight is the number of queries on From then.
	InFlight int64
	// Limit is how long a transition may take at the most, all phases together. It
	// is 0 for every other change.
	Limit time.Duration
}

// background is the context of work that the router does by itself, in the
// trace of what caused it.
func background(ctx context.Context, cause fsm.Cause) context.Context {
	if !cause.Trace.IsValid() {
		return ctx
	}
	return trace.ContextWithSpanContext(ctx, cause.Trace)
}

// The results of a transition.
const (
	// ResultDrained, ResultDeadline, ResultRefused and ResultSuperseded: it was
	// committed, since the last query left the origin, the time was up, the
	// origin refused, or the next transition began.
	ResultDrained    = "drained"
	ResultDeadline   = "deadline"
	ResultRefused    = "refused"
	ResultSuperseded = "superseded"
	// ResultAborted: the client is back on the origin. If the target had accepted,
	// going back is a change of its own.
	ResultAborted = "aborted"
	// ResultAbandoned: it led to neither side, as none accepts or the client was
	// reset or closed.
	ResultAbandoned = "abandoned"
	// ResultSettled: a change without a transition has led to its side, and
	// ResultReset: to none, as the caller wanted.
	ResultSettled = "settled"
	ResultReset   = "reset"
)

// CutoverEnd: a change, or the attempt at one, is over. A time is zero for what has
// not happened.
type CutoverEnd struct {
	// Result is one of ResultDrained and so on.
	Result string
	// Changed is set if the active side changed: there is one StrategyChanged event
	// then. A transition that ended before its target accepted changed nothing.
	Changed bool
	// Cause is why it ended.
	Cause fsm.Cause
	// Ready is when the target became active, FirstQuery when the first query
	// was given to it, and Drained when no query was left on the origin.
	Ready, FirstQuery, Drained time.Time
	// At is when it ended.
	At time.Time
	// Remaining is the number of queries that were still on the side that was
	// left.
	Remaining int64
}
