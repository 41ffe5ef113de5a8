package e6_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/hook"
)

// stepFailures keeps the errors of the steps.
type stepFailures chan error

func (s stepFailures) StepStart(ctx context.Context, _ hook.StepStart) context.Context { return ctx }

func (s stepFailures) StepEnd(_ context.Context, e hook.StepEnd) {
	if e.Err != nil {
		s <- e.Err
	}
}

// TestCallError_DescribesTheFailedCall compares the error of a caller with that of a hook.
func TestCallError_DescribesTheFailedCall(t *testing.T) {
	for name, test := range map[string]struct {
		fault  e6test.Fault
		effect string
		code   codes.Code
		safe   bool
	}{
		"the engine fails the statement": {e6test.Fault{Method: e6test.MethodPrepareStatement, Action: e6test.Fail, Code: codes.InvalidArgument, Message: "no such column"},
			"done", codes.InvalidArgument, true},
		"the engine fails the execution": {e6test.Fault{Method: e6test.MethodExecuteStatement, Action: e6test.Fail, Code: codes.InvalidArgument, Message: "division by zero"},
			"done", codes.InvalidArgument, false},
		"the connection is lost after execute": {e6test.Fault{Method: e6test.MethodExecuteStatement, Action: e6test.BreakAfter},
			"unknown", codes.Unavailable, false},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t)
			seen := make(stepFailures, 10)
			cfg := config(cluster)
			client, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()), e6.WithStepHook(seen))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, client.Close()) })
			cluster.Inject(test.fault)
			err = client.Exec(within(t, 10*time.Second), "INSERT INTO t VALUES (1)")
			require.Error(t, err)
			require.Equal(t, test.safe, e6.SafeToReplay(err))
			for who, err := range map[string]error{"caller": err, "hook": <-seen} {
				call, ok := errors.AsType[*e6.CallError](err)
				require.True(t, ok, "%s: %v", who, err)
				require.Equal(t, test.fault.Method, call.Method, who)
				require.Equal(t, e6.Blue, call.Side, who)
				require.Equal(t, test.effect, call.Effect, who)
				require.NotEmpty(t, call.Class, who)
				require.Equal(t, test.code, status.Code(call), who)
				require.ErrorContains(t, call, fmt.Sprintf("%s on blue: %s", call.Method, call.Class), who)
			}
		})
	}
}
