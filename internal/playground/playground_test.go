package playground

import (
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// play runs a test with a playground in a bubble.
func play(t *testing.T, test func(t *testing.T, p *Playground)) {
	bubbles.Test(t, func(t *testing.T) {
		p, err := Open(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() {
			violations := p.current().cluster.Stats().Violations
			require.NoError(t, p.Close())
			require.Empty(t, violations)
		})
		test(t, p)
	})
}

func do(t *testing.T, p *Playground, name string, side fsm.Side) {
	t.Helper()
	require.NoError(t, p.Do(t.Context(), Command{name, side}))
}

// elapse lets time pass.
func elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// until waits until a snapshot meets the condition, at most for a minute.
func until(t *testing.T, p *Playground, condition func(s Snapshot) bool) Snapshot {
	t.Helper()
	for range 600 {
		if s := p.Snapshot(); condition(s) {
			return s
		}
		elapse(100 * time.Millisecond)
	}
	require.Fail(t, "the condition was not met", "%+v", p.Snapshot())
	return Snapshot{}
}

// reach waits until the client has the state.
func reach(t *testing.T, p *Playground, state fsm.State) Snapshot {
	t.Helper()
	return until(t, p, func(s Snapshot) bool { return s.Strategy.State == state.String() })
}

func TestPlayground_AnAnnouncementUnderLoadFailsNoQuery(t *testing.T) {
	play(t, func(t *testing.T, p *Playground) {
		do(t, p, "start", fsm.None)
		elapse(3 * time.Second)
		s := p.Snapshot()
		require.True(t, s.Load)
		require.Equal(t, "blue", s.Strategy.State)
		require.Len(t, s.Running, lookups+exports)
		require.Equal(t, fsm.Blue, s.Running[0].Side)
		require.Greater(t, s.Sides[0].PerSecond, 5.0)
		require.Greater(t, s.Sides[0].P95, int64(100))
		require.Zero(t, s.Totals.Cutovers)

		do(t, p, "announce", fsm.Green)
		s = reach(t, p, fsm.StateTransitioning)
		require.Equal(t, "draining", s.Strategy.Phase)
		require.NotZero(t, s.Sides[0].Running, "the export ends on blue")
		require.True(t, s.Sides[1].Serves && s.Sides[1].Announced && s.Sides[1].Open)
		reach(t, p, fsm.StateGreen)
		elapse(window)
		s = p.Snapshot()
		require.Equal(t, 1, s.Totals.Cutovers)
		require.Zero(t, s.Totals.Failed, s.Failure)
		require.Zero(t, s.Totals.Wrong)
		require.Zero(t, s.Sides[0].PerSecond)
		require.Greater(t, s.Sides[1].PerSecond, 5.0)
		require.Equal(t, events.ChangeAnnounced, s.Changes[0].Kind)
	})
}

func TestPlayground_AnAbruptCutoverContinuesTheExports(t *testing.T) {
	play(t, func(t *testing.T, p *Playground) {
		do(t, p, "start", fsm.None)
		elapse(3 * time.Second)
		do(t, p, "cutover", fsm.Green)
		reach(t, p, fsm.StateGreen)
		elapse(3 * time.Second)
		s := p.Snapshot()
		require.Equal(t, events.ChangeAbrupt, s.Changes[0].Kind)
		require.NotZero(t, s.Totals.Continued)
		require.NotZero(t, s.Totals.Replayed)
		require.Zero(t, s.Totals.Failed, s.Failure)
		require.Zero(t, s.Totals.Wrong)
		require.False(t, s.Sides[0].Open)
		require.NotZero(t, s.Sides[0].Refused)
		require.Equal(t, Step{fsm.StateDetecting, fsm.StateGreen, fsm.EventSettle, s.Step.At}, s.Step)
	})
}

func TestPlayground_AnUnhealthySideIsRolledBack(t *testing.T) {
	play(t, func(t *testing.T, p *Playground) {
		do(t, p, "start", fsm.None)
		do(t, p, "announce", fsm.Green)
		reach(t, p, fsm.StateGreen)
		do(t, p, "unhealthy", fsm.Green)
		require.False(t, p.Snapshot().Sides[1].Healthy)
		reach(t, p, fsm.StateBlue)
		s := p.Snapshot()
		require.Equal(t, events.ChangeRolledBack, s.Changes[0].Kind)
		require.Zero(t, s.Totals.Failed, s.Failure)

		do(t, p, "healthy", fsm.Green)
		require.True(t, p.Snapshot().Sides[1].Healthy)
		do(t, p, "cutover", fsm.Green)
		reach(t, p, fsm.StateGreen)
		elapse(3 * time.Second)
		require.Equal(t, "green", p.Snapshot().Strategy.State)
		require.Zero(t, p.Snapshot().Totals.Failed, p.Snapshot().Failure)
	})
}

func TestPlayground_ShowsFailedQueriesAndWrongResults(t *testing.T) {
	play(t, func(t *testing.T, p *Playground) {
		do(t, p, "unhealthy", fsm.Blue) // and green is closed
		do(t, p, "start", fsm.None)
		elapse(12 * time.Second)
		s := p.Snapshot()
		require.NotZero(t, s.Totals.Failed)
		require.Equal(t, s.Totals.Failed, s.Sides[0].Failed)
		require.Contains(t, s.Failure, "502")
		require.NotEqual(t, "ok", s.Ended[0].Outcome)
		require.Zero(t, s.Totals.Wrong)
		do(t, p, "stop", fsm.None)
		do(t, p, "healthy", fsm.Blue)

		p.current().cluster.OnMatch(regexp.MustCompile("sleep"), e6test.Rows(e6test.Longs("slept", 7)))
		do(t, p, "start", fsm.None)
		elapse(time.Second)
		require.NotZero(t, p.Snapshot().Totals.Wrong)
	})
}

func TestPlayground_AStoppedLoadRunsNoQuery(t *testing.T) {
	play(t, func(t *testing.T, p *Playground) {
		do(t, p, "start", fsm.None)
		do(t, p, "start", fsm.None)
		elapse(time.Second)
		do(t, p, "stop", fsm.None)
		s := p.Snapshot()
		require.False(t, s.Load)
		require.Empty(t, s.Running)
		require.Zero(t, s.Totals.Failed, "a visitor who stops the load fails no query")
		elapse(time.Minute)
		require.Equal(t, s.Totals, p.Snapshot().Totals)
		require.Empty(t, p.current().cluster.OpenQueries())
	})
}

func TestPlayground_AClosedSideRefusesUntilItIsOpened(t *testing.T) {
	play(t, func(t *testing.T, p *Playground) {
		do(t, p, "close", fsm.Blue)
		do(t, p, "start", fsm.None)
		reach(t, p, fsm.StateDetecting)
		do(t, p, "open", fsm.Green)
		reach(t, p, fsm.StateGreen)
		require.Zero(t, p.Snapshot().Totals.Failed)
	})
}

func TestDo_ResetStartsOver(t *testing.T) {
	play(t, func(t *testing.T, p *Playground) {
		do(t, p, "start", fsm.None)
		do(t, p, "cutover", fsm.Green)
		reach(t, p, fsm.StateGreen)
		do(t, p, "reset", fsm.None)
		synctest.Wait()
		s := p.Snapshot()
		require.Equal(t, "blue", s.Strategy.State)
		require.False(t, s.Load)
		require.Zero(t, s.Totals)
		require.Len(t, s.Changes, 1)
		require.True(t, s.Sides[0].Open)
		require.False(t, s.Sides[1].Open)
	})
}

func TestDo_AWrongCommandIsAProblemUntilTheNextOne(t *testing.T) {
	play(t, func(t *testing.T, p *Playground) {
		require.ErrorContains(t, p.Do(t.Context(), Command{Name: "explode"}), `command "explode": use demo, start, stop`)
		require.Contains(t, p.Snapshot().Problem, "explode")
		require.EqualError(t, p.Do(t.Context(), Command{Name: "announce"}), "command announce: use side blue or green, not none")
		do(t, p, "start", fsm.None)
		require.Empty(t, p.Snapshot().Problem)
	})
}

func TestChanged_DeliversAStepOfTheMachine(t *testing.T) {
	play(t, func(t *testing.T, p *Playground) {
		do(t, p, "start", fsm.None)
		changed := func() (delivered bool) {
			select {
			case <-p.Changed():
				return true
			case <-time.After(10 * time.Second):
				return false
			}
		}
		synctest.Wait()
		require.True(t, changed(), "all changes so far")
		require.False(t, changed(), "queries change nothing")
		do(t, p, "cutover", fsm.Green)
		require.True(t, changed(), "the command")
		require.True(t, changed())
		require.NotEqual(t, "blue", p.Snapshot().Strategy.State)
	})
}

func TestTimeline_DrawsTheQueries(t *testing.T) {
	play(t, func(t *testing.T, p *Playground) {
		do(t, p, "start", fsm.None)
		elapse(3 * time.Second)
		wide, err := p.Timeline(900)
		require.NoError(t, err)
		require.Contains(t, wide, `width="900"`)
		require.Regexp(t, `queries: \d+ ok`, wide)
		do(t, p, "reset", fsm.None)
		fresh, err := p.Timeline(0)
		require.NoError(t, err)
		require.NotContains(t, fresh, "queries:", "the new client has run no query")
	})
}

func TestMachine_HasTheEdgesOfTheTable(t *testing.T) {
	edges := Machine()
	require.Contains(t, edges, Edge{"blue", "transitioning", []string{"announce", "rollback"}})
	require.Contains(t, edges, Edge{"detecting", "green", []string{"settle"}})
	require.Len(t, edges, 14)
	for _, e := range edges {
		for _, name := range []string{e.From, e.To} {
			var state fsm.State
			require.NoError(t, state.UnmarshalText([]byte(name)), "%+v", e)
		}
	}
}
