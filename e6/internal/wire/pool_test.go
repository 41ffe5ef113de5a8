package wire

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/stress"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// slow is an engine whose calls hang for the session "hang", until they are given up or
// released. It notes how many calls a connection has at once.
type slow struct {
	e6xv1.UnimplementedQueryEngineServiceServer
	hanging atomic.Int64
	release chan struct{}

	mu    sync.Mutex
	calls map[string]int // by connection
	most  int
	used  map[string]int // calls of any kind, by connection
}

func newSlow() *slow {
	return &slow{release: make(chan struct{}), calls: map[string]int{}, used: map[string]int{}}
}

// count notes a call and returns what notes its end.
func (s *slow) count(ctx context.Context) (end func()) {
	p, _ := peer.FromContext(ctx)
	at := p.Addr.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[at]++
	s.calls[at]++
	s.most = max(s.most, s.calls[at])
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.calls[at]--
	}
}

func (s *slow) hang(ctx context.Context, session string) error {
	defer s.count(ctx)()
	if session != "hang" {
		return nil
	}
	s.hanging.Add(1)
	defer s.hanging.Add(-1)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.release:
		return nil
	}
}

func (s *slow) Status(ctx context.Context, r *e6xv1.StatusRequest) (*e6xv1.StatusResponse, error) {
	return &e6xv1.StatusResponse{}, s.hang(ctx, r.GetSessionId())
}

func (s *slow) ClearOrCancelQuery(ctx context.Context, r *e6xv1.ClearOrCancelQueryRequest) (*e6xv1.ClearOrCancelQueryResponse, error) {
	return &e6xv1.ClearOrCancelQueryResponse{}, s.hang(ctx, r.GetSessionId())
}

func (s *slow) HealthCheck(ctx context.Context, r *e6xv1.HealthCheckRequest) (*e6xv1.HealthCheckResponse, error) {
	return &e6xv1.HealthCheckResponse{}, s.hang(ctx, "")
}

// links counts the connections of a use.
func links(c *Conn, use Use) (n int) {
	for _, l := range c.Links() {
		if l.Use == use {
			n++
		}
	}
	return n
}

// leased makes a status call over a lease.
func leased(ctx context.Context, c *Conn, session string) error {
	lease := c.Acquire(fsm.Blue, 1)
	defer lease.Release()
	_, err := lease.Engine(Call{Side: fsm.Blue}).Status(ctx, &e6xv1.StatusRequest{SessionId: session})
	return err
}

func TestPool_HangingCallsDelayNoOthers(t *testing.T) {
	for _, tc := range []struct {
		streams, hanging int
		connections      int // at the most
		control          int
	}{{1, 8, 9, 2}, {10, 60, 16, 1}, {100, 150, 5, 1}} {
		t.Run(fmt.Sprintf("%d streams a connection, %d calls hang", tc.streams, tc.hanging), func(t *testing.T) {
			s := newSlow()
			c := dial(t, serveService(t, s, grpc.MaxConcurrentStreams(uint32(tc.streams))), Config{})
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_, err := c.Engine(Call{Side: fsm.Blue}).HealthCheck(ctx, &e6xv1.HealthCheckRequest{}) // as a client does
			require.NoError(t, err)
			var calls sync.WaitGroup
			for range tc.hanging {
				calls.Go(func() { _ = leased(ctx, c, "hang") })
			}
			require.Eventually(t, func() bool { return s.hanging.Load() == int64(tc.hanging) }, stress.Patience, time.Millisecond,
				"every call reaches the server")
			require.NoError(t, leased(ctx, c, ""))
			_, err = c.Engine(Call{Side: fsm.Green}).HealthCheck(ctx, &e6xv1.HealthCheckRequest{})
			require.NoError(t, err)
			_, err = c.Engine(Call{Side: fsm.Blue}).ClearOrCancelQuery(ctx, &e6xv1.ClearOrCancelQueryRequest{})
			require.NoError(t, err)
			require.LessOrEqual(t, links(c, UseQuery), tc.connections)
			require.LessOrEqual(t, links(c, UseControl), tc.control)
			close(s.release)
			calls.Wait()
			require.LessOrEqual(t, s.most, tc.streams)
		})
	}
}

func TestPool_CleanupCallsLeaveStreamsForProbes(t *testing.T) {
	for streams, clears := range map[int]int64{1: 3, 2: 6, 3: 9, 4: 12, 8: 24} { // that four connections take
		t.Run(fmt.Sprintf("%d streams a connection", streams), func(t *testing.T) {
			s := newSlow()
			c := dial(t, serveService(t, s, grpc.MaxConcurrentStreams(uint32(streams))), Config{MaxConnections: 1})
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_, err := c.Engine(Call{Side: fsm.Blue}).HealthCheck(ctx, &e6xv1.HealthCheckRequest{})
			require.NoError(t, err)
			var calls sync.WaitGroup
			for range 30 {
				calls.Go(func() {
					_, _ = c.Engine(Call{Side: fsm.Blue}).ClearOrCancelQuery(ctx, &e6xv1.ClearOrCancelQueryRequest{SessionId: "hang"})
				})
			}
			require.Eventually(t, func() bool { return s.hanging.Load() == clears && c.Waiting() == 30-clears }, stress.Patience, time.Millisecond)
			_, err = c.Engine(Call{Side: fsm.Green}).HealthCheck(ctx, &e6xv1.HealthCheckRequest{})
			require.NoError(t, err)
			close(s.release)
			calls.Wait()
		})
	}
}

