package exec

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/sqlvalue"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// The errors to compare with errors.Is. Package e6 documents them under the same names.
var (
	ErrClosed      = router.ErrClosed
	ErrQueryLost   = errors.New("e6: the query was lost")
	ErrCredentials = errors.New("the credentials are rejected: check the user and the token")
	ErrSuspended   = errors.New("the cluster is suspended")
	ErrRateLimited = errors.New("the cluster takes no more queries for now: run it again later")
	ErrIncomplete  = errors.New("the engine ended the result before all its rows had come")
	ErrRowsClosed  = errors.New("e6: the rows are closed")
)

// Failures makes the errors of statements, calls and detections. It is called before hooks,
// reports and events see them.
type Failures interface {
	// Query returns the error of a statement that fails in every attempt.
	Query(f Failure) error
	// Lost returns the error of a statement that was cut off. errors.Is finds
	// ErrQueryLost in it.
	Lost(l Loss) error
	// Call returns the error of a failed call. errors.Unwrap returns its argument.
	Call(failed *wire.Error) error
	// Detection returns the error of a detection that found no side.
	Detection(failed *router.DetectionError) error
	// Argument returns the error of arguments that do not fit the statement.
	Argument(err *sqlvalue.BindError) error
}

// Failure describes the engine's answer to a statement.
type Failure struct {
	Op      string
	QueryID string // empty before the statement has one
	Tag     string
	Side    fsm.Side
	Code    codes.Code
	Message string
	// NoEffect: the statement certainly had no effect.
	NoEffect bool
	Err      error
}

// Loss describes a statement that was cut off and was not replayed or continued.
type Loss struct {
	Op                 string // the call that was cut off
	QueryID            string
	Tag                string
	Side               fsm.Side // on which it ran
	To                 fsm.Side // the side of new statements, or None
	RowsDelivered      int64
	MayHaveTakenEffect bool
	Reason             LossReason
	Column             string // the first one that differs, for LossRows
	Err                error
}

// LossReason is the reason why a statement that was cut off was not replayed or continued.
type LossReason string

// The reasons. Package e6 documents them.
const (
	LossPolicy   LossReason = "policy"
	LossWrite    LossReason = "may_write"
	LossAttempts LossReason = "attempts"
	LossSession  LossReason = "session"
	LossReplay   LossReason = "replay_failed"
	LossWindow   LossReason = "window_exceeded"
	LossColumns  LossReason = "columns_changed"
	LossRows     LossReason = "rows_differ"
	LossShorter  LossReason = "result_shorter"
)

// Describe returns the reason as a clause of an error text. It is empty for a reason that
// adds nothing to the text.
func (r LossReason) Describe(column string) string {
	switch r {
	case LossPolicy:
		return "its policy forbids a replay"
	case LossReplay:
		return "its replay failed"
	case LossWindow:
		return "more than Config.ContinueWindow had been read, which only e6.ReplayContinue continues"
	case LossColumns:
		return "the columns of the result have changed since it was run first"
	case LossRows:
		return fmt.Sprintf("its replay has other rows or another order (column %q differs first; an ORDER BY fixes the order)", column)
	case LossShorter:
		return "its replay has fewer rows"
	}
	return ""
}

// deniedError is a call that failed because the credentials are rejected. It is an
// ErrCredentials.
type deniedError struct{ err error }

// Error implements error.
func (e *deniedError) Error() string { return e.err.Error() + ": check the user and the token" }

// Unwrap returns the failed call.
func (e *deniedError) Unwrap() error { return e.err }

// Is reports that it is ErrCredentials.
func (e *deniedError) Is(target error) bool { return target == ErrCredentials }

// withOperation adds the operation to a failed call. The operation names the side already.
func withOperation(where string, err error) error {
	if call, ok := errors.Unwrap(err).(*wire.Error); ok { // not one that is inside of another error
		return &operationError{where, call.Cause(), err}
	}
	return errtext.Errorf("%s: %w", where, err)
}

// operationError is a failed call and the operation that it was made for.
type operationError struct {
	where, cause string
	call         error
}

// Error implements error.
func (e *operationError) Error() string { return errtext.Once(e.where + ": " + e.cause) }

// Unwrap returns the failed call.
func (e *operationError) Unwrap() error { return e.call }

// QueryName names a statement in a message, as far as it has a name.
func QueryName(id, tag string) string {
	name := ""
	if id != "" {
		name += " of query " + id
	}
	if tag != "" {
		name += fmt.Sprintf(" (tag %q)", tag)
	}
	return name
}

// spanOf is the trace context of a caller.
func spanOf(ctx context.Context) trace.SpanContext { return trace.SpanContextFromContext(ctx) }

// causeOf is the cause of the consequences of a failure.
func causeOf(span trace.SpanContext, err error) fsm.Cause {
	cause := fsm.Cause{Reason: fsm.ReasonUnreachable, Detail: Brief(err), Trace: span}
	if outcome := wire.OutcomeOf(err); outcome.Failed() {
		cause.Reason = outcome.Reason
	}
	return cause
}

// Brief is the text of an error for events: the call, the side and the kind of failure,
// without the text of the server, which may quote a statement or a session.
func Brief(err error) string {
	if u, ok := errors.AsType[*unconfirmedError](err); ok {
		return u.brief()
	}
	if failed, ok := wire.AsError(err); ok {
		how := status.Code(failed).String()
		if code := failed.HTTPStatus(); code != 0 {
			how = fmt.Sprintf("HTTP %d", code)
		}
		reason := fmt.Sprintf("%s on %s: %s (%s)", failed.Method, failed.Side, failed.Class, how)
		if hint := failed.Hint(); hint != "" && failed.Class == wire.ClassNoResponse {
			reason += ": " + hint // a text of this package, not of the server
		}
		return reason
	}
	return err.Error()
}

// codeOf is the gRPC code of an error, and codes.OK for nil.
func codeOf(err error) codes.Code {
	if call, ok := wire.AsError(err); ok {
		return status.Code(call)
	}
	return status.FromContextError(err).Code()
}

// withLimit is the message of an error. It names the limit that a message exceeds.
func withLimit(err error) string {
	if failed, ok := wire.AsError(err); ok && failed.Class == wire.ClassTooLarge {
		return message(err) + ": " + failed.Hint()
	}
	return message(err)
}

// message is the text of the engine's answer, without gRPC's decoration. An answer without a
// text is its code.
func message(err error) string {
	if s, ok := status.FromError(err); ok {
		return cmp.Or(s.Message(), "the engine answered "+s.Code().String()+" without a message")
	}
	return err.Error()
}
