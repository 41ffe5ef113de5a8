package router_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// firstPause is the first pause of a suppression; it doubles.
const firstPause = 5 * time.Second

var veto = hook.Decision{Veto: true, Reason: "not today", By: "guard"}

// testGuard is a guard whose decisions a test makes.
type testGuard struct {
	decide         func(p hook.Proposal) hook.Decision // at once; nil waits for reply
	ignoresContext bool                                // keeps waiting after its context has ended

	mu      sync.Mutex
	calls   []hook.Proposal
	answers []chan hook.Decision // of each call
	ended   int                  // calls whose context ended before the reply
}

func (j *testGuard) guard(ctx context.Context, p hook.Proposal) hook.Decision {
	answer := make(chan hook.Decision)
	j.mu.Lock()
	j.calls, j.answers = append(j.calls, p), append(j.answers, answer)
	j.mu.Unlock()
	if j.decide != nil {
		return j.decide(p)
	}
	select {
	case d := <-answer:
		return d
	case <-ctx.Done():
	}
	j.mu.Lock()
	j.ended++
	j.mu.Unlock()
	if j.ignoresContext {
		return <-answer
	}
	return veto
}

// reply makes the decision of a waiting call, counted from 1.
func (j *testGuard) reply(call int, d hook.Decision) {
	j.mu.Lock()
	answer := j.answers[call-1]
	j.mu.Unlock()
	answer <- d
	pass(0)
}

func (j *testGuard) proposals() []hook.Proposal {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.calls
}

func (j *testGuard) stopped() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.ended
}

// inGuarded runs a test whose transitions have a guard. Both sides accept.
func inGuarded(t *testing.T, test func(t *testing.T, r *rig, j *testGuard), change ...func(*router.Config)) {
	t.Helper()
	j := &testGuard{}
	change = append(change, func(cfg *router.Config) { cfg.Hooks.Guard = j.guard })
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.cluster.set(fsm.Green, nil)
		test(t, r, j)
	}, change...)
}

// startSwitch starts a Switch to a side and returns a channel for its result.
func (r *rig) startSwitch(side fsm.Side) <-chan error {
	done := make(chan error, 1)
	go func() { done <- r.Switch(context.Background(), side) }()
	pass(5 * latency)
	return done
}

// lastCause is the cause of the machine's last step.
func (r *rig) lastCause() fsm.Cause { return r.Routing().Cause }

func TestGuard_GetsTheProposalAndNoQueryIsRoutedBeforeItAllows(t *testing.T) {
	inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
		old := r.pin()
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		for range 30 {
			pass(time.Second)
			r.requireState("transitioning blue->green (preparing)")
			require.Equal(t, fsm.Blue, r.touch())
			require.Zero(t, r.InFlight(fsm.Green))
			require.NotZero(t, r.Sessions().Open(fsm.Green), "it can be tried out")
		}
		require.Len(t, j.proposals(), 1)
		p := j.proposals()[0]
		require.Equal(t, hook.Proposal{
			ID: 1, Event: fsm.EventAnnounce, From: fsm.Blue, To: fsm.Green, Attempt: 1, InFlight: 1,
			Cause: fsm.Cause{Reason: fsm.ReasonAnnouncement, Detail: "blue named green"},
		}, p)
		j.reply(1, hook.Decision{By: "guard"})
		pass(0)
		require.Equal(t, fsm.Green, r.touch())
		require.Equal(t, []events.GuardDecided{{
			Guard: "guard", Target: fsm.Green, Decision: "allow", Took: 30*time.Second - latency,
		}}, happened[events.GuardDecided](r))
		r.Unpin(old)
	})
}

func TestGuard_CanQueryTheTargetWhoseSessionIsKept(t *testing.T) {
	inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
		done := r.startSwitch(fsm.Green)
		smoke := r.PinTo(fsm.Green)
		s, err := r.Sessions().Get(t.Context(), smoke.Side)
		require.NoError(t, err)
		require.Equal(t, "green-1", s.ID)
		j.reply(1, veto)
		require.ErrorIs(t, <-done, router.ErrVetoed)
		require.NotZero(t, r.Sessions().Open(fsm.Green), "a query still needs it")
		r.Unpin(smoke)
		synctest.Wait()
		require.Zero(t, r.Sessions().Open(fsm.Green))
	})
}

func TestGuard_VetoKeepsTheOrigin(t *testing.T) {
	inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
		done := r.startSwitch(fsm.Green)
		before := r.Routing()
		j.reply(1, veto)
		err := <-done
		require.ErrorIs(t, err, router.ErrVetoed)
		require.ErrorContains(t, err, "not today")
		r.requireState("blue")
		require.Equal(t, before.Epoch, r.Routing().Epoch)
		require.Equal(t, fsm.ReasonVeto, r.lastCause().Reason)
		require.Equal(t, "not today", r.lastCause().Detail)
		require.Empty(t, r.drains())
		pass(0)
		require.Zero(t, r.Sessions().Open(fsm.Green))
		require.Equal(t, fsm.Blue, r.touch())
		got := happened[events.GuardDecided](r)
		require.Len(t, got, 1)
		require.Equal(t, "veto", got[0].Decision)
		require.Equal(t, "not today", got[0].Reason)
		require.False(t, got[0].Overruled)

		again := r.startSwitch(fsm.Green)
		require.Len(t, j.proposals(), 2, "the caller may ask again at once")
		j.reply(2, hook.Decision{})
		require.NoError(t, <-again)
	})
}

