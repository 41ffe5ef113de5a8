package e6otel

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6"
)

func TestErrorType_IsTheFirstClassThatApplies(t *testing.T) {
	call := func(c codes.Code) error { return &e6.CallError{Err: status.Error(c, "secret")} }
	for _, test := range []struct {
		err        error
		kind, code string
	}{
		{nil, "", ""},
		{errors.New("secret"), "_OTHER", ""},
		{fmt.Errorf("secret: %w", call(codes.Unavailable)), "UNAVAILABLE", "UNAVAILABLE"},
		{call(codes.Canceled), "CANCELLED", "CANCELLED"},
		{call(codes.Code(99)), "UNKNOWN", "UNKNOWN"},
		{&e6.QueryError{Code: codes.InvalidArgument}, "QUERY_FAILED", "INVALID_ARGUMENT"},
		{&e6.QueryError{Err: call(codes.Internal)}, "QUERY_FAILED", "INTERNAL"},
		{fmt.Errorf("%w: %w", e6.ErrQueryLost, call(codes.Unavailable)), "QUERY_LOST", "UNAVAILABLE"},
		{&e6.DetectionError{}, "DETECTION_FAILED", ""},
		{e6.ErrClosed, "CLIENT_CLOSED", ""},
		{e6.ErrRowsClosed, "ROWS_CLOSED", ""},
		{fmt.Errorf("x: %w", context.Canceled), "CANCELLED", ""},
		{context.DeadlineExceeded, "DEADLINE_EXCEEDED", ""},
		{e6.ErrCredentials, "CREDENTIALS_REJECTED", ""},
		{e6.ErrSuspended, "CLUSTER_SUSPENDED", ""},
		{e6.ErrVetoed, "VETOED", ""},
	} {
		require.Equal(t, test.kind, errorType(test.err), "%v", test.err)
		require.Equal(t, test.code, statusCode(test.err), "%v", test.err)
		if test.kind != "" {
			require.Contains(t, ErrorTypes(), test.kind)
		}
	}
}
