package router_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/store"
)

const (
	coolDown    = 30 * time.Minute
	probation   = 5 * time.Minute
	minRequests = 10
)

func automatic(cfg *router.Config) {
	cfg.Policy = router.Policy{
		Automatic: true, MinRequests: minRequests, ErrorRate: 0.5, LatencyRatio: 3, Probation: probation, CoolDown: coolDown,
	}
}

// manual is a client without automatic rollbacks.
func manual(cfg *router.Config) {
	automatic(cfg)
	cfg.Policy.Automatic = false
}

// moved runs a test on a client that has just moved from blue to green; both
// accept. Blue goes on announcing green.
func moved(t *testing.T, test func(t *testing.T, r *rig), change ...func(*router.Config)) {
	t.Helper()
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.cutTo(fsm.Green)
		r.requireState("green")
		test(t, r)
	}, append([]func(*router.Config){automatic}, change...)...)
}

// fails lets n queries get no response.
func (r *rig) fails(n int) {
	r.t.Helper()
	for range n {
		p := r.pin()
		r.Unanswered(p)
		r.Unpin(p)
	}
	pass(5 * latency)
}

// answers lets n queries succeed with that latency; 0: not measured.
func (r *rig) answers(n int, after time.Duration) {
	r.t.Helper()
	for range n {
		p := r.pin()
		r.Answered(p, after)
		r.Unpin(p)
	}
	pass(5 * latency)
}

// since lists the machine's events after the first n.
func (r *rig) since(n int) []string { return r.steps()[n:] }

// breaches lists what the breaches led to.
func (r *rig) breaches() (all []string) {
	for _, b := range happened[events.HealthBreached](r) {
		all = append(all, b.Action)
	}
	return all
}

func TestProbation_BreachStartsARollback(t *testing.T) {
	moved(t, func(t *testing.T, r *rig) {
		require.Equal(t, probation-5*latency+2*latency, time.Until(r.Probation(fsm.Green))+latency, "since it accepted")
		before := len(r.steps())
		r.fails(minRequests - 1)
		r.requireState("green")
		require.Empty(t, r.breaches(), "too few queries")
		r.fails(1)
		require.Equal(t, []string{"rollback transitioning green->blue (preparing)", "accept transitioning green->blue (draining)",
			"commit blue"}, r.since(before))
		b := happened[events.HealthBreached](r)
		require.Len(t, b, 1)
		require.Equal(t, fsm.Green, b[0].Side)
		require.Equal(t, []int64{minRequests, minRequests}, []int64{b[0].Requests, b[0].Failures})
		require.Equal(t, "rollback", b[0].Action)
		require.Contains(t, b[0].Reason, "10 of 10 executions got no response")
		for _, s := range happened[events.Transition](r) {
			if s.Event == fsm.EventRollback {
				require.Equal(t, fsm.ReasonHealth, s.Cause.Reason)
			}
		}
		require.True(t, r.Routing().CoolDown)
		require.Zero(t, r.Probation(fsm.Blue), "the old side is not on probation")
		require.Zero(t, r.Probation(fsm.Green))
	})
}

func TestProbation_BreachAtTheErrorRate(t *testing.T) {
	for name, c := range map[string]struct {
		answered, failed int
		breach           bool
	}{
		"half of them failed":           {minRequests / 2, minRequests / 2, true},
		"fewer than half of them":       {minRequests/2 + 1, minRequests / 2, false},
		"one less than the minimum":     {0, minRequests - 1, false},
		"most, after many succeeded":    {100, 99, false},
		"as many, after many succeeded": {100, 100, true},
	} {
		t.Run(name, func(t *testing.T) {
			moved(t, func(t *testing.T, r *rig) {
				r.answers(c.answered, 0)
				r.fails(c.failed)
				require.Equal(t, c.breach, r.Routing().Active == fsm.Blue)
			})
		})
	}
}

func TestProbation_CountsQueriesOfItsEpochOnly(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, r *rig, old router.Pin){
		"not the queries of the old side": func(t *testing.T, r *rig, old router.Pin) {
			for range 10 * minRequests {
				r.Unanswered(old)
			}
		},
		"not when the probation is over": func(t *testing.T, r *rig, old router.Pin) {
			pass(probation)
			r.fails(10 * minRequests)
		},
		"not the queries of an earlier stay": func(t *testing.T, r *rig, _ router.Pin) {
			earlier := r.pin()
			r.cutTo(fsm.Blue)
			r.cutTo(fsm.Green)
			for range minRequests {
				r.Unanswered(earlier)
			}
			r.answers(1, 0)
			r.Unpin(earlier)
		},
		"not after a change without an announcement": func(t *testing.T, r *rig, old router.Pin) {
			require.NoError(t, r.Reset(t.Context()))
			require.Equal(t, fsm.Green, r.touch())
			r.fails(10 * minRequests)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				old := r.pin()
				r.cutTo(fsm.Green)
				test(t, r, old)
				pass(10 * latency)
				require.Equal(t, fsm.Green, r.Routing().Active)
				require.Empty(t, r.breaches())
				r.Unpin(old)
			}, automatic)
		})
	}
}

