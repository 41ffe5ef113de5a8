package wire

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/stress"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

func TestClassify_ConnectionRefusedHasNoEffect(t *testing.T) {
	l := listen(t)
	require.NoError(t, l.Close())
	e := requireFailure(t, ask(t, dial(t, l.Addr().String(), Config{})), ClassUnreachable, EffectNone)
	require.ErrorContains(t, e, "connection refused")
}

func TestClassify_UnknownHostIsUnreachable(t *testing.T) {
	failing := func(context.Context, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "nowhere.invalid", IsNotFound: true}
	}
	e := requireFailure(t, ask(t, dial(t, "nowhere.invalid:80", Config{Dialer: failing})), ClassUnreachable, EffectNone)
	require.ErrorContains(t, e, "the host name is not known")
}

// silent accepts connections and never writes a byte.
func silent(t *testing.T) string {
	l := listen(t)
	var done sync.WaitGroup
	done.Go(func() {
		var open []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			open = append(open, c)
		}
		for _, c := range open {
			_ = c.Close()
		}
	})
	t.Cleanup(func() { _ = l.Close(); done.Wait() })
	return l.Addr().String()
}

func TestClassify_SilentServerIsATimeout(t *testing.T) {
	c := dial(t, silent(t), Config{})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := c.Engine(Call{Side: fsm.Blue}).Status(ctx, &e6xv1.StatusRequest{})
	requireFailure(t, err, ClassTimeout, EffectNone)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), stress.Patience)
}

func TestClassify_ContextEndsAfterSending(t *testing.T) {
	arrived := make(chan struct{}, 2)
	address := serveEngine(t, func(ctx context.Context) (*e6xv1.StatusResponse, error) {
		arrived <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	c := dial(t, address, Config{})

	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-arrived; cancel() }()
	_, err := c.Engine(Call{Side: fsm.Blue}).Status(ctx, &e6xv1.StatusRequest{})
	requireFailure(t, err, ClassCanceled, EffectUnknown)
	require.ErrorIs(t, err, context.Canceled)

	ctx, cancel = context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err = c.Engine(Call{Side: fsm.Blue}).Status(ctx, &e6xv1.StatusRequest{})
	requireFailure(t, err, ClassTimeout, EffectUnknown)
}

func TestClassify_EndedContextSendsNothing(t *testing.T) {
	calls := 0
	address := serveEngine(t, func(context.Context) (*e6xv1.StatusResponse, error) {
		calls++
		return &e6xv1.StatusResponse{}, nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := dial(t, address, Config{}).Engine(Call{Side: fsm.Blue}).Status(ctx, &e6xv1.StatusRequest{})
	requireFailure(t, err, ClassCanceled, EffectNone)
	require.Zero(t, calls)
}

func TestClassify_ServerDiesDuringACall(t *testing.T) {
	var s *grpc.Server
	s = bareServer(&engine{status: func(ctx context.Context) (*e6xv1.StatusResponse, error) {
		go s.Stop()
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	l := listen(t)
	var done sync.WaitGroup
	done.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { s.Stop(); done.Wait() })
	requireFailure(t, ask(t, dial(t, l.Addr().String(), Config{})), ClassNoResponse, EffectUnknown)
}

func TestClassify_ResetStream(t *testing.T) {
	address := serveHTTP(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil)
	requireFailure(t, ask(t, dial(t, address, Config{})), ClassNoResponse, EffectUnknown)
}

func TestClassify_MalformedMessage(t *testing.T) {
	address := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write([]byte{0, 0, 0, 0, 3, 0xff, 0xff, 0xff})
		w.Header().Set("Grpc-Status", "0")
	}, nil)
	requireFailure(t, ask(t, dial(t, address, Config{})), ClassNoResponse, EffectUnknown)
}

func TestClassify_TooLargeMessages(t *testing.T) {
	address := serveEngine(t, func(context.Context) (*e6xv1.StatusResponse, error) {
		return &e6xv1.StatusResponse{SessionId: string(bytes.Repeat([]byte("a"), 4096))}, nil
	})
	requireFailure(t, ask(t, dial(t, address, Config{MaxReceiveBytes: 1024})), ClassTooLarge, EffectDone)

	c := dial(t, address, Config{MaxSendBytes: 16})
	_, err := c.Engine(Call{Side: fsm.Blue}).Status(context.Background(), &e6xv1.StatusRequest{SessionId: "longer than sixteen bytes"})
	requireFailure(t, err, ClassTooLarge, EffectNone)
}

func TestClassify_RequestThatCannotBeEncoded(t *testing.T) {
	calls := 0
	address := serveEngine(t, func(context.Context) (*e6xv1.StatusResponse, error) {
		calls++
		return &e6xv1.StatusResponse{}, nil
	})
	c := dial(t, address, Config{})
	_, err := c.Engine(Call{Side: fsm.Blue}).Status(context.Background(), &e6xv1.StatusRequest{SessionId: "secret\xff"})
	e := requireFailure(t, err, ClassUnsent, EffectNone)
	require.NotContains(t, e.Error(), "secret")

	_, err = c.Engine(Call{Side: fsm.Blue, PlannerIP: "10.0.0.1\n"}).Status(context.Background(), &e6xv1.StatusRequest{})
	requireFailure(t, err, ClassUnsent, EffectNone)
	require.Zero(t, calls)
}

func TestClassify_ResponseWithTwoMessages(t *testing.T) {
	address := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		w.Header().Set("Grpc-Status", "0")
	}, nil)
	requireFailure(t, ask(t, dial(t, address, Config{})), ClassNoResponse, EffectUnknown)
}

// nameless is a connection without addresses, as a tunnel may be.
type nameless struct{ net.Conn }

func (nameless) LocalAddr() net.Addr  { return nil }
func (nameless) RemoteAddr() net.Addr { return nil }

func TestClassify_ConnectionWithoutAddresses(t *testing.T) {
	through := Config{Dialer: func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		return nameless{conn}, err
	}}
	refuses := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(456) }, nil)
	requireFailure(t, ask(t, dial(t, refuses, through)), ClassWrongSide, EffectNone)
	resets := serveHTTP(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil)
	requireFailure(t, ask(t, dial(t, resets, through)), ClassNoResponse, EffectUnknown)
}

