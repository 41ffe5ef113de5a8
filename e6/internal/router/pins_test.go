package router_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/internal/stress"
)

// settledRig is a router in real time whose sides both accept.
func settledRig(t testing.TB) *rig {
	r := newRig(t)
	t.Cleanup(r.end)
	p := r.pin()
	r.Unpin(p)
	return r
}

// Many queries run while the client is switched back and forth. As long as one of them
// is pinned, its side must never be reported as drained.
func TestPin_DrainedSideStaysDrained(t *testing.T) {
	const pinners = 6
	cutovers := stress.Count(100, 300)
	r := newRig(t, func(cfg *router.Config) { cfg.Cluster = promptCluster{cfg.Cluster.(*fakeCluster)} })
	p := r.pin()
	r.Unpin(p)

	var wrong, pinned atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range pinners {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				p, err := r.Pin(context.Background())
				if err != nil {
					wrong.Add(1)
					return
				}
				for range 3 {
					runtime.Gosched() // let the writer, and others, come in between
					now := r.Routing()
					if now.Epoch == p.Epoch && now.Active != p.Side {
						wrong.Add(1)
					}
					if now.Epoch == p.Epoch+1 && now.Phase == fsm.PhaseNone && now.Cause.Reason == fsm.ReasonDrained {
						wrong.Add(1)
					}
				}
				r.Unpin(p)
				pinned.Add(1)
			}
		})
	}
	drained := 0
	for range cutovers {
		require.NoError(t, r.Switch(context.Background(), r.Routing().Active.Other()))
		for now := r.Routing(); now.Phase != fsm.PhaseNone; now = r.Routing() {
			<-now.Changed()
		}
		require.Equal(t, fsm.ReasonDrained, r.Routing().Cause.Reason)
		drained++
	}
	close(stop)
	wg.Wait()
	r.end()
	require.Zero(t, wrong.Load())
	require.Equal(t, cutovers, drained)
	require.Positive(t, pinned.Load())
	require.Zero(t, r.InFlight(fsm.Blue)+r.InFlight(fsm.Green))
}

func TestPin_WithAnOldRoutingCountsItselfOut(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		old := r.Routing()
		stale := func() {
			t.Helper()
			_, ok := r.PinOld(old)
			require.False(t, ok)
			require.Zero(t, r.InFlight(fsm.Blue)+r.InFlight(fsm.Green))
		}
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		p, ok := r.PinOld(old)
		require.True(t, ok, "the routing is new, the side and the epoch are not")
		r.Unpin(p)
		r.cluster.set(fsm.Green, nil)
		pass(time.Second)
		r.requireState("green")
		stale()
		r.cutTo(fsm.Blue)
		stale() // the same side, in another epoch
		old = r.Routing()
		r.Drain()
		stale()
	})
}

// promptCluster accepts everything at once.
type promptCluster struct{ *fakeCluster }

func (promptCluster) Authenticate(_ context.Context, side fsm.Side) (string, error) {
	return side.String(), nil
}

func TestPin_SettledAllocatesNothing(t *testing.T) {
	r := settledRig(t)
	ctx := context.Background()
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		p, err := r.Pin(ctx)
		if err != nil {
			panic(err)
		}
		r.Unpin(p)
		r.Announced(ctx, p.Side, r.Stamp(), p.Side) // as every response may announce
	}))
}

func BenchmarkPin_Settled(b *testing.B) {
	r := settledRig(b)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		p, _ := r.Pin(ctx)
		r.Unpin(p)
	}
}

func BenchmarkPin_EightGoroutines(b *testing.B) {
	r := settledRig(b)
	ctx := context.Background()
	b.ReportAllocs()
	b.SetParallelism(max(1, 8/runtime.GOMAXPROCS(0)))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p, _ := r.Pin(ctx)
			r.Unpin(p)
		}
	})
}
