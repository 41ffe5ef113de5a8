package fsm

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTransitionError_NamesTheWrongArgument(t *testing.T) {
	for name, c := range map[string]struct {
		trigger Trigger
		want    string
	}{
		"no event":                        {Trigger{}, "unknown event"},
		"detect with a side":              {Trigger{Event: EventDetect, Side: Blue}, "takes no side"},
		"settle without a side":           {Trigger{Event: EventSettle}, "needs a side"},
		"accept without a phase":          {Trigger{Event: EventAccept}, "needs a phase"},
		"accept of preparing":             {Trigger{Event: EventAccept, Phase: PhasePreparing}, "needs a phase"},
		"commit with a phase":             {Trigger{Event: EventCommit, Side: Blue, Phase: PhaseDraining}, "takes no phase"},
		"valid, but illegal in the state": {Trigger{Event: EventSettle, Side: Blue}, "settle blue is illegal in state unknown: legal are detect"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := New()
			require.NoError(t, err)
			_, err = m.Fire(c.trigger)
			require.ErrorIs(t, err, ErrIllegal)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestMachine_SinceNeverDecreases(t *testing.T) {
	m, err := New()
	require.NoError(t, err)
	late := time.Unix(1000, 0)
	_, err = m.Fire(Trigger{Event: EventDetect, At: late})
	require.NoError(t, err)
	step, err := m.Fire(Trigger{Event: EventSettle, Side: Blue, At: late.Add(-time.Hour)})
	require.NoError(t, err)
	require.Equal(t, late, step.At)
	require.Equal(t, late, m.Snapshot().Since)
	require.Equal(t, StateDetecting, step.From())
	require.Equal(t, StateBlue, step.To())
	require.Equal(t, "settle: detecting => blue", step.String())
}

func TestMachine_SnapshotAllocatesNothing(t *testing.T) {
	m, err := New()
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = m.Snapshot() }))
}

func TestTable_EveryErrorIsReported(t *testing.T) {
	unreachable := transitioningTo(PhaseDraining, Blue)
	for name, c := range map[string]struct {
		extra []row
		want  []string
	}{
		"a row twice":             {[]row{{event: EventDetect, from: unknown, to: detecting}}, []string{"declared twice"}},
		"an event without a name": {[]row{{event: 99, from: unknown, to: detecting}}, []string{"unknown event"}},
		"a side that is missing":  {[]row{{event: EventSettle, from: unknown, to: detecting}}, []string{"the side does not match the event"}},
		"a phase too many":        {[]row{{event: EventFail, phase: PhaseShared, from: unknown, to: detecting}}, []string{"the phase does not match the event"}},
		"a loop":                  {[]row{{event: EventFail, from: unknown, to: unknown}}, []string{"leads to its own source"}},
		"an unknown node and a dead end": {
			[]row{{event: EventFail, from: unknown, to: node{state: 77}}},
			[]string{"unknown node", "cannot be left"},
		},
		"a settled node with a phase": {
			[]row{{event: EventFail, from: unknown, to: node{StateBlue, PhaseShared, None}}},
			[]string{"unknown node"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := define(append(table(), c.extra...))
			var bad *TableError
			require.ErrorAs(t, err, &bad)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	t.Run("a node that cannot be reached", func(t *testing.T) {
		_, err := define([]row{
			{event: EventDetect, from: unknown, to: detecting},
			{event: EventFail, from: detecting, to: unknown},
			{event: EventReset, from: unreachable, to: unknown},
		})
		require.ErrorContains(t, err, unreachable.name()+" cannot be reached")
	})
}

func TestDraw_TheDiagramsShowTheTable(t *testing.T) {
	require.Equal(t, Mermaid(), Mermaid())
	require.Equal(t, Graphviz(), Graphviz())
	for _, line := range []string{
		"stateDiagram-v2\n",
		"[*] --> unknown\n",
		"state transitioning {\n",
		"preparing --> shared: accept\n",
		"shared --> draining: accept\n",
		"draining --> green: commit green\n",
		"transitioning --> blue: abort blue\n",
		"blue --> preparing: announce green, rollback green\n",
		"unknown --> detecting: detect\n",
	} {
		require.Contains(t, Mermaid(), line)
	}
	require.Contains(t, Graphviz(), "subgraph cluster_transitioning")
	for _, e := range edges() {
		require.Contains(t, Mermaid(), e.from+" --> "+e.to+": "+e.label)
		require.Contains(t, Graphviz(), "-> "+e.to+" [label=\""+e.label+"\"")
	}
	require.Equal(t, strings.Count(Graphviz(), "{"), strings.Count(Graphviz(), "}"))
}
