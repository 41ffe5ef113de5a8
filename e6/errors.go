package e6

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/exec"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/internal/visible"
)

// The errors to compare with errors.Is.
var (
	// ErrClosed: the client is closed, or was closed during the call.
	ErrClosed = router.ErrClosed
	// ErrQueryLost: a query was cut off, and could not be replayed or continued. The
	// error is a *CutoverError.
	ErrQueryLost = exec.ErrQueryLost
	// ErrCredentials: the cluster rejects the user, the token or the bearer.
	ErrCredentials = exec.ErrCredentials
	// ErrSuspended: the cluster is suspended, and was not or could not be resumed.
	ErrSuspended = exec.ErrSuspended
	// ErrRateLimited: the cluster takes no more queries for now. See
	// Config.Admission.
	ErrRateLimited = exec.ErrRateLimited
	// ErrVetoed: a Guard does not allow the transition that was asked for.
	ErrVetoed = router.ErrVetoed
	// ErrIncomplete: the engine ended a result before it had sent all its rows.
	ErrIncomplete = exec.ErrIncomplete
)

// CallError is the failure of one call to the cluster. It wraps the gRPC status.
type CallError struct {
	// Method is the method of the call, such as getResultMetadata.
	Method string
	// Side is the side to which the call was sent.
	Side Side
	// Class is the kind of the failure as text, such as "a message is too large".
	// docs/rules.md, section 5, lists the classes.
	Class string
	// Effect is whether the call changed something on the server: "none" if it was refused,
	// was never sent, or reached no engine; "done" if the engine received it and has finished
	// with it; "unknown" if it was sent, and it is not known whether it was executed.
	Effect string
	// Err is the failure: errors.As finds the gRPC status in it.
	Err error
}

// Error implements error.
func (e *CallError) Error() string {
	if failed, ok := e.Err.(*wire.Error); ok {
		return failed.Error()
	}
	return errtext.Once(fmt.Sprintf("%s on %s: %s: %v", e.Method, e.Side, e.Class, e.Err))
}

// Unwrap returns the failure.
func (e *CallError) Unwrap() error { return e.Err }

// GRPCStatus returns the gRPC status of the call.
func (e *CallError) GRPCStatus() *status.Status { return status.Convert(e.Err) }

// HTTPStatus is the status of a plain HTTP response in place of a gRPC response, and 0 if
// there was none.
func (e *CallError) HTTPStatus() int {
	if failed, ok := e.Err.(*wire.Error); ok {
		return failed.HTTPStatus()
	}
	return 0
}

// SafeToReplay reports whether the statement that the call was made for had no effect for
// certain: the call had none, or it comes before the execution of a statement.
func (e *CallError) SafeToReplay() bool {
	failed, ok := e.Err.(*wire.Error)
	return e.Effect == wire.EffectNone.String() || ok && failed.ExecutesNothing()
}

// DetectionError reports that no side accepted the client.
type DetectionError struct {
	// Blue and Green are the last errors of the two sides, or nil for a side that was not
	// tried.
	Blue, Green error
	// Err is the reason for the end of the detection: a deadline, wrong credentials, a
	// cluster that stays suspended, or a closed client.
	Err error
}

// Error implements error.
func (e *DetectionError) Error() string { return (*router.DetectionError)(e).Error() }

// Unwrap returns Err and the last errors of the sides.
func (e *DetectionError) Unwrap() []error { return (*router.DetectionError)(e).Unwrap() }

// SafeToReplay reports true: no side was found, so nothing was sent.
func (e *DetectionError) SafeToReplay() bool { return true }

// QueryError is the engine's own answer to a query: the statement is wrong, or
// the engine failed to run it. Running the same statement again gives the same
// answer.
type QueryError struct {
	// Op is the step that failed: prepare, execute, fetch and so on.
	Op string
	// QueryID is the engine's id of the query, empty if it had none yet.
	QueryID string
	// Tag is the caller's tag of the query.
	Tag string
	// Side is the side on which it ran.
	Side Side
	// Code and Message are the engine's answer.
	Code    codes.Code
	Message string
	// NoEffect is set if the statement certainly had no effect: it failed before it was
	// executed.
	NoEffect bool
	// Err is the failed call, or another cause.
	Err error
}

