package e6

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/settings"
)

// valid is a configuration without a problem.
func valid() Config { return Config{Address: "localhost:1", User: "u", Token: "t"} }

// problemsIn lists what is wrong, by field.
func problemsIn(t *testing.T, err error) map[string]Problem {
	t.Helper()
	all := map[string]Problem{}
	if err != nil {
		wrong, ok := errors.AsType[*ConfigError](err)
		require.True(t, ok, "%v", err)
		for _, p := range wrong.Problems {
			all[p.Field] = p
		}
	}
	return all
}

func limitOf(t *testing.T, text string) int64 {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return int64(d)
}

func TestLimits_OfPoliciesAndSelectorsHoldAtConstruction(t *testing.T) {
	for name, c := range map[string]struct {
		opt    Option
		fields []string
	}{
		"a canary beyond all queries":                    {WithSelector(hook.Canary{From: 5}), []string{"WithSelector"}},
		"a canary below none":                            {WithSelector(hook.Canary{From: -0.1}), []string{"WithSelector"}},
		"a canary of NaN":                                {WithSelector(&hook.Canary{From: math.NaN()}), []string{"WithSelector"}},
		"a ramp that runs backwards":                     {WithSelector(hook.Canary{Ramp: -time.Second}), []string{"WithSelector"}},
		"a ramp of half a year":                          {WithSelector(hook.Canary{Ramp: 4000 * time.Hour}), []string{"WithSelector"}},
		"a good canary":                                  {WithSelector(hook.Canary{From: 1}), nil},
		"a label without a name":                         {WithSelector(hook.PinByLabel("")), []string{"WithSelector"}},
		"a side that is none":                            {WithSelector(hook.NewPinSide(None)), []string{"WithSelector"}},
		"a hook.PinSide that was not made by NewPinSide": {WithSelector(&hook.PinSide{}), []string{"WithSelector"}},
		"an error rate above all":                        {WithRollback(RollbackPolicy{ErrorRate: 1.1}), []string{"RollbackPolicy.ErrorRate"}},
		"an error rate of NaN":                           {WithRollback(RollbackPolicy{ErrorRate: math.NaN()}), []string{"RollbackPolicy.ErrorRate"}},
		"a ratio below one":                              {WithRollback(RollbackPolicy{LatencyRatio: 0.5}), []string{"RollbackPolicy.LatencyRatio"}},
		"an endless ratio":                               {WithRollback(RollbackPolicy{LatencyRatio: math.Inf(1)}), []string{"RollbackPolicy.LatencyRatio"}},
		"durations without a unit":                       {WithRollback(RollbackPolicy{Probation: 300, CoolDown: 30}), []string{"RollbackPolicy.Probation", "RollbackPolicy.CoolDown"}},
		"too few requests":                               {WithRollback(RollbackPolicy{MinRequests: -1}), []string{"RollbackPolicy.MinRequests"}},
		"a share above one":                              {WithFleet(FleetPolicy{StageShare: 2}), []string{"WithFleet", "FleetPolicy.StageShare"}},
		"a jitter of days":                               {WithFleet(FleetPolicy{Jitter: 48 * time.Hour}), []string{"WithFleet", "FleetPolicy.Jitter"}},
		"no jitter":                                      {WithFleet(FleetPolicy{Jitter: -1}), []string{"WithFleet"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.fields == nil {
				require.NoError(t, valid().Validate(c.opt))
				return
			}
			_, err := newClient(valid(), []Option{c.opt})
			got := problemsIn(t, err)
			require.Len(t, got, len(c.fields))
			for _, field := range c.fields {
				require.Contains(t, got, field)
				require.NotEmpty(t, got[field].Want)
			}
		})
	}
}

func TestDefaults_AreWithinTheirLimits(t *testing.T) {
	filled := valid().withDefaults()
	filled.Credentials, filled.Token = nil, "t"
	require.NoError(t, filled.Validate())
	for _, s := range settings.All() {
		if s.Default != "" && s.Default != "0" {
			require.False(t, reflect.ValueOf(filled).FieldByName(s.Field).IsZero() && s.Default != "true", s.Field)
		}
	}
	require.NoError(t, valid().Validate(WithRollback(RollbackPolicy{}.withDefaults())))
}

func TestSettings_AreFieldsOfConfigInItsOrder(t *testing.T) {
	cfg, last := reflect.TypeFor[Config](), -1
	for _, s := range settings.All() {
		field, ok := cfg.FieldByName(s.Field)
		require.True(t, ok, s.Field)
		require.Greater(t, field.Index[0], last, "%s stands at the place that the field has in Config", s.Field)
		last = field.Index[0]
	}
}
