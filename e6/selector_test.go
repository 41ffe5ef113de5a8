package e6_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/internal/stress"
)

// shared runs a test in the shared phase of a cutover from blue to green.
func shared(t *testing.T, test func(t *testing.T, cluster *e6test.Cluster, client *e6.Client), selectors ...hook.Selector) {
	hooked(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.OpenSide(e6.Green)
		require.NoError(t, client.Switch(t.Context(), e6.Green))
		require.Equal(t, fsm.PhaseShared, client.Strategy().Phase)
		test(t, cluster, client)
	}, with(e6.WithSelector, selectors...)...)
}

// side runs a query and returns where it ran.
func side(t *testing.T, client *e6.Client, opts ...e6.QueryOption) e6.Side {
	t.Helper()
	r, err := client.QueryAll(e6.WithQueryOptions(t.Context(), opts...), "SELECT 1")
	require.NoError(t, err)
	return r.Handle.Side
}

func TestCanary_MovesEachKeyOnceAndAllByTheEnd(t *testing.T) {
	const keys = 100
	shared(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		moved := map[string]bool{}
		share := func() int {
			for i := range keys {
				key := fmt.Sprintf("tenant-%02d", i)
				on := side(t, client, e6.Label("tenant", key))
				if i%stress.Count(4, 1) == 0 {
					require.Equal(t, on, side(t, client, e6.Label("tenant", key)), "sticky")
				}
				if moved[key] {
					require.Equal(t, e6.Green, on, "%s went back", key)
				}
				moved[key] = on == e6.Green
			}
			n := 0
			for _, yes := range moved {
				if yes {
					n++
				}
			}
			return n
		}
		before := 0
		for _, about := range []int{10, 32, 55, 77} {
			now := share()
			require.InDelta(t, about, now, 17, "of %d keys that differ in their last characters", keys)
			require.Greater(t, now, before)
			before = now
			<-time.After(15 * time.Minute / 4 * 2)
		}
		require.Equal(t, fsm.StateGreen, client.Strategy().State, "the phase has ended by itself")
		require.Equal(t, keys, share())
	}, hook.Canary{From: 0.1, Ramp: 30*time.Minute - time.Second, Key: "tenant"})
}

func TestCanary_WithoutAKeyDrawsItsShare(t *testing.T) {
	shared(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		on := map[e6.Side]int{}
		for range 400 {
			on[side(t, client)]++
		}
		// A share of 0.5 of 400 is between 120 and 280 but once in 10^15 runs.
		require.InDelta(t, 200, on[e6.Green], 80)
	}, hook.Canary{From: 0.5, Ramp: 24 * time.Hour})
}

func TestCanary_OfAllQueriesHasNoSharedPhase(t *testing.T) {
	for _, canary := range []hook.Canary{{From: 1, Ramp: time.Hour}, {}} {
		hooked(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
			cluster.OpenSide(e6.Green)
			require.NoError(t, client.Switch(t.Context(), e6.Green))
			synctest.Wait()
			require.Equal(t, fsm.StateGreen, client.Strategy().State)
		}, e6.WithSelector(canary))
	}
}

func TestPinByLabel_LeavesUnlabelledQueriesToTheNextSelector(t *testing.T) {
	only := hook.NewPinSide(e6.Blue)
	shared(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		require.Equal(t, e6.Green, side(t, client, e6.Label("side", "GREEN")))
		require.Equal(t, e6.Blue, side(t, client, e6.Label("side", "blue")))
		require.Equal(t, e6.Blue, side(t, client, e6.Label("side", "purple")), "the value is no side")
		require.Equal(t, e6.Blue, side(t, client))
		only.Release()
		only.Release()
		synctest.Wait()
		require.Equal(t, e6.Green, side(t, client))
		require.Equal(t, e6.Blue, side(t, client, e6.Label("side", "blue")), "the label needs both sides still")
		<-time.After(31 * time.Minute)
		require.Equal(t, fsm.StateGreen, client.Strategy().State, "Config.SharedTimeout")
		require.Equal(t, e6.Green, side(t, client, e6.Label("side", "blue")))
	}, hook.PinByLabel("side"), only)
}

func TestPinSide_RoutesToItsSideUntilRelease(t *testing.T) {
	var only *hook.PinSide
	hold := &lateOnly{&only}
	shared(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		<-time.After(20 * time.Minute)
		synctest.Wait()
		require.Equal(t, e6.Blue, side(t, client))
		only.Release()
		synctest.Wait()
		require.Equal(t, fsm.StateGreen, client.Strategy().State)
		require.Equal(t, e6.Green, side(t, client))
	}, hold)
}

// lateOnly makes its Only within the bubble.
type lateOnly struct{ made **hook.PinSide }

func (l *lateOnly) Wait(ctx context.Context, s fsm.Snapshot) {
	*l.made = hook.NewPinSide(e6.Blue)
	(*l.made).Wait(ctx, s)
}
func (l *lateOnly) Select(ctx context.Context, c hook.Choice) e6.Side {
	return (*l.made).Select(ctx, c)
}

func TestSelector_GetsHealthLabelsAndBothSides(t *testing.T) {
	var seen hook.Choice
	var health [2]hook.SideHealth
	shared(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		side(t, client)
		side(t, client, e6.Label("a", "1"), e6.Label("b", "2"), e6.Tag("report"))
		require.Equal(t, map[string]string{"a": "1", "b": "2"}, seen.Labels)
		require.Equal(t, "report", seen.Tag)
		require.Equal(t, e6.Blue, seen.Strategy.Origin())
		require.Equal(t, e6.Green, seen.Strategy.Target)
		require.EqualValues(t, 0, health[0].Requests)
		require.EqualValues(t, 1, health[1].Requests)
		require.Equal(t, e6.Green, health[1].Side)
	}, bySelector(func(c hook.Choice) e6.Side {
		seen, health = c, [2]hook.SideHealth{c.Health(e6.Blue), c.Health(e6.Green)}
		return e6.None
	}))
}

type bySelector func(hook.Choice) e6.Side

func (f bySelector) Select(_ context.Context, c hook.Choice) e6.Side { return f(c) }

func TestSharedPhase_RefusingOriginLosesNoQuery(t *testing.T) {
	cluster := start(t)
	var ask atomic.Int64
	client, err := e6.Open(t.Context(), config(cluster), e6.WithDialer(cluster.Dialer()), e6.WithSelector(
		bySelector(func(c hook.Choice) e6.Side {
			if ask.Add(1)%2 == 0 {
				return c.Strategy.Origin()
			}
			return c.Strategy.Target
		})))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	ctx := within(t, 60*time.Second)
	var running sync.WaitGroup
	var done atomic.Int64
	stop := make(chan struct{})
	for range 32 {
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got, err := client.QueryAll(ctx, "SELECT * FROM numbers(10)"); err != nil || got.Len() != 10 {
					t.Errorf("%v, %v", got, err)
					return
				}
				done.Add(1)
			}
		})
	}
	for _, target := range []e6.Side{e6.Green, e6.Blue, e6.Green, e6.Blue} {
		cluster.OpenSide(target)
		require.NoError(t, client.Switch(ctx, target))
		before := done.Load()
		waitFor(ctx, t, client, func() bool { return done.Load() > before+int64(stress.Count(50, 200)) })
		cluster.CloseSide(target.Other())
		waitFor(ctx, t, client, func() bool { return client.Strategy().State == fsm.Settled(target) })
	}
	close(stop)
	running.Wait()
	require.Zero(t, client.Stats().Lost)
}
