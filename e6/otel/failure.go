package e6otel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6"
)

// The values of error.type: a class of the client, otherwise the gRPC code of the call
// that failed, otherwise other.
const (
	errorLost        = "QUERY_LOST"
	errorQuery       = "QUERY_FAILED"
	errorDetection   = "DETECTION_FAILED"
	errorClosed      = "CLIENT_CLOSED"
	errorRowsClosed  = "ROWS_CLOSED"
	errorCredentials = "CREDENTIALS_REJECTED"
	errorSuspended   = "CLUSTER_SUSPENDED"
	errorVetoed      = "VETOED"
	errorAborted     = "CUTOVER_ABORTED"
	errorAbandoned   = "CUTOVER_ABANDONED"
)

// codeNames are the names of the gRPC codes, as the gRPC specification writes them.
var codeNames = [...]string{
	codes.OK: "OK", codes.Canceled: "CANCELLED", codes.Unknown: "UNKNOWN", codes.InvalidArgument: "INVALID_ARGUMENT",
	codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.NotFound: "NOT_FOUND", codes.AlreadyExists: "ALREADY_EXISTS",
	codes.PermissionDenied: "PERMISSION_DENIED", codes.ResourceExhausted: "RESOURCE_EXHAUSTED", codes.FailedPrecondition: "FAILED_PRECONDITION",
	codes.Aborted: "ABORTED", codes.OutOfRange: "OUT_OF_RANGE", codes.Unimplemented: "UNIMPLEMENTED", codes.Internal: "INTERNAL",
	codes.Unavailable: "UNAVAILABLE", codes.DataLoss: "DATA_LOSS", codes.Unauthenticated: "UNAUTHENTICATED",
}

// nameOf is the name of a gRPC code. A server may send any number.
func nameOf(c codes.Code) string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return codeNames[codes.Unknown]
}

// ErrorTypes returns all values that error.type may have on spans and metrics. An error
// has the first one that applies: a class of the client, such as QUERY_LOST; the gRPC code
// of the call that failed, which db.response.status_code has too; CANCELLED or
// DEADLINE_EXCEEDED for a context that has ended; or _OTHER.
func ErrorTypes() []string {
	own := []string{errorLost, errorQuery, errorDetection, errorClosed, errorRowsClosed, errorCredentials, errorSuspended, errorVetoed, errorAborted, errorAbandoned}
	return append(append(own, codeNames[1:]...), other)
}

// errorType is the value of error.type, and empty for no error. The text of an error may
// quote a statement, so it is never used.
func errorType(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, e6.ErrQueryLost):
		return errorLost
	case is[*e6.QueryError](err):
		return errorQuery
	case is[*e6.DetectionError](err):
		return errorDetection
	case errors.Is(err, e6.ErrClosed):
		return errorClosed
	case errors.Is(err, e6.ErrRowsClosed):
		return errorRowsClosed
	case errors.Is(err, context.Canceled):
		return codeNames[codes.Canceled]
	case errors.Is(err, context.DeadlineExceeded):
		return codeNames[codes.DeadlineExceeded]
	case errors.Is(err, e6.ErrCredentials):
		return errorCredentials
	case errors.Is(err, e6.ErrSuspended):
		return errorSuspended
	case errors.Is(err, e6.ErrVetoed):
		return errorVetoed
	}
	if code := statusCode(err); code != "" {
		return code
	}
	return other
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// statusCode is the value of db.response.status_code: the name of the gRPC code of the
// call that failed, and empty if none did. The engine has no codes of its own.
func statusCode(err error) string {
	if err == nil {
		return ""
	}
	if call, ok := errors.AsType[*e6.CallError](err); ok {
		return nameOf(status.Code(call))
	}
	if query, ok := errors.AsType[*e6.QueryError](err); ok && query.Code != codes.OK {
		return nameOf(query.Code)
	}
	return ""
}

// failureAttrs are error.type and db.response.status_code; an empty value is left out.
func failureAttrs(kind, code string) (attrs []attribute.KeyValue) {
	if kind != "" {
		attrs = append(attrs, keyError.String(kind))
	}
	if code != "" {
		attrs = append(attrs, keyStatus.String(code))
	}
	return attrs
}

// fail marks a span that records as failed. The status has no description: the text of
// the error may quote a statement, and error.type is not to be repeated there.
func fail(span trace.Span, err error) {
	if err == nil {
		return
	}
	span.SetAttributes(failureAttrs(errorType(err), statusCode(err))...)
	span.SetStatus(otelcodes.Error, "")
}