func TestPool_ASingleThreadedClientUsesOneQueryConnection(t *testing.T) {
	s := newSlow()
	c := dial(t, serveService(t, s), Config{})
	for range 200 {
		require.NoError(t, leased(context.Background(), c, ""))
		require.NoError(t, ask(t, c))
	}
	require.Equal(t, 1, links(c, UseQuery))
	require.Len(t, s.used, 1)
}

func TestPool_AnAttemptStaysOnItsConnection(t *testing.T) {
	s := newSlow()
	c := dial(t, serveService(t, s), Config{StreamsPerConnection: 1})
	lease := c.Acquire(fsm.Blue, 2)
	defer lease.Release()
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() { _ = leased(context.Background(), c, "hang") })
	}
	require.Eventually(t, func() bool { return s.hanging.Load() == 20 }, stress.Patience, time.Millisecond)
	s.mu.Lock()
	clear(s.used)
	s.mu.Unlock()
	for range 30 {
		_, err := lease.Engine(Call{Side: fsm.Blue, PlannerIP: "10.0.0.1"}).Status(context.Background(), &e6xv1.StatusRequest{})
		require.NoError(t, err)
	}
	s.mu.Lock()
	require.Len(t, s.used, 1)
	s.mu.Unlock()
	close(s.release)
	calls.Wait()
}

func TestPool_SurplusConnectionsAreClosed(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		s := newSlow()
		c, stop := overMemory(t, s, grpc.MaxConcurrentStreams(100))
		ctx := context.Background()
		var calls sync.WaitGroup
		for range 400 {
			calls.Go(func() { _ = leased(ctx, c, "hang") })
		}
		time.Sleep(time.Second)
		many := links(c, UseQuery)
		require.GreaterOrEqual(t, many, 4)
		time.Sleep(10 * time.Minute)
		require.Equal(t, many, links(c, UseQuery), "they are in use")
		close(s.release)
		calls.Wait()
		time.Sleep(20 * time.Minute)
		require.Equal(t, 1, links(c, UseQuery))
		require.NoError(t, leased(ctx, c, ""))
		require.NoError(t, c.Close())
		stop()
	})
}

func TestPool_ErrorNamesTheWaitForAStream(t *testing.T) {
	s := newSlow()
	c := dial(t, serveService(t, s, grpc.MaxConcurrentStreams(2)), Config{MaxConnections: 1})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() { _ = leased(ctx, c, "hang") })
	}
	require.Eventually(t, func() bool { return s.hanging.Load() == 2 }, stress.Patience, time.Millisecond)
	short, end := context.WithTimeout(ctx, 50*time.Millisecond)
	defer end()
	err := leased(short, c, "")
	requireFailure(t, err, ClassTimeout, EffectNone)
	require.ErrorContains(t, err, "allows 2 on a connection")
	require.ErrorContains(t, err, "MaxConnections")
	cancel()
	calls.Wait()
}

func TestPool_ConcurrentCalls(t *testing.T) {
	s := newSlow()
	c := dial(t, serveService(t, s, grpc.MaxConcurrentStreams(5)), Config{MaxConnections: 4, StreamsPerConnection: 2})
	var users sync.WaitGroup
	for range 32 {
		users.Go(func() {
			for range 50 {
				if err := leased(context.Background(), c, ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	users.Go(func() {
		for range 20 {
			c.Reconnect()
			c.check()
			_ = c.Links()
		}
	})
	users.Wait()
	require.LessOrEqual(t, links(c, UseQuery), 4)
	for _, l := range c.query.all() {
		require.Zero(t, l.reserved.Load())
		require.Zero(t, l.calls.Load())
	}
}

func TestPool_AloneConnectionIsNotShared(t *testing.T) {
	s := newSlow()
	c := dial(t, serveService(t, s), Config{MaxConnections: 2})
	require.NoError(t, ask(t, c))
	ctx := context.Background()
	one, err := c.AcquireAlone(ctx)
	require.NoError(t, err)
	other, err := c.AcquireAlone(ctx)
	require.NoError(t, err)
	require.True(t, one.Alone())
	for _, lease := range []*Lease{&one, &other} {
		_, err := lease.Engine(Call{Side: fsm.Blue}).Status(ctx, &e6xv1.StatusRequest{})
		require.NoError(t, err)
	}
	require.Len(t, s.used, 3)
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	_, err = c.AcquireAlone(short)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	one.Release()
	third, err := c.AcquireAlone(ctx)
	require.NoError(t, err)
	third.Release()
	other.Release()
	require.Zero(t, links(c, UseAlone))
}

func TestSettings_LimitIsFoundInAnyFragmentation(t *testing.T) {
	settings := func(pairs ...byte) []byte { // id and value of one byte each
		b := []byte{0, 0, byte(len(pairs) / 2 * 6), frameSettings, 0, 0, 0, 0, 0}
		for i := 0; i < len(pairs); i += 2 {
			b = append(b, 0, pairs[i], 0, 0, 0, pairs[i+1])
		}
		return b
	}
	data := append([]byte{0, 0, 30, 0, 0, 0, 0, 0, 1}, make([]byte, 30)...)
	ack := []byte{0, 0, 0, frameSettings, flagAck, 0, 0, 0, 0}
	var all []byte
	for _, b := range [][]byte{settings(4, 9), data, ack, settings(1, 7, 3, 100), data, settings(4, 1), settings(3, 10, 3, 20), settings(3, 0)} {
		all = append(all, b...)
	}
	want := []int64{unlimited, 100, 20, 1}
	for size := 1; size <= len(all); size++ {
		var f settingsScanner
		var got []int64
		for b := all; len(b) > 0; {
			n := min(size, len(b))
			f.scan(b[:n], func(streams int64) { got = append(got, streams) })
			b = b[n:]
		}
		require.Equal(t, want, got, "in pieces of %d", size)
	}
}
