package router_test

import (
	"testing"
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
