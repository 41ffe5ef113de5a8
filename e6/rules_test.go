package e6_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// byFunc is a guard and a selector that a test writes on the spot.
type byFunc struct {
	guard  func(*e6.Proposal) e6.Decision
	choose func(e6.Choice) e6.Side
}

func (f byFunc) Guard(_ context.Context, p *e6.Proposal) e6.Decision { return f.guard(p) }
func (f byFunc) Select(_ context.Context, c e6.Choice) e6.Side       { return f.choose(c) }

// What rules.md says and no symptom shows.
func TestTheRulesOfGuardsSelectorsAndTheWayBack(t *testing.T) {
	allow := func(*e6.Proposal) e6.Decision { return e6.Allow() }
	none := func(e6.Choice) e6.Side { return e6.None }
	blue := func(e6.Choice) e6.Side { return e6.Blue }
	for name, test := range map[string]struct {
		hooks  []e6.Hook
		before func(*testing.T, *e6test.Cluster, *e6.Client)
		check  func(*testing.T, *e6test.Cluster, *e6.Client)
	}{
		"a delay asks again": {
			hooks: []e6.Hook{byFunc{func(p *e6.Proposal) e6.Decision {
				if p.Attempt == 1 {
					return e6.Delay(time.Minute, "too early")
				}
				return e6.Allow()
			}, none}},
			check: func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
				require.Equal(t, fsm.PhasePreparing, client.Strategy().Phase)
				elapse(time.Minute)
				require.Equal(t, e6.Green, client.Strategy().Active)
				require.Len(t, told[events.GuardDecided](client), 2)
			},
		},
		"the first guard that does not allow decides": {
			hooks: []e6.Hook{byFunc{allow, none}, peakHours{}, byFunc{func(*e6.Proposal) e6.Decision { panic("it is not asked") }, none}},
			check: func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
				require.Equal(t, "peak hours", told[events.GuardDecided](client)[0].Guard)
				require.Empty(t, told[events.HookFailed](client))
			},
		},
		"the first selector that names a side decides, and one that panics does not": {
			hooks: []e6.Hook{byFunc{allow, func(e6.Choice) e6.Side { panic("a selector") }}, byFunc{allow, none}, byFunc{allow, blue}},
			check: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				before := calls(cluster, "prepareStatement", e6.Blue)
				answer(t, client)
				require.Equal(t, before+1, calls(cluster, "prepareStatement", e6.Blue))
			},
		},
		"without a word of a selector the target is taken": {
			hooks: []e6.Hook{byFunc{allow, none}},
			check: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				require.Equal(t, fsm.PhaseShared, client.Strategy().Phase)
				answer(t, client)
				require.Equal(t, 1, calls(cluster, "prepareStatement", e6.Green))
			},
		},
		"an origin that refuses ends the shared phase, and its query goes to the target": {
			hooks: []e6.Hook{byFunc{allow, blue}},
			check: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				cluster.CloseSide(e6.Blue)
				answer(t, client)
				require.Equal(t, fsm.StateGreen, client.Strategy().State)
				require.Equal(t, "refused", told[events.DrainEnded](client)[0].Result)
			},
		},
		"an origin without an answer ends the shared phase": {
			hooks: []e6.Hook{byFunc{allow, blue}},
			check: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				cluster.SetHealthy(e6.Blue, false)
				answer(t, client)
				synctest.Wait()
				require.Equal(t, fsm.StateGreen, client.Strategy().State)
			},
		},
		"selectors that need both sides no longer end the shared phase": {
			hooks: []e6.Hook{e6.Canary{Ramp: time.Minute}, e6.AllToTarget{}},
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
				require.Equal(t, "abort", told[events.HealthBreached](client)[0].Action)
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
				breaches := told[events.HealthBreached](client)
				require.Equal(t, "none", breaches[len(breaches)-1].Action)
				require.Equal(t, e6.Green, client.Strategy().Active)
			},
		},
		"a rollback by the caller takes back what is being prepared": {
			hooks: []e6.Hook{byFunc{func(*e6.Proposal) e6.Decision { return e6.Delay(time.Minute, "later") }, none}},
			check: func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
				require.NoError(t, client.Rollback(t.Context(), "not today"))
				require.Equal(t, fsm.StateBlue, client.Strategy().State)
				require.Equal(t, 30*time.Minute, client.Health().Sides[1].CoolDown)
			},
		},
		"a rollback by the caller leads back": {
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
				cluster, client := ailing(t, e6.WithHooks(test.hooks...), e6.WithRollback(e6.RollbackPolicy{MinRequests: 4}))
				if test.before != nil {
					test.before(t, cluster, client)
				}
				moveTo(t, cluster, client, e6.Green)
				test.check(t, cluster, client)
			})
		})
	}
}
