package wire

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/stress"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// replica is one of several replicas of an ingress.
type replica struct {
	addr    string
	refuses atomic.Bool // blue
	calls   atomic.Int64
}

func newReplica(t *testing.T) *replica {
	r := &replica{}
	s := bareServer(newSlow())
	t.Cleanup(s.Stop)
	r.addr = serveHTTP(t, func(w http.ResponseWriter, request *http.Request) {
		r.calls.Add(1)
		if r.refuses.Load() && request.Header.Get("strategy") == "blue" {
			w.WriteHeader(456)
			return
		}
		s.ServeHTTP(w, request)
	}, nil)
	return r
}

// balanced opens a Conn whose connections lead to the replicas in turn.
func balanced(t *testing.T, replicas ...*replica) *Conn {
	var next atomic.Int64
	return dial(t, "cluster", Config{Dialer: func(ctx context.Context, _ string) (net.Conn, error) {
		r := replicas[int(next.Add(1)-1)%len(replicas)]
		return new(net.Dialer).DialContext(ctx, "tcp", r.addr)
	}})
}

func TestReplicas_RefusedCallIsRetriedOnAnotherReplica(t *testing.T) {
	one, other := newReplica(t), newReplica(t)
	c := balanced(t, one, other)
	ctx := context.Background()
	health := func() error {
		_, err := c.Engine(Call{Side: fsm.Blue}).HealthCheck(ctx, &e6xv1.HealthCheckRequest{})
		return err
	}
	require.NoError(t, health())
	require.NoError(t, leased(ctx, c, ""))
	for _, r := range []*replica{one, other} {
		r.refuses.Store(true)
		for range 20 {
			require.NoError(t, leased(ctx, c, ""))
			require.NoError(t, health())
			require.NoError(t, ask(t, c))
		}
		r.refuses.Store(false)
		forget(c)
	}
	one.refuses.Store(true)
	other.refuses.Store(true)
	requireFailure(t, ask(t, c), ClassWrongSide, EffectNone)
	require.Equal(t, ClassWrongSide, Classify(leased(ctx, c, "")))
}

// forget lets the refusals be as old as they need to be to count no more.
func forget(c *Conn) {
	for _, g := range []*group{&c.query, &c.control} {
		for _, l := range g.all() {
			l.refusals[fsm.Blue].Store(time.Now().Add(-2 * refusalWindow).UnixNano())
		}
	}
}

func TestReplicas_RefusalOfTheFirstCallIsNotRetried(t *testing.T) {
	one, other := newReplica(t), newReplica(t)
	one.refuses.Store(true)
	c := balanced(t, one, other)
	health := func(side fsm.Side) error {
		_, err := c.Engine(Call{Side: side}).HealthCheck(context.Background(), &e6xv1.HealthCheckRequest{})
		return err
	}
	// The control connection leads to the replica that refuses, the other one to the other.
	for _, g := range []*group{&c.control, &c.query} {
		l := g.all()[0]
		l.grpc.Connect()
		require.Eventually(t, l.ready.Load, 10*time.Second, time.Millisecond)
	}

	var refused *Error
	require.ErrorAs(t, health(fsm.Blue), &refused)
	require.Equal(t, VerdictRefuses, refused.Outcome().Verdict)
	require.EqualValues(t, []int64{1, 0}, []int64{one.calls.Load(), other.calls.Load()})

	require.NoError(t, health(fsm.Green))
	require.NoError(t, health(fsm.Blue), "green was accepted, so blue is tried on the other replica")
}

func TestReplicas_AttemptContinuesOnAReplicaThatAccepts(t *testing.T) {
	one, other := newReplica(t), newReplica(t)
	c := balanced(t, one, other)
	ctx := context.Background()
	_, err := c.Engine(Call{Side: fsm.Blue}).HealthCheck(ctx, &e6xv1.HealthCheckRequest{})
	require.NoError(t, err)
	lease := c.Acquire(fsm.Blue, 1)
	defer lease.Release()
	status := func() error {
		_, err := lease.Engine(Call{Side: fsm.Blue}).Status(ctx, &e6xv1.StatusRequest{})
		return err
	}
	require.NoError(t, status())
	one.refuses.Store(true)
	for range 10 {
		require.NoError(t, status())
	}
	one.refuses.Store(false)
	other.refuses.Store(true)
	var calls sync.WaitGroup
	for range 10 {
		calls.Go(func() { _ = status() })
	}
	calls.Wait()
}

