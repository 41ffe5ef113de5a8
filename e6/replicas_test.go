package e6_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/stress"
)

// balance serves a TCP balancer that leads connections to the addresses in turn.
func balance(t *testing.T, to ...string) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	running.Go(func() {
		for n := 0; ; n++ {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to[n%len(to)])
			if err != nil {
				_ = near.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, near, far)
			mu.Unlock()
			for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
				running.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = pair[0].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return l.Addr().String()
}

// throughReplicas changes sides again and again, each replica of the ingress some time
// after the one before, while queries run. No query may fail, and each change of sides
// may change the strategy of the client a few times at the most.
func throughReplicas(t *testing.T, client *e6.Client, cutovers int, lag time.Duration, swap []func(to e6.Side)) {
	var steps atomic.Int64
	defer client.Subscribe(func(e events.Event) {
		if tr, ok := e.Data.(events.Transition); ok && tr.Before.Active != tr.After.Active && tr.After.Active != e6.None {
			steps.Add(1)
		}
	}, events.Kinds(events.KindTransition), events.Queue(1<<16))()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{client: client, until: ctx}
	for g := range 16 {
		l.wg.Go(func() {
			for n := g; ctx.Err() == nil; n++ {
				l.whole(n % 40)
				stress.Pace()
			}
		})
	}
	most := int64(0)
	for n := range cutovers {
		to := []e6.Side{e6.Green, e6.Blue}[n%2]
		before := steps.Load()
		for i, s := range swap {
			if i > 0 {
				time.Sleep(lag) // the replicas are that far apart; queries run meanwhile
			}
			s(to)
		}
		waitFor(within(t, 60*time.Second), t, client, func() bool {
			s := client.Strategy()
			return s.Active == to && s.Target == e6.None
		})
		queries := l.queries.Load()
		waitFor(within(t, 60*time.Second), t, client, func() bool { return l.queries.Load() >= queries+50 })
		most = max(most, steps.Load()-before)
	}
	stop()
	l.wg.Wait()
	t.Logf("%d queries over %d cutovers, %d changes of the active side, %d at the most in one", l.queries.Load(), cutovers, steps.Load(), most)
	require.Empty(t, l.wrong)
	require.Zero(t, client.Stats().Lost)
	require.LessOrEqual(t, most, int64(3))
}

func TestReplicas_OfARealIngressThatChangeOneAfterTheOtherFailNoQuery(t *testing.T) {
	haproxy(t)
	cutovers, lag := stress.Count(3, 20), time.Duration(stress.Count(300, 5000))*time.Millisecond
	cluster := start(t, e6test.WithEngineListeners("127.0.0.1:0", "127.0.0.1:0"))
	one, other := startProxy(t, cluster), startProxy(t, cluster)
	cfg := config(cluster)
	cfg.Address = balance(t, one.addr, other.addr)
	client, err := e6.Open(within(t, 20*time.Second), cfg)
	require.NoError(t, err)
	defer client.Close()
	throughReplicas(t, client, cutovers, lag, []func(e6.Side){
		func(to e6.Side) { one.swap(t, to) }, func(to e6.Side) { other.swap(t, to) },
	})
}

func TestReplicas_TheOptionOfE6testChangesThemOneAfterTheOther(t *testing.T) {
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d replicas", n), func(t *testing.T) {
			cluster := start(t, e6test.WithReplicas(n, 100*time.Millisecond))
			client := open(t, cluster)
			throughReplicas(t, client, stress.Count(2, 4), 0, []func(e6.Side){func(to e6.Side) {
				require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: to, Kind: e6test.Abrupt}))
			}})
		})
	}
}
