package router_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/stress"
)

// A span is one operation that hooks observed.
type span[S, E any] struct {
	start S
	end   E
	ends  int
}

// spans records the calls of hooks, and marks the contexts that they return.
type spans struct {
	mu         sync.Mutex
	detections []*span[hook.DetectionStart, hook.DetectionEnd]
	sessions   []*span[hook.SessionStart, hook.SessionEnd]
	cutovers   []*span[hook.CutoverStart, hook.CutoverEnd] // transitions from side to side
	changes    []*span[hook.CutoverStart, hook.CutoverEnd] // every other change of the active side
	marks      []string                                    // of the contexts that logins got
}

type markKey struct{}

func record[S, E any](s *spans, ctx context.Context, name string, all *[]*span[S, E], start S) (context.Context, func(E)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := &span[S, E]{start: start}
	*all = append(*all, one)
	mark, _ := ctx.Value(markKey{}).(string)
	return context.WithValue(ctx, markKey{}, mark+name+"/"), func(end E) {
		s.mu.Lock()
		defer s.mu.Unlock()
		one.end = end
		one.ends++
	}
}

func (s *spans) attach(cfg *router.Config) {
	cfg.Cluster = markedCluster{cfg.Cluster, s}
	cfg.Hooks.Detection = func(ctx context.Context, start hook.DetectionStart) (context.Context, func(hook.DetectionEnd)) {
		return record(s, ctx, "detection", &s.detections, start)
	}
	cfg.Hooks.Session = func(ctx context.Context, start hook.SessionStart) (context.Context, func(hook.SessionEnd)) {
		return record(s, ctx, "session "+start.Purpose, &s.sessions, start)
	}
	cfg.Hooks.Cutover = func(ctx context.Context, start hook.CutoverStart) (context.Context, func(hook.CutoverEnd)) {
		if start.Limit == 0 {
			return record(s, ctx, "change", &s.changes, start)
		}
		return record(s, ctx, "cutover", &s.cutovers, start)
	}
}

// markedCluster records the marks of the contexts of its logins.
type markedCluster struct {
	router.Cluster
	s *spans
}

func (m markedCluster) Authenticate(ctx context.Context, side fsm.Side) (string, error) {
	mark, _ := ctx.Value(markKey{}).(string)
	m.s.mu.Lock()
	m.s.marks = append(m.s.marks, mark)
	m.s.mu.Unlock()
	return m.Cluster.Authenticate(ctx, side)
}

// requireEnded checks that every operation has ended once.
func (s *spans) requireEnded(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.detections {
		require.Equal(t, 1, d.ends, "%+v", d.start)
		require.Equal(t, d.end.Side == fsm.None, d.end.Err != nil)
	}
	for _, l := range s.sessions {
		require.Equal(t, 1, l.ends, "%+v", l.start)
	}
	for _, c := range slices.Concat(s.cutovers, s.changes) {
		require.Equal(t, 1, c.ends, "%+v", c.start)
		require.NotEmpty(t, c.end.Result)
		at := c.start.At // the times that are known are in order
		for _, next := range []time.Time{c.end.Ready, c.end.FirstQuery, c.end.Drained, c.end.At} {
			if !next.IsZero() {
				require.False(t, next.Before(at), "%+v", c.end)
				at = next
			}
		}
	}
}

// traced runs a test whose operations hooks observe.
func traced(t *testing.T, test func(t *testing.T, r *rig, s *spans), change ...func(*router.Config)) {
	t.Helper()
	s := &spans{}
	bubbles.Test(t, func(t *testing.T) {
		r := newRig(t, append([]func(*router.Config){s.attach}, change...)...)
		defer s.requireEnded(t)
		defer r.end()
		r.cluster.set(fsm.Green, errRefused)
		test(t, r, s)
	})
}

