package wire

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

func TestCall_Headers(t *testing.T) {
	got := make(chan metadata.MD, 1)
	address := serveEngine(t, func(ctx context.Context) (*e6xv1.StatusResponse, error) {
		got <- incoming(ctx)
		return &e6xv1.StatusResponse{}, nil
	})
	c := dial(t, address, Config{ClusterName: "Prod-EU", UserAgent: "tester"})
	alone := context.Background()
	with := metadata.AppendToOutgoingContext(alone, "authorization", "Bearer x")
	for _, call := range []Call{{Side: fsm.Blue}, {Side: fsm.Green}, {Side: fsm.Green, PlannerIP: "10.1.2.3"}, {Side: fsm.Green}} {
		for ctx, given := range map[context.Context][]string{alone: nil, with: {"Bearer x"}} {
			_, err := c.Engine(call).Status(ctx, &e6xv1.StatusRequest{})
			require.NoError(t, err)
			md := <-got
			require.Equal(t, []string{call.Side.String()}, md["strategy"])
			require.Equal(t, []string{"prod-eu"}, md["cluster-name"])
			require.Equal(t, given, md["authorization"])
			require.Contains(t, md["user-agent"][0], "tester")
			if call.PlannerIP == "" {
				require.NotContains(t, md, "plannerip")
			} else {
				require.Equal(t, []string{call.PlannerIP}, md["plannerip"])
			}
		}
	}
}

func TestCall_MethodsHaveNoProtoPackage(t *testing.T) {
	paths := make(chan string, 1)
	address := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		paths <- r.URL.Path
		w.WriteHeader(404)
	}, nil)
	c := dial(t, address, Config{})
	conn := c.bind(Call{Side: fsm.Blue})
	for bare, desc := range map[string]grpc.ServiceDesc{
		"QueryEngineService": e6xv1.QueryEngineService_ServiceDesc, "ClusterService": e6xv1.ClusterService_ServiceDesc,
	} {
		for _, m := range desc.Methods {
			err := conn.Invoke(context.Background(), "/"+desc.ServiceName+"/"+m.MethodName, &e6xv1.StatusRequest{}, &e6xv1.StatusResponse{})
			require.Equal(t, ClassNoResponse, Classify(err))
			require.Equal(t, "/"+bare+"/"+m.MethodName, <-paths)
		}
	}
}

func TestObserver_AnnouncementsHaveSourceAndStamp(t *testing.T) {
	for _, tc := range []struct {
		name, value string
		want        []announcement
	}{
		{"a side in any case is announced", "GREEN", []announcement{{source: fsm.Blue, target: fsm.Green, at: Stamp{1, 7}}}},
		{"the side of the source is announced too", "blue", []announcement{{source: fsm.Blue, target: fsm.Blue, at: Stamp{1, 7}}}},
		{"what is no side is reported as it came", "teal", []announcement{{source: fsm.Blue, unknown: "teal", at: Stamp{1, 7}}}},
		{"an empty field announces nothing", "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			address := serveEngine(t, func(context.Context) (*e6xv1.StatusResponse, error) {
				return &e6xv1.StatusResponse{NewStrategy: &tc.value}, nil
			})
			r := &recorder{}
			require.NoError(t, ask(t, dial(t, address, Config{Observer: r})))
			require.Equal(t, tc.want, r.announcement)
		})
	}
}

func TestError_HasTheStampOfItsCall(t *testing.T) {
	address := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(456) }, nil)
	c := dial(t, address, Config{})
	require.Equal(t, Stamp{1, 7}, requireFailure(t, ask(t, c), ClassWrongSide, EffectNone).At)
	require.Equal(t, Stamp{2, 7}, requireFailure(t, ask(t, c), ClassWrongSide, EffectNone).At)
}

func TestConn_HasNoStreams(t *testing.T) {
	_, err := (&boundConn{}).NewStream(context.Background(), nil, "x")
	require.Error(t, err)
}

// pipeListener is a listener whose connections live in memory.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// overMemory serves an engine to a Conn in a bubble. stop ends the server.
func overMemory(t *testing.T, e e6xv1.QueryEngineServiceServer, opts ...grpc.ServerOption) (c *Conn, stop func()) {
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := bareServer(e, opts...)
	go func() { _ = s.Serve(l) }()
	c, err := Dial(Config{Target: "cluster", Observer: &recorder{}, Dialer: func(ctx context.Context, addr string) (net.Conn, error) {
		require.Equal(t, "cluster", addr)
		near, far := net.Pipe()
		select {
		case l.conns <- far:
			return near, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}})
	require.NoError(t, err)
	return c, func() {
		s.Stop()
		synctest.Wait()
	}
}

func TestConn_OverMemoryWorksInABubble(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		c, stop := overMemory(t, &engine{status: func(ctx context.Context) (*e6xv1.StatusResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		began := time.Now()
		_, err := c.Engine(Call{Side: fsm.Blue}).Status(ctx, &e6xv1.StatusRequest{})
		requireFailure(t, err, ClassTimeout, EffectUnknown)
		require.Equal(t, time.Minute, time.Since(began))
		require.NoError(t, c.Close())
		stop()
	})
}

func TestKeepalive_DoesNotExceedTheLimitOfAServer(t *testing.T) {
	for name, cfg := range map[string]keepalive.EnforcementPolicy{"by default": {}, "also without calls": {MinTime: 5 * time.Minute, PermitWithoutStream: true}} {
		t.Run(name, func(t *testing.T) {
			bubbles.Test(t, func(t *testing.T) {
				c, stop := overMemory(t, &engine{status: func(ctx context.Context) (*e6xv1.StatusResponse, error) {
					select {
					case <-time.After(24 * time.Hour):
						return &e6xv1.StatusResponse{}, nil
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}}, grpc.KeepaliveEnforcementPolicy(cfg))
				for range 2 {
					_, err := c.Engine(Call{Side: fsm.Blue}).Status(context.Background(), &e6xv1.StatusRequest{})
					require.NoError(t, err)
					time.Sleep(24 * time.Hour) // nor is a quiet connection closed
				}
				require.NoError(t, c.Close())
				stop()
			})
		})
	}
}
