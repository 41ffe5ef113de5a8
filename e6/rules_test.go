package e6_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// byFunc is a guard and a selector that a test writes on the spot.
type byFunc struct {
	guard  func(*hook.Proposal) hook.Decision
	choose func(hook.Choice) e6.Side
}

func (f byFunc) Guard(_ context.Context, p *hook.Proposal) hook.Decision { return f.guard(p) }
func (f byFunc) options() []e6.Option                                    { return []e6.Option{e6.WithGuard(f), e6.WithSelector(f)} }
func (f byFunc) Select(_ context.Context, c hook.Choice) e6.Side         { return f.choose(c) }

// TestRules shows rows of docs/rules.md that no symptom of docs/troubleshooting.md shows.
func TestRules(t *testing.T) {
	allow := func(*hook.Proposal) hook.Decision { return hook.Allow() }
	none := func(hook.Choice) e6.Side { return e6.None }
	blue := func(hook.Choice) e6.Side { return e6.Blue }
	for name, test := range map[string]struct {
		hooks  []e6.Option
		before func(*testing.T, *e6test.Cluster, *e6.Client)
		check  func(*testing.T, *e6test.Cluster, *e6.Client)
	}{
		"a delay runs the guards again": {
			hooks: byFunc{func(p *hook.Proposal) hook.Decision {
				if p.Attempt == 1 {
					return hook.Delay(time.Minute, "too early")
				}
				return hook.Allow()
			}, none}.options(),
			check: func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
				require.Equal(t, fsm.PhasePreparing, client.Strategy().Phase)
				elapse(time.Minute)
				require.Equal(t, e6.Green, client.Strategy().Active)
				require.Len(t, published[events.GuardDecided](client), 2)
			},
		},
		"the first guard that does not allow decides": {
			hooks: slices.Concat(byFunc{allow, none}.options(), []e6.Option{e6.WithGuard(peakHours{})}, byFunc{func(*hook.Proposal) hook.Decision { panic("it is not called") }, none}.options()),
			check: func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
				require.Equal(t, "peak hours", published[events.GuardDecided](client)[0].Guard)
				require.Empty(t, published[events.HookFailed](client))
			},
		},
		"the first selector that returns a side decides": {
			hooks: slices.Concat(byFunc{allow, func(hook.Choice) e6.Side { panic("a selector") }}.options(), byFunc{allow, none}.options(), byFunc{allow, blue}.options()),
			check: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				before := calls(cluster, "prepareStatement", e6.Blue)
				answer(t, client)
				require.Equal(t, before+1, calls(cluster, "prepareStatement", e6.Blue))
			},
		},
		"without a choice of the selectors the target is used": {
			hooks: byFunc{allow, none}.options(),
			check: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				require.Equal(t, fsm.PhaseShared, client.Strategy().Phase)
				answer(t, client)
				require.Equal(t, 1, calls(cluster, "prepareStatement", e6.Green))
			},
		},
		"a refusal of the origin ends the shared phase": {
			hooks: byFunc{allow, blue}.options(),
			check: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				cluster.CloseSide(e6.Blue)
				answer(t, client)
				require.Equal(t, fsm.StateGreen, client.Strategy().State)
				require.Equal(t, "refused", published[events.DrainEnded](client)[0].Result)
			},
		},
		"a missing response of the origin ends the shared phase": {
			hooks: byFunc{allow, blue}.options(),
			check: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				cluster.SetHealthy(e6.Blue, false)
				answer(t, client)
				synctest.Wait()
				require.Equal(t, fsm.StateGreen, client.Strategy().State)
			},
		},
		"the last selector that needs both sides ends the shared phase": {
			hooks: []e6.Option{e6.WithSelector(hook.Canary{Ramp: time.Minute}), e6.WithSelector(hook.AllToTarget{})},
			check: func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
				elapse(time.Minute - time.Second)
				require.Equal(t, fsm.PhaseShared, client.Strategy().Phase)
				elapse(time.Second)
				require.Equal(t, fsm.StateGreen, client.Strategy().State)
			},
		},
		"a breach while the origin drains aborts": {
			before: func(t *testing.T, _ *e6test.Cluster, client *e6.Client) { held(t, client) },
			check: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				sickGreen(cluster)
				answer(t, client)
				synctest.Wait()
				require.Equal(t, "abort", published[events.HealthBreached](client)[0].Action)
				require.Equal(t, fsm.StateBlue, client.Strategy().State)
				require.Positive(t, client.Health().Sides[1].CoolDown)
			},
		},
		"one automatic rollback in a cool-down": {
			check: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				sickGreen(cluster)
				answer(t, client)
				require.NoError(t, client.Switch(t.Context(), e6.Green))
				require.Error(t, client.Exec(t.Context(), "SELECT 1"))
				breaches := published[events.HealthBreached](client)
				require.Equal(t, "none", breaches[len(breaches)-1].Action)
				require.Equal(t, e6.Green, client.Strategy().Active)
			},
		},
		"Rollback aborts a preparation": {
			hooks: byFunc{func(*hook.Proposal) hook.Decision { return hook.Delay(time.Minute, "later") }, none}.options(),
			check: func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
				require.NoError(t, client.Rollback(t.Context(), "not today"))
				require.Equal(t, fsm.StateBlue, client.Strategy().State)
				require.Equal(t, 30*time.Minute, client.Health().Sides[1].CoolDown)
			},
		},
		"Rollback returns to the old side": {
			check: func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
				require.NoError(t, client.Rollback(t.Context(), "wrong plans"))
				synctest.Wait()
				require.Equal(t, fsm.StateBlue, client.Strategy().State)
				require.Equal(t, 30*time.Minute, client.Health().Sides[1].CoolDown)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubbles.Test(t, func(t *testing.T) {
				cluster, client := ailing(t, append(test.hooks, e6.WithRollback(e6.RollbackPolicy{MinRequests: 4}))...)
				if test.before != nil {
					test.before(t, cluster, client)
				}
				moveTo(t, cluster, client, e6.Green)
				test.check(t, cluster, client)
			})
		})
	}
}