func TestHooks_DetectionIsReportedFromStartToEnd(t *testing.T) {
	traced(t, func(t *testing.T, r *rig, s *spans) {
		r.touch()
		d := s.detections[0]
		require.Equal(t, fsm.ReasonFirstUse, d.start.Cause.Reason)
		require.Equal(t, fsm.None, d.start.From)
		require.Equal(t, [2]fsm.Side{fsm.Blue, fsm.Green}, d.start.Order)
		require.Equal(t, hook.DetectionEnd{Side: fsm.Blue, Rounds: 1, Took: latency}, d.end)
		require.Equal(t, hook.SessionStart{Side: fsm.Blue, Purpose: "detect"}, s.sessions[0].start)
		require.Equal(t, hook.SessionEnd{Took: latency}, s.sessions[0].end)

		r.cluster.set(fsm.Blue, errRefused)
		r.refuse(fsm.Blue, r.Stamp())
		_, err := r.Pin(t.Context())
		require.Error(t, err)
		synctest.Wait()
		d = s.detections[1]
		require.Equal(t, fsm.ReasonRefusal, d.start.Cause.Reason)
		require.Equal(t, fsm.Blue, d.start.From)
		require.Equal(t, [2]fsm.Side{fsm.Green, fsm.Blue}, d.start.Order)
		require.Equal(t, detectionTimeout, d.end.Took)
		require.ErrorIs(t, d.end.Err, errRefused)
		require.Greater(t, d.end.Rounds, 10)
		require.ErrorIs(t, s.sessions[len(s.sessions)-1].end.Err, errRefused)
		for _, mark := range s.marks {
			require.Equal(t, "detection/session detect/", mark)
		}
	})
}

func TestHooks_DetectionTriesTheSidesInTheOrderOfTheHook(t *testing.T) {
	var asked []hook.DetectionStart
	traced(t, func(t *testing.T, r *rig, s *spans) {
		r.cluster.set(fsm.Green, nil)
		require.Equal(t, fsm.Green, r.touch())
		require.Zero(t, r.cluster.logins(fsm.Blue))
		require.Equal(t, [2]fsm.Side{fsm.Blue, fsm.Green}, asked[0].Order, "it sees what it changes")
		require.Equal(t, [2]fsm.Side{fsm.Green, fsm.Blue}, s.detections[0].start.Order)
	}, func(cfg *router.Config) {
		cfg.Hooks.Order = func(_ context.Context, d hook.DetectionStart) [2]fsm.Side {
			asked = append(asked, d)
			return [2]fsm.Side{fsm.Green, fsm.Blue}
		}
	})
}

func TestHooks_CutoverIsReportedFromStartToEnd(t *testing.T) {
	traced(t, func(t *testing.T, r *rig, s *spans) {
		a, b := r.pin(), r.pin()
		began := time.Now()
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		pass(2 * time.Second)
		r.cluster.set(fsm.Green, nil)
		pass(2 * time.Second)
		r.requireState("transitioning blue->green (draining)")
		ready := r.Routing().Since
		first := time.Now()
		r.touch()
		pass(time.Second)
		r.touch()
		r.Unpin(a)
		pass(time.Second)
		r.Unpin(b)
		pass(0)
		require.Len(t, s.cutovers, 1)
		require.Equal(t, hook.CutoverStart{
			ID: 1, Event: fsm.EventAnnounce, Change: events.ChangeAnnounced, From: fsm.Blue, To: fsm.Green, At: began, InFlight: 2, Limit: prepareTimeout + drainTimeout,
			Cause: fsm.Cause{Reason: fsm.ReasonAnnouncement, Detail: "blue named green"},
		}, s.cutovers[0].start)
		end := s.cutovers[0].end
		require.Equal(t, hook.ResultDrained, end.Result)
		require.Equal(t, fsm.ReasonDrained, end.Cause.Reason)
		require.True(t, ready.Equal(end.Ready))
		require.True(t, first.Equal(end.FirstQuery))
		require.True(t, time.Now().Equal(end.Drained))
		require.True(t, time.Now().Equal(end.At))
		require.Zero(t, end.Remaining)
		for _, mark := range s.marks[1:] {
			require.Equal(t, "cutover/session prepare/", mark)
		}
	})
}

