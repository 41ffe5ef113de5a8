package e6_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// budget is that of a hook, in the tests of this file.
const budget = 50 * time.Millisecond

// with makes an option of each hook.
func with[H any](option func(H) e6.Option, hooks ...H) (opts []e6.Option) {
	for _, h := range hooks {
		opts = append(opts, option(h))
	}
	return opts
}

// hooked serves a cluster in a bubble, and opens a client with hooks.
func hooked(t *testing.T, test func(t *testing.T, cluster *e6test.Cluster, client *e6.Client), opts ...e6.Option) {
	bubbles.Test(t, func(t *testing.T) {
		cluster, err := e6test.Start(e6test.InMemory())
		require.NoError(t, err)
		cfg := config(cluster)
		cfg.HookBudget = budget
		client, err := e6.Open(t.Context(), cfg, append(opts, e6.WithDialer(cluster.Dialer()))...)
		require.NoError(t, err)
		test(t, cluster, client)
		require.NoError(t, client.Close())
		require.NoError(t, cluster.Close())
		require.Empty(t, cluster.Stats().Violations)
	})
}

// failures are the HookFailed events so far.
func failures(client *e6.Client) (all []events.HookFailed) {
	for _, e := range client.History() {
		if d, ok := e.Data.(events.HookFailed); ok {
			all = append(all, d)
		}
	}
	return all
}

// onQuery is a QueryHook made of a function.
type onQuery func(ctx context.Context, point string)

func (f onQuery) QueryStart(ctx context.Context, _ hook.QueryStart) context.Context {
	f(ctx, hook.PointQueryStart)
	return context.WithValue(ctx, keyOfTest{}, "started")
}
func (f onQuery) QueryEnd(ctx context.Context, _ hook.QueryEnd) { f(ctx, hook.PointQueryEnd) }
func (f onQuery) String() string                                { return "hook of the test" }

type keyOfTest struct{}

func TestAHookThatPanicsCostsNothingAndIsReportedWithoutItsWords(t *testing.T) {
	for name, fail := range map[string]func(){
		"a text":          func() { panic("planted secret") },
		"an error":        func() { panic(errors.New("planted secret")) },
		"a runtime error": func() { _ = []int{}[len(name0):][0] },
	} {
		t.Run(name, func(t *testing.T) {
			hooked(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
				for range 3 {
					require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
				}
				failed := failures(client)
				require.Len(t, failed, 1, "once a second at the most")
				require.Equal(t, "panic", failed[0].Problem)
				require.Equal(t, hook.PointQueryStart, failed[0].Point)
				require.Equal(t, "hook of the test", failed[0].Hook)
				require.NotContains(t, failed[0].String(), "planted")
				<-time.After(2 * time.Second)
				require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
				failed = failures(client)
				require.Len(t, failed, 2)
				require.EqualValues(t, 6, failed[1].Count, "the calls without an event are counted")
			}, e6.WithQueryHook(onQuery(func(context.Context, string) { fail() })))
		})
	}
}

const name0 = ""

func TestAHookThatEndsItsGoroutineEndsNothingElse(t *testing.T) {
	var calls atomic.Int64
	hooked(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		for range 5 {
			require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
		}
		require.EqualValues(t, 10, calls.Load())
	}, e6.WithQueryHook(onQuery(func(context.Context, string) {
		calls.Add(1)
		runtime.Goexit()
	})))
}

func TestAStuckHookCostsItsBudgetOnceAndIsCalledAgainWhenItHasReturned(t *testing.T) {
	var release chan struct{}
	var calls atomic.Int64
	hooked(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		release = make(chan struct{}) // of the bubble
		took := func() time.Duration {
			began := time.Now()
			require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
			return time.Since(began)
		}
		require.Equal(t, budget, took(), "the first query")
		for range 10 {
			require.Zero(t, took(), "the others")
		}
		require.EqualValues(t, 1, calls.Load())
		failed := failures(client)
		require.Equal(t, "overrun", failed[0].Problem)
		require.Equal(t, budget, failed[0].Took)
		<-time.After(2 * time.Second)
		require.Zero(t, took())
		failed = failures(client)
		require.Equal(t, "busy", failed[len(failed)-1].Problem)

		close(release)
		synctest.Wait()
		require.Zero(t, took())
		require.EqualValues(t, 3, calls.Load(), "start and end of the last query")
	}, e6.WithQueryHook(onQuery(func(context.Context, string) {
		calls.Add(1)
		<-release
	})))
}

func TestWhatAnAbandonedCallSetsIsNotLookedAt(t *testing.T) {
	hooked(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.OpenSide(e6.Green)
		require.NoError(t, client.Switch(t.Context(), e6.Green))
		r, err := client.QueryAll(t.Context(), "SELECT 1")
		require.NoError(t, err)
		require.Equal(t, e6.Green, r.Handle.Side, "the default, and not what comes too late")
		<-time.After(2 * budget)
	}, e6.WithSelector(slowSelector{}))
}

