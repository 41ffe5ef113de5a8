package router_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

func TestAnnouncement_MovesNewQueriesOnceTheTargetAccepts(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		old := r.pin()
		r.cutTo(fsm.Green)
		r.requireState("transitioning blue->green (draining)")
		require.Equal(t, fsm.Green, r.touch(), "although a query still runs on blue")
		r.Unpin(old)
		pass(0)
		r.requireState("green")
		require.Equal(t, []string{"blue drained"}, r.drains())
	})
}

func TestAnnouncement_RepeatsStartOneTransition(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		at := r.Stamp()
		r.cluster.set(fsm.Green, nil)
		for range 64 {
			r.Announced(t.Context(), fsm.Blue, at, fsm.Green)
		}
		pass(time.Second)
		require.Equal(t, 1, r.cluster.logins(fsm.Green))
		require.EqualValues(t, 1, r.Stamp().Transition)
	})
}

func TestAnnouncement_DuringADetectionIsFollowedIfItsSourceSettles(t *testing.T) {
	for name, c := range map[string]struct {
		settles, ends fsm.Side
	}{
		"its source settles":         {fsm.Blue, fsm.Green},
		"the other side had settled": {fsm.Green, fsm.Green},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				running := r.pin()
				defer r.Unpin(running)
				at := r.Stamp()
				r.cluster.set(fsm.Blue, errRefused)
				r.refuse(fsm.Blue, at)
				r.announce(fsm.Blue, at, fsm.Green)
				require.Equal(t, fsm.StateDetecting, r.Routing().State)
				r.cluster.set(c.settles, nil)
				pass(5 * time.Second)
				require.Equal(t, c.settles, r.Routing().Active)
				r.cluster.set(fsm.Green, nil)
				pass(5 * time.Second)
				require.Equal(t, c.ends, r.Routing().Active)
				if c.settles == fsm.Green {
					require.Zero(t, r.Stamp().Transition, "there was nothing to follow")
				}
			})
		})
	}
}

func TestAnnouncement_InALoginResponseIsFollowedAfterSettling(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Green, nil)
		r.cluster.announceOnLogin(fsm.Blue, fsm.Green)
		require.Equal(t, fsm.Blue, r.touch())
		pass(time.Second)
		r.requireState("green")
		require.Equal(t, []string{"detect detecting", "settle blue", "announce transitioning blue->green (preparing)",
			"accept transitioning blue->green (draining)", "commit green"}, r.steps())
	})
}

func TestAnnouncement_OfADrainedSideDuringADetectionIsIgnored(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		running := r.pin()
		defer r.Unpin(running)
		r.cutTo(fsm.Green)
		// The query on blue makes a call now, whose response comes late.
		late := r.Stamp()
		r.cluster.set(fsm.Green, errRefused)
		r.cluster.set(fsm.Blue, errRefused)
		r.refuse(fsm.Green, late)
		pass(time.Second)
		require.Equal(t, fsm.StateDetecting, r.Routing().State)
		r.announce(fsm.Blue, late, fsm.Green)
		r.cluster.set(fsm.Blue, nil)
		pass(5 * time.Second)
		r.requireState("blue")
		require.EqualValues(t, 1, r.Stamp().Transition, "blue spoke of the cutover that is over")
	})
}

func TestStamp_AnnouncementsAndRefusalsOfOldEpochsAreIgnored(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		old := r.Stamp()
		r.cutTo(fsm.Green)
		r.cutTo(fsm.Blue)
		require.Equal(t, old.Epoch+2, r.Stamp().Epoch)
		before := r.steps()
		r.announce(fsm.Blue, old, fsm.Green)
		r.refuse(fsm.Blue, old)
		r.fail(fsm.Blue, old)
		pass(time.Minute)
		require.Equal(t, before, r.steps())
		r.requireState("blue")
		require.Equal(t, fsm.Blue, r.touch())
	})
}

func TestPreparing_RetriesTheTargetUntilItAccepts(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		for range 20 {
			pass(time.Second)
			require.Equal(t, fsm.Blue, r.touch())
		}
		r.requireState("transitioning blue->green (preparing)")
		require.Less(t, r.cluster.logins(fsm.Green), 200, "the probes are spaced out")
		r.cluster.set(fsm.Green, nil)
		pass(2 * time.Second)
		r.requireState("green")
	})
}