// Error implements error.
func (e *QueryError) Error() string {
	return fmt.Sprintf("e6: %s%s on %s: %s", e.Op, exec.QueryName(e.QueryID, e.Tag), e.Side, visible.Text(e.Message))
}

// Unwrap returns the cause.
func (e *QueryError) Unwrap() error { return e.Err }

// SafeToReplay reports NoEffect. It is false for a failed call after the execution: the call
// had no effect, but the statement may have had one.
func (e *QueryError) SafeToReplay() bool { return e.NoEffect }

// CutoverError reports a query that was cut off, by a cutover, by the loss of its
// engine or by a response that cannot be decoded, and that the client could not replay or
// continue. Reason is the cause of that.
type CutoverError struct {
	// Op is the call that was cut off: execute, metadata, fetch.
	Op string
	// QueryID is the engine's id of the query.
	QueryID string
	// Tag is the caller's tag of the query.
	Tag string
	// Side is the side on which the query ran. To is the side to which new queries are
	// routed since then, or None if it was not known yet.
	Side, To Side
	// RowsDelivered is the number of rows that had reached the caller. They are correct,
	// but incomplete.
	RowsDelivered int64
	// MayHaveTakenEffect is set if the statement may have written before it was cut off.
	// The client cannot find out: check the data.
	MayHaveTakenEffect bool
	// Reason is the reason why the query was not replayed or continued.
	Reason LossReason
	// Column is the name of the first column that differs, for LossRows.
	Column string
	// Err is the failure that cut the query off; for LossReplay, the failure of the replay.
	Err error
}

// Error implements error.
func (e *CutoverError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "e6: %s%s was cut off on %s", e.Op, exec.QueryName(e.QueryID, e.Tag), e.Side)
	if e.RowsDelivered > 0 {
		fmt.Fprintf(&b, " after %d rows had been read", e.RowsDelivered)
	}
	switch {
	case e.MayHaveTakenEffect:
		b.WriteString(" and may have taken effect: look at the data before it is run again")
	case e.Reason == LossAttempts:
		b.WriteString(", and so were its replays: run it again later")
	case e.Reason == LossPolicy && e.RowsDelivered == 0:
		b.WriteString(" and its policy forbids a replay: run it again")
	default:
		if text := exec.LossReason(e.Reason).Describe(e.Column); text != "" {
			b.WriteString(", and " + text)
		}
		b.WriteString(": run it again")
		if e.RowsDelivered > 0 {
			b.WriteString(" to read all")
		}
	}
	b.WriteString(": " + errtext.Inner(e.Err))
	return b.String()
}

// Unwrap returns Err.
func (e *CutoverError) Unwrap() error { return e.Err }

// SafeToReplay reports whether the statement cannot have taken effect: it only reads.
func (e *CutoverError) SafeToReplay() bool { return !e.MayHaveTakenEffect }

// Is reports that a *CutoverError is ErrQueryLost.
func (e *CutoverError) Is(target error) bool { return target == ErrQueryLost }

// SafeToReplay reports whether the statement behind err certainly had no effect, so that it
// can be run again even if it is a write. The first error of the chain with a method
// SafeToReplay decides; an error without one is not safe.
func SafeToReplay(err error) bool {
	e, ok := errors.AsType[interface {
		error
		SafeToReplay() bool
	}](err)
	return ok && e.SafeToReplay()
}

// IsRetryable reports whether the same statement may succeed if it is run again later: the
// cluster, not the statement, caused the failure. SafeToReplay reports whether it is safe
// to run the statement again.
func IsRetryable(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed) || errors.Is(err, ErrCredentials) {
		return false
	}
	if errors.Is(err, ErrQueryLost) || errors.Is(err, ErrSuspended) || errors.Is(err, ErrRateLimited) {
		return true
	}
	if _, ok := errors.AsType[*QueryError](err); ok {
		return false
	}
	if _, ok := errors.AsType[*DetectionError](err); ok {
		return true
	}
	return wire.OutcomeOf(err).Later
}
