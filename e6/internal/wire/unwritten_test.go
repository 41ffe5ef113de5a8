package wire

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// pausedStream holds up the second and the third attempt of a call between their headers and
// their request, until their connection is closed.
type pausedStream struct {
	attempts atomic.Int64
	closed   [2]chan struct{} // of the second and the third connection
}

func (p *pausedStream) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (p *pausedStream) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (p *pausedStream) HandleConn(context.Context, stats.ConnStats)                       {}

func (p *pausedStream) HandleRPC(_ context.Context, s stats.RPCStats) {
	if _, ok := s.(*stats.OutHeader); ok {
		if n := p.attempts.Add(1); n == 2 || n == 3 {
			<-p.closed[n-2]
		}
	}
}

// closedConn has a channel that is closed with it.
type closedConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *closedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// TestClassify_UnwrittenRequestHadNoEffect: the server drains every connection of a call. The
// first one has the request, so that the call is sent again. The second and the third one
// are drained before gRPC has written it, which gRPC retries by itself once.
func TestClassify_UnwrittenRequestHadNoEffect(t *testing.T) {
	for name, intercepted := range map[string]bool{"gRPC alone": false, "an interceptor of the caller's": true} {
		t.Run(name, func(t *testing.T) {
			var arrived atomic.Bool
			address, requests := serveStreams(t,
				func(f *frames, _ uint32) {
					if arrived.Load() {
						_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
					}
				},
				func(f *frames, _ uint32, _ int) bool {
					arrived.Store(true)
					return f.WriteGoAway(0, http2.ErrCodeNo, nil) == nil
				})
			paused := &pausedStream{closed: [2]chan struct{}{make(chan struct{}), make(chan struct{})}}
			var connections atomic.Int64
			c := dial(t, address, Config{
				Dialer: func(ctx context.Context, address string) (net.Conn, error) {
					conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
					if err != nil {
						return nil, err
					}
					if n := connections.Add(1); n == 2 || n == 3 {
						conn = &closedConn{Conn: conn, closed: paused.closed[n-2]}
					}
					return conn, err
				},
				DialOptions: []grpc.DialOption{grpc.WithStatsHandler(paused)},
			})
			c.intercepted = intercepted
			e := requireFailure(t, ask(t, c), ClassNotProcessed, EffectNone)
			require.Equal(t, codes.Unavailable, status.Code(e))
			require.Equal(t, int64(3), paused.attempts.Load())
			require.Equal(t, 1, requests(), "that of the first attempt")
		})
	}
}

func TestClassify_EOFOfAnInterceptorProvesNothing(t *testing.T) {
	address := serveEngine(t, func(context.Context) (*e6xv1.StatusResponse, error) { return &e6xv1.StatusResponse{}, nil })
	drop := func(ctx context.Context, method string, args, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		_ = invoke(ctx, method, args, reply, cc, opts...)
		return io.EOF
	}
	for _, option := range []grpc.DialOption{grpc.WithUnaryInterceptor(drop), grpc.WithChainUnaryInterceptor(drop)} {
		_, err := dial(t, address, Config{DialOptions: []grpc.DialOption{option}}).Engine(Call{Side: fsm.Blue}).Status(t.Context(), &e6xv1.StatusRequest{})
		e, ok := AsError(err)
		require.True(t, ok, "%v", err)
		require.NotEqual(t, EffectNone, e.Effect, "%v", err)
	}
}