func TestAnnouncement_WithdrawnAbortsTheTransition(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		before := r.Stamp()
		r.announce(fsm.Blue, before, fsm.Green)
		r.announce(fsm.Blue, r.Stamp(), fsm.Blue)
		r.requireState("blue")
		require.Equal(t, fsm.ReasonWithdrawn, r.Routing().Cause.Reason)

		r.announce(fsm.Blue, before, fsm.Green)
		r.requireState("blue") // a response from before the transition repeats the withdrawn announcement
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		r.requireState("transitioning blue->green (preparing)")
	})
}

func TestAnnouncement_IsNotWithdrawnByAnEarlierCall(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		before := r.Stamp()
		r.announce(fsm.Blue, before, fsm.Green)
		r.announce(fsm.Blue, before, fsm.Blue)
		r.requireState("transitioning blue->green (preparing)")
	})
}

func TestSuppression_OfATargetThatIsNotReadyGrowsAndEnds(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		pass(prepareTimeout)
		r.requireState("blue")
		require.Equal(t, fsm.ReasonDeadline, r.Routing().Cause.Reason)
		asked := r.cluster.logins(fsm.Green)
		for range 4 {
			r.announce(fsm.Blue, r.Stamp(), fsm.Green)
			pass(time.Second)
		}
		require.Equal(t, asked, r.cluster.logins(fsm.Green))
		r.requireState("blue")
		pass(2 * time.Second)
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		r.requireState("transitioning blue->green (preparing)")
		pass(prepareTimeout)
		r.requireState("blue")
		pass(6 * time.Second)
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		r.requireState("blue") // the second pause is longer
		pass(5 * time.Second)
		r.cluster.set(fsm.Green, nil)
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		pass(time.Second)
		r.requireState("green")
	})
}

func TestSuppression_OfATargetThatDeniesTheCredentials(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.cluster.set(fsm.Green, errDenied)
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		pass(time.Second)
		r.requireState("blue")
		require.Equal(t, fsm.ReasonCredentials, r.Routing().Cause.Reason)
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		r.requireState("blue")
	})
}

func TestAnnouncement_OfTheTargetIsFollowedOnceItIsActive(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		running := r.pin()
		r.cluster.announceOnLogin(fsm.Green, fsm.Blue)
		r.openAndAnnounce(fsm.Green)
		pass(time.Second)
		require.Equal(t, []string{"detect detecting", "settle blue", "announce transitioning blue->green (preparing)",
			"accept transitioning blue->green (draining)", "commit green", "announce transitioning green->blue (preparing)",
			"accept transitioning green->blue (draining)", "commit blue"}, r.steps())
		require.Equal(t, []string{"blue superseded", "green drained"}, r.drains())
		require.EqualValues(t, 1, r.InFlight(fsm.Blue))
		r.Unpin(running)
	})
}

func TestAnnouncement_StaleIsReportedOnce(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		old := r.Stamp()
		r.cutTo(fsm.Green)
		r.cutTo(fsm.Blue)
		for range 5 {
			r.announce(fsm.Blue, old, fsm.Green)
		}
		var ignored int
		for _, a := range happened[events.AnnouncementReceived](r) {
			if !a.Accepted {
				ignored++
			}
		}
		require.Equal(t, 1, ignored)
	})
}

func TestAnnouncement_FromBeforeAnEndedDetectionIsIgnored(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		old := r.Stamp()
		r.refuse(fsm.Blue, old)
		pass(5 * time.Second)
		r.requireState("blue") // settled again, without a transition in between
		r.announce(fsm.Blue, old, fsm.Green)
		r.requireState("blue")
	})
}

func TestAnnounced_NeverWaitsForTheWriter(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.cluster.set(fsm.Green, nil)
		free := make(chan struct{})
		r.Occupy(free)
		synctest.Wait()
		before := r.Stamp()
		for range 1000 { // more than the inbox holds
			r.Announced(t.Context(), fsm.Blue, before, fsm.Green)
		}
		r.requireState("blue")
		close(free)
		pass(time.Second)
		r.requireState("green")
		require.Len(t, happened[events.AnnouncementReceived](r), 1)

		// The newest one counts.
		free = make(chan struct{})
		r.Occupy(free)
		synctest.Wait()
		now := r.Stamp()
		r.Announced(t.Context(), fsm.Green, now, fsm.Blue)
		r.Announced(t.Context(), fsm.Green, before, fsm.Blue)
		close(free)
		pass(time.Second)
		r.requireState("blue")
	})
}
