package router_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// startRollback starts a Rollback with a deadline of five seconds and returns a channel
// for its result.
func (r *rig) startRollback() <-chan error {
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		done <- r.Rollback(ctx, "it is bad")
	}()
	return done
}

// rollsBack is the same for a caller that waits here.
func (r *rig) rollsBack() error {
	err := <-r.startRollback()
	synctest.Wait()
	return err
}

func TestRollback_InEveryState(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, r *rig){
		"unknown: it detects first": func(t *testing.T, r *rig) {
			r.cluster.set(fsm.Green, nil)
			require.NoError(t, r.rollsBack())
			require.Equal(t, fsm.Green, r.touch())
		},
		"detecting: it waits for the outcome": func(t *testing.T, r *rig) {
			r.cluster.set(fsm.Blue, errRefused)
			w := r.startPin(t.Context())
			time.AfterFunc(time.Second, func() { r.cluster.set(fsm.Green, nil); r.cluster.set(fsm.Blue, nil) })
			require.NoError(t, r.rollsBack())
			require.False(t, w.waits())
			require.Equal(t, w.pin.Side.Other(), r.touch())
		},
		"detecting, and no side accepts": func(t *testing.T, r *rig) {
			r.cluster.set(fsm.Blue, errRefused)
			require.ErrorIs(t, r.rollsBack(), context.DeadlineExceeded)
		},
		"settled: the other side must accept": func(t *testing.T, r *rig) {
			r.touch()
			err := r.rollsBack()
			require.ErrorIs(t, err, errRefused)
			require.ErrorContains(t, err, "green does not accept")
			r.requireState("blue")
			require.False(t, r.Routing().CoolDown)
			r.cluster.set(fsm.Green, nil)
			require.NoError(t, r.rollsBack())
			r.requireState("green")
			require.True(t, r.Routing().CoolDown)
			require.Contains(t, r.steps(), "rollback transitioning blue->green (preparing)")
		},
		"settled: the other side hangs": func(t *testing.T, r *rig) {
			r.touch()
			r.cluster.set(fsm.Green, errHangs)
			ctx, cancel := context.WithTimeout(t.Context(), probeTimeout/2)
			defer cancel()
			require.ErrorIs(t, r.Rollback(ctx, ""), context.DeadlineExceeded)
			require.ErrorContains(t, r.rollsBack(), "green does not accept")
			r.requireState("blue")
		},
		"settled: the other side takes a call, but no login": func(t *testing.T, r *rig) {
			r.touch()
			r.cluster.set(fsm.Green, nil)
			time.AfterFunc(latency+latency/2, func() { r.cluster.set(fsm.Green, errRefused) })
			err := r.rollsBack()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorContains(t, err, "waiting for green to accept")
			pass(prepareTimeout)
			r.requireState("blue")
			require.False(t, r.Routing().CoolDown, "blue is not left")
		},
		"preparing: it aborts the transition": func(t *testing.T, r *rig) {
			r.touch()
			switched := r.startSwitch(fsm.Green)
			require.NoError(t, r.rollsBack())
			r.requireState("blue")
			require.ErrorContains(t, <-switched, "aborted")
			r.cluster.set(fsm.Green, nil)
			before := len(r.steps())
			r.repeat(fsm.Blue, coolDown-time.Second)
			require.Empty(t, r.since(before))
			pass(time.Second)
			r.cutTo(fsm.Green)
		},
		"preparing on hold: it waits for what is known then": func(t *testing.T, r *rig) {
			r.touch()
			r.announce(fsm.Blue, r.Stamp(), fsm.Green)
			r.refuse(fsm.Blue, r.Stamp())
			time.AfterFunc(latency/2, func() { r.cluster.set(fsm.Green, nil) })
			require.NoError(t, r.rollsBack())
			r.requireState("blue")
		},
		"shared or draining: back at once": func(t *testing.T, r *rig) {
			old := r.pin()
			r.cutTo(fsm.Green)
			require.NoError(t, r.rollsBack())
			r.requireState("blue")
			require.Equal(t, fsm.ReasonCaller, r.lastCause().Reason)
			require.Equal(t, []string{"blue aborted"}, r.drains())
			require.True(t, r.Routing().CoolDown)
			r.repeat(fsm.Blue, coolDown/2)
			r.requireState("blue")
			r.Unpin(old)
		},
		"draining: the old side refuses now": func(t *testing.T, r *rig) {
			old := r.pin()
			r.cutTo(fsm.Green)
			r.cluster.set(fsm.Blue, errRefused)
			require.ErrorIs(t, r.rollsBack(), errRefused)
			r.requireState("transitioning blue->green (draining)")
			r.Unpin(old)
		},
		"while it is rolled back: it joins": func(t *testing.T, r *rig) {
			r.touch()
			r.cluster.set(fsm.Green, nil)
			first := make(chan error, 1)
			go func() { first <- r.Rollback(t.Context(), "it is bad") }()
			pass(latency + latency/2)
			r.requireState("transitioning blue->green (preparing)")
			require.NoError(t, r.rollsBack())
			require.NoError(t, <-first)
			r.requireState("green")
			require.EqualValues(t, 1, r.Stamp().Transition)
		},
		"closed": func(t *testing.T, r *rig) {
			r.touch()
			require.NoError(t, r.Close(t.Context()))
			require.ErrorIs(t, r.rollsBack(), router.ErrClosed)
		},
		"closing": func(t *testing.T, r *rig) {
			defer r.Unpin(r.pin())
			r.Drain()
			require.ErrorIs(t, r.rollsBack(), router.ErrClosed)
		},
	} {
		t.Run(name, func(t *testing.T) { bubble(t, test, manual) })
	}
}

