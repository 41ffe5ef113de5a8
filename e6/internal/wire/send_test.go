package wire

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

func TestClassify_InterceptedCallIsClassifiedTheSame(t *testing.T) {
	calls := 0
	also = []grpc.DialOption{grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		calls++
		return invoker(ctx, method, req, reply, cc, opts...)
	})}
	defer func() { also = nil }()
	for name, test := range map[string]func(*testing.T){
		"plain HTTP":        TestClassify_PlainHTTPResponses,
		"statuses":          TestClassify_StatusesOfAServer,
		"deadlines":         TestClassify_DeadlineOfTheCallerOrOfTheServer,
		"no listener":       TestClassify_ConnectionRefusedHasNoEffect,
		"unknown host":      TestClassify_UnknownHostIsUnreachable,
		"no answer":         TestClassify_SilentServerIsATimeout,
		"context ends":      TestClassify_ContextEndsAfterSending,
		"context has ended": TestClassify_EndedContextSendsNothing,
		"server dies":       TestClassify_ServerDiesDuringACall,
		"stream is reset":   TestClassify_ResetStream,
		"no message":        TestClassify_MalformedMessage,
		"two messages":      TestClassify_ResponseWithTwoMessages,
		"no address":        TestClassify_ConnectionWithoutAddresses,
		"too large":         TestClassify_TooLargeMessages,
		"cannot be encoded": TestClassify_RequestThatCannotBeEncoded,
		"closed":            TestConn_ClosedRefusesCalls,
		"closing":           TestConn_CloseCancelsCallsInFlight,
	} {
		before := calls
		t.Run(name, test)
		require.Greater(t, calls, before, name)
	}
}

func TestCall_AllocatesTwiceMoreThanTheStubs(t *testing.T) {
	address := serveEngine(t, func(context.Context) (*e6xv1.StatusResponse, error) { return &e6xv1.StatusResponse{}, nil })
	request, reply := &e6xv1.StatusRequest{SessionId: "s"}, &e6xv1.StatusResponse{}
	conn := dial(t, address, Config{}).bind(Call{Side: fsm.Blue, PlannerIP: "10.0.0.1"})
	cc, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(
		grpc.MaxCallRecvMsgSize(math.MaxInt32), grpc.MaxCallSendMsgSize(math.MaxInt32)))
	require.NoError(t, err)
	defer func() { _ = cc.Close() }()
	with := metadata.AppendToOutgoingContext(context.Background(), "strategy", "blue", "plannerip", "10.0.0.1")
	theirs := fewest(func() { require.NoError(t, cc.Invoke(with, "/QueryEngineService/status", request, reply)) })
	ours := fewest(func() {
		require.NoError(t, conn.Invoke(context.Background(), protoPackage+"QueryEngineService/status", request, reply))
	})
	require.LessOrEqual(t, ours, theirs+2)
}

// fewest is the number of allocations that something takes when nothing else happens:
// the server is in the same process, and gRPC's pools are emptied now and then.
func fewest(do func()) float64 {
	least := testing.AllocsPerRun(50, do)
	for range 20 {
		least = min(least, testing.AllocsPerRun(50, do))
	}
	return least
}