// slowSelector chooses the origin, after its budget.
type slowSelector struct{}

func (slowSelector) Select(_ context.Context, c hook.Choice) e6.Side {
	<-time.After(2 * budget)
	return c.Strategy.Origin()
}

// counting counts how many calls of it are outstanding.
type counting struct {
	mu       sync.Mutex
	now, max int
}

func (c *counting) call() {
	c.mu.Lock()
	c.now++
	c.max = max(c.max, c.now)
	c.mu.Unlock()
	<-time.After(time.Millisecond)
	c.mu.Lock()
	c.now--
	c.mu.Unlock()
}

func (c *counting) Select(_ context.Context, choice hook.Choice) e6.Side {
	c.call()
	return choice.Strategy.Origin()
}

func (c *counting) Guard(context.Context, *hook.Proposal) hook.Decision {
	c.call()
	return hook.Allow()
}

func TestOneCallOfASelectorIsOutstandingAtATime(t *testing.T) {
	selector := &counting{}
	hooked(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.OpenSide(e6.Green)
		require.NoError(t, client.Switch(t.Context(), e6.Green))
		var running sync.WaitGroup
		sides := make(chan e6.Side, 64)
		for range 40 { // which fits into the budget of the last one
			running.Go(func() {
				r, err := client.QueryAll(t.Context(), "SELECT 1")
				if err != nil {
					t.Error(err)
					return
				}
				sides <- r.Handle.Side
			})
		}
		running.Wait()
		close(sides)
		for side := range sides {
			require.Equal(t, e6.Blue, side)
		}
		require.Equal(t, 1, selector.max)
		require.Empty(t, failures(client))
	}, e6.WithSelector(selector))
}

func TestCallsOfAQueryHookRunSideBySide(t *testing.T) {
	hook := &counting{}
	hooked(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		var running sync.WaitGroup
		for range 64 {
			running.Go(func() {
				if err := client.Exec(t.Context(), "SELECT 1"); err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		require.Greater(t, hook.max, 1)
		require.Empty(t, failures(client))
	}, e6.WithQueryHook(onQuery(func(context.Context, string) { hook.call() })))
}

// inlined is a hook that declares that its first call returns at once.
type inlined struct{ onQuery }

func (inlined) Inline(_ context.Context, point string) bool { return point == hook.PointQueryStart }

func TestInlineHook_IsCalledOnTheGoroutineOfTheQuery(t *testing.T) {
	var inline []bool
	hooked(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
		require.Equal(t, []bool{true, false}, inline)
	}, e6.WithQueryHook(inlined{func(_ context.Context, point string) {
		var pcs [32]uintptr
		frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs[:])])
		found := false
		for f, more := frames.Next(); more; f, more = frames.Next() {
			found = found || f.Function == "github.com/e6data/e6data-go/e6.(*Client).Exec"
		}
		inline = append(inline, found)
	}}))
	hooked(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
		require.Equal(t, "panic", failures(client)[0].Problem)
	}, e6.WithQueryHook(inlined{func(context.Context, string) { panic("also here") }}))
}

func TestOpen_RefusesEveryInvalidOptionAtOnce(t *testing.T) {
	_, err := e6.Open(t.Context(), e6.Config{Address: "localhost:1"}, e6.WithGuard(nil),
		e6.WithRollback(e6.RollbackPolicy{MinRequests: -1, ErrorRate: 1.5, LatencyRatio: 0.5, Probation: -1, CoolDown: -1}),
		e6.WithFleet(e6.FleetPolicy{StageShare: -0.1, StageTime: -1, StageTimeout: -1, RollbackVotes: 9}))
	wrong, ok := errors.AsType[*e6.ConfigError](err)
	require.True(t, ok, "%v", err)
	fields := ""
	for _, p := range wrong.Problems {
		fields += p.Field + " "
	}
	require.Equal(t, "WithGuard RollbackPolicy.MinRequests RollbackPolicy.ErrorRate RollbackPolicy.LatencyRatio "+
		"RollbackPolicy.Probation RollbackPolicy.CoolDown "+
		"WithFleet FleetPolicy.StageShare FleetPolicy.StageTime FleetPolicy.StageTimeout FleetPolicy.RollbackVotes User Token ", fields)
}

func TestAClientLeavesNoHookGoroutineBehind(t *testing.T) {
	// The bubble of hooked ends only when all its goroutines have.
	hooked(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		var running sync.WaitGroup
		for range 100 {
			running.Go(func() { _ = client.Exec(t.Context(), "SELECT 1") })
		}
		running.Wait()
	}, e6.WithQueryHook(onQuery(func(context.Context, string) { <-time.After(time.Millisecond) })))
}

var _ fmt.Stringer = onQuery(nil)