func TestHooks_LimitOfACutoverIncludesTheSharedPhase(t *testing.T) {
	h := &holder{}
	traced(t, func(t *testing.T, r *rig, s *spans) {
		r.touch()
		r.cutTo(fsm.Green)
		require.Equal(t, prepareTimeout+sharedTimeout+drainTimeout, s.cutovers[0].start.Limit)
		require.NoError(t, r.Rollback(t.Context(), ""))
		close(h.release)
		pass(5 * latency)
		require.NoError(t, r.Rollback(t.Context(), ""))
		pass(5 * latency)
		require.Equal(t, fsm.EventRollback, s.cutovers[1].start.Event)
		require.Equal(t, prepareTimeout+drainTimeout, s.cutovers[1].start.Limit)
	}, func(cfg *router.Config) { h.release = make(chan struct{}); cfg.Hooks.WaitShared = h.hold })
}

func TestHooks_EveryResultOfACutover(t *testing.T) {
	drainingTo := func(r *rig) { r.cutTo(fsm.Green); r.Unpin(r.pin()) }
	for name, c := range map[string]struct {
		prepare   func(r *rig) // with one query pinned to blue
		end       func(r *rig)
		result    string
		reason    fsm.Reason
		ready     bool
		remaining int64
	}{
		"out of time, without a veto": {func(r *rig) { r.announce(fsm.Blue, r.Stamp(), fsm.Green) }, func(*rig) { pass(prepareTimeout) },
			hook.ResultAborted, fsm.ReasonDeadline, false, 0},
		"withdrawn": {func(r *rig) { r.announce(fsm.Blue, r.Stamp(), fsm.Green) }, func(r *rig) { r.announce(fsm.Blue, r.Stamp(), fsm.Blue) },
			hook.ResultAborted, fsm.ReasonWithdrawn, false, 0},
		"denied": {func(r *rig) { r.cluster.set(fsm.Green, errDenied); r.announce(fsm.Blue, r.Stamp(), fsm.Green) }, func(*rig) { pass(latency) },
			hook.ResultAborted, fsm.ReasonCredentials, false, 0},
		"both refuse": {func(r *rig) { r.announce(fsm.Blue, r.Stamp(), fsm.Green) },
			func(r *rig) { r.refuse(fsm.Blue, r.Stamp()); pass(time.Second) }, hook.ResultAbandoned, fsm.ReasonRefusal, false, 1},
		"reset while preparing": {func(r *rig) { r.announce(fsm.Blue, r.Stamp(), fsm.Green) }, func(r *rig) { require.NoError(r.t, r.Reset(context.Background())) },
			hook.ResultAbandoned, fsm.ReasonCaller, false, 1},
		"closed while preparing": {func(r *rig) { r.announce(fsm.Blue, r.Stamp(), fsm.Green) }, func(r *rig) { require.NoError(r.t, r.Close(context.Background())) },
			hook.ResultAbandoned, fsm.ReasonCaller, false, 1},
		"not drained in time": {drainingTo, func(*rig) { pass(drainTimeout) }, hook.ResultDeadline, fsm.ReasonDeadline, true, 1},
		"the origin refuses": {drainingTo, func(r *rig) { r.refuse(fsm.Blue, r.Stamp()) },
			hook.ResultRefused, fsm.ReasonRefusal, true, 1},
		"the next one begins": {drainingTo, func(r *rig) { r.announce(fsm.Green, r.Stamp(), fsm.Blue) },
			hook.ResultSuperseded, fsm.ReasonAnnouncement, true, 1},
		"the target is sick": {drainingTo, func(r *rig) { r.pin(); r.refuse(fsm.Green, r.Stamp()); pass(2 * latency) },
			hook.ResultAborted, fsm.ReasonTargetUnhealthy, true, 1},
		"rolled back": {drainingTo, func(r *rig) { r.pin(); require.NoError(r.t, r.Rollback(context.Background(), "")) },
			hook.ResultAborted, fsm.ReasonCaller, true, 1},
		"no side accepts": {drainingTo, func(r *rig) { r.cluster.set(fsm.Blue, errDead); r.refuse(fsm.Green, r.Stamp()); pass(2 * latency) },
			hook.ResultAbandoned, fsm.ReasonRefusal, true, 1},
		"reset while draining": {drainingTo, func(r *rig) { require.NoError(r.t, r.Reset(context.Background())) },
			hook.ResultAbandoned, fsm.ReasonCaller, true, 1},
		"closed while draining": {drainingTo, func(r *rig) { require.NoError(r.t, r.Close(context.Background())) },
			hook.ResultAbandoned, fsm.ReasonCaller, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			traced(t, func(t *testing.T, r *rig, s *spans) {
				r.pin()
				c.prepare(r)
				pass(time.Second)
				c.end(r)
				synctest.Wait()
				s.mu.Lock()
				defer s.mu.Unlock()
				require.Equal(t, 1, s.cutovers[0].ends)
				end := s.cutovers[0].end
				require.Equal(t, c.result, end.Result)
				require.Equal(t, c.reason, end.Cause.Reason)
				require.Equal(t, c.ready, !end.Ready.IsZero())
				require.Equal(t, c.ready, !end.FirstQuery.IsZero())
				require.Zero(t, end.Drained)
				require.Equal(t, c.remaining, end.Remaining)
				require.Less(t, time.Since(end.At), 2*time.Second)
			})
		})
	}
}

