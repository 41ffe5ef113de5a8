package router_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// announcedChanges returns when announcements were followed.
func (r *rig) announcedChanges() (at []time.Time) {
	for _, e := range r.bus.History() {
		if d, ok := e.Data.(events.Transition); ok && d.Event == fsm.EventAnnounce {
			at = append(at, e.Time)
		}
	}
	return at
}

// contradict lets the active side name the other one every 10 ms.
func (r *rig) contradict(lasts time.Duration) {
	r.cluster.set(fsm.Blue, nil)
	r.cluster.set(fsm.Green, nil)
	for began := time.Now(); time.Since(began) < lasts; pass(10 * time.Millisecond) {
		if now := r.Routing(); now.State != fsm.StateTransitioning {
			r.Announced(r.t.Context(), now.Active, r.Stamp(), now.Active.Other())
		}
	}
}

func TestDamping_SidesThatAnnounceEachOtherMoveTheClientAtGrowingIntervals(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.contradict(time.Hour)
		at := r.announcedChanges()
		require.Greater(t, len(at), 10)
		require.Less(t, len(at), 30)
		for i, gap := 5, time.Duration(0); i < len(at); i++ {
			next := at[i].Sub(at[i-1])
			require.Greater(t, next, min(gap*3/2, 5*time.Minute-time.Millisecond), "change %d", i)
			require.LessOrEqual(t, next, 5*time.Minute+20*time.Millisecond)
			gap = next
		}
		require.LessOrEqual(t, r.cluster.logins(fsm.Blue)+r.cluster.logins(fsm.Green), len(at)+1)

		reported := 0
		for _, d := range happened[events.AnnouncementReceived](r) {
			if d.Delay > 0 {
				require.False(t, d.Accepted)
				require.LessOrEqual(t, d.Delay, 5*time.Minute)
				reported++
			}
		}
		require.InDelta(t, len(at)-4, reported, 1, "once for each pause")
	})
}

func TestDamping_EndsAfterAQuietTime(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.contradict(10 * time.Minute)
		pass(10*time.Minute + time.Second)
		before := len(r.announcedChanges())
		r.openAndAnnounce(r.Routing().Active.Other())
		require.Len(t, r.announcedChanges(), before+1, "it is followed at once")
	})
}

func TestDamping_FollowsADeploymentAndItsRollback(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		for _, side := range []fsm.Side{fsm.Green, fsm.Blue, fsm.Green, fsm.Blue} {
			r.cutTo(side) // at once
		}
		pass(time.Second)
		r.cutTo(fsm.Green)
	})
}

func TestDamping_NeverDelaysSlowDeployments(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		side := r.touch()
		for range 100 {
			side = side.Other()
			r.cutTo(side)
			pass(31 * time.Second)
		}
	})
}

func TestDamping_DoesNotDelayQueriesWhenTheActiveSideRefuses(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.contradict(time.Minute)
		active := r.Routing().Active
		require.True(t, time.Now().Before(r.Routing().DampedUntil))
		r.cluster.set(active, errRefused)
		r.refuse(active, r.Stamp())
		pass(10 * latency)
		synctest.Wait()
		require.Equal(t, active.Other(), r.Routing().Active)
	})
}

func TestDamping_FollowsADeploymentOfASideThatServedBefore(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		for n := range 40 {
			side := []fsm.Side{fsm.Green, fsm.Blue}[n%2]
			for range 16 {
				r.Agreed(side.Other(), r.Stamp())
			}
			r.cutTo(side) // at once
			require.Equal(t, side, r.Routing().Active, "deployment %d", n+1)
		}
	})
}

func TestDamping_OfASideThatSometimesAnnouncesTheOtherOne(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.cluster.set(fsm.Blue, nil)
		r.cluster.set(fsm.Green, nil)
		for began := time.Now(); time.Since(began) < time.Hour; pass(10 * time.Millisecond) {
			if now := r.Routing(); now.State != fsm.StateTransitioning {
				for range 3 {
					r.Agreed(now.Active, r.Stamp())
				}
				r.Agreed(now.Active.Other(), r.Stamp()) // not the active side: it does not count
				r.Agreed(now.Active, router.Stamp{Epoch: r.Stamp().Epoch - 1})
				r.Announced(t.Context(), now.Active, r.Stamp(), now.Active.Other())
			}
		}
		require.Less(t, len(r.announcedChanges()), 30)
	})
}
