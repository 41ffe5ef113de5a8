package router_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// changes lists the changes of the active side that were published.
func (r *rig) changes() (all []string) {
	for _, d := range happened[events.StrategyChanged](r) {
		all = append(all, fmt.Sprintf("%s->%s %s", d.From, d.To, d.Change))
	}
	return all
}

// pairs lists the changes that hooks reported, without the transitions that changed
// nothing.
func (s *spans) pairs(t *testing.T) (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	both := slices.Concat(s.cutovers, s.changes)
	slices.SortStableFunc(both, func(a, b *span[hook.CutoverStart, hook.CutoverEnd]) int {
		return a.start.At.Compare(b.start.At)
	})
	for _, c := range both {
		if changed := c.end.Changed || c.ends == 0; changed {
			all = append(all, fmt.Sprintf("%s->%s %s", c.start.From, c.start.To, c.start.Change))
		} else {
			require.Zero(t, c.end.Ready)
		}
	}
	return all
}

// preparing begins a transition to green, which does not accept yet.
func preparing(r *rig) { r.announce(fsm.Blue, r.Stamp(), fsm.Green) }

func TestStrategyChanged_IsPublishedOnceForEveryChangeOfTheActiveSide(t *testing.T) {
	first := "none->blue detected"
	for name, c := range map[string]struct {
		path   func(t *testing.T, r *rig) // from blue, with a query on it
		want   []string                   // after the first use
		reason fsm.Reason                 // of the last one
		config func(*router.Config)
	}{
		"an announcement": {
			path: func(_ *testing.T, r *rig) { r.cutTo(fsm.Green) },
			want: []string{"blue->green announced"}, reason: fsm.ReasonAnnouncement,
		},
		"an announcement with a shared phase": {
			path: func(t *testing.T, r *rig) {
				r.cutTo(fsm.Green)
				r.requireState("transitioning blue->green (shared)")
				pass(sharedTimeout)
				r.requireState("transitioning blue->green (draining)")
			},
			want: []string{"blue->green announced"}, reason: fsm.ReasonAnnouncement,
			config: func(cfg *router.Config) {
				cfg.Hooks.WaitShared = func(ctx context.Context, _ fsm.Snapshot) { <-ctx.Done() }
			},
		},
		"an announcement whose drain ends at its deadline": {
			path: func(_ *testing.T, r *rig) { r.cutTo(fsm.Green); pass(drainTimeout) },
			want: []string{"blue->green announced"}, reason: fsm.ReasonAnnouncement,
		},
		"an announcement before an origin that refuses": {
			path: func(_ *testing.T, r *rig) {
				preparing(r)
				pass(time.Second)
				r.cluster.set(fsm.Green, nil)
				r.refuse(fsm.Blue, r.Stamp())
				pass(5 * latency)
			},
			want: []string{"blue->green announced"}, reason: fsm.ReasonAnnouncement,
		},
		"an announcement that is withdrawn": {
			path: func(_ *testing.T, r *rig) { preparing(r); r.announce(fsm.Blue, r.Stamp(), fsm.Blue) },
		},
		"an announcement of a side that does not get ready": {
			path: func(_ *testing.T, r *rig) { preparing(r); pass(prepareTimeout) },
		},
		"a target that fails after it accepted": {
			path: func(_ *testing.T, r *rig) {
				r.cutTo(fsm.Green)
				r.cluster.set(fsm.Green, errRefused)
				r.refuse(fsm.Green, r.Stamp())
				pass(5 * latency)
			},
			want: []string{"blue->green announced", "green->blue aborted"}, reason: fsm.ReasonTargetUnhealthy,
		},
		"a target that fails after it accepted, and an origin that refuses": {
			path: func(_ *testing.T, r *rig) {
				r.cutTo(fsm.Green)
				r.cluster.set(fsm.Green, errDead)
				r.cluster.set(fsm.Blue, errRefused)
				r.fail(fsm.Green, r.Stamp())
				pass(time.Second)
				r.cluster.set(fsm.Green, nil)
				pass(3 * time.Second)
			},
			want: []string{"blue->green announced"}, reason: fsm.ReasonAnnouncement,
		},
		"a refusal": {
			path: func(_ *testing.T, r *rig) {
				r.cluster.set(fsm.Blue, errRefused)
				r.cluster.set(fsm.Green, nil)
				r.refuse(fsm.Blue, r.Stamp())
				pass(5 * latency)
			},
			want: []string{"blue->green abrupt"}, reason: fsm.ReasonRefusal,
		},
		"a side without a response": {
			path: func(_ *testing.T, r *rig) {
				r.cluster.set(fsm.Blue, errDead)
				r.cluster.set(fsm.Green, nil)
				r.fail(fsm.Blue, r.Stamp())
				pass(time.Second)
			},
			want: []string{"blue->green abrupt"}, reason: fsm.ReasonUnreachable,
		},
		"a probe that is refused": {
			path: func(_ *testing.T, r *rig) {
				r.cluster.set(fsm.Blue, errRefused)
				r.cluster.set(fsm.Green, nil)
				pass(refreshInterval)
			},
			want: []string{"blue->green abrupt"}, reason: fsm.ReasonRefusal,
		},
		"a refusal by both, and the old side comes back": {
			path: func(_ *testing.T, r *rig) {
				r.cluster.set(fsm.Blue, errRefused)
				r.refuse(fsm.Blue, r.Stamp())
				pass(10 * time.Second)
				r.cluster.set(fsm.Blue, nil)
				pass(3 * time.Second)
			},
		},
		"a detection that finds no side, and later the other one": {
			path: func(_ *testing.T, r *rig) {
				r.cluster.set(fsm.Blue, errRefused)
				r.refuse(fsm.Blue, r.Stamp())
				pass(detectionTimeout + probeTimeout)
				r.requireState("unknown")
				r.cluster.set(fsm.Green, nil)
				r.touch()
			},
			want: []string{"blue->green detected"}, reason: fsm.ReasonFirstUse,
		},
		"both refuse while a target is prepared, and it is found": {
			path: func(_ *testing.T, r *rig) {
				preparing(r)
				pass(time.Second)
				r.cluster.set(fsm.Blue, errRefused)
				r.refuse(fsm.Blue, r.Stamp())
				pass(time.Second)
				r.cluster.set(fsm.Green, nil)
				pass(3 * time.Second)
			},
			want: []string{"blue->green abrupt"}, reason: fsm.ReasonRefusal,
		},
		"a rollback by the caller": {
			path: func(t *testing.T, r *rig) {
				r.cutTo(fsm.Green)
				pass(drainTimeout)
				r.requireState("green")
				require.NoError(t, r.Rollback(t.Context(), "it is slow"))
			},
			want: []string{"blue->green announced", "green->blue rolled_back"}, reason: fsm.ReasonCaller,
		},
		"a rollback by the caller before the drain has ended": {
			path: func(t *testing.T, r *rig) {
				r.cutTo(fsm.Green)
				require.NoError(t, r.Rollback(t.Context(), "it is slow"))
			},
			want: []string{"blue->green announced", "green->blue rolled_back"}, reason: fsm.ReasonCaller,
		},
		"a rollback by the health policy": {
			path: func(_ *testing.T, r *rig) {
				r.cutTo(fsm.Green)
				r.fails(20)
				pass(time.Second)
				r.requireState("blue")
			},
			want: []string{"blue->green announced", "green->blue rolled_back"}, reason: fsm.ReasonHealth, config: automatic,
		},
		"a rollback that the other side does not accept": {
			path: func(t *testing.T, r *rig) {
				r.cutTo(fsm.Green)
				r.cluster.set(fsm.Blue, errDead)
				require.Error(t, r.Rollback(t.Context(), "it is slow"))
			},
			want: []string{"blue->green announced"}, reason: fsm.ReasonAnnouncement,
		},
		"a switch": {
			path: func(t *testing.T, r *rig) {
				r.cluster.set(fsm.Green, nil)
				require.NoError(t, r.Switch(t.Context(), fsm.Green))
			},
			want: []string{"blue->green requested"}, reason: fsm.ReasonCaller,
		},
		"a switch to the active side": {
			path: func(t *testing.T, r *rig) { require.NoError(t, r.Switch(t.Context(), fsm.Blue)) },
		},
		"a reset": {
			path: func(t *testing.T, r *rig) { require.NoError(t, r.Reset(t.Context())) },
			want: []string{"blue->none reset"}, reason: fsm.ReasonCaller,
		},
		"a reset while draining, and the next use": {
			path: func(t *testing.T, r *rig) {
				r.cutTo(fsm.Green)
				require.NoError(t, r.Reset(t.Context()))
				r.touch()
			},
			want: []string{"blue->green announced", "green->none reset", "none->green detected"}, reason: fsm.ReasonFirstUse,
		},
		"a reset during a detection": {
			path: func(t *testing.T, r *rig) {
				r.cluster.set(fsm.Blue, errRefused)
				r.refuse(fsm.Blue, r.Stamp())
				require.NoError(t, r.Reset(t.Context()))
			},
			want: []string{"blue->none reset"}, reason: fsm.ReasonCaller,
		},
		"a close": {
			path: func(t *testing.T, r *rig) { require.NoError(t, r.Close(t.Context())) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			change := func(*router.Config) {}
			if c.config != nil {
				change = c.config
			}
			traced(t, func(t *testing.T, r *rig, s *spans) {
				running := r.pin()
				c.path(t, r)
				r.Unpin(running)
				pass(time.Minute)
				want := append([]string{first}, c.want...)
				require.Equal(t, want, r.changes())
				require.Equal(t, want, s.pairs(t), "each has one pair of calls of the hooks")
				all := happened[events.StrategyChanged](r)
				for i, d := range all {
					require.NotZero(t, d.Epoch)
					require.NotEmpty(t, d.Cause.Reason)
					require.GreaterOrEqual(t, d.Took, time.Duration(0))
					if i > 0 {
						require.Equal(t, all[i-1].To, d.From, "the changes are a chain")
						require.Greater(t, d.Epoch, all[i-1].Epoch)
					}
				}
				if c.reason != "" {
					require.Equal(t, c.reason, all[len(all)-1].Cause.Reason)
				}
			}, change)
		})
	}
}

