package router_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

func TestPreparing_OriginRefuses(t *testing.T) {
	t.Run("queries wait for the target's next probe, which comes at once", func(t *testing.T) {
		bubble(t, func(t *testing.T, r *rig) {
			r.touch()
			r.announce(fsm.Blue, r.Stamp(), fsm.Green)
			pass(20 * time.Second)
			r.cluster.set(fsm.Blue, errRefused)
			r.cluster.set(fsm.Green, nil)
			r.refuse(fsm.Blue, r.Stamp())
			require.True(t, r.Routing().Held)
			w := r.startPin(t.Context())
			require.True(t, w.waits())
			pass(3 * latency)
			require.False(t, w.waits())
			require.Equal(t, fsm.Green, w.pin.Side)
			require.NotContains(t, r.steps()[2:], "detect detecting")
		})
	})
	t.Run("a probe from before the refusal does not count", func(t *testing.T) {
		bubble(t, func(t *testing.T, r *rig) {
			r.touch()
			r.announce(fsm.Blue, r.Stamp(), fsm.Green) // its first probe is on its way and will be refused
			r.cluster.set(fsm.Blue, errRefused)
			r.refuse(fsm.Blue, r.Stamp())
			pass(latency) // here it ends
			r.requireState("transitioning blue->green (preparing)")
			r.cluster.set(fsm.Green, nil)
			pass(2 * latency)
			r.requireState("green")
		})
	})
	t.Run("if the target refuses too, both are asked", func(t *testing.T) {
		bubble(t, func(t *testing.T, r *rig) {
			r.touch()
			r.announce(fsm.Blue, r.Stamp(), fsm.Green)
			pass(20 * time.Second)
			r.cluster.set(fsm.Blue, errRefused)
			r.refuse(fsm.Blue, r.Stamp())
			pass(3 * latency)
			require.Equal(t, fsm.StateDetecting, r.Routing().State)
			r.cluster.set(fsm.Blue, nil)
			pass(3 * time.Second)
			require.Equal(t, fsm.Blue, r.touch())
		})
	})
}

func TestDraining_TargetThatRefusesIsLeftForTheOrigin(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		old := r.pin()
		r.cutTo(fsm.Green)
		onTarget := r.pin()
		r.cluster.set(fsm.Green, errRefused)
		at := r.Stamp()
		r.refuse(fsm.Green, at)
		w := r.startPin(t.Context())
		require.True(t, w.waits(), "green is known to refuse")
		pass(3 * latency)
		require.False(t, w.waits())
		require.Equal(t, fsm.Blue, w.pin.Side)
		r.requireState("blue")
		require.Equal(t, []string{"blue aborted"}, r.drains())
		require.Equal(t, at.Epoch+1, r.Stamp().Epoch)
		require.EqualValues(t, 1, r.InFlight(fsm.Green), "its own queries drain")

		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		r.requireState("blue") // not again for a while
		r.Unpin(onTarget)
		r.Unpin(old)
	})
}

func TestDraining_UnreachableTargetIsLeftForTheOrigin(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		old := r.pin()
		defer r.Unpin(old)
		r.cutTo(fsm.Green)
		r.cluster.set(fsm.Green, errDead)
		r.fail(fsm.Green, r.Stamp())
		require.Equal(t, fsm.Green, r.touch(), "one call without an answer is no proof")
		pass(5 * latency)
		r.requireState("blue")
		require.Equal(t, fsm.ReasonTargetUnhealthy, r.Routing().Cause.Reason)
	})
}

func TestDraining_SuspectedTargetThatAcceptsIsKept(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		old := r.pin()
		r.cutTo(fsm.Green)
		before := r.steps()
		for range 2 {
			r.fail(fsm.Green, r.Stamp())
			pass(5 * latency)
			require.Equal(t, before, r.steps())
			require.Equal(t, fsm.Green, r.touch())
		}
		r.Unpin(old)
		pass(0)
		r.requireState("green")
	})
}

func TestDraining_RefusalDuringAVerificationReleasesQueries(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		old := r.pin()
		defer r.Unpin(old)
		r.cutTo(fsm.Green)
		r.fail(fsm.Green, r.Stamp())
		r.refuse(fsm.Green, r.Stamp())
		require.True(t, r.Routing().Held)
		pass(5 * latency)
		require.Equal(t, fsm.Green, r.touch())
	})
}

