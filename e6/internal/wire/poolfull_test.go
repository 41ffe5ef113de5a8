package wire

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/stress"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// limited is a client of a server that allows one stream a connection, whose dialer
// fails while down is set.
func limited(t *testing.T, s *slow, most int) (c *Conn, down *atomic.Bool) {
	down = new(atomic.Bool)
	c = dial(t, serveService(t, s, grpc.MaxConcurrentStreams(1)), Config{MaxConnections: most,
		Dialer: func(ctx context.Context, addr string) (net.Conn, error) {
			if down.Load() {
				return nil, errors.New("there is no way to the ingress")
			}
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}})
	_, err := c.Engine(Call{Side: fsm.Blue}).HealthCheck(context.Background(), &e6xv1.HealthCheckRequest{}) // sends the limit
	require.NoError(t, err)
	return c, down
}

// fails lets the second connection fail. The call goes over the one of control calls, which
// is there.
func fails(t *testing.T, c *Conn) {
	require.NoError(t, leased(context.Background(), c, ""))
	require.True(t, c.query.all()[1].failed.Load())
}

// occupy begins calls that hang, and returns when all of them have reached the server.
func occupy(t *testing.T, c *Conn, s *slow, calls int) (end func()) {
	var active sync.WaitGroup
	for range calls {
		active.Go(func() { _ = leased(context.Background(), c, "hang") })
	}
	require.Eventually(t, func() bool { return s.hanging.Load() == int64(calls) }, stress.Patience, time.Millisecond)
	return active.Wait
}

// brief makes a call with a deadline of 50 ms, which must end.
func brief(t *testing.T, c *Conn, s *slow) error {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- leased(ctx, c, "") }()
	select {
	case err := <-done:
		return err
	case <-time.After(stress.Patience):
		close(s.release)
		t.Fatalf("a call with a deadline of 50 ms has not ended after %v", stress.Patience)
		return nil
	}
}

// A failed connection has room, but a call that waits for a stream is not for it: it would
// fail at once, while the streams of the others come free.
func TestPool_CallWaitsBesideAFailedConnection(t *testing.T) {
	s := newSlow()
	c, down := limited(t, s, 2)
	end := occupy(t, c, s, 1)
	down.Store(true)
	fails(t, c)

	err := brief(t, c, s)
	requireFailure(t, err, ClassTimeout, EffectNone)
	require.ErrorContains(t, err, "it waited for a stream")

	waits := make(chan error, 1)
	go func() { waits <- leased(context.Background(), c, "") }()
	require.Eventually(t, func() bool { return c.Waiting() == 1 }, stress.Patience, time.Millisecond)
	down.Store(false)
	select {
	case err := <-waits:
		require.NoError(t, err, "the failed connection has come back")
	case <-time.After(stress.Patience):
		t.Error("a call waits for a stream, and a connection without calls is there")
	}
	close(s.release)
	end()
}

// One connection fails, and the streams of the others hang: another connection may succeed.
func TestPool_AFailedConnectionDoesNotKeepThePoolFromGrowing(t *testing.T) {
	s := newSlow()
	c, down := limited(t, s, 3)
	end := occupy(t, c, s, 1)
	down.Store(true)
	fails(t, c)
	_ = brief(t, c, s) // the third one fails as well, and the one of control calls may take its call
	require.Equal(t, 3, links(c, UseQuery))
	close(s.release)
	end()
}

// Of a full pool, a connection that is to be closed, as there were too many, is used again.
func TestPool_RestingConnectionIsReusedWhenTheOthersAreFull(t *testing.T) {
	s := newSlow()
	c, _ := limited(t, s, 2)
	end := occupy(t, c, s, 2)
	close(s.release)
	end()
	s.release = make(chan struct{})
	c.query.all()[1].resting.Store(true) // as after a while without calls
	end = occupy(t, c, s, 1)
	ctx, cancel := context.WithTimeout(context.Background(), stress.Patience)
	defer cancel()
	require.NoError(t, leased(ctx, c, ""))
	close(s.release)
	end()
}

// A server that drains a connection closes it when its last call ends. By then there is
// another one, and its limit of streams counts.
func TestPool_EndOfADrainedConnectionKeepsTheNewOne(t *testing.T) {
	c := dial(t, serveService(t, newSlow()), Config{})
	l := c.query.all()[0]
	connection := func(streams int64) *watchedConn {
		near, far := net.Pipe()
		t.Cleanup(func() { _ = far.Close() })
		w := &watchedConn{Conn: near, raw: near, link: l}
		w.settings(streams)
		return w
	}
	drained, present := connection(5), connection(7)
	require.NoError(t, drained.Close())
	require.True(t, l.ready.Load())
	require.EqualValues(t, 7, l.hard())
	require.EqualValues(t, 7, l.info().Limit)
	require.NoError(t, present.Close())
	require.False(t, l.ready.Load())
	require.Zero(t, l.info().Limit)
}
