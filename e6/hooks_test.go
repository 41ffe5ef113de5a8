package e6_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
)

// selects is a Selector without optional methods.
type selects struct{}

func (selects) Select(context.Context, hook.Choice) fsm.Side { return fsm.None }

type (
	waitsForAny     struct{ selects }
	waitsByPlace    struct{ selects }
	gate            struct{ selects }
	observes        struct{}
	inlineByName    struct{ observes }
	validatesItself struct{ selects }
)

func (waitsForAny) Wait(context.Context, any)            {}
func (*waitsByPlace) Wait(context.Context, fsm.Snapshot) {}
func (gate) Wait(context.Context, fsm.Snapshot)          {}
func (inlineByName) Inline(string) bool                  { return true }
func (validatesItself) Validate() bool                   { return true }

func (observes) QueryStart(ctx context.Context, _ hook.QueryStart) context.Context { return ctx }
func (observes) QueryEnd(context.Context, hook.QueryEnd)                           {}

// A hook with an optional method of another signature would be used without that method,
// without an error.
func TestOpen_RefusesAHookWhoseOptionalMethodHasAnotherSignature(t *testing.T) {
	for name, c := range map[string]struct {
		opt         e6.Option
		value, want string
	}{
		"a gate that waits for any": {e6.WithSelector(waitsForAny{}),
			"e6_test.waitsForAny with a method Wait of another signature than hook.SharedPhaseGate", "Wait(context.Context, fsm.Snapshot), or another name for that method"},
		"a gate whose Wait has a pointer receiver": {e6.WithSelector(waitsByPlace{}),
			"e6_test.waitsByPlace, whose method Wait belongs to *e6_test.waitsByPlace", "a pointer to it"},
		"an inline hook by name": {e6.WithQueryHook(inlineByName{}),
			"e6_test.inlineByName with a method Inline of another signature than hook.InlineHook", "Inline(context.Context, string) bool, or another name for that method"},
		"a validator by name": {e6.WithSelector(validatesItself{}),
			"e6_test.validatesItself with a method Validate of another signature than hook.Validator", "Validate() error, or another name for that method"},
		"no hook": {e6.WithSelector(nil), "nil", "a hook.Selector"},
		"an invalid ready-made selector": {e6.WithSelector(hook.Canary{From: 5}),
			"Canary(5 in 0s)", "Canary.From from 0 to 1"},
	} {
		t.Run(name, func(t *testing.T) {
			err := e6.Config{Address: "localhost:1", User: "u", Token: "t"}.Validate(c.opt)
			var invalid *e6.ConfigError
			require.ErrorAs(t, err, &invalid)
			require.Len(t, invalid.Problems, 1)
			require.Equal(t, c.value, invalid.Problems[0].Value)
			require.Equal(t, c.want, invalid.Problems[0].Want)
		})
	}
	for name, opt := range map[string]e6.Option{
		"a selector": e6.WithSelector(selects{}), "a gate": e6.WithSelector(gate{}), "a pointer to a gate": e6.WithSelector(&waitsByPlace{}),
		"a ready-made gate": e6.WithSelector(hook.NewPinSide(fsm.Blue)), "an observer": e6.WithQueryHook(observes{}),
	} {
		require.NoError(t, e6.Config{Address: "localhost:1", User: "u", Token: "t"}.Validate(opt), name)
	}
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
