package playground

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

func TestDemo_PlaysEachKindOfChangeWithoutAFailure(t *testing.T) {
	play(t, func(t *testing.T, p *Playground) {
		do(t, p, "demo", fsm.None)
		elapse(time.Second)
		s := p.Snapshot()
		require.True(t, s.Load)
		require.Equal(t, Demo{Playing: true, Scene: 1, Scenes: len(scenes), Caption: scenes[0].before}, s.Demo)
		s = until(t, p, func(s Snapshot) bool { return s.Totals.Cutovers == 1 })
		require.Equal(t, scenes[0].during, s.Demo.Caption)
		s = until(t, p, func(s Snapshot) bool { return !s.Demo.Playing })
		require.Contains(t, s.Demo.Caption, "4 cutovers")
		require.Contains(t, s.Demo.Caption, " 0 failed")
		require.Zero(t, s.Totals.Failed, s.Failure)
		require.Zero(t, s.Totals.Wrong)
		require.NotZero(t, s.Totals.Continued)
		var kinds []events.ChangeKind
		for _, c := range s.Changes {
			kinds = append(kinds, c.Kind)
		}
		require.Equal(t, []events.ChangeKind{
			events.ChangeRolledBack, events.ChangeAnnounced, events.ChangeAbrupt, events.ChangeAnnounced, events.ChangeDetected,
		}, kinds)
		elapse(12 * time.Second) // after the cool-down nothing that the demo leaves behind moves the client again
		require.Equal(t, 4, p.Snapshot().Totals.Cutovers)
		require.True(t, p.Snapshot().Sides[1].Healthy)
	})
}

func TestDemo_EndsAtACommand(t *testing.T) {
	play(t, func(t *testing.T, p *Playground) {
		do(t, p, "demo", fsm.None)
		elapse(time.Second)
		do(t, p, "start", fsm.None)
		require.Zero(t, p.Snapshot().Demo)
		require.True(t, p.Snapshot().Load)
		elapse(2 * lead)
		s := p.Snapshot()
		require.Zero(t, s.Totals.Cutovers)

		do(t, p, "demo", fsm.None)
		elapse(time.Second)
		require.Less(t, p.Snapshot().Totals.Queries, s.Totals.Queries, "the demo starts with a reset")
		require.True(t, p.Snapshot().Demo.Playing)
	})
}
