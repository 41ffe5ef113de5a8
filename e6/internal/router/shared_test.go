package router_test

import (
	"context"
	"fmt"
	"log/slog"
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

// holder is a selector that needs both sides until it is released.
type holder struct {
	mu      sync.Mutex
	shared  []fsm.Snapshot
	ended   int // calls that ended with their context
	release chan struct{}
}

func (h *holder) hold(ctx context.Context, shared fsm.Snapshot) {
	h.mu.Lock()
	h.shared = append(h.shared, shared)
	h.mu.Unlock()
	select {
	case <-h.release:
	case <-ctx.Done():
		h.mu.Lock()
		h.ended++
		h.mu.Unlock()
	}
}

func (h *holder) count() (calls, ended int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.shared), h.ended
}

// errorLog is a log handler whose errors fail a test: the router logs an error when it
// fires an event that the machine does not allow.
type errorLog func(format string, args ...any)

func (errorLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (c errorLog) WithAttrs([]slog.Attr) slog.Handler             { return c }
func (c errorLog) WithGroup(string) slog.Handler                  { return c }

func (c errorLog) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool { c("%s: %s", r.Message, a); return true })
	return nil
}

// held runs a test with a selector that holds transitions. Both sides accept.
func held(t *testing.T, test func(t *testing.T, r *rig, h *holder), change ...func(*router.Config)) {
	t.Helper()
	h := &holder{}
	change = append(change, func(cfg *router.Config) {
		h.release = make(chan struct{})
		cfg.Hooks.WaitShared = h.hold
		cfg.Logger = slog.New(errorLog(t.Errorf))
	})
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.cluster.set(fsm.Green, nil)
		test(t, r, h)
	}, change...)
}

// shared runs a test in a phase in which both sides take queries.
func shared(t *testing.T, test func(t *testing.T, r *rig, h *holder), change ...func(*router.Config)) {
	t.Helper()
	held(t, func(t *testing.T, r *rig, h *holder) {
		r.cutTo(fsm.Green)
		r.requireState("transitioning blue->green (shared)")
		test(t, r, h)
	}, change...)
}

// pinBy pins a query whose selector wants a side.
func (r *rig) pinBy(want fsm.Side) router.Pin {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	p, err := r.PinBy(ctx, func(*router.Routing) fsm.Side { return want })
	require.NoError(r.t, err)
	return p
}

// touchBy is touch for a query whose selector wants a side.
func (r *rig) touchBy(want fsm.Side) fsm.Side {
	r.t.Helper()
	p := r.pinBy(want)
	r.Unpin(p)
	synctest.Wait()
	return p.Side
}

func TestSharedPhase_RoutesEachQueryBySelector(t *testing.T) {
	shared(t, func(t *testing.T, r *rig, h *holder) {
		require.Equal(t, []fsm.Snapshot{r.Routing().Snapshot}, h.shared)
		require.Equal(t, fsm.Green, r.Routing().Active, "the target serves")
		require.EqualValues(t, 2, r.Routing().Epoch, "from when it accepts")
		for want, is := range map[fsm.Side]fsm.Side{fsm.Blue: fsm.Blue, fsm.Green: fsm.Green, fsm.None: fsm.Green, 7: fsm.Green} {
			p := r.pinBy(want)
			require.Equal(t, is, p.Side, "wanted %s", want)
			require.EqualValues(t, 2, p.Epoch)
			require.EqualValues(t, 1, r.InFlight(is))
			r.Unpin(p)
		}
		require.Equal(t, fsm.Green, r.touch(), "without a selector")
		p, err := r.PinAgain(t.Context())
		require.NoError(t, err)
		require.Equal(t, fsm.Green, p.Side, "a query that starts over has seen enough")
		r.Unpin(p)
		for _, side := range fsm.Sides {
			s, err := r.Sessions().Get(t.Context(), side)
			require.NoError(t, err)
			require.Equal(t, side.String()+"-1", s.ID, "both keep their session")
		}
		require.Empty(t, r.drains(), "an origin without queries is not drained while it takes some")
	})
}

func TestSharedPhase_SelectorIsCalledInThisPhaseOnly(t *testing.T) {
	held(t, func(t *testing.T, r *rig, h *holder) {
		require.Equal(t, fsm.Blue, r.touchBy(fsm.Green))
		r.cluster.set(fsm.Green, errRefused)
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		require.Equal(t, fsm.Blue, r.touchBy(fsm.Green), "the target is not ready")
		r.cluster.set(fsm.Green, nil)
		pass(2 * time.Second)
		old := r.pinBy(fsm.Blue)
		require.Equal(t, fsm.Blue, old.Side)
		close(h.release)
		pass(0)
		r.requireState("transitioning blue->green (draining)")
		require.Equal(t, fsm.Green, r.touchBy(fsm.Blue), "the origin is being drained")
		r.Unpin(old)
		pass(0)
		r.requireState("green")
		require.Equal(t, fsm.Green, r.touchBy(fsm.Blue))
	})
}