// Every response may repeat a vetoed announcement: the guards are called again, but not
// for each response.
func TestGuard_IsCalledAgainAfterGrowingPausesForARepeatedAnnouncement(t *testing.T) {
	inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
		var at []time.Time
		j.decide = func(hook.Proposal) hook.Decision { at = append(at, time.Now()); return veto }
		for began := time.Now(); time.Since(began) < 80*time.Second; pass(10 * time.Millisecond) {
			r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		}
		require.Len(t, at, 5)
		for i, pause := 1, firstPause; i < len(at); i, pause = i+1, 2*pause {
			require.GreaterOrEqual(t, at[i].Sub(at[i-1]), pause)
			require.Less(t, at[i].Sub(at[i-1]), pause+50*time.Millisecond)
		}
		for i, p := range j.proposals() {
			require.EqualValues(t, i+1, p.ID)
			require.Equal(t, 1, p.Attempt)
		}
		received := happened[events.AnnouncementReceived](r)
		require.Len(t, received, 5, "what is ignored for a while fills no history")
		require.Equal(t, fsm.Blue, r.touch())
	})
}

func TestGuard_IsCalledAgainAfterItsDelay(t *testing.T) {
	inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
		j.decide = func(p hook.Proposal) hook.Decision {
			if p.Attempt == 1 {
				return hook.Decision{Delay: 20 * time.Second, Reason: "peak", By: "guard"}
			}
			return hook.Decision{}
		}
		began := time.Now()
		require.NoError(t, r.Switch(t.Context(), fsm.Green))
		require.Equal(t, 20*time.Second+2*latency, time.Since(began), "the target is asked once more, too")
		require.Equal(t, 2, r.cluster.logins(fsm.Green))
		require.Equal(t, 2, j.proposals()[1].Attempt)
		require.Equal(t, j.proposals()[0].ID, j.proposals()[1].ID)
		got := happened[events.GuardDecided](r)
		require.Equal(t, events.GuardDecided{Guard: "guard", Target: fsm.Green, Decision: "delay", Reason: "peak", Delay: 20 * time.Second}, got[0])
		require.Equal(t, "allow", got[1].Decision)
	})
}

func TestGuard_VetoWithADelayIsAVeto(t *testing.T) {
	inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
		j.decide = func(hook.Proposal) hook.Decision { return hook.Decision{Veto: true, Delay: time.Second} }
		require.ErrorIs(t, r.Switch(t.Context(), fsm.Green), router.ErrVetoed)
	})
}

func TestGuard_SuccessfulCutoverResetsTheStrikes(t *testing.T) {
	inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
		j.decide = func(p hook.Proposal) hook.Decision { return hook.Decision{Veto: p.ID <= 2 || p.ID > 4} }
		r.repeat(fsm.Blue, 7*firstPause) // vetoed twice, then allowed
		r.requireState("green")
		r.cutTo(fsm.Blue)
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		pass(firstPause + latency)
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		pass(latency)
		require.Len(t, j.proposals(), 6, "its first pause is a short one again")
	})
}

func TestGuard_DelayEndsAtThePrepareTimeout(t *testing.T) {
	for _, delay := range []time.Duration{7 * time.Second, time.Hour} {
		t.Run(delay.String(), func(t *testing.T) {
			inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
				j.decide = func(hook.Proposal) hook.Decision { return hook.Decision{Delay: delay} }
				began := time.Now()
				require.ErrorContains(t, r.Switch(t.Context(), fsm.Green), "was not ready within")
				require.Equal(t, prepareTimeout, time.Since(began))
				require.Equal(t, fsm.ReasonDeadline, r.lastCause().Reason)
				require.Len(t, j.proposals(), 1+int((prepareTimeout-latency)/(delay+latency)))
				require.Equal(t, fsm.Blue, r.touch())
				pass(time.Hour)
				r.requireState("blue")
			})
		})
	}
}

func TestGuard_IsCancelledAtThePrepareTimeout(t *testing.T) {
	inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
		began := time.Now()
		require.ErrorContains(t, r.Switch(t.Context(), fsm.Green), "was not ready within")
		require.Equal(t, prepareTimeout, time.Since(began))
		pass(0)
		require.Equal(t, 1, j.stopped())
		r.requireState("blue")
		require.Empty(t, happened[events.GuardDecided](r), "its judgment counts for nothing")
	})
}

