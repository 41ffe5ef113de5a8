package wire

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/stress"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// engine is a server of the protocol whose status method is scripted.
type engine struct {
	e6xv1.UnimplementedQueryEngineServiceServer
	status func(ctx context.Context) (*e6xv1.StatusResponse, error)
}

func (e *engine) Status(ctx context.Context, _ *e6xv1.StatusRequest) (*e6xv1.StatusResponse, error) {
	return e.status(ctx)
}

// bareServer registers e under the name that it has on the wire.
func bareServer(e e6xv1.QueryEngineServiceServer, opts ...grpc.ServerOption) *grpc.Server {
	desc := e6xv1.QueryEngineService_ServiceDesc
	desc.ServiceName = "QueryEngineService"
	s := grpc.NewServer(opts...)
	s.RegisterService(&desc, e)
	return s
}

// serveEngine runs e on loopback as a gRPC server and returns its address.
func serveEngine(t testing.TB, status func(context.Context) (*e6xv1.StatusResponse, error), opts ...grpc.ServerOption) string {
	t.Helper()
	return serveService(t, &engine{status: status}, opts...)
}

// serveService runs any server of the protocol on loopback and returns its address.
func serveService(t testing.TB, e e6xv1.QueryEngineServiceServer, opts ...grpc.ServerOption) string {
	t.Helper()
	s := bareServer(e, opts...)
	l := listen(t)
	var done sync.WaitGroup
	done.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { s.Stop(); done.Wait() })
	return l.Addr().String()
}

// serveHTTP runs h on loopback as an HTTP/2 server, in clear text or with TLS.
func serveHTTP(t testing.TB, h http.HandlerFunc, tlsConfig *tls.Config) string {
	t.Helper()
	s := &http.Server{Handler: h, Protocols: new(http.Protocols), TLSConfig: tlsConfig, ErrorLog: log.New(io.Discard, "", 0)}
	l := listen(t)
	var done sync.WaitGroup
	if tlsConfig == nil {
		s.Protocols.SetUnencryptedHTTP2(true)
		done.Go(func() { _ = s.Serve(l) })
	} else {
		s.Protocols.SetHTTP2(true)
		done.Go(func() { _ = s.ServeTLS(l, "", "") })
	}
	t.Cleanup(func() { _ = s.Close(); done.Wait() })
	return l.Addr().String()
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// announcement is one call of Announced.
type announcement struct {
	source, target fsm.Side
	at             Stamp
	unknown        string
}

// recorder is an Observer that counts the stamps and stores the announcements.
type recorder struct {
	mu           sync.Mutex
	stamps       uint64
	announcement []announcement
	agreed       atomic.Int64
}

func (r *recorder) Stamp() Stamp {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stamps++
	return Stamp{Epoch: r.stamps, Transition: 7}
}

func (r *recorder) Announced(_ context.Context, source fsm.Side, at Stamp, target fsm.Side) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.announcement = append(r.announcement, announcement{source: source, target: target, at: at})
}

func (r *recorder) Agreed(fsm.Side, Stamp) { r.agreed.Add(1) }

func (r *recorder) AnnouncedUnknown(_ context.Context, source fsm.Side, at Stamp, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.announcement = append(r.announcement, announcement{source: source, at: at, unknown: value})
}

// also is what dial adds to every Conn.
var also []grpc.DialOption

// dial connects to address with cfg and closes the Conn when the test ends.
func dial(t testing.TB, address string, cfg Config) *Conn {
	t.Helper()
	cfg.Target = address
	if cfg.Observer == nil {
		cfg.Observer = &recorder{}
	}
	cfg.DialOptions = append(cfg.DialOptions, also...)
	c, err := Dial(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// ask makes a status call on blue.
func ask(t testing.TB, c *Conn) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), stress.Patience)
	defer cancel()
	_, err := c.Engine(Call{Side: fsm.Blue}).Status(ctx, &e6xv1.StatusRequest{})
	return err
}

// requireFailure checks that err is a failed call of the class and the effect.
func requireFailure(t testing.TB, err error, class Class, effect Effect) *Error {
	t.Helper()
	e, ok := AsError(err)
	require.True(t, ok, "not an *Error: %v", err)
	require.Equal(t, class, e.Class, "%v", err)
	require.Equal(t, effect, e.Effect, "%v", err)
	require.Equal(t, fsm.Blue, e.Side)
	require.Equal(t, "status", e.Method)
	return e
}

// incoming returns the headers of a call as its server sees them.
func incoming(ctx context.Context) metadata.MD {
	md, _ := metadata.FromIncomingContext(ctx)
	return md
}
