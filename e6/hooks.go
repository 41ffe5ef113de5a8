package e6

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/sqltext"
)

// A Hook is a value that implements one or more of the hook interfaces: Guard,
// Selector, SharedPhaseGate, DetectionOrderer, ClientHook, QueryHook, StepHook,
// DetectionHook, SessionHook and CutoverHook. Open refuses one that implements
// none.
//
// Every call of a hook runs on a goroutine of its own and has a budget,
// Config.HookBudget or Config.GuardBudget. A call that panics or takes longer
// is given up: its answer is the default, a HookFailed event says so, and the
// hook is not called again before that call has returned. A Guard, a Selector
// and a DetectionOrderer are asked one question at a time; the others are called
// by many queries at once. So a hook can cost a query its budget, and no more.
type Hook any

// The points at which hooks are called, as HookFailed events name them.
const (
	PointGuard          = "guard"
	PointSelect         = "select"
	PointShared         = "shared"
	PointDetectionOrder = "detection_order"
	PointClientOpened   = "client_opened"
	PointClientClosed   = "client_closed"
	PointQueryStart     = "query_start"
	PointQueryEnd       = "query_end"
	PointStepStart      = "step_start"
	PointStepEnd        = "step_end"
	PointDetectionStart = "detection_start"
	PointDetectionEnd   = "detection_end"
	PointSessionStart   = "session_start"
	PointSessionEnd     = "session_end"
	PointCutoverStart   = "cutover_start"
	PointCutoverEnd     = "cutover_end"
)

// InlineHook is a hook that knows which of its calls return at once, such as one
// that only counts. Prompt reports that for a call at that point with that
// context. Such a call is made on the goroutine of the query and saves some
// microseconds; it has no budget, so that a promise which is not kept delays the
// query. Guards, selectors and detection orderers are never called so.
type InlineHook interface {
	Prompt(ctx context.Context, point string) bool
}

// WithHooks adds hooks. Those that steer are asked in the order in which they
// were added; so are those that are told when something begins, and each gets
// the context that the one before it returned.
func WithHooks(hooks ...Hook) Option {
	return func(o *options) { o.hooks = append(o.hooks, hooks...) }
}

// Guard judges a transition from side to side before a query of the user goes
// to the target: when it has accepted, and again after each Delay. The answer
// of a guard that fails is Allow. ctx ends after Config.GuardBudget: what the
// guard says at once then, such as that its query took too long, counts.
//
// A transition that the caller asked for, and one back to the old side, are
// judged too. There is nothing to judge when the origin refuses calls: the only
// side that is left is taken, and ctx ends if that happens meanwhile.
type Guard interface {
	Guard(ctx context.Context, p *Proposal) Decision
}

// Proposal is a transition that a Guard judges.
type Proposal struct {
	// ID is the number of the transition.
	ID uint64
	// Event is fsm.EventAnnounce, or fsm.EventRollback for one that leads back.
	Event fsm.Event
	// From is the side that serves, To the one that has accepted.
	From, To Side
	// Cause is why the transition began.
	Cause fsm.Cause
	// Attempt counts how often the guard was asked about it, from 1.
	Attempt int
	// InFlight is the number of queries on From.
	InFlight int64

	c *Client
}

// Decision is the answer of a Guard: Allow, Delay or Veto.
type Decision = router.Decision

// Allow lets the transition go on.
func Allow() Decision { return Decision{} }

// Delay asks the guard again after that time, which must be positive. What
// bounds all delays of a transition together is Config.ReadyTimeout.
func Delay(d time.Duration, reason string) Decision {
	return Decision{Delay: max(d, time.Millisecond), Reason: reason}
}

// Veto keeps the origin. The transition is tried again when the cluster repeats
// the announcement, after a pause that grows from 5 seconds to 5 minutes.
func Veto(reason string) Decision { return Decision{Veto: true, Reason: reason} }

// Health is how a side did in the last while.
func (p *Proposal) Health(side Side) SideHealth { return p.c.sideHealth(side) }

// Query runs a statement on the target, before any query of a user goes there.
// It is not repeated, and says nothing about the target's health but to the
// guard. The errors are those of Client.QueryAll.
func (p *Proposal) Query(ctx context.Context, sql string) (*Result, error) {
	return p.c.smoke(ctx, p.To, sql)
}

