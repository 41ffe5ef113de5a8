package router_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
)

func TestRefresh_ProbesTheActiveSideAndOnlyARefusalChangesIt(t *testing.T) {
	for name, c := range map[string]struct {
		fault   error
		changes bool
	}{
		"it accepts":             {nil, false},
		"it cannot be reached":   {errDead, false},
		"it sleeps":              {errSuspended, false},
		"it refuses the refresh": {errRefused, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.touch()
				before := len(r.steps())
				r.cluster.set(fsm.Blue, c.fault)
				pass(refreshInterval * 9 / 10)
				require.Equal(t, fsm.Blue, r.touch(), "no query waits for it")
				pass(refreshInterval/10 + 10*latency)
				require.Equal(t, c.changes, len(r.steps()) > before)
				require.Equal(t, 1, r.cluster.pinged(fsm.Blue))
				if !c.changes {
					pass(refreshInterval + probeTimeout)
					require.Equal(t, 2, r.cluster.pinged(fsm.Blue), "and so on")
				}
			})
		})
	}
}

func TestRefresh_DoesNotRunDuringATransition(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		old := r.pin()
		r.cutTo(fsm.Green)
		pass(drainTimeout / 2)
		before := r.steps()
		r.cluster.set(fsm.Green, errRefused)
		_, err := r.Refresh(t.Context())
		require.NoError(t, err)
		require.Equal(t, before, r.steps())
		require.Zero(t, r.cluster.pinged(fsm.Green))
		r.cluster.set(fsm.Green, nil)
		r.Unpin(old)
	}, func(cfg *router.Config) { cfg.RefreshInterval = drainTimeout / 4 })
}

func TestRefresh_OfTheCallerWaitsForItsResult(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		s, err := r.Refresh(t.Context())
		require.NoError(t, err)
		require.Equal(t, fsm.Blue, s.Active, "the first one detects")
		r.cluster.set(fsm.Blue, errDead)
		_, err = r.Refresh(t.Context())
		require.ErrorIs(t, err, errDead)
		r.cluster.set(fsm.Blue, errRefused)
		r.cluster.set(fsm.Green, nil)
		s, err = r.Refresh(t.Context())
		require.NoError(t, err)
		require.Equal(t, fsm.Green, s.Active)
	})
}

func TestFailed_CallStartsAProbe(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.fail(fsm.Blue, r.Stamp())
		pass(time.Second)
		r.requireState("blue") // it has answered
		r.cluster.set(fsm.Blue, errDead)
		r.cluster.set(fsm.Green, nil)
		r.fail(fsm.Blue, r.Stamp())
		pass(time.Second)
		r.requireState("green")
	})
}

func TestCheck_OfAnEarlierEpochIsNotShared(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.cluster.set(fsm.Blue, errHangs)
		r.fail(fsm.Blue, r.Stamp()) // asks blue, for as long as a probe may take
		r.openAndAnnounce(fsm.Green)
		pass(5 * latency)
		r.requireState("green")
		r.cluster.set(fsm.Green, errDead)
		r.cluster.set(fsm.Blue, nil)
		r.fail(fsm.Green, r.Stamp())
		pass(100 * latency)
		r.requireState("blue")
	})
}

