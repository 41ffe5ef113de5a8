package wire

import (
	"context"
	"math"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

func BenchmarkInvoke(b *testing.B) {
	address := serveEngine(b, func(context.Context) (*e6xv1.StatusResponse, error) { return &e6xv1.StatusResponse{}, nil })
	request, reply := &e6xv1.StatusRequest{SessionId: "s"}, &e6xv1.StatusResponse{}
	repeat := func(b *testing.B, call func() error) {
		require.NoError(b, call()) // connects
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, call())
		}
	}
	b.Run("bare gRPC with the header", func(b *testing.B) {
		// The limits are part of the work: gRPC's own would refuse a large batch.
		cc, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(math.MaxInt32), grpc.MaxCallSendMsgSize(math.MaxInt32)))
		require.NoError(b, err)
		defer func() { _ = cc.Close() }()
		ctx := metadata.AppendToOutgoingContext(context.Background(), "strategy", "blue")
		repeat(b, func() error { return cc.Invoke(ctx, "/QueryEngineService/status", request, reply) })
	})
	b.Run("through the wrapper", func(b *testing.B) {
		conn := dial(b, address, Config{}).bind(Call{Side: fsm.Blue})
		repeat(b, func() error {
			return conn.Invoke(context.Background(), protoPackage+"QueryEngineService/status", request, reply)
		})
	})
}
