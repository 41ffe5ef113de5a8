package e6

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// The errors to compare with errors.Is.
var (
	// ErrClosed: the client is closed, or was closed during the call.
	ErrClosed = router.ErrClosed
	// ErrQueryLost: a query was cut off and could not be saved. The error is a
	// *CutoverError.
	ErrQueryLost = errors.New("e6: the query was lost")
	// ErrCredentials: the cluster rejects the user, the token or the bearer.
	ErrCredentials = errors.New("the credentials are rejected: check the user and the token")
	// ErrSuspended: the cluster is suspended, and was not or could not be resumed.
	ErrSuspended = errors.New("the cluster is suspended")
	// ErrRateLimited: the cluster takes no more queries for now. See
	// Config.Admission.
	ErrRateLimited = errors.New("the cluster takes no more queries for now: run it again later")
	// ErrVetoed: a Guard does not allow the transition that was asked for.
	ErrVetoed = router.ErrVetoed
	// ErrIncomplete: the engine ended a result before all its rows had come.
	ErrIncomplete = errors.New("the engine ended the result before all its rows had come")
)

// CallError is the failure of one call to the cluster: which call, on which
// side, of what class, and whether the call had an effect. It wraps the gRPC
// status.
type CallError = wire.Error

// DetectionError reports that neither side accepted the client.
type DetectionError = router.DetectionError

// QueryError is the engine's own answer to a query: the statement is wrong, or
// the engine failed to run it. Running the same statement again gives the same
// answer.
type QueryError struct {
	// Op is what was being done: prepare, execute, fetch and so on.
	Op string
	// QueryID is the engine's id of the query, empty if it had none yet.
	QueryID string
	// Tag is the caller's tag of the query.
	Tag string
	// Side is where it ran.
	Side Side
	// Code and Message are the engine's answer.
	Code    codes.Code
	Message string
	// Err is the failed call, or another cause.
	Err error
}

// Error implements error.
func (e *QueryError) Error() string {
	return fmt.Sprintf("e6: %s%s on %s: %s", e.Op, queryName(e.QueryID, e.Tag), e.Side, wire.Visible(e.Message))
}

// Unwrap returns the cause.
func (e *QueryError) Unwrap() error { return e.Err }

// CutoverError reports a query that was cut off, by a cutover, by the loss of its
// engine or by a response that cannot be read, and could not be saved. Reason says
// why not.
type CutoverError struct {
	// Op is the call that was cut off: execute, metadata, fetch.
	Op string
	// QueryID is the engine's id of the query.
	QueryID string
	// Tag is the caller's tag of the query.
	Tag string
	// Side is where the query ran. To is the side of new queries since then, or
	// None if that was not known yet.
	Side, To Side
	// RowsDelivered is how many rows had reached the caller. They are correct,
	// and not all.
	RowsDelivered int64
	// MayHaveTakenEffect is set if the statement may have written before it was
	// cut off. Whether it has can only be found out by looking at the data.
	MayHaveTakenEffect bool
	// Reason is why the query was not saved.
	Reason LossReason
	// Column is the name of the first column that differs, for LossRows.
	Column string
	// Err is what cut the query off; for LossReplay it is the failure of the replay.
	Err error
}

// Error implements error.
func (e *CutoverError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "e6: %s%s was cut off on %s", e.Op, queryName(e.QueryID, e.Tag), e.Side)
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
		if text := e.Reason.describe(e.Column); text != "" {
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

// Unwrap returns what cut the query off.
func (e *CutoverError) Unwrap() error { return e.Err }

// Is reports that a *CutoverError is ErrQueryLost.
func (e *CutoverError) Is(target error) bool { return target == ErrQueryLost }

// deniedError is a call that failed as the credentials are rejected: an ErrCredentials.
type deniedError struct{ err error }

// Error implements error.
func (e *deniedError) Error() string { return e.err.Error() + ": check the user and the token" }

// Unwrap returns the failed call.
func (e *deniedError) Unwrap() error { return e.err }

// Is reports that it is ErrCredentials.
func (e *deniedError) Is(target error) bool { return target == ErrCredentials }

// withOperation adds to a failed call what was being done, which names the side already.
func withOperation(where string, err error) error {
	if call, ok := err.(*wire.Error); ok { // not one that is inside of another error
		return &operationError{where, call}
	}
	return errtext.Errorf("%s: %w", where, err)
}

// operationError is a failed call and what it was made for.
type operationError struct {
	where string
	call  *wire.Error
}

// Error implements error.
func (e *operationError) Error() string { return errtext.Once(e.where + ": " + e.call.Cause()) }

// Unwrap returns the failed call.
func (e *operationError) Unwrap() error { return e.call }

// queryName names a query in a message, as far as it has a name.
func queryName(id, tag string) string {
	name := ""
	if id != "" {
		name += " of query " + id
	}
	if tag != "" {
		name += fmt.Sprintf(" (tag %q)", tag)
	}
	return name
}

// SafeToReplay reports whether the statement behind err had no effect for
// certain, so that it can be run again whatever it does.
func SafeToReplay(err error) bool {
	if lost, ok := errors.AsType[*CutoverError](err); ok {
		return !lost.MayHaveTakenEffect
	}
	if detection, ok := errors.AsType[*DetectionError](err); ok {
		return detection != nil // no side was found, so nothing was sent
	}
	if failed, ok := errors.AsType[*QueryError](err); ok {
		// A call after execute may have had no effect, the statement has.
		return failed.Op == stepPrepare.String()
	}
	if call, ok := wire.AsError(err); ok {
		// Whatever became of a login or a prepare call, no statement was run.
		return call.Effect == wire.EffectNone || call.Method == "authenticate" || strings.HasPrefix(call.Method, "prepareStatement")
	}
	return false
}

// IsRetryable reports whether the same statement may succeed if it is run again
// later: the cluster, and not the statement, was the reason of the failure.
// Whether that is safe is another question: see SafeToReplay.
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

// codeOf is the gRPC code of an error, and codes.OK for nil.
func codeOf(err error) codes.Code {
	if call, ok := wire.AsError(err); ok {
		return status.Code(call)
	}
	return status.FromContextError(err).Code()
}

// withLimit is the message of an error, and names the limit that a message is over.
func withLimit(err error) string {
	if failed, ok := wire.AsError(err); ok && failed.Class == wire.ClassTooLarge {
		return message(err) + ": " + failed.Hint()
	}
	return message(err)
}

// message is the text of the engine's answer, without gRPC's decoration. An answer without
// one is its code.
func message(err error) string {
	if s, ok := status.FromError(err); ok {
		return cmp.Or(s.Message(), "the engine answered "+s.Code().String()+" without a message")
	}
	return err.Error()
}
