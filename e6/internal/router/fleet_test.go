package router_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/bubbles"
)

const (
	stageTime    = time.Minute
	stageTimeout = 10 * time.Minute
)

// fleet has some clients of one cluster and store, on blue.
type fleet struct {
	t       *testing.T
	shared  *store.Memory
	clients []*rig
}

// inFleet runs a test in a bubble with n clients on blue, and green open.
func inFleet(t *testing.T, n int, policy router.Fleet, test func(t *testing.T, f *fleet)) {
	bubbles.Test(t, func(t *testing.T) {
		f := &fleet{t: t, shared: &store.Memory{}}
		for range n {
			r := newRig(t, sharing(f.shared), automatic, func(cfg *router.Config) { cfg.Fleet = policy })
			defer r.end()
			require.Equal(t, fsm.Blue, r.touch())
			f.clients = append(f.clients, r)
		}
		pass(time.Second)
		test(t, f)
	})
}

// announce lets blue announce green to each client.
func (f *fleet) announce() {
	for _, r := range f.clients {
		if r.Routing().Active == fsm.Blue {
			r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		}
	}
	pass(10 * latency)
}

// on lists the clients whose new queries go to a side.
func (f *fleet) on(side fsm.Side) (all []*rig) {
	for _, r := range f.clients {
		if r.Routing().Active == side {
			all = append(all, r)
		}
	}
	return all
}

func (f *fleet) record() store.Record {
	record, err := f.shared.Load(f.t.Context(), "c")
	require.NoError(f.t, err)
	return record
}

func staged(share float64) router.Fleet {
	return router.Fleet{StageShare: share, StageTime: stageTime, StageTimeout: stageTimeout, Votes: 2}
}

// announcerOnly is a share with which only the announcer is in the first stage.
const announcerOnly = 1e-12

func TestStage_OthersFollowWhenTheFirstStageHasHeld(t *testing.T) {
	inFleet(t, 8, staged(announcerOnly), func(t *testing.T, f *fleet) {
		f.announce()
		require.Len(t, f.on(fsm.Green), 1, "only the announcer")
		require.Equal(t, fsm.Blue, f.record().Active)
		require.Equal(t, fsm.Green, f.record().Announced)
		for range 5 {
			pass(stageTime / 6)
			f.announce()
			require.Len(t, f.on(fsm.Green), 1, "however often it is announced")
		}
		pass(stageTime / 6)
		require.Len(t, f.on(fsm.Green), 8)
		require.Equal(t, fsm.Green, f.record().Active)
		require.EqualValues(t, 1, f.record().Epoch)
		var ended []events.StageEnded
		for _, r := range f.clients {
			ended = append(ended, happened[events.StageEnded](r)...)
			require.Equal(t, 1, r.cluster.logins(fsm.Green))
		}
		require.Len(t, ended, 1)
		require.Equal(t, "held", ended[0].Result)
	})
}

func TestStage_ShareIsDrawnAtRandom(t *testing.T) {
	inFleet(t, 100, staged(0.5), func(t *testing.T, f *fleet) {
		f.announce()
		first := len(f.on(fsm.Green))
		require.True(t, first > 20 && first < 80, "%d of 100", first)
		pass(stageTime)
		require.Len(t, f.on(fsm.Green), 100)
	})
}

func TestStage_FailedKeepsTheFleetOnTheOldSide(t *testing.T) {
	inFleet(t, 8, staged(announcerOnly), func(t *testing.T, f *fleet) {
		f.announce()
		pilot := f.on(fsm.Green)[0]
		pilot.fails(minRequests)
		require.Len(t, f.on(fsm.Blue), 8)
		require.Len(t, f.record().Vetoes, 1)
		require.False(t, f.record().Vetoes[0].Directive)
		require.Contains(t, f.record().Vetoes[0].Reason, "got no response")
		require.Equal(t, "left", happened[events.StageEnded](pilot)[0].Result)
		for range 20 {
			pass(stageTimeout / 7)
			f.announce()
			require.Len(t, f.on(fsm.Blue), 8, "for as long as the veto stands")
		}
		for _, r := range f.clients {
			if r != pilot {
				require.Equal(t, "ignore", happened[events.SideVetoed](r)[0].Action)
				require.Zero(t, r.cluster.logins(fsm.Green))
				require.True(t, r.Routing().CoolDown)
			}
		}
		pass(coolDown)
		f.announce()
		require.Len(t, f.on(fsm.Green), 1, "and then a part of it tries again")
	})
}

func TestStage_OthersFollowAfterTheStageTimeout(t *testing.T) {
	inFleet(t, 4, staged(announcerOnly), func(t *testing.T, f *fleet) {
		f.announce()
		f.on(fsm.Green)[0].end() // the only client of the first stage
		f.clients = f.on(fsm.Blue)
		pass(stageTimeout - time.Minute)
		f.announce()
		require.Empty(t, f.on(fsm.Green))
		pass(time.Minute)
		f.announce()
		require.Len(t, f.on(fsm.Green), 3)
	})
}

