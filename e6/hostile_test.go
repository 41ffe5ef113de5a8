package e6_test

import (
	"bytes"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// unread passes messages on as bytes.
type unread struct{}

func (unread) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (unread) Unmarshal(data []byte, v any) error { *v.(*[]byte) = bytes.Clone(data); return nil }
func (unread) Name() string                       { return "proto" }

// evil is what a server answers to one method instead of what it should.
type evil struct {
	method  string
	answer  []byte
	headers metadata.MD
	err     error
}

// takenOver is the address of a server between the client and a cluster that passes
// everything on, but answers one method itself, and counts that.
func takenOver(t *testing.T, cluster *e6test.Cluster, e evil, answered *atomic.Int64) string {
	behind, err := grpc.NewClient(cluster.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(unread{})))
	require.NoError(t, err)
	server := grpc.NewServer(grpc.ForceServerCodec(unread{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		ctx := stream.Context()
		method, _ := grpc.Method(ctx)
		var in, out []byte
		if err := stream.RecvMsg(&in); err != nil {
			return err
		}
		if strings.HasSuffix(method, "/"+e.method) {
			answered.Add(1)
			_ = stream.SetHeader(e.headers)
			if e.err != nil {
				return e.err
			}
			return stream.SendMsg(&e.answer)
		}
		if md, ok := metadata.FromIncomingContext(ctx); ok {
			ctx = metadata.NewOutgoingContext(ctx, md)
		}
		if err := behind.Invoke(ctx, method, &in, &out); err != nil {
			return err
		}
		return stream.SendMsg(&out)
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-served)
		require.NoError(t, behind.Close())
	})
	return listener.Addr().String()
}

func encoded(t *testing.T, m proto.Message) []byte {
	b, err := proto.Marshal(m)
	require.NoError(t, err)
	return b
}

func TestHostileServer_IsATypedErrorWithBoundedMemory(t *testing.T) {
	const mega = 1 << 20
	large := func(n int) string { return strings.Repeat("x", n) }
	nested := bytes.Repeat([]byte{0x0c}, mega) // a struct in a struct in a struct
	for name, e := range map[string]evil{
		"a session as long as a book":    {method: "authenticate", answer: encoded(t, &e6xv1.AuthenticateResponse{SessionId: large(mega)})},
		"a query's id as long as a page": {method: "prepareStatement", answer: encoded(t, &e6xv1.PrepareStatementResponse{QueryId: large(2 << 10)})},
		"columns without end":            {method: "getResultMetadata", answer: encoded(t, &e6xv1.GetResultMetadataResponse{ResultMetaData: []byte(large(17 * mega))})},
		"columns that are none":          {method: "getResultMetadata", answer: encoded(t, &e6xv1.GetResultMetadataResponse{ResultMetaData: bytes.Repeat([]byte{0xff}, mega)})},
		"a batch beyond the limit":       {method: "getNextResultBatchV2", answer: encoded(t, &e6xv1.GetNextResultBatchV2Response{ResultBatches: [][]byte{[]byte(large(9 * mega))}})},
		"a batch of nothing but lies":    {method: "getNextResultBatchV2", answer: encoded(t, &e6xv1.GetNextResultBatchV2Response{ResultBatches: [][]byte{bytes.Repeat([]byte{0x7f}, 4*mega)}})},
		"a batch as deep as it is long":  {method: "getNextResultBatchV2", answer: encoded(t, &e6xv1.GetNextResultBatchV2Response{ResultBatches: [][]byte{nested}})},
		"no message at all":              {method: "executeStatement", answer: bytes.Repeat([]byte{0xff}, mega)},
		"an error like a novel":          {method: "prepareStatement", err: status.Error(codes.InvalidArgument, large(4*mega))},
		"headers without end":            {method: "prepareStatement", headers: metadata.Pairs("x-more", large(4*mega))},
		"schemas without end":            {method: "getSchemaNamesV2", answer: encoded(t, &e6xv1.GetSchemaNamesResponse{Schemas: []string{large(17 * mega)}})},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t)
			cfg := config(cluster)
			var answered atomic.Int64
			cfg.Address, cfg.MaxReceiveBytes, cfg.MaxAttempts, cfg.DetectionTimeout = takenOver(t, cluster, e, &answered), 8*mega, 2, time.Second
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			client, err := e6.Open(t.Context(), cfg, e6.WithLazyOpen())
			require.NoError(t, err)
			defer func() { require.NoError(t, client.Close()) }()
			if e.method == "getSchemaNamesV2" {
				_, err = client.Schemas(t.Context(), "demo")
			} else {
				_, err = client.QueryAll(t.Context(), "SELECT * FROM numbers(10)")
			}
			runtime.ReadMemStats(&after)
			require.Error(t, err)
			_, query := errors.AsType[*e6.QueryError](err)
			_, call := errors.AsType[*e6.CallError](err)
			_, detection := errors.AsType[*e6.DetectionError](err)
			_, cutover := errors.AsType[*e6.CutoverError](err)
			require.True(t, query || call || detection || cutover, "%T: %v", err, err)
			require.Less(t, len(err.Error()), mega+4<<10)
			took := after.TotalAlloc - before.TotalAlloc
			require.Less(t, took, uint64(answered.Load())*uint64(20*mega+10*len(e.answer)), "the server's share included")
		})
	}
}