func TestStrategyChanged_ByTheStoreHasItsOwnKind(t *testing.T) {
	s := &spans{}
	bubbles.Test(t, func(t *testing.T) {
		var shelf store.Memory
		r, other := newRig(t, sharing(&shelf), s.attach), newRig(t, sharing(&shelf))
		defer r.end()
		defer other.end()
		r.cluster.set(fsm.Green, errRefused)
		other.cluster.set(fsm.Green, errRefused)
		r.touch()
		other.touch()
		r.cluster.set(fsm.Green, nil)
		other.cutTo(fsm.Green)
		pass(time.Second)
		require.Equal(t, []string{"none->blue detected", "blue->green store"}, r.changes())
		require.Equal(t, r.changes(), s.pairs(t))
		require.Equal(t, []string{"none->blue detected", "blue->green announced"}, other.changes())
	})
}

func TestStrategyChanged_AnAbruptChangeBeginsWithTheFirstRefusal(t *testing.T) {
	traced(t, func(t *testing.T, r *rig, s *spans) {
		running := []router.Pin{r.pin(), r.pin(), r.pin()}
		began := time.Now()
		r.cluster.set(fsm.Blue, errRefused)
		at := r.Stamp()
		r.refuse(fsm.Blue, at)
		r.Unpin(running[0]) // it is lost before the other side is found
		pass(5 * time.Second)
		r.cluster.set(fsm.Green, nil)
		w := r.startPin(t.Context())
		pass(5 * time.Second)
		require.False(t, w.waits())
		d := happened[events.StrategyChanged](r)[1]
		require.Equal(t, "blue refused a call", d.Cause.Detail)
		require.Greater(t, d.Took, 5*time.Second)
		require.Less(t, d.Took, 10*time.Second)
		require.EqualValues(t, 2, d.InFlight)
		require.Zero(t, d.Transition)
		require.Equal(t, r.Routing().Epoch, d.Epoch)
		synctest.Wait()
		require.Len(t, s.changes, 2)
		start, end := s.changes[1].start, s.changes[1].end
		require.Equal(t, hook.CutoverStart{
			Event: fsm.EventSettle, Change: events.ChangeAbrupt, From: fsm.Blue, To: fsm.Green, Cause: d.Cause, At: began, InFlight: 3,
		}, start)
		require.Equal(t, hook.ResultSettled, end.Result)
		require.Equal(t, began.Add(d.Took), end.At)
		require.EqualValues(t, 2, end.Remaining)
		require.Equal(t, began, s.detections[1].start.At)
		r.Unpin(running[1])
		r.Unpin(running[2])
	})
}