// A query that waits for the routing can be pinned as soon as it is published.
func TestHooks_FirstQueryIsNotBeforeReady(t *testing.T) {
	s := &spans{}
	r := newRig(t, s.attach, func(cfg *router.Config) { cfg.Cluster = promptCluster{} })
	r.Unpin(r.pin())
	stop := make(chan struct{})
	var queries sync.WaitGroup
	for range 4 {
		queries.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if p, err := r.Pin(context.Background()); err == nil {
					r.Unpin(p)
				}
				runtime.Gosched()
			}
		})
	}
	cutovers := stress.Count(100, 400)
	for range cutovers {
		old := r.pin()
		require.NoError(t, r.Switch(context.Background(), old.Side.Other()))
		runtime.Gosched()
		r.Unpin(old)
		for now := r.Routing(); now.Phase != fsm.PhaseNone; now = r.Routing() {
			<-now.Changed()
		}
	}
	close(stop)
	queries.Wait()
	r.end()
	s.requireEnded(t)
	require.Len(t, s.cutovers, cutovers)
}

// A slow hook blocks its own operation only.
func TestHooks_SlowHookBlocksNoOtherOperation(t *testing.T) {
	var free chan struct{}
	traced(t, func(t *testing.T, r *rig, s *spans) {
		free = make(chan struct{})
		r.touch()
		r.cluster.set(fsm.Green, nil)
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		pass(prepareTimeout / 2)
		require.Equal(t, fsm.Blue, r.touch())
		r.announce(fsm.Blue, r.Stamp(), fsm.Blue)
		r.requireState("blue") // the transition is aborted before the hook has returned
		close(free)
		pass(latency)
		r.requireState("blue")
		r.cutTo(fsm.Green)
	}, func(cfg *router.Config) {
		report := cfg.Hooks.Cutover
		cfg.Hooks.Cutover = func(ctx context.Context, start hook.CutoverStart) (context.Context, func(hook.CutoverEnd)) {
			<-free
			return report(ctx, start)
		}
	})
}

func TestHooks_EveryStartHasAnEnd(t *testing.T) {
	for name, happens := range map[string]func(r *rig){
		"a reset":              func(r *rig) { require.NoError(r.t, r.Reset(context.Background())); r.touch() },
		"the end":              func(r *rig) { require.NoError(r.t, r.Close(context.Background())) },
		"a refusal":            func(r *rig) { r.refuse(r.Routing().Active, r.Stamp()) },
		"another announcement": func(r *rig) { r.announce(r.Routing().Active, r.Stamp(), r.Routing().Active.Other()) },
		"a rollback":           func(r *rig) { _ = r.rollsBack() },
	} {
		for after := range 8 {
			t.Run(fmt.Sprintf("%s, %d steps on", name, after), func(t *testing.T) {
				traced(t, func(t *testing.T, r *rig, s *spans) {
					go func() { _, _ = r.Pin(context.Background()) }()
					for step := range after {
						time.Sleep(latency / 2)
						if step == 3 {
							r.openAndAnnounce(fsm.Green)
						}
					}
					happens(r)
					pass(time.Second)
				})
			})
		}
	}
}