// Selector picks the side of one new query while both sides take new ones: in
// the shared phase of a transition, which there is only if the client has a
// Selector. None leaves the choice to the next Selector, and in the end to the
// target. A query that begins anew after a failure goes to the target.
type Selector interface {
	Select(ctx context.Context, c Choice) Side
}

// Choice is what a Selector decides about.
type Choice struct {
	// Labels and Tag are those of the query: see Label and Tag. The map must not
	// be written to.
	Labels map[string]string
	Tag    string
	// Strategy says between which sides: from Origin() to Target. Its Since is
	// when the phase began.
	Strategy fsm.Snapshot
	c        *Client
}

// Health is how a side did in the last while.
func (c Choice) Health(side Side) SideHealth { return c.c.sideHealth(side) }

// SharedPhaseGate is a Selector that knows when it no longer needs both sides. Wait is
// called when the shared phase begins, and returns then, or when ctx ends with
// the phase. The phase ends when all selectors have returned, and at the latest
// after Config.SharedTimeout; one that is no SharedPhaseGate needs both sides until then.
type SharedPhaseGate interface {
	Selector
	Wait(ctx context.Context, shared fsm.Snapshot)
}

// DetectionOrderer says in which order a detection asks the sides. The default
// is in s.Order: after a refusal the other side first, otherwise the side that
// was last known. Anything but the two sides, each once, is the default.
type DetectionOrderer interface {
	DetectionOrder(ctx context.Context, s DetectionStart) [2]Side
}

// ClientHook is told about the client itself. ClientOpened is called before the
// client makes its first call, so that nothing is missed, and ClientClosed at
// the end of Close, after the last event.
type ClientHook interface {
	ClientOpened(c *Client)
	ClientClosed(c *Client)
}

// QueryHook is told about every statement of Query, QueryAll, Exec and
// ExplainAnalyze. The query goes on in the context that QueryStart returns,
// which must be made from the one it gets; QueryEnd receives it.
type QueryHook interface {
	QueryStart(ctx context.Context, s QueryStart) context.Context
	QueryEnd(ctx context.Context, e QueryEnd)
}

// QueryStart: a statement is on its way.
type QueryStart struct {
	// SQL is the text that the engine gets. It may hold secrets: see Sanitized.
	SQL string
	// Template is the statement as the caller wrote it, with its placeholders, if the
	// call has arguments. SQL has their values then. It is empty for a call without
	// arguments.
	Template string
	// Tag and Labels are the query's own: see Tag and Label. The map must not be
	// written to.
	Tag    string
	Labels map[string]string
	// Catalog and Schema are what names are resolved against.
	Catalog, Schema string
}

// Operation is the first word of the statement in upper case, such as SELECT,
// and empty if it does not begin with a word.
func (s QueryStart) Operation() string { return sqltext.Operation(s.SQL) }

// maxRead is how many bytes of a statement Sanitized and Summary read.
const maxRead = 16 << 10

// beginning is what Sanitized and Summary read: a name is not cut in two.
func beginning(text string) string {
	if len(text) <= maxRead {
		return text
	}
	if end := strings.LastIndexAny(text[:maxRead], " \t\r\n,("); end > 0 {
		return text[:end]
	}
	return text[:maxRead]
}

// Sanitized is SQL with each literal replaced by a question mark, and without
// comments. Only the first 16 KiB are read, and the rest is left out.
func (s QueryStart) Sanitized() string { return sqltext.Sanitize(beginning(s.SQL)) }

// Summary lists the operations of the statement and the objects that they are applied
// to, such as "SELECT orders customers". It holds no literals, has at most 255
// characters, and follows OpenTelemetry's rules for db.query.summary. It is empty for a
// statement that begins with an unknown word. Only the first 16 KiB are read.
func (s QueryStart) Summary() string {
	return sqltext.Summary(beginning(cmp.Or(s.Template, s.SQL)))
}

