package router_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestDirective_RollbackOfACallerMovesTheFleetUntilReleased(t *testing.T) {
	inFleet(t, 4, router.Fleet{Votes: 8}, func(t *testing.T, f *fleet) {
		f.announce()
		require.NoError(t, f.clients[0].Rollback(t.Context(), "the figures are wrong"))
		pass(10 * latency)
		require.Len(t, f.on(fsm.Blue), 4)
		record := f.record()
		require.True(t, record.Vetoes[0].Directive)
		require.Equal(t, "rollback: the figures are wrong", record.Vetoes[0].Reason)
		f.announce()
		require.Len(t, f.on(fsm.Blue), 4)

		_, _, err := store.Release(t.Context(), f.shared, "c", fsm.Green, "an operator")
		require.NoError(t, err)
		pass(10 * latency)
		f.announce()
		require.Len(t, f.on(fsm.Green), 4)
	})
}

func TestDirective_OfAnOperatorMovesTheFleet(t *testing.T) {
	inFleet(t, 4, router.Fleet{Votes: 8}, func(t *testing.T, f *fleet) {
		f.announce()
		_, err := store.Rollback(t.Context(), f.shared, "c", store.Directive{Side: fsm.Green, Who: "an operator", Reason: "it is bad", For: time.Hour})
		require.NoError(t, err)
		pass(10 * latency)
		require.Len(t, f.on(fsm.Blue), 4)
		f.announce()
		require.Len(t, f.on(fsm.Blue), 4)
		require.NoError(t, f.clients[0].Switch(t.Context(), fsm.Green), "the caller knows better")
		pass(time.Minute)
		require.Equal(t, []*rig{f.clients[0]}, f.on(fsm.Green)[:1])
	})
}

// order publishes a directive of an operator to leave green.
func (f *fleet) order() {
	_, err := store.Rollback(f.t.Context(), f.shared, "c", store.Directive{Side: fsm.Green, Who: "an operator", Reason: "it is bad", For: time.Hour})
	require.NoError(f.t, err)
	pass(10 * latency)
}

func TestDirective_IsRetriedUntilTheOtherSideAccepts(t *testing.T) {
	inFleet(t, 3, router.Fleet{Votes: 8}, func(t *testing.T, f *fleet) {
		f.announce()
		for _, r := range f.clients {
			r.cluster.set(fsm.Blue, errRefused)
		}
		f.order()
		require.Len(t, f.on(fsm.Green), 3, "there is nowhere to go")
		pinged := f.clients[0].cluster.pinged(fsm.Blue)
		pass(30 * time.Minute)
		require.Len(t, f.on(fsm.Green), 3)
		asked := f.clients[0].cluster.pinged(fsm.Blue) - pinged
		require.True(t, asked > 5 && asked < 15, "%d times in half an hour: it is asked again, and less and less often", asked)
		f.clients[0].cluster.set(fsm.Blue, nil)
		f.clients[1].cluster.set(fsm.Blue, nil)
		pass(5*time.Minute + time.Second)
		require.Len(t, f.on(fsm.Blue), 2)
		pass(time.Hour)
		f.clients[2].cluster.set(fsm.Blue, nil)
		pass(time.Hour)
		require.Equal(t, []*rig{f.clients[2]}, f.on(fsm.Green), "the order is over")
	})
}

func TestDirective_CanBeWithdrawnBeforeItsRetry(t *testing.T) {
	for name, undo := range map[string]func(*testing.T, *fleet){
		"by a release": func(t *testing.T, f *fleet) {
			_, _, err := store.Release(t.Context(), f.shared, "c", fsm.Green, "an operator")
			require.NoError(t, err)
			_, err = f.shared.CompareAndSwap(t.Context(), "c", f.record().Version, store.Record{Active: fsm.Green, Writer: "an operator"})
			require.NoError(t, err)
		},
		"by the caller": func(t *testing.T, f *fleet) { require.NoError(t, f.clients[0].Switch(t.Context(), fsm.Green)) },
	} {
		t.Run(name, func(t *testing.T) {
			inFleet(t, 1, router.Fleet{Votes: 8}, func(t *testing.T, f *fleet) {
				f.announce()
				blue := f.clients[0].cluster
				blue.set(fsm.Blue, errRefused)
				f.order()
				undo(t, f)
				pass(10 * latency)
				blue.set(fsm.Blue, nil)
				pass(30 * time.Minute)
				require.Len(t, f.on(fsm.Green), 1)
			})
		})
	}
}

// inSlowFleet is inFleet with one client on green, whose next logins are slow.
func inSlowFleet(t *testing.T, test func(t *testing.T, f *fleet, r *rig), change ...func(*router.Config)) {
	bubbles.Test(t, func(t *testing.T) {
		late := &atomic.Int64{}
		f := &fleet{t: t, shared: &store.Memory{}}
		r := newRig(t, append(change, sharing(f.shared), func(cfg *router.Config) {
			cfg.Cluster = slowCluster{cfg.Cluster.(*fakeCluster), late}
		})...)
		defer r.end()
		f.clients = []*rig{r}
		require.Equal(t, fsm.Blue, r.touch())
		r.cutTo(fsm.Green)
		pass(time.Second)
		late.Store(500)
		test(t, f, r)
	})
}

func TestDirective_IsFollowedAlthoughTheActiveSideAnnouncesItself(t *testing.T) {
	for name, begin := range map[string]func(*testing.T, *fleet, *rig){
		"during a transition by an announcement": func(_ *testing.T, _ *fleet, r *rig) { r.announce(fsm.Green, r.Stamp(), fsm.Blue) },
		"during a transition by the store": func(t *testing.T, f *fleet, r *rig) {
			_, err := f.shared.CompareAndSwap(t.Context(), "c", f.record().Version, store.Record{Active: fsm.Blue, Writer: "another"})
			require.NoError(t, err)
			synctest.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inSlowFleet(t, func(t *testing.T, f *fleet, r *rig) {
				r.cluster.announceOnLogin(fsm.Blue, fsm.Green)
				begin(t, f, r)
				r.requireState("transitioning green->blue (preparing)")
				f.order()
				r.announce(fsm.Green, r.Stamp(), fsm.Green)
				pass(2 * time.Second)
				require.Len(t, f.on(fsm.Blue), 1)
				r.announce(fsm.Blue, r.Stamp(), fsm.Green)
				pass(time.Minute)
				require.Len(t, f.on(fsm.Blue), 1, "the order stands")
			})
		})
	}
}

func TestDirective_VetoedSideGetsNoQueriesOfASharedPhase(t *testing.T) {
	inSlowFleet(t, func(t *testing.T, f *fleet, r *rig) {
		held := r.pin()
		r.announce(fsm.Green, r.Stamp(), fsm.Blue)
		f.order()
		pass(time.Second)
		r.requireState("transitioning green->blue (draining)")
		r.Unpin(held)
		pass(latency)
		r.requireState("blue")
	}, func(cfg *router.Config) {
		cfg.Hooks.WaitShared = func(ctx context.Context, now fsm.Snapshot) {
			if now.Target == fsm.Blue {
				<-ctx.Done()
			}
		}
	})
}

func TestDirective_IsFollowedAfterAFailedRollback(t *testing.T) {
	inSlowFleet(t, func(t *testing.T, f *fleet, r *rig) {
		f.order()
		r.requireState("transitioning green->blue (preparing)")
		r.cluster.set(fsm.Blue, errRefused)
		pass(prepareTimeout + time.Second)
		r.requireState("green")
		r.cluster.set(fsm.Blue, nil)
		pass(10 * time.Second)
		r.requireState("blue")
	})
}
