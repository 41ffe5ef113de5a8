package router

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The wall clock was set between some of the measurements of a step.
func TestReplay_MeasuresTheTimeThatPassedIfTheClockWasSet(t *testing.T) {
	measured := []struct{ passed, shown time.Duration }{
		{time.Second, time.Second},
		{time.Second, -time.Hour},
		{2 * time.Second, 2 * time.Second},
		{3 * time.Second, 5 * time.Hour},
	}
	r := &recording{}
	for i, m := range measured {
		r.elapsed(int64(i+1), m.passed, m.shown)
	}
	r.observed(observedRefresh, 7)
	p := &replaying{observations: r.observations}
	for i, m := range measured {
		require.Equal(t, m.passed, p.elapsed(int64(i+1), m.shown), "measurement %d", i+1)
	}
	require.EqualValues(t, 7, p.observed(observedRefresh))
	require.Empty(t, p.problem)
	require.Zero(t, p.observed(observedHeld))
	require.Contains(t, p.problem, "does not have here")
}