func TestSharedPhase_EndsWhenNoSelectorNeedsIt(t *testing.T) {
	shared(t, func(t *testing.T, r *rig, h *holder) {
		onBlue, onGreen := r.pinBy(fsm.Blue), r.pinBy(fsm.Green)
		pass(10 * time.Minute)
		close(h.release)
		pass(0)
		require.Equal(t, fsm.ReasonSelector, r.lastCause().Reason)
		require.EqualValues(t, 2, r.Routing().Epoch, "the target was active before")
		pass(drainTimeout / 2)
		r.Unpin(onBlue)
		pass(0)
		r.Unpin(onGreen)
		require.Equal(t, []string{"detect detecting", "settle blue", "announce transitioning blue->green (preparing)",
			"accept transitioning blue->green (shared)", "accept transitioning blue->green (draining)", "commit green"}, r.steps())
		require.Equal(t, []string{"blue drained"}, r.drains())
		require.Zero(t, r.Sessions().Open(fsm.Blue))
		calls, ended := h.count()
		require.Equal(t, []int{1, 0}, []int{calls, ended})
	})
}

func TestSharedPhase_EndsAtItsTimeout(t *testing.T) {
	shared(t, func(t *testing.T, r *rig, h *holder) {
		defer r.Unpin(r.pinBy(fsm.Blue))
		pass(sharedTimeout - 10*latency)
		r.requireState("transitioning blue->green (shared)")
		pass(10 * latency)
		r.requireState("transitioning blue->green (draining)")
		require.Equal(t, fsm.ReasonDeadline, r.lastCause().Reason)
		_, ended := h.count()
		require.Equal(t, 1, ended)
		pass(drainTimeout - 10*latency)
		r.requireState("transitioning blue->green (draining)")
		pass(10 * latency)
		r.requireState("green")
		require.Equal(t, []string{"blue deadline"}, r.drains())
	})
}

func TestSharedPhase_EveryEnd(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(r *rig)
		state   string
		drains  []string
		reason  fsm.Reason // of the last step, if it matters
	}{
		"the origin refuses": {func(r *rig) { r.refuse(fsm.Blue, r.Stamp()) }, "green", []string{"blue refused"}, fsm.ReasonRefusal},
		"not: the origin refused before": {func(r *rig) { r.refuse(fsm.Blue, router.Stamp{Epoch: 1}) }, "transitioning blue->green (shared)",
			nil, ""},
		"not: a query failed on the origin, which answers": {func(r *rig) { r.fail(fsm.Blue, r.Stamp()) },
			"transitioning blue->green (shared)", nil, ""},
		"the origin is dead": {func(r *rig) { r.cluster.set(fsm.Blue, errDead); r.fail(fsm.Blue, r.Stamp()) }, "transitioning blue->green (draining)",
			nil, fsm.ReasonUnreachable},
		"not: a query failed on the target, which answers": {func(r *rig) { r.fail(fsm.Green, r.Stamp()) },
			"transitioning blue->green (shared)", nil, ""},
		"the target refuses": {func(r *rig) { r.refuse(fsm.Green, r.Stamp()) }, "blue", []string{"blue aborted"}, fsm.ReasonTargetUnhealthy},
		"the target is dead": {func(r *rig) { r.cluster.set(fsm.Green, errDead); r.fail(fsm.Green, r.Stamp()) }, "blue",
			[]string{"blue aborted"}, fsm.ReasonTargetUnhealthy},
		"both are dead": {func(r *rig) {
			r.cluster.set(fsm.Green, errDead)
			r.cluster.set(fsm.Blue, errDead)
			r.fail(fsm.Green, r.Stamp())
		}, "detecting", []string{"blue abandoned"}, fsm.ReasonUnreachable},
		"both refuse": {func(r *rig) {
			r.cluster.set(fsm.Green, errRefused)
			r.refuse(fsm.Green, r.Stamp())
			r.cluster.set(fsm.Blue, errRefused)
			r.refuse(fsm.Blue, r.Stamp())
		}, "detecting", []string{"blue refused"}, fsm.ReasonRefusal},
		"the target announces the origin": {func(r *rig) { r.announce(fsm.Green, r.Stamp(), fsm.Blue) },
			"transitioning green->blue (shared)", []string{"blue superseded"}, fsm.ReasonAccepted},
		"not: the origin repeats its announcement": {func(r *rig) { r.announce(fsm.Blue, r.Stamp(), fsm.Green) },
			"transitioning blue->green (shared)", nil, ""},
		"the caller switches back": {func(r *rig) { require.NoError(r.t, r.Switch(context.Background(), fsm.Blue)) },
			"transitioning green->blue (shared)", []string{"blue superseded"}, ""},
		"a rollback": {func(r *rig) { require.NoError(r.t, r.Rollback(context.Background(), "bad")) }, "blue", []string{"blue aborted"},
			fsm.ReasonCaller},
		"a reset": {func(r *rig) { require.NoError(r.t, r.Reset(context.Background())) }, "unknown", []string{"blue abandoned"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			shared(t, func(t *testing.T, r *rig, h *holder) {
				onBlue, onGreen := r.pinBy(fsm.Blue), r.pinBy(fsm.Green)
				c.happens(r)
				pass(10 * latency)
				r.requireState(c.state)
				require.Equal(t, c.drains, r.drains())
				if c.reason != "" {
					require.Equal(t, c.reason, r.lastCause().Reason)
				}
				_, ended := h.count()
				require.Equal(t, c.state != "transitioning blue->green (shared)", ended == 1, "the selector is cancelled")
				require.EqualValues(t, 1, r.InFlight(fsm.Blue), "queries that run stay where they are")
				require.EqualValues(t, 1, r.InFlight(fsm.Green))
				r.Unpin(onBlue)
				r.Unpin(onGreen)
				r.cluster.set(fsm.Blue, nil)
				r.cluster.set(fsm.Green, nil)
				pass(drainTimeout + sharedTimeout)
				r.touch()
				require.NotEqual(t, fsm.StateTransitioning, r.Routing().State)
			})
		})
	}
}

