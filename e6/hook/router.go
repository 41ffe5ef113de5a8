package hook

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// DetectionHook observes detections: the search for a side that accepts. The calls of
// the search are made in the context that DetectionStart returns, which must be derived
// from its argument. nil leaves the context as it is.
type DetectionHook interface {
	DetectionStart(ctx context.Context, s DetectionStart) context.Context
	DetectionEnd(ctx context.Context, e DetectionEnd)
}

// DetectionStart is the start of a detection.
type DetectionStart struct {
	// Cause is why the detection began.
	Cause fsm.Cause
	// From is the side that was active before, or fsm.None.
	From fsm.Side
	// At is the time of the first sign that a detection is necessary, such as the first
	// refused call. The detection begins then or later.
	At time.Time
	// Order is the order in which the sides are probed.
	Order [2]fsm.Side
}

// DetectionEnd is the end of a detection.
type DetectionEnd struct {
	// Side is the side that accepted, or fsm.None.
	Side fsm.Side
	// Rounds is how often both sides were probed.
	Rounds int
	// Took is the duration of the detection.
	Took time.Duration
	// Err is why no side was found, and nil for success.
	Err error
}

// SessionHook observes authentications. ctx is that of the detection, the cutover or the
// query that needs the session. nil leaves the context as it is.
type SessionHook interface {
	SessionStart(ctx context.Context, s SessionStart) context.Context
	SessionEnd(ctx context.Context, e SessionEnd)
}

// SessionStart is the start of an authentication on a side.
type SessionStart struct {
	// Side is where the session is opened.
	Side fsm.Side
	// Purpose is detect, prepare (of a cutover) or session (a query needs one).
	Purpose string
}

// SessionEnd is the end of an authentication.
type SessionEnd struct {
	// Took is the duration of the authentication.
	Took time.Duration
	// Err is why no session was opened, and nil for success.
	Err error
}

// CutoverHook observes every change of the active side, with one pair of calls for each:
// announced, abrupt, detected, aborted, rolled back, requested, by the store, or a reset
// (see CutoverStart.Change and events.StrategyChanged).
//
// For a transition, CutoverStart is called when it begins, before it is known whether the
// target will accept. CutoverEnd is called when the origin is drained or the transition
// has ended otherwise. The target is prepared in the context that CutoverStart returns; nil
// leaves the context as it is. A transition that ends before its target accepted has a
// pair of calls too, and CutoverEnd.Changed is false.
//
// For every other change, such as an abrupt one, both methods are called, one after the
// other, when the active side has changed.
type CutoverHook interface {
	CutoverStart(ctx context.Context, s CutoverStart) context.Context
	CutoverEnd(ctx context.Context, e CutoverEnd)
}

// CutoverStart is the start of a change of the active side.
type CutoverStart struct {
	// ID is the number of the transition, and 0 for a change without a transition.
	ID uint64
	// Event is the event of the machine: fsm.EventAnnounce or fsm.EventRollback for a
	// transition, otherwise fsm.EventAbort, fsm.EventSettle or fsm.EventReset.
	Event fsm.Event
	// Change is the kind of the change, as in the StrategyChanged event.
	Change events.ChangeKind
	// From is the side that was active, To the side to which new queries are routed. From
	// is fsm.None on first use and after a reset, To for a reset.
	From, To fsm.Side
	// Cause is why the change began: the announcement, the first refusal, the request.
	Cause fsm.Cause
	// At is the time of the first sign of the change, such as the first refused call.
	At time.Time
	// InFlight is the number of queries on From at that time.
	InFlight int64
	// Limit is the maximum duration of a transition, all phases together. It is 0 for
	// every other change.
	Limit time.Duration
}

// The values of CutoverEnd.Result.
const (
	// ResultDrained, ResultDeadline, ResultRefused and ResultSuperseded: the transition
	// was committed because the last query left the origin, the drain deadline passed,
	// the origin refused, or the next transition began.
	ResultDrained    = "drained"
	ResultDeadline   = "deadline"
	ResultRefused    = "refused"
	ResultSuperseded = "superseded"
	// ResultAborted: the origin is active again. If the target had accepted, that is
	// another change of the active side.
	ResultAborted = "aborted"
	// ResultAbandoned: no side became active, because none accepts or the client
	// was reset or closed.
	ResultAbandoned = "abandoned"
	// ResultSettled: a change without a transition ended on its side. ResultReset: the
	// application reset the client, and no side is active.
	ResultSettled = "settled"
	ResultReset   = "reset"
)

// CutoverEnd is the end of a change of the active side, or of an attempt. The time of
// what did not happen is zero.
type CutoverEnd struct {
	// Result is ResultDrained or one of the other results.
	Result string
	// Changed is set if the active side changed. Then there is one StrategyChanged
	// event. A transition that ended before its target accepted changed nothing.
	Changed bool
	// Cause is why the change ended.
	Cause fsm.Cause
	// Ready is when the target became active, FirstQuery when the first query was routed
	// to it, and Drained when no query was left on the origin.
	Ready, FirstQuery, Drained time.Time
	// At is when the change ended.
	At time.Time
	// Remaining is the number of queries that were still on From at that time.
	Remaining int64
}