func TestSwitch_InEveryState(t *testing.T) {
	switches := func(r *rig, side fsm.Side) error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return r.Switch(ctx, side)
	}
	for name, test := range map[string]func(t *testing.T, r *rig){
		"unknown: it detects first": func(t *testing.T, r *rig) {
			r.cluster.set(fsm.Green, nil)
			require.NoError(t, switches(r, fsm.Green))
			require.Equal(t, fsm.Green, r.touch())
		},
		"detecting: it waits for the outcome": func(t *testing.T, r *rig) {
			r.cluster.set(fsm.Blue, errRefused)
			w := r.startPin(t.Context())
			time.AfterFunc(time.Second, func() { r.cluster.set(fsm.Green, nil); r.cluster.set(fsm.Blue, nil) })
			require.NoError(t, switches(r, fsm.Green))
			require.Equal(t, fsm.Green, r.touch())
			require.False(t, w.waits())
		},
		"settled there: nothing to do": func(t *testing.T, r *rig) {
			r.touch()
			require.NoError(t, switches(r, fsm.Blue))
			require.Len(t, r.steps(), 2)
		},
		"settled elsewhere: the side must accept": func(t *testing.T, r *rig) {
			r.touch()
			require.ErrorIs(t, switches(r, fsm.Green), context.DeadlineExceeded)
			require.Equal(t, fsm.Blue, r.touch())
		},
		"preparing it: it joins": func(t *testing.T, r *rig) {
			r.touch()
			r.announce(fsm.Blue, r.Stamp(), fsm.Green)
			time.AfterFunc(time.Second, func() { r.cluster.set(fsm.Green, nil) })
			require.NoError(t, switches(r, fsm.Green))
			require.EqualValues(t, 1, r.Stamp().Transition)
		},
		"preparing the other: it takes that back": func(t *testing.T, r *rig) {
			r.touch()
			done := make(chan error, 1)
			go func() { done <- switches(r, fsm.Green) }()
			pass(latency)
			require.NoError(t, switches(r, fsm.Blue))
			require.ErrorContains(t, <-done, "aborted")
			r.requireState("blue")
		},
		"draining to it: done": func(t *testing.T, r *rig) {
			defer r.Unpin(r.pin())
			r.cutTo(fsm.Green)
			require.NoError(t, switches(r, fsm.Green))
			require.EqualValues(t, 1, r.Stamp().Transition)
		},
		"draining from it: back at once": func(t *testing.T, r *rig) {
			defer r.Unpin(r.pin())
			r.cutTo(fsm.Green)
			require.NoError(t, switches(r, fsm.Blue))
			require.Equal(t, fsm.Blue, r.touch())
		},
		"held: it waits for what is known then": func(t *testing.T, r *rig) {
			defer r.Unpin(r.pin())
			r.cutTo(fsm.Green)
			r.cluster.set(fsm.Green, errRefused)
			r.refuse(fsm.Green, r.Stamp())
			require.NoError(t, switches(r, fsm.Blue))
			require.Equal(t, fsm.Blue, r.touch())
		},
		"to no side": func(t *testing.T, r *rig) {
			var wrong *fsm.SideError
			require.ErrorAs(t, switches(r, fsm.None), &wrong)
		},
		"a decision is overruled": func(t *testing.T, r *rig) {
			r.touch()
			r.announce(fsm.Blue, r.Stamp(), fsm.Green)
			pass(prepareTimeout)
			r.cluster.set(fsm.Green, nil)
			require.NoError(t, switches(r, fsm.Green))
		},
	} {
		t.Run(name, func(t *testing.T) { bubble(t, test) })
	}
}

func TestReset_ClearsTheActiveSide(t *testing.T) {
	for name, prepare := range map[string]func(r *rig){
		"settled":   func(r *rig) { r.touch() },
		"unknown":   func(*rig) {},
		"preparing": func(r *rig) { r.touch(); r.announce(fsm.Blue, r.Stamp(), fsm.Green) },
		"draining":  func(r *rig) { p := r.pin(); r.cutTo(fsm.Green); time.AfterFunc(time.Minute, func() { r.Unpin(p) }) },
		"detecting": func(r *rig) {
			r.cluster.set(fsm.Blue, errHangs)
			time.AfterFunc(10*time.Second, func() { r.cluster.set(fsm.Blue, nil) })
			w := r.startPin(context.Background())
			time.AfterFunc(20*time.Second, func() { require.False(r.t, w.waits()) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				prepare(r)
				require.NoError(t, r.Reset(t.Context()))
				require.Contains(t, []fsm.State{fsm.StateUnknown, fsm.StateDetecting}, r.Routing().State)
				pass(time.Minute)
				r.cluster.set(fsm.Blue, nil)
				r.touch()
				pass(time.Minute)
				require.Zero(t, r.InFlight(fsm.Blue)+r.InFlight(fsm.Green))
			})
		})
	}
}
