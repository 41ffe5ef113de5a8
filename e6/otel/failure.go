package e6otel

import (
	"context"
	"errors"

	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6"
)

// errorType is the value of error.type: one of a small set, and empty for no
// error. The text of an error may quote a statement, so it is never used.
func errorType(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, e6.ErrQueryLost):
		return "CutoverError"
	case is[*e6.QueryError](err):
		return "QueryError"
	case is[*e6.DetectionError](err):
		return "DetectionError"
	case errors.Is(err, e6.ErrClosed):
		return "closed"
	case errors.Is(err, e6.ErrRowsClosed):
		return "rows_closed"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline_exceeded"
	case errors.Is(err, e6.ErrCredentials):
		return "credentials"
	case errors.Is(err, e6.ErrSuspended):
		return "suspended"
	case errors.Is(err, e6.ErrVetoed):
		return "vetoed"
	}
	return codeOf(err).String()
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// codeOf is the gRPC code of the call that failed, and Unknown if none did.
func codeOf(err error) codes.Code {
	if call, ok := errors.AsType[*e6.CallError](err); ok {
		return status.Code(call)
	}
	return codes.Unknown
}

// fail marks a span that records as failed.
func fail(span trace.Span, err error) {
	if err == nil {
		return
	}
	kind := errorType(err)
	span.SetAttributes(keyError.String(kind))
	span.SetStatus(otelcodes.Error, kind)
	if call, ok := errors.AsType[*e6.CallError](err); ok {
		span.SetAttributes(keyStatus.String(status.Code(call).String()))
	}
}