func TestStrategyChanged_AResolvedSuspicionIsNotTheStartOfALaterChange(t *testing.T) {
	for name, unfounded := range map[string]func(r *rig){
		"a call without a response": func(r *rig) { r.fail(fsm.Blue, r.Stamp()); pass(time.Second) },
		"a failed rollback": func(r *rig) {
			require.Error(r.t, r.Rollback(context.Background(), "too early"))
		},
		"a refusal before an announcement is withdrawn": func(r *rig) {
			preparing(r)
			r.announce(fsm.Blue, r.Stamp(), fsm.Blue)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.cluster.set(fsm.Green, errRefused)
				r.touch()
				unfounded(r)
				pass(10 * time.Second)
				r.cluster.set(fsm.Green, nil)
				r.cluster.set(fsm.Blue, errRefused)
				r.refuse(fsm.Blue, r.Stamp())
				pass(time.Second)
				d := happened[events.StrategyChanged](r)[1]
				require.Equal(t, events.ChangeAbrupt, d.Change)
				require.Less(t, d.Took, time.Second)
				require.Equal(t, fsm.ReasonRefusal, d.Cause.Reason)
			})
		})
	}
}

// Every step of the machine that changes the active side has a kind.
func TestStrategyChanged_EveryEventThatChangesTheActiveSideHasAKind(t *testing.T) {
	kinds := map[events.ChangeKind]bool{}
	for _, event := range []fsm.Event{fsm.EventAnnounce, fsm.EventRollback, fsm.EventAbort, fsm.EventSettle, fsm.EventReset} {
		for _, reason := range []fsm.Reason{
			fsm.ReasonFirstUse, fsm.ReasonAnnouncement, fsm.ReasonRefusal, fsm.ReasonUnreachable, fsm.ReasonDeadline, fsm.ReasonTargetUnhealthy,
			fsm.ReasonCaller, fsm.ReasonStore, fsm.ReasonHealth, "a reason of tomorrow",
		} {
			kind := router.ChangeKindOf(event, fsm.Cause{Reason: reason})
			require.Contains(t, events.AllChangeKinds(), kind)
			kinds[kind] = true
		}
	}
	require.Len(t, kinds, len(events.AllChangeKinds()))
}