// QueryEnd: a statement is done with, well or not.
type QueryEnd struct {
	// Handle addresses the query that gave the result, or failed last. Its
	// fields are empty as far as it did not come.
	Handle QueryHandle
	// Rows, Batches and Bytes are what was received from the engine, for the
	// result that counts.
	Rows, Batches, Bytes int64
	// Retries and Replays count how often the statement began anew: without and
	// with having been executed before.
	Retries, Replays int
	// Continued counts the replays that began with the rows which the caller had.
	Continued int
	// Took is how long it all took, with the caller's own reading.
	Took time.Duration
	// Err is why it failed: what the caller gets.
	Err error
}

// Lost reports that the query was cut off and could not be saved.
func (e QueryEnd) Lost() bool { return errors.Is(e.Err, ErrQueryLost) }

// Code is the gRPC code of the failure, and codes.OK for none.
func (e QueryEnd) Code() codes.Code {
	if call, ok := errors.AsType[*CallError](e.Err); ok {
		return status.Code(call)
	}
	return status.FromContextError(e.Err).Code()
}

// StepHook is told about the steps of a query: prepare, execute and fetch, which
// includes the wait for the result. A query that begins anew makes them again.
// The contexts are as with QueryHook.
type StepHook interface {
	StepStart(ctx context.Context, s StepStart) context.Context
	StepEnd(ctx context.Context, e StepEnd)
}

// SkipSteps spares a StepHook what it has no use for: one whose StepStart returns
// it is not told about the end of that step, nor about the other steps of that
// execution. A call that is not made costs nothing.
func SkipSteps(ctx context.Context) context.Context { return skipSteps{ctx} }

// StepStart: a step begins.
type StepStart struct {
	// Step is prepare, execute or fetch.
	Step string
	// Side is where it is made.
	Side Side
	// QueryID is the engine's id of the query, empty before it is prepared.
	QueryID string
	// Attempt counts how often the statement was begun, from 1. Replay is set if
	// it had been executed before.
	Attempt int
	Replay  bool
}

// StepEnd: a step is over.
type StepEnd struct {
	StepStart
	// Rows, Batches and Bytes are what a fetch received.
	Rows, Batches, Bytes int64
	// Continued is when a fetch had verified that the replay begins with the rows which
	// the caller has, and Verified how many these are. They are zero for other steps.
	Continued time.Time
	Verified  int64
	Took      time.Duration
	Err       error
}

// DetectionHook is told about detections: the searches for a side that accepts.
// The calls of the search are made in the context that DetectionStart returns.
type DetectionHook interface {
	DetectionStart(ctx context.Context, s DetectionStart) context.Context
	DetectionEnd(ctx context.Context, e DetectionEnd)
}

// DetectionStart and DetectionEnd are the beginning and the end of a search.
type (
	DetectionStart = router.DetectionStart
	DetectionEnd   = router.DetectionEnd
)

// SessionHook is told about the openings of sessions, successful or not. ctx is
// that of the detection, the cutover or the query that needs the session.
type SessionHook interface {
	SessionStart(ctx context.Context, s SessionStart) context.Context
	SessionEnd(ctx context.Context, e SessionEnd)
}

// SessionStart and SessionEnd are the beginning and the end of an opening.
type (
	SessionStart = router.SessionStart
	SessionEnd   = router.SessionEnd
)

// CutoverHook is called for every change of the active side, one pair of calls for
// each: announced, abrupt, detected, aborted, rolled back, requested, by the store, or
// a reset (see CutoverStart.Change and events.StrategyChanged).
//
// For a transition from side to side, CutoverStart is called when it begins, and
// CutoverEnd when the origin is drained, or the transition has ended otherwise. The
// target is made ready in the context that CutoverStart returns. A transition that ends
// before its target accepted has its pair too, and CutoverEnd.Changed is false.
//
// For every other change, such as an abrupt one, both are called one after the other
// once the active side has changed. CutoverStart.At is the time of the first refusal
// or other first sign, and CutoverStart.Cause says what that was.
type CutoverHook interface {
	CutoverStart(ctx context.Context, s CutoverStart) context.Context
	CutoverEnd(ctx context.Context, e CutoverEnd)
}

// CutoverStart and CutoverEnd are the beginning and the end of a change.
type (
	CutoverStart = router.CutoverStart
	CutoverEnd   = router.CutoverEnd
)