func TestProbation_NoRollbackWithoutAPolicy(t *testing.T) {
	moved(t, func(t *testing.T, r *rig) {
		require.Zero(t, r.Probation(fsm.Green))
		r.fails(10 * minRequests)
		r.requireState("green")
		require.EqualValues(t, 10*minRequests, r.Health(fsm.Green).Failures, "it is counted all the same")
	}, manual)
}

func TestProbation_LatencyIsComparedWithTheOtherSide(t *testing.T) {
	for name, c := range map[string]struct {
		baseline int
		latency  time.Duration
		breach   bool
	}{
		"it is five times as slow":            {minRequests, 50 * time.Millisecond, true},
		"it is twice as slow":                 {minRequests, 20 * time.Millisecond, false},
		"it is slow, and blue did too little": {minRequests - 1, time.Hour, false},
		"its latency is not measured":         {minRequests, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.answers(c.baseline, 10*time.Millisecond)
				r.cutTo(fsm.Green)
				r.answers(minRequests-1, c.latency)
				r.requireState("green")
				r.answers(2*minRequests, c.latency)
				require.Equal(t, c.breach, r.Routing().Active == fsm.Blue)
				if c.breach {
					require.Contains(t, happened[events.HealthBreached](r)[0].Reason, "the median latency is")
				}
			}, automatic)
		})
	}
}

// At this pace the window holds the same number of queries all the time.
func TestProbation_LatencyIsCheckedAtEveryRate(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(minRequests, 10*time.Millisecond)
		r.cutTo(fsm.Green)
		for range 50 {
			r.answers(1, 50*time.Millisecond)
			pass(5*time.Second - 5*latency)
		}
		require.Equal(t, fsm.Blue, r.Routing().Active)
	}, automatic)
}

func TestProbation_BreachAbortsATransition(t *testing.T) {
	h := &holder{}
	for name, c := range map[string]struct {
		change func(*router.Config)
		phase  string
	}{
		"draining": {func(*router.Config) {}, "transitioning blue->green (draining)"},
		"shared": {func(cfg *router.Config) { h.release = make(chan struct{}); cfg.Hooks.WaitShared = h.hold },
			"transitioning blue->green (shared)"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				old := r.pin()
				r.cutTo(fsm.Green)
				r.requireState(c.phase)
				r.fails(minRequests)
				r.requireState("blue")
				require.Equal(t, fsm.ReasonHealth, r.lastCause().Reason)
				require.Equal(t, []string{"abort"}, r.breaches())
				require.Equal(t, []string{"blue aborted"}, r.drains())
				require.True(t, r.Routing().CoolDown)
				r.Unpin(old)
			}, automatic, c.change)
		})
	}
}

func TestProbation_NoRollbackIfTheOtherSideDoesNotAccept(t *testing.T) {
	for name, fault := range map[string]error{"refuses": errRefused, "is dead": errDead, "sleeps": errSuspended} {
		t.Run(name, func(t *testing.T) {
			moved(t, func(t *testing.T, r *rig) {
				r.cluster.set(fsm.Blue, fault)
				before := len(r.steps())
				for range 40 {
					r.fails(minRequests)
					pass(100 * time.Millisecond)
				}
				require.Empty(t, r.since(before))
				require.Equal(t, 1, r.cluster.pinged(fsm.Blue), "it is asked once in a while")
				require.False(t, r.Routing().CoolDown, "nothing has been left")
				pass(firstPause)
				r.cluster.set(fsm.Blue, nil)
				r.fails(1)
				require.Equal(t, fsm.Blue, r.Routing().Active)
				require.Equal(t, []string{"rollback", "rollback"}, r.breaches())
			})
		})
	}
}

// repeat lets a side announce the other one, as every response may, for some time.
func (r *rig) repeat(source fsm.Side, d time.Duration) {
	for began := time.Now(); time.Since(began) < d; pass(min(10*time.Second, d-time.Since(began))) {
		r.announce(source, r.Stamp(), source.Other())
	}
}

func TestCoolDown_IgnoresAnnouncements(t *testing.T) {
	moved(t, func(t *testing.T, r *rig) {
		r.fails(minRequests)
		r.requireState("blue")
		at := r.Routing().SuppressedUntil.Add(-coolDown)
		require.InDelta(t, 0, time.Since(at), float64(10*latency))
		before := len(r.steps())
		r.repeat(fsm.Blue, time.Until(r.Routing().SuppressedUntil))
		require.Empty(t, r.since(before))
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		pass(5 * latency)
		r.requireState("green")
		r.fails(minRequests)
		r.requireState("blue") // and once more, now that the cool-down is over
	})
}