// A side that refuses cannot be kept, for any decision of the guard.
func TestGuard_IsOverruledWhenTheOriginRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		late      hook.Decision
		overruled bool
	}{
		"that vetoes": {veto, true},
		"that delays": {hook.Decision{Delay: time.Hour}, true},
		"that allows": {hook.Decision{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
				j.ignoresContext = true
				r.announce(fsm.Blue, r.Stamp(), fsm.Green)
				pass(10 * time.Second)
				r.cluster.set(fsm.Blue, errRefused)
				r.refuse(fsm.Blue, r.Stamp())
				w := r.startPin(t.Context())
				require.Equal(t, 1, j.stopped(), "its context ends at once")
				require.True(t, w.waits())
				j.reply(1, c.late)
				pass(0)
				require.False(t, w.waits())
				require.Equal(t, fsm.Green, w.pin.Side)
				got := happened[events.GuardDecided](r)
				require.Len(t, got, 1)
				require.Equal(t, c.overruled, got[0].Overruled)
				require.Equal(t, []string{"detect detecting", "settle blue", "announce transitioning blue->green (preparing)",
					"accept transitioning blue->green (draining)", "commit green"}, r.steps())
			})
		})
	}
}

func TestGuard_DelayEndsWhenTheOriginRefuses(t *testing.T) {
	inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
		j.decide = func(hook.Proposal) hook.Decision { return hook.Decision{Delay: 50 * time.Second} }
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		pass(time.Second)
		r.cluster.set(fsm.Blue, errRefused)
		r.refuse(fsm.Blue, r.Stamp())
		began := time.Now()
		require.Equal(t, fsm.Green, r.touch())
		require.Equal(t, latency, time.Since(began), "the target is asked once more")
		require.Len(t, j.proposals(), 1, "the guard is not called again")
	})
}

// probeNow is for the logins on the target only: a failed query on the origin must not
// end the delay of a guard.
func TestGuard_DelayIsNotCutShortByAFailedQuery(t *testing.T) {
	inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
		j.decide = func(hook.Proposal) hook.Decision { return hook.Decision{Delay: 50 * time.Second} }
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		for range 20 {
			pass(time.Second)
			r.fail(fsm.Blue, r.Stamp())
		}
		require.Len(t, j.proposals(), 1)
	})
}

func TestGuard_IsNotCalledForADetection(t *testing.T) {
	inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
		j.decide = func(hook.Proposal) hook.Decision { return veto }
		r.cluster.set(fsm.Blue, errRefused)
		r.refuse(fsm.Blue, r.Stamp())
		require.Equal(t, fsm.Green, r.touch())
		require.Empty(t, j.proposals())
	})
}

func TestGuard_IsCancelledWithItsTransitionAndItsLateDecisionIsIgnored(t *testing.T) {
	ends := map[string]func(r *rig){
		"withdrawn by the origin": func(r *rig) { r.announce(fsm.Blue, r.Stamp(), fsm.Blue) },
		"withdrawn by the caller": func(r *rig) { require.NoError(r.t, r.Switch(context.Background(), fsm.Blue)) },
		"rolled back":             func(r *rig) { require.NoError(r.t, r.Rollback(context.Background(), "no")) },
		"reset":                   func(r *rig) { require.NoError(r.t, r.Reset(context.Background())); r.touch() },
		"out of time":             func(*rig) { pass(prepareTimeout) },
		"superseded by the next": func(r *rig) {
			require.NoError(r.t, r.Switch(context.Background(), fsm.Blue))
			go func() { _ = r.Switch(context.Background(), fsm.Green) }()
			pass(5 * latency)
		},
	}
	for name, end := range ends {
		for _, late := range []hook.Decision{{}, veto, {Delay: time.Second}} {
			t.Run(fmt.Sprintf("%s, %+v", name, late), func(t *testing.T) {
				inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
					j.ignoresContext = true
					r.announce(fsm.Blue, r.Stamp(), fsm.Green)
					pass(time.Second)
					end(r)
					pass(0)
					require.Equal(t, 1, j.stopped())
					steps := r.steps()
					j.reply(1, late)
					pass(5 * latency)
					require.Equal(t, steps, r.steps())
					require.Empty(t, happened[events.GuardDecided](r))
					for call := 2; call <= len(j.proposals()); call++ {
						j.reply(call, hook.Decision{}) // of the transition after that
						require.Equal(t, fsm.Green, r.touch())
					}
				})
			})
		}
	}
}

func TestGuard_IsCancelledWhenTheClientCloses(t *testing.T) {
	inGuarded(t, func(t *testing.T, r *rig, j *testGuard) {
		done := r.startSwitch(fsm.Green)
		began := time.Now()
		require.NoError(t, r.Close(t.Context()))
		require.Zero(t, time.Since(began))
		require.ErrorIs(t, <-done, router.ErrClosed)
		require.Equal(t, 1, j.stopped())
	})
}
