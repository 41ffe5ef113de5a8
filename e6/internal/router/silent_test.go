package router_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// silent reports that the active side has been silent for the time of a probe.
func (r *rig) silent(side fsm.Side) {
	r.Silent(side, r.Stamp(), probeTimeout)
}

func TestSilent_SideIsProbedOnceAndKeptIfItAccepts(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		for range 8 {
			r.silent(fsm.Blue)
		}
		r.silent(fsm.Green)
		pass(5 * latency)
		require.Equal(t, 1, r.cluster.pinged(fsm.Blue))
		require.Zero(t, r.cluster.pinged(fsm.Green))
		r.requireState("blue")
		require.Empty(t, happened[events.ProbeFailed](r))
	})
}

func TestSilent_SettledSideIsLeftIfItsProbeFails(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.cluster.set(fsm.Blue, errHangs)
		r.cluster.set(fsm.Green, nil)
		began := time.Now()
		r.silent(fsm.Blue)
		pass(probeTimeout - latency)
		require.Equal(t, fsm.Green, r.Routing().Active, "within twice the time of a probe from the first call")
		require.Less(t, r.Routing().Since.Sub(began), probeTimeout)
		require.Equal(t, "unreachable: no response from blue for 1s", r.Routing().Cause.Detail)

		// Green's answers go on naming blue: it is not tried again at once.
		r.announce(fsm.Green, r.Stamp(), fsm.Blue)
		r.requireState("green")
		pass(firstPause)
		r.announce(fsm.Green, r.Stamp(), fsm.Blue)
		r.requireState("transitioning green->blue (preparing)")
	})
}

func TestSilent_TargetIsLeftDuringADrain(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		p := r.pin()
		defer r.Unpin(p)
		r.cutTo(fsm.Green)
		r.cluster.set(fsm.Green, errHangs)
		r.silent(fsm.Green)
		pass(probeTimeout - latency)
		r.requireState("blue")
	})
}

func TestSilent_InAnEarlierEpochIsIgnored(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		at := r.Stamp()
		r.cutTo(fsm.Green)
		r.Silent(fsm.Green, at, probeTimeout)
		pass(5 * latency)
		require.Zero(t, r.cluster.pinged(fsm.Green))
	})
}

func TestAwaitVerdict_ReplayWaitsForTheProbeOfItsSide(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		require.NoError(t, r.AwaitVerdict(t.Context(), r.touch()), "no probe is under way")
		waits := func(ctx context.Context) time.Duration {
			began := time.Now()
			r.fail(fsm.Blue, r.Stamp())
			_ = r.AwaitVerdict(ctx, fsm.Blue)
			return time.Since(began)
		}
		require.Equal(t, latency, waits(t.Context()), "blue answers the probe")
		r.requireState("blue")

		r.cluster.set(fsm.Blue, errHangs)
		ctx, cancel := context.WithTimeout(t.Context(), probeTimeout/2)
		defer cancel()
		require.Equal(t, probeTimeout/2, waits(ctx), "the deadline of the query is earlier")
		require.NoError(t, r.AwaitVerdict(t.Context(), fsm.Green), "green is not probed")
		require.Equal(t, probeTimeout/2, waits(t.Context()))
		require.Equal(t, fsm.StateDetecting, r.Routing().State, "new pins wait")
	})
}

func TestAwaitVerdict_ReplayWaitsForTheVerificationOfTheTarget(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		p := r.pin()
		defer r.Unpin(p)
		r.cutTo(fsm.Green)
		r.cluster.set(fsm.Green, errHangs)
		r.fail(fsm.Green, r.Stamp())
		require.NoError(t, r.AwaitVerdict(t.Context(), fsm.Green))
		r.requireState("blue")
	})
}