func TestStage_WaitEndsWhenTheActiveSideRefuses(t *testing.T) {
	inFleet(t, 4, staged(announcerOnly), func(t *testing.T, f *fleet) {
		f.announce()
		for _, r := range f.on(fsm.Blue) {
			at := r.Stamp()
			r.cluster.set(fsm.Blue, errRefused)
			r.refuse(fsm.Blue, at)
			require.Equal(t, fsm.Green, r.touch())
		}
	})
}

func TestStage_WithdrawnAnnouncementBringsTheFirstStageBack(t *testing.T) {
	inFleet(t, 4, staged(announcerOnly), func(t *testing.T, f *fleet) {
		f.announce()
		pilot := f.on(fsm.Green)[0]
		pilot.announce(fsm.Green, pilot.Stamp(), fsm.Blue)
		pass(10 * latency)
		require.Len(t, f.on(fsm.Blue), 4, "the way back has no stages")
		require.Empty(t, f.record().Vetoes)
		require.Equal(t, fsm.None, f.record().Announced)
		f.announce()
		require.Len(t, f.on(fsm.Green), 1, "the next cutover has")
	})
}

func TestVotes_OneRollbackDoesNotMoveTheFleet(t *testing.T) {
	inFleet(t, 4, router.Fleet{Votes: 2}, func(t *testing.T, f *fleet) {
		f.announce()
		require.Len(t, f.on(fsm.Green), 4)
		f.clients[0].fails(minRequests)
		require.Equal(t, []*rig{f.clients[0]}, f.on(fsm.Blue))
		require.Equal(t, fsm.Green, f.record().Active, "where the fleet is")
		received := happened[events.SideVetoed](f.clients[3])
		require.Len(t, received, 1)
		require.Equal(t, "none", received[0].Action)

		f.clients[1].fails(minRequests)
		require.Len(t, f.on(fsm.Blue), 4, "two of them are enough")
		require.Equal(t, fsm.Blue, f.record().Active)
		require.Equal(t, "rollback", happened[events.SideVetoed](f.clients[3])[1].Action)
		for range 5 {
			pass(time.Minute)
			f.announce()
			require.Len(t, f.on(fsm.Blue), 4)
		}
		require.Len(t, f.record().Vetoes, 2, "who follows has no veto of its own")
	})
}

func TestVotes_FleetStaysIfTheOtherSideDoesNotAccept(t *testing.T) {
	inFleet(t, 3, router.Fleet{Votes: 1}, func(t *testing.T, f *fleet) {
		f.announce()
		for _, r := range f.clients[1:] {
			r.cluster.set(fsm.Blue, errRefused)
		}
		f.clients[0].fails(minRequests)
		require.Len(t, f.on(fsm.Green), 2, "a veto moves no client to a side that refuses")
	})
}

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

func TestVeto_NewClientDoesNotStartOnAVetoedSide(t *testing.T) {
	inFleet(t, 2, router.Fleet{Votes: 2}, func(t *testing.T, f *fleet) {
		f.announce()
		f.clients[0].fails(minRequests)
		require.Equal(t, fsm.Green, f.record().Active)
		late := newRig(t, sharing(f.shared))
		defer late.end()
		require.Equal(t, fsm.Blue, late.touch())
	})
}

func TestJitter_SpreadsTheLoginsOfAFleetAndDelaysNoQuery(t *testing.T) {
	const jitter = 10 * time.Second
	inFleet(t, 50, router.Fleet{Jitter: jitter, Votes: 2}, func(t *testing.T, f *fleet) {
		began := time.Now()
		f.announce()
		half := 0
		for time.Since(began) < jitter/2 {
			pass(jitter / 100)
			for _, r := range f.clients {
				r.touch()
			}
		}
		half = len(f.on(fsm.Green))
		require.True(t, half > 10 && half < 40, "%d of 50 after half of the time", half)
		pass(jitter/2 + 10*latency)
		require.Len(t, f.on(fsm.Green), 50)
	})
}

func TestJitter_SpreadsTheRetriesOfAFleet(t *testing.T) {
	const jitter = 10 * time.Second
	inFleet(t, 20, router.Fleet{Jitter: jitter, Votes: 2}, func(t *testing.T, f *fleet) {
		for _, r := range f.clients {
			r.cluster.set(fsm.Green, errRefused)
		}
		f.announce()
		pass(prepareTimeout / 2)
		asked := 0
		for _, r := range f.clients {
			asked += r.cluster.logins(fsm.Green)
			r.cluster.set(fsm.Green, nil)
		}
		require.Less(t, asked, 20*2*int(prepareTimeout/2/jitter)+20)
		pass(jitter + time.Second)
		require.Len(t, f.on(fsm.Green), 20)
	})
}

