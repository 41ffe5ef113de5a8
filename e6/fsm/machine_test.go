package fsm

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAMalformedTriggerSaysWhichArgumentIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		trigger Trigger
		want    string
	}{
		"no event":                 {Trigger{}, "no such event"},
		"detect with a side":       {Trigger{Event: EventDetect, Side: Blue}, "about no side"},
		"settle without a side":    {Trigger{Event: EventSettle}, "needs a side"},
		"accept without a phase":   {Trigger{Event: EventAccept}, "needs a phase"},
		"accept of preparing":      {Trigger{Event: EventAccept, Phase: PhasePreparing}, "needs a phase"},
		"commit with a phase":      {Trigger{Event: EventCommit, Side: Blue, Phase: PhaseDraining}, "about no phase"},
		"fine, but not legal here": {Trigger{Event: EventSettle, Side: Blue}, "settle blue is illegal in state unknown"},
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

func TestTimeNeverGoesBack(t *testing.T) {
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

func TestASnapshotAllocatesNothing(t *testing.T) {
	m, err := New()
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = m.Snapshot() }))
}

func TestAMistypedTableIsRefusedWithEverythingThatIsWrong(t *testing.T) {
	island := moving(PhaseDraining, Blue)
	for name, c := range map[string]struct {
		extra []row
		want  []string
	}{
		"a row twice":             {[]row{{event: EventDetect, from: unknown, to: detecting}}, []string{"declared twice"}},
		"an event without a name": {[]row{{event: 99, from: unknown, to: detecting}}, []string{"no such event"}},
		"a side that is missing":  {[]row{{event: EventSettle, from: unknown, to: detecting}}, []string{"its side do not go together"}},
		"a phase too many":        {[]row{{event: EventFail, phase: PhaseShared, from: unknown, to: detecting}}, []string{"its phase do not go together"}},
		"a loop":                  {[]row{{event: EventFail, from: unknown, to: unknown}}, []string{"leads nowhere"}},
		"an unknown node and a dead end": {
			[]row{{event: EventFail, from: unknown, to: node{state: 77}}},
			[]string{"no such node", "never left"},
		},
		"a settled node with a phase": {
			[]row{{event: EventFail, from: unknown, to: node{StateBlue, PhaseShared, None}}},
			[]string{"no such node"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newEngine(append(table(), c.extra...))
			var bad *TableError
			require.ErrorAs(t, err, &bad)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	t.Run("a node that is never reached", func(t *testing.T) {
		_, err := newEngine([]row{
			{event: EventDetect, from: unknown, to: detecting},
			{event: EventFail, from: detecting, to: unknown},
			{event: EventReset, from: island, to: unknown},
		})
		require.ErrorContains(t, err, island.name()+" is never reached")
	})
}

func TestThePicturesShowTheTableAndAreTheSameEveryTime(t *testing.T) {
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