func TestCoolDown_IgnoresRecordsOfTheStore(t *testing.T) {
	var watched func(store.Record)
	moved(t, func(t *testing.T, r *rig) {
		r.fails(minRequests)
		before := len(r.steps())
		watched(store.Record{Version: 7, Active: fsm.Green})
		pass(coolDown - time.Second)
		watched(store.Record{Version: 8, Active: fsm.Green})
		pass(time.Second)
		require.Empty(t, r.since(before))
		watched(store.Record{Version: 9, Active: fsm.Green})
		pass(5 * latency)
		r.requireState("green")
	}, sharing(&scriptedStore{watch: func(ctx context.Context, fn func(store.Record)) error {
		watched = fn
		<-ctx.Done()
		return ctx.Err()
	}}))
}

func TestCoolDown_AllowsOneAutomaticRollback(t *testing.T) {
	moved(t, func(t *testing.T, r *rig) {
		r.fails(minRequests)
		r.requireState("blue")
		pass(coolDown / 2)
		require.NoError(t, r.Switch(t.Context(), fsm.Green), "the caller knows better")
		synctest.Wait()
		require.False(t, r.Routing().CoolDown)
		before := len(r.steps())
		for range 20 {
			r.fails(minRequests)
			pass(time.Second)
		}
		require.Empty(t, r.since(before))
		require.Equal(t, "none", r.breaches()[1])
		require.LessOrEqual(t, len(r.breaches()), 6, "and not one event for each query")
		require.Contains(t, happened[events.HealthBreached](r)[1].Reason, "the last rollback was 15m0s ago")
	})
}

func TestCoolDown_DoesNotExcludeTheOnlySideThatAccepts(t *testing.T) {
	moved(t, func(t *testing.T, r *rig) {
		r.fails(minRequests)
		pass(time.Minute)
		r.cluster.set(fsm.Blue, errRefused)
		r.refuse(fsm.Blue, r.Stamp())
		require.Equal(t, fsm.Green, r.touch())
		r.cluster.set(fsm.Blue, nil)
		r.cutTo(fsm.Blue)
		r.repeat(fsm.Blue, coolDown/2)
		r.requireState("blue") // the suppression of green goes on
	})
}

func TestRollback_IgnoresAnnouncementsOfTheSideThatIsLeft(t *testing.T) {
	moved(t, func(t *testing.T, r *rig) {
		r.cluster.announceOnLogin(fsm.Blue, fsm.Green) // blue announces green in every login response
		old := r.pin()
		done := make(chan error, 1)
		go func() { done <- r.Rollback(context.Background(), "bad") }()
		for range 4 * int(latency/time.Millisecond) {
			r.announce(fsm.Green, r.Stamp(), fsm.Green)
			r.announce(fsm.Blue, r.Stamp(), fsm.Green)
			pass(time.Millisecond)
		}
		require.NoError(t, <-done)
		r.requireState("transitioning green->blue (draining)")
		r.repeat(fsm.Blue, drainTimeout/2)
		r.requireState("transitioning green->blue (draining)")
		r.Unpin(old)
		r.repeat(fsm.Blue, time.Minute)
		r.requireState("blue")
	})
}

func TestGuard_IsCalledForARollback(t *testing.T) {
	j := &testGuard{decide: func(p hook.Proposal) hook.Decision {
		return hook.Decision{Veto: p.Event == fsm.EventRollback, Reason: "blue is worse"}
	}}
	moved(t, func(t *testing.T, r *rig) {
		require.ErrorIs(t, r.Rollback(t.Context(), "bad"), router.ErrVetoed)
		r.requireState("green")
		require.False(t, r.Routing().CoolDown)
		p := j.proposals()[1]
		require.Equal(t, []any{fsm.EventRollback, fsm.Green, fsm.Blue}, []any{p.Event, p.From, p.To})
		pass(firstPause)
		for range 9 {
			r.fails(minRequests)
			pass(time.Second)
		}
		r.requireState("green")
		require.Len(t, j.proposals(), 3, "the breach asks once, and then after a pause that grows")
		pass(firstPause)
		r.fails(minRequests)
		require.Len(t, j.proposals(), 4)
		j.decide = func(hook.Proposal) hook.Decision { return hook.Decision{} }
		pass(4 * firstPause)
		r.fails(minRequests)
		r.requireState("blue")
		require.True(t, r.Routing().CoolDown)
	}, func(cfg *router.Config) { cfg.Hooks.Guard = j.guard })
}