// While it is not known which side accepts, a query for the origin waits too.
func TestSharedPhase_NewQueriesWaitWhileTheTargetRefuses(t *testing.T) {
	shared(t, func(t *testing.T, r *rig, h *holder) {
		r.cluster.set(fsm.Green, errRefused)
		r.cluster.set(fsm.Blue, errHangs)
		r.refuse(fsm.Green, r.Stamp())
		w := r.startPin(t.Context())
		require.True(t, w.waits())
		require.True(t, r.Routing().Held)
		close(h.release) // no selector needs both sides
		pass(0)
		r.requireState("detecting")
		require.Equal(t, []string{"blue drained"}, r.drains())
		r.cluster.set(fsm.Blue, nil)
		pass(2 * probeTimeout)
		require.False(t, w.waits())
		require.Equal(t, fsm.Blue, w.pin.Side)
	})
}

func TestSharedPhase_SuspectedOriginIsProbedOnce(t *testing.T) {
	shared(t, func(t *testing.T, r *rig, h *holder) {
		r.cluster.set(fsm.Blue, errHangs)
		for range 20 {
			r.fail(fsm.Blue, r.Stamp())
		}
		pass(probeTimeout)
		require.Equal(t, 1, r.cluster.pinged(fsm.Blue))
		r.requireState("green")
	})
}

func TestSharedPhase_PinIsRetriedIfThePhaseEndsDuringTheSelector(t *testing.T) {
	shared(t, func(t *testing.T, r *rig, h *holder) {
		chosen, choose := make(chan router.Pin), make(chan struct{})
		asked := 0
		go func() {
			p, _ := r.PinBy(context.Background(), func(now *router.Routing) fsm.Side {
				asked++
				<-choose
				return now.Origin()
			})
			chosen <- p
		}()
		pass(time.Second)
		close(h.release)
		pass(0)
		r.requireState("green")
		close(choose)
		p := <-chosen
		require.Equal(t, fsm.Green, p.Side)
		require.Equal(t, 1, asked)
		require.Zero(t, r.InFlight(fsm.Blue))
		r.Unpin(p)
	})
}

func TestSharedPhase_IsSkippedByUrgentTransitions(t *testing.T) {
	for name, move := range map[string]func(r *rig){
		"back, by the caller": func(r *rig) { require.NoError(r.t, r.Rollback(context.Background(), "bad")) },
		"from an origin that refuses": func(r *rig) {
			r.cluster.set(fsm.Green, errRefused)
			r.announce(fsm.Blue, r.Stamp(), fsm.Green)
			r.refuse(fsm.Blue, r.Stamp())
			r.cluster.set(fsm.Green, nil)
			pass(latency)
		},
	} {
		t.Run(name, func(t *testing.T) {
			held(t, func(t *testing.T, r *rig, h *holder) {
				old := r.pin()
				move(r)
				pass(10 * latency)
				r.requireState("transitioning blue->green (draining)")
				calls, _ := h.count()
				require.Zero(t, calls)
				r.Unpin(old)
			})
		})
	}
}

func TestSharedPhase_EndsWithTheClient(t *testing.T) {
	shared(t, func(t *testing.T, r *rig, h *holder) {
		r.pinBy(fsm.Blue)
		began := time.Now()
		require.NoError(t, r.Close(t.Context()))
		require.Zero(t, time.Since(began))
		_, ended := h.count()
		require.Equal(t, 1, ended)
		_, err := r.PinBy(t.Context(), func(now *router.Routing) fsm.Side { return now.Origin() })
		require.ErrorIs(t, err, router.ErrClosed)
	})
}

// The guards decide first, then the selectors.
func TestSharedPhase_BeginsAfterTheGuards(t *testing.T) {
	j := &testGuard{}
	held(t, func(t *testing.T, r *rig, h *holder) {
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		pass(time.Second)
		calls, _ := h.count()
		require.Zero(t, calls)
		j.reply(1, hook.Decision{By: "guard"})
		r.requireState("transitioning blue->green (shared)")
		require.Len(t, happened[events.GuardDecided](r), 1, fmt.Sprint(r.steps()))
	}, func(cfg *router.Config) { cfg.Hooks.Guard = j.guard })
}