func TestJitter_EndsWhenTheActiveSideRefuses(t *testing.T) {
	inFleet(t, 1, router.Fleet{Jitter: 24 * time.Hour, Votes: 2}, func(t *testing.T, f *fleet) {
		r := f.clients[0]
		f.announce()
		r.requireState("transitioning blue->green (preparing)")
		r.cluster.set(fsm.Blue, errRefused)
		r.refuse(fsm.Blue, r.Stamp())
		require.Equal(t, fsm.Green, r.touch())
	})
	inFleet(t, 1, router.Fleet{Jitter: 24 * time.Hour, Votes: 2}, func(t *testing.T, f *fleet) {
		f.announce()
		require.NoError(t, f.clients[0].Switch(t.Context(), fsm.Green), "nor for a caller")
	})
}

func TestJitter_IsNotPartOfThePrepareTimeout(t *testing.T) {
	inFleet(t, 20, router.Fleet{Jitter: 3 * prepareTimeout, Votes: 2}, func(t *testing.T, f *fleet) {
		f.announce()
		pass(3*prepareTimeout + 10*latency)
		require.Len(t, f.on(fsm.Green), 20)
	})
}

func TestVeto_WrongVetoesFailNoQuery(t *testing.T) {
	inFleet(t, 1, router.Fleet{Votes: 1}, func(t *testing.T, f *fleet) {
		r := f.clients[0]
		r.cluster.set(fsm.Green, errRefused)
		now := time.Now()
		for i, v := range []store.Veto{
			{Side: fsm.Blue, Directive: true, At: now, Until: now.Add(time.Hour)},
			{Side: fsm.Blue, Directive: true, At: now.Add(-1 << 62), Until: now.Add(1 << 62)},
			{Side: fsm.Side(9), Directive: true, At: now, Until: now.Add(time.Hour)},
			{Side: fsm.Green, Directive: true, At: now, Until: now.Add(-time.Hour)},
		} {
			v.Writer = fmt.Sprint("liar", i)
			record := f.record()
			_, err := f.shared.CompareAndSwap(t.Context(), "c", record.Version, store.Record{Active: fsm.Blue, Vetoes: []store.Veto{v}})
			require.NoError(t, err)
			for range 10 {
				pass(time.Second)
				require.Equal(t, fsm.Blue, r.touch())
			}
		}
		// Vetoes do not exclude the only side that accepts.
		r.cluster.set(fsm.Green, nil)
		r.cluster.set(fsm.Blue, errRefused)
		r.refuse(fsm.Blue, r.Stamp())
		require.Equal(t, fsm.Green, r.touch())
	})
}

func TestVeto_RecordHoldsAtMostMaxVetoes(t *testing.T) {
	inFleet(t, 2*store.MaxVetoes, router.Fleet{Votes: store.MaxVetoes}, func(t *testing.T, f *fleet) {
		f.announce()
		for _, r := range f.clients {
			if r.Routing().Active == fsm.Green {
				r.fails(minRequests)
			}
		}
		pass(time.Minute)
		require.Len(t, f.on(fsm.Blue), 2*store.MaxVetoes)
		require.Len(t, f.record().Vetoes, store.MaxVetoes)
		require.NoError(t, f.clients[0].Rollback(t.Context(), strings.Repeat("ä", store.MaxReason)))
		for _, v := range f.record().Vetoes {
			require.LessOrEqual(t, len(v.Reason), store.MaxReason)
		}
	})
}

func TestPresence_ListsAClientWithItsSideUntilItIsClosed(t *testing.T) {
	inFleet(t, 3, router.Fleet{Present: true, Votes: 2}, func(t *testing.T, f *fleet) {
		shown := func() (all []string) {
			clients, err := f.shared.Clients(t.Context(), "c")
			require.NoError(t, err)
			for _, c := range clients {
				all = append(all, c.Side.String()+" "+c.State.String())
			}
			return all
		}
		require.Equal(t, []string{"blue blue", "blue blue", "blue blue"}, shown())
		p := f.clients[0].pin() // keeps it draining
		f.announce()
		require.ElementsMatch(t, []string{"green transitioning", "green green", "green green"}, shown())
		f.clients[0].Unpin(p)
		pass(latency)
		f.clients[1].end()
		require.Equal(t, []string{"green green", "green green"}, shown())
	})
}

// A failingPresence is a store whose Join fails.
type failingPresence struct {
	store.Memory
	fail func() error
}

func (r *failingPresence) Join(string, store.Client) (store.Member, error) { return nil, r.fail() }

func TestPresence_FailureAffectsNoQuery(t *testing.T) {
	for name, fail := range map[string]func() error{
		"an error": func() error { return errDead },
		"a panic":  func() error { panic("rude") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				require.Equal(t, fsm.Blue, r.touch())
				pass(time.Second)
				require.Len(t, happened[events.StoreFailed](r), 1)
				require.Equal(t, "presence", happened[events.StoreFailed](r)[0].Op)
			}, sharing(&failingPresence{fail: fail}), func(cfg *router.Config) { cfg.Fleet.Present = true })
		})
	}
}
