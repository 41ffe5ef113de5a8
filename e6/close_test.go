package e6_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/stress"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// service is the name under which the engine's methods are served.
const service = "QueryEngineService"

// hole is an engine that logs clients in, and whose machine reads nothing more of a
// connection after 64 KiB, although it has announced room for any amount.
type hole struct {
	e6xv1.UnimplementedQueryEngineServiceServer
	full atomic.Bool
}

func (h *hole) Authenticate(context.Context, *e6xv1.AuthenticateRequest) (*e6xv1.AuthenticateResponse, error) {
	return &e6xv1.AuthenticateResponse{SessionId: "s"}, nil
}

// holeListener makes connections of which no more is read at some time.
type holeListener struct {
	net.Listener
	hole *hole
}

func (l holeListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	_ = conn.(*net.TCPConn).SetReadBuffer(1 << 16)
	return &holeConn{Conn: conn, hole: l.hole, closed: make(chan struct{})}, nil
}

type holeConn struct {
	net.Conn
	hole   *hole
	read   int
	once   sync.Once
	closed chan struct{}
}

func (c *holeConn) Read(p []byte) (int, error) {
	if c.read > 1<<16 {
		c.hole.full.Store(true)
		<-c.closed
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(p)
	c.read += n
	return n, err
}

func (c *holeConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// intoTheHole returns a client that is sending a statement of 12 MB to a server that does
// not read it. The channel has the result of the statement.
func intoTheHole(t *testing.T, encrypted bool) (client *e6.Client, done <-chan error) {
	t.Helper()
	h := &hole{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	opts := []grpc.ServerOption{grpc.InitialWindowSize(1 << 30), grpc.InitialConnWindowSize(1 << 30), grpc.MaxRecvMsgSize(1 << 30)}
	cfg := e6.Config{Address: listener.Addr().String(), User: "u", Token: "t", CloseTimeout: 500 * time.Millisecond, MaxSendBytes: 1 << 30}
	if encrypted {
		serverTLS, ca := certificate(t)
		opts = append(opts, grpc.Creds(credentials.NewTLS(serverTLS)))
		cfg.TLS, cfg.CAPEM = true, ca
	}
	server := grpc.NewServer(opts...)
	engine := e6xv1.QueryEngineService_ServiceDesc
	engine.ServiceName = service
	server.RegisterService(&engine, h)
	served := make(chan error, 1)
	go func() { served <- server.Serve(holeListener{listener, h}) }()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	client, err = e6.Open(t.Context(), cfg)
	require.NoError(t, err)
	done = later(func() error { return client.Exec(t.Context(), "SELECT '"+strings.Repeat("x", 12<<20)+"'") })
	ready(t, "nothing is read any more", h.full.Load)
	time.Sleep(50 * time.Millisecond) // until the buffers are full, which nothing shows
	return client, done
}

func TestClose_CutsAConnectionThatNobodyReads(t *testing.T) {
	for name, encrypted := range map[string]bool{"in clear text": false, "with TLS": true} {
		t.Run(name, func(t *testing.T) {
			client, done := intoTheHole(t, encrypted)
			began := time.Now()
			require.NoError(t, client.Close())
			require.Less(t, time.Since(began), 5*time.Second, "gRPC alone would wait for so long")
			require.ErrorIs(t, result(t, done), e6.ErrClosed)
		})
	}
}

func TestClose_DoesNotWaitForAPeerThatNeverAnswers(t *testing.T) {
	client, err := e6.Open(t.Context(), e6.Config{Address: dumb(t), User: "u", Token: "t", CloseTimeout: 2 * stress.Patience}, e6.WithLazyOpen())
	require.NoError(t, err)
	done := later(func() error { return client.Exec(t.Context(), "SELECT '"+strings.Repeat("x", 12<<20)+"'") })
	ready(t, "it logs in", func() bool { return client.Stats().Calls[e6.Blue] > 0 })
	began := time.Now()
	require.NoError(t, client.Close())
	require.Less(t, time.Since(began), stress.Patience)
	require.ErrorIs(t, result(t, done), e6.ErrClosed)
}

func TestShutdown_ReturnsWithinItsContextWhateverThePeerDoes(t *testing.T) {
	client, done := intoTheHole(t, false)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	require.ErrorIs(t, client.Shutdown(ctx), context.DeadlineExceeded)
	require.Less(t, time.Since(began), 5*time.Second, "gRPC's own Close would wait for so long")
	require.ErrorIs(t, result(t, done), e6.ErrClosed)
	require.NoError(t, client.Close(), "which waits for the rest")
}

func TestClose_EndsALoginThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.ExpireSessions()
		defer cluster.Inject(e6test.Fault{Method: "authenticate", Action: e6test.Hang, Times: -1}).Remove()
		done := later(func() error { return client.Exec(t.Context(), "SELECT 1") })
		synctest.Wait()
		began := time.Now()
		require.NoError(t, client.Close())
		require.Zero(t, time.Since(began))
		require.ErrorIs(t, <-done, e6.ErrClosed)
	})
}

