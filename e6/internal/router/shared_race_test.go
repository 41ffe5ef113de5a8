package router_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/internal/stress"
)

// Many queries choose a side while shared phases come and go. As long as one of
// them is pinned, it must never see its side reported as drained.
func TestSharedPhase_DrainedOriginStaysDrained(t *testing.T) {
	const pinners = 6
	cutovers := stress.Count(100, 300)
	r := newRig(t, func(cfg *router.Config) {
		cfg.Cluster = promptCluster{cfg.Cluster.(*fakeCluster)}
		cfg.Hooks.WaitShared = func(context.Context, fsm.Snapshot) {
			for range rand.N(20) {
				runtime.Gosched()
			}
		}
	})
	r.Unpin(r.pin())
	var wrong, onOrigin atomic.Int64
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
				p, err := r.PinBy(context.Background(), func(now *router.Routing) fsm.Side {
					runtime.Gosched()
					return fsm.Sides[rand.N(2)]
				})
				if err != nil {
					wrong.Add(1)
					return
				}
				epoch := p.Epoch + 1 // in which the side of the query may be left
				if now := r.Routing(); now.Epoch == p.Epoch && now.Active != p.Side {
					onOrigin.Add(1)
					epoch = p.Epoch
				}
				for range 3 {
					runtime.Gosched()
					if now := r.Routing(); now.Epoch == epoch && now.Active != p.Side && now.Phase == fsm.PhaseNone && now.Cause.Reason == fsm.ReasonDrained {
						wrong.Add(1)
					}
				}
				r.Unpin(p)
			}
		})
	}
	for range cutovers {
		require.NoError(t, r.Switch(context.Background(), r.Routing().Active.Other()))
		for now := r.Routing(); now.Phase != fsm.PhaseNone; now = r.Routing() {
			<-now.Changed()
		}
		require.Equal(t, fsm.ReasonDrained, r.Routing().Cause.Reason)
	}
	close(stop)
	wg.Wait()
	r.end()
	require.Zero(t, wrong.Load())
	require.Positive(t, onOrigin.Load())
	require.Zero(t, r.InFlight(fsm.Blue)+r.InFlight(fsm.Green))
}