func TestDraining_DetectionStartsIfNeitherSideAccepts(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		old := r.pin()
		r.cutTo(fsm.Green)
		r.cluster.set(fsm.Green, errDead)
		r.cluster.set(fsm.Blue, errRefused)
		r.fail(fsm.Green, r.Stamp())
		pass(time.Second)
		require.Equal(t, fsm.StateDetecting, r.Routing().State)
		require.Equal(t, []string{"blue abandoned"}, r.drains())
		w := r.startPin(t.Context())
		r.Unpin(old)
		r.cluster.set(fsm.Green, nil)
		pass(3 * time.Second)
		require.False(t, w.waits())
		require.Equal(t, fsm.Green, w.pin.Side)
	})
}

func TestDraining_OriginDrainsDuringAVerification(t *testing.T) {
	for name, c := range map[string]struct {
		fault error
		alarm func(r *rig)
	}{
		"refused":     {errRefused, func(r *rig) { r.refuse(fsm.Green, r.Stamp()) }},
		"unreachable": {errDead, func(r *rig) { r.fail(fsm.Green, r.Stamp()) }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				old := r.pin()
				r.cutTo(fsm.Green)
				r.cluster.set(fsm.Green, c.fault)
				c.alarm(r)
				r.Unpin(old)
				pass(time.Second)
				require.Equal(t, []string{"blue drained"}, r.drains())
				r.requireState("blue")
			})
		})
	}
}

func TestDraining_EndsWhenTheOriginRefuses(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		old := r.pin()
		r.cutTo(fsm.Green)
		r.refuse(fsm.Blue, r.Stamp())
		r.requireState("green")
		require.Equal(t, []string{"blue refused"}, r.drains())
		require.Equal(t, int64(1), happened[events.DrainEnded](r)[0].Remaining)
		r.Unpin(old)
	})
}

func TestDraining_TimeoutEndsTheTransitionAndNoQuery(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		old := r.pin()
		session, err := r.Sessions().Get(t.Context(), fsm.Blue)
		require.NoError(t, err)
		r.cutTo(fsm.Green)
		pass(drainTimeout - time.Second)
		r.requireState("transitioning blue->green (draining)")
		pass(time.Second)
		r.requireState("green")
		require.Equal(t, []string{"blue deadline"}, r.drains())
		require.EqualValues(t, 1, r.InFlight(fsm.Blue))

		pass(drainTimeout)
		again, err := r.Sessions().Get(t.Context(), fsm.Blue)
		require.NoError(t, err)
		require.Equal(t, session, again, "kept as long as the query lives")
		r.Unpin(old)
		pass(0)
		asked := r.cluster.logins(fsm.Blue)
		r.cluster.set(fsm.Blue, errRefused)
		_, err = r.Sessions().Get(t.Context(), fsm.Blue)
		require.ErrorIs(t, err, errRefused, "forgotten with the last query")
		require.Equal(t, asked+1, r.cluster.logins(fsm.Blue))
	})
}

func TestDraining_OldTimerIsIgnoredInALaterEpoch(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		running := r.pin()
		r.cutTo(fsm.Green) // this drain's deadline is at drainTimeout
		pass(drainTimeout / 2)
		onGreen := r.pin()
		r.cutTo(fsm.Blue) // superseded
		r.Unpin(running)
		pass(drainTimeout/2 + time.Second)
		r.requireState("transitioning green->blue (draining)")
		require.Equal(t, []string{"blue superseded"}, r.drains())
		pass(drainTimeout / 2)
		require.Equal(t, []string{"blue superseded", "green deadline"}, r.drains())
		r.Unpin(onGreen)
	})
}

func TestDraining_CutoverBackSupersedesIt(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		onBlue := r.pin()
		r.cutTo(fsm.Green)
		onGreen := r.pin()
		r.cutTo(fsm.Blue)
		r.requireState("transitioning green->blue (draining)")
		require.Equal(t, []string{"blue superseded"}, r.drains())
		r.Unpin(onBlue)
		pass(0)
		r.requireState("transitioning green->blue (draining)")
		r.Unpin(onGreen)
		pass(0)
		r.requireState("blue")
		require.Equal(t, []string{"blue superseded", "green drained"}, r.drains())
	})
}

func TestPreparing_AbortsAtThePrepareTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.cluster.set(fsm.Green, errHangs)
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		pass(prepareTimeout - time.Second)
		r.requireState("transitioning blue->green (preparing)")
		pass(time.Second)
		r.requireState("blue")
		require.Empty(t, r.drains(), "nothing was drained")
	})
}