func TestCancel_EndsAStatementThatWaitsForALogin(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.ExpireSessions()
		remove := cluster.Inject(e6test.Fault{Method: "authenticate", Action: e6test.Hang, Times: -1}).Remove
		ctx, cancel := context.WithCancel(t.Context())
		done := later(func() error { return client.Exec(ctx, "SELECT 1") })
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		synctest.Wait()
		require.Zero(t, client.Stats().InFlight[e6.Blue], "nothing was sent, so that there is nothing to wait for")
		remove()
	})
}

// hanging counts the statements that it is busy with, each of which takes for ever.
type hanging struct {
	e6test.Engine
	prepares, most atomic.Int64
}

func (e *hanging) Prepare(ctx context.Context, s e6test.Statement) (e6test.Prepared, error) {
	if strings.Contains(s.SQL, "fast") {
		return e.Engine.Prepare(ctx, s)
	}
	n := e.prepares.Add(1)
	defer e.prepares.Add(-1)
	for most := e.most.Load(); n > most && !e.most.CompareAndSwap(most, n); most = e.most.Load() {
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestMaxInFlight_HoldsForCallersWhoGiveUp(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		engine := &hanging{Engine: e6test.NewCannedEngine()}
		cluster, err := e6test.Start(e6test.InMemory(), e6test.WithEngine(engine))
		require.NoError(t, err)
		defer func() { require.NoError(t, cluster.Close()) }()
		cfg := config(cluster)
		cfg.MaxInFlight = 8
		client, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
		require.NoError(t, err)
		defer func() { require.NoError(t, client.Close()) }()

		var callers sync.WaitGroup
		for range 2000 {
			callers.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				if err := client.Exec(ctx, "SELECT 1"); err == nil {
					t.Error("a statement that takes for ever has ended")
				}
			})
		}
		callers.Wait()
		time.Sleep(time.Second)
		require.EqualValues(t, 8, engine.most.Load())
		require.EqualValues(t, 8, engine.prepares.Load(), "they keep their places until they have ended")

		time.Sleep(5 * time.Second) // CloseTimeout
		require.Zero(t, engine.prepares.Load())
		_ = client.Exec(t.Context(), "SELECT 1 -- fast")
		require.Zero(t, client.Stats().Waiting)
	})
}

func TestClose_EndsAStatementThatWaitsForAPlaceWithoutACancel(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster, err := e6test.Start(e6test.InMemory())
		require.NoError(t, err)
		defer func() { require.NoError(t, cluster.Close()) }()
		cfg := config(cluster)
		cfg.MaxInFlight = 1
		client, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()), nil) // a nil option has no effect
		require.NoError(t, err)
		rows, err := client.Query(e6.WithQueryOptions(t.Context(), nil), "SELECT * FROM numbers(100000)")
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- client.Exec(t.Context(), "SELECT 1") }()
		synctest.Wait()
		require.EqualValues(t, 1, client.Stats().Waiting)
		require.NoError(t, client.Close())
		err = <-done
		require.EqualError(t, err, "e6: waiting for one of 1 statements to end (Config.MaxInFlight): the client is closed")
		require.ErrorIs(t, err, e6.ErrClosed)
		require.NotErrorIs(t, err, context.Canceled, "the caller has cancelled nothing")
		require.NoError(t, rows.Close())
	})
}

func TestMaxInFlight_CountsStatementsUntilTheServerHasFreedThem(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster, err := e6test.Start(e6test.InMemory())
		require.NoError(t, err)
		defer func() { require.NoError(t, cluster.Close()) }()
		cfg := config(cluster)
		cfg.MaxInFlight = 8
		client, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
		require.NoError(t, err)
		defer func() { require.NoError(t, client.Close()) }()
		for _, method := range []string{"executeStatement", "getResultMetadata"} {
			remove := cluster.Inject(e6test.Fault{Method: method, Action: e6test.Hang, Times: -1}).Remove
			var callers sync.WaitGroup
			for i := range 200 {
				callers.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Millisecond)
					defer cancel()
					if err := client.Exec(ctx, "SELECT 1"); err == nil {
						t.Error("a statement that takes for ever has ended")
					}
					if n := len(cluster.OpenQueries()); n > 8 {
						t.Errorf("%s: %d statements are on the server", method, n)
					}
				})
			}
			callers.Wait()
			remove()
			synctest.Wait()
			require.Empty(t, cluster.OpenQueries(), method)
		}
	})
}