func TestConfig_ServiceConfigOfTheCallerKeepsTheLimits(t *testing.T) {
	const large = 5 << 20 // gRPC's own limit is 4 MiB
	address := serveEngine(t, func(context.Context) (*e6xv1.StatusResponse, error) {
		return &e6xv1.StatusResponse{SessionId: strings.Repeat("a", large)}, nil
	})
	roundRobin := []grpc.DialOption{grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`)}
	e := requireFailure(t, ask(t, dial(t, address, Config{DialOptions: roundRobin})), ClassNoResponse, EffectUnknown)
	require.ErrorContains(t, e, "session id", "it was received, and is classified by its content")
	requireFailure(t, ask(t, dial(t, address, Config{DialOptions: roundRobin, MaxReceiveBytes: large / 2})), ClassTooLarge, EffectDone)
}

func TestCall_WithoutASideIsNotSent(t *testing.T) {
	c := dial(t, "127.0.0.1:1", Config{})
	_, err := c.Engine(Call{}).Status(context.Background(), &e6xv1.StatusRequest{})
	require.Equal(t, ClassUnsent, Classify(err))
}

func TestConn_ClosedRefusesCalls(t *testing.T) {
	address := serveEngine(t, func(context.Context) (*e6xv1.StatusResponse, error) { return &e6xv1.StatusResponse{}, nil })
	c := dial(t, address, Config{})
	require.NoError(t, ask(t, c))
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	requireFailure(t, ask(t, c), ClassCanceled, EffectNone)
}

func TestConn_CloseCancelsCallsInFlight(t *testing.T) {
	arrived := make(chan struct{})
	address := serveEngine(t, func(ctx context.Context) (*e6xv1.StatusResponse, error) {
		close(arrived)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	c := dial(t, address, Config{})
	go func() { <-arrived; _ = c.Close() }()
	requireFailure(t, ask(t, c), ClassCanceled, EffectUnknown)
}

func TestClassify_OtherErrorsHaveNoClass(t *testing.T) {
	require.Zero(t, Classify(nil))
	require.Zero(t, Classify(errors.New("x")))
	require.Zero(t, Classify(status.Error(codes.Unknown, "status: 456")))
}