// The connection of control calls is there, and that of statements cannot be made: a statement
// does not fail for that. As soon as any connection is made, the others are tried again.
func TestPool_CallUsesAnotherConnectionIfItsOwnFailed(t *testing.T) {
	var down atomic.Bool
	c := dial(t, serveService(t, newSlow()), Config{Dialer: func(ctx context.Context, addr string) (net.Conn, error) {
		if down.Load() {
			return nil, errors.New("there is no way to the ingress")
		}
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}})
	c.warm.Do(func() {}) // statements have no connection yet
	_, err := c.Engine(Call{Side: fsm.Blue}).HealthCheck(t.Context(), &e6xv1.HealthCheckRequest{})
	require.NoError(t, err)
	down.Store(true)
	query := c.query.all()[0]
	for range 20 {
		require.NoError(t, leased(t.Context(), c, ""))
		require.NoError(t, ask(t, c))
	}
	require.True(t, query.failed.Load())

	down.Store(false)
	alone, err := c.AcquireAlone(t.Context())
	require.NoError(t, err)
	defer alone.Release()
	_, err = alone.Engine(Call{Side: fsm.Blue}).Status(t.Context(), &e6xv1.StatusRequest{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return query.ready.Load() }, stress.Patience, time.Millisecond)
}

// The connection to the replica that accepts is full, and another replica refuses. While
// replicas are known to disagree, the call waits for a stream.
func TestReplicas_RefusedCallWaitsForAReplicaThatAccepts(t *testing.T) {
	for name, disagreed := range map[string]bool{"they disagree": true, "nothing is known": false} {
		t.Run(name, func(t *testing.T) {
			replicas := map[string]*replica{}
			var next atomic.Int64
			all := []*replica{newReplica(t), newReplica(t), newReplica(t)} // one for each connection
			for _, r := range all {
				replicas[r.addr] = r
			}
			c := dial(t, "cluster", Config{MaxConnections: 2, StreamsPerConnection: 1, Dialer: func(ctx context.Context, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", all[next.Add(1)-1].addr)
			}})
			_, err := c.Engine(Call{Side: fsm.Blue}).HealthCheck(t.Context(), &e6xv1.HealthCheckRequest{})
			require.NoError(t, err)
			hanging, release := context.WithCancel(t.Context())
			defer release()
			var calls sync.WaitGroup
			calls.Go(func() { _ = leased(hanging, c, "hang") })
			defer calls.Wait()
			defer release()
			require.Eventually(t, func() bool { return c.query.all()[0].calls.Load() == 1 }, stress.Patience, time.Millisecond)
			require.NoError(t, leased(t.Context(), c, ""))
			require.Len(t, c.query.all(), 2)
			full, refusing := c.query.all()[0], c.query.all()[1]
			for _, l := range []*link{full, refusing} {
				require.Eventually(t, func() bool { return l.ready.Load() && l.streams.Load() > 0 }, stress.Patience, time.Millisecond)
			}
			full.streams.Store(1)
			replicas[refusing.current.Load().RemoteAddr().String()].refuses.Store(true)
			c.control.all()[0].refused(fsm.Blue)
			if !disagreed {
				require.Equal(t, ClassWrongSide, Classify(leased(t.Context(), c, "")), "the refusal counts at once")
				return
			}
			c.acceptedElsewhere()
			calls.Go(func() {
				for c.query.first.waiting.Load() == 0 && hanging.Err() == nil {
					time.Sleep(time.Millisecond)
				}
				release()
			})
			require.NoError(t, leased(t.Context(), c, ""))
		})
	}
}