func TestRollback_ConcurrentCallersShareOne(t *testing.T) {
	moved(t, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			all.Go(func() {
				if i == 0 {
					errs[i] = r.Rollback(ctx, "the first, which gives up")
				} else {
					errs[i] = r.Rollback(t.Context(), "another")
				}
			})
		}
		synctest.Wait()
		cancel()
		all.Wait()
		synctest.Wait()
		require.ErrorIs(t, errs[0], context.Canceled)
		for _, err := range errs[1:] {
			require.NoError(t, err)
		}
		r.requireState("blue")
		require.EqualValues(t, 2, r.Stamp().Transition)
		require.Equal(t, 1, r.cluster.pinged(fsm.Blue))
	}, manual)
}

func TestRollback_FailsIfTheStrategyChangesDuringTheProbe(t *testing.T) {
	moved(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errHangs)
		done := r.startRollback()
		pass(latency)
		require.NoError(t, r.Reset(t.Context()))
		require.Equal(t, fsm.Green, r.touch())
		pass(2 * probeTimeout)
		require.ErrorContains(t, <-done, "the strategy changed during the probe")
		r.requireState("green")
	}, manual)
}

func TestRollback_SucceedsIfTheOtherSideIsActiveAlready(t *testing.T) {
	moved(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errHangs)
		done := r.startRollback()
		pass(latency)
		r.cluster.set(fsm.Blue, nil)
		r.cluster.set(fsm.Green, errRefused)
		r.refuse(fsm.Green, r.Stamp())
		pass(2 * probeTimeout)
		require.NoError(t, <-done)
		r.requireState("blue")
	}, manual)
}

func TestRollback_OfAnEarlierEpochIsNotShared(t *testing.T) {
	moved(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errHangs)
		first := r.startRollback()
		pass(latency)
		require.NoError(t, r.Reset(t.Context()))
		require.Equal(t, fsm.Green, r.touch())
		r.cluster.set(fsm.Blue, nil)
		require.NoError(t, r.rollsBack())
		r.requireState("blue")
		<-first
	}, manual)
}

func TestSwitch_EndsTheCoolDownOfTheSide(t *testing.T) {
	moved(t, func(t *testing.T, r *rig) {
		require.NoError(t, r.rollsBack())
		r.cluster.set(fsm.Green, errRefused)
		switched := r.startSwitch(fsm.Green)
		require.NoError(t, r.Switch(t.Context(), fsm.Blue))
		require.Error(t, <-switched)
		require.False(t, r.Routing().CoolDown)
		r.cutTo(fsm.Green)
	}, manual)
}

// A shorter suppression does not replace a longer one.
func TestCoolDown_IsNotShortenedByAGuard(t *testing.T) {
	j := &testGuard{decide: func(p hook.Proposal) hook.Decision { return hook.Decision{Veto: p.ID == 3} }}
	moved(t, func(t *testing.T, r *rig) {
		require.NoError(t, r.rollsBack())
		require.ErrorIs(t, r.rollsBack(), router.ErrVetoed, "back to the side that was left")
		require.True(t, r.Routing().CoolDown)
		before := len(r.steps())
		r.repeat(fsm.Blue, coolDown/2)
		require.Empty(t, r.since(before))
	}, manual, func(cfg *router.Config) { cfg.Hooks.Guard = j.guard })
}

func TestProbation_IgnoresFailuresOfTheOriginInASharedPhase(t *testing.T) {
	shared(t, func(t *testing.T, r *rig, _ *holder) {
		for range 10 * minRequests {
			p := r.pinBy(fsm.Blue)
			r.Unanswered(p)
			r.Unpin(p)
		}
		r.answers(1, 0)
		r.requireState("transitioning blue->green (shared)")
		require.Empty(t, r.breaches())
	}, automatic)
}

func TestRollback_EndsWithTheClient(t *testing.T) {
	moved(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errHangs)
		done := r.startRollback()
		pass(latency)
		require.NoError(t, r.Close(t.Context()))
		require.ErrorIs(t, <-done, router.ErrClosed)
	}, manual)
}

// Blue announces green in the response to the login of the rollback.
func TestRollback_IgnoresAnAnnouncementInItsLoginResponse(t *testing.T) {
	moved(t, func(t *testing.T, r *rig) {
		r.cluster.announceOnLogin(fsm.Blue, fsm.Green)
		require.NoError(t, r.rollsBack())
		r.repeat(fsm.Blue, time.Minute)
		r.requireState("blue")
	}, manual)
}
