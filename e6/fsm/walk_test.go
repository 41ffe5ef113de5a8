package fsm

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// position is a node of the model.
type position struct {
	state  State
	phase  Phase
	target Side
}

// triggers lists every combination of arguments, malformed ones included.
func triggers() []Trigger {
	var all []Trigger
	for event := Event(0); event <= EventReset+1; event++ {
		for side := None; side <= Green+1; side++ {
			for phase := PhaseNone; phase <= PhaseDraining+1; phase++ {
				all = append(all, Trigger{Event: event, Side: side, Phase: phase})
			}
		}
	}
	return all
}

// expected is the model: the rules of the machine, written without its table.
func expected(p position, t Trigger) (position, bool) {
	noArguments := t.Side == None && t.Phase == PhaseNone
	onlySide := (t.Side == Blue || t.Side == Green) && t.Phase == PhaseNone
	transition := p.state == StateTransitioning
	switch t.Event {
	case EventDetect:
		return position{state: StateDetecting}, noArguments && p.state != StateDetecting
	case EventReset:
		return position{}, noArguments && p.state != StateUnknown
	case EventFail:
		return position{}, noArguments && p.state == StateDetecting
	case EventSettle:
		return position{state: Settled(t.Side)}, onlySide && p.state == StateDetecting
	case EventAnnounce, EventRollback:
		return position{StateTransitioning, PhasePreparing, t.Side}, onlySide && p.state == Settled(t.Side.Other())
	case EventCommit:
		return position{state: Settled(t.Side)}, onlySide && transition && p.phase == PhaseDraining && p.target == t.Side
	case EventAbort:
		return position{state: Settled(t.Side)}, onlySide && transition && p.target == t.Side.Other()
	case EventAccept:
		legal := t.Phase == PhaseShared && p.phase == PhasePreparing ||
			t.Phase == PhaseDraining && (p.phase == PhasePreparing || p.phase == PhaseShared)
		return position{StateTransitioning, t.Phase, p.target}, legal && transition && t.Side == None
	}
	return p, false
}

// activeSide is the side of new queries at a position.
func activeSide(p position) Side {
	switch {
	case p.state == StateBlue:
		return Blue
	case p.state == StateGreen:
		return Green
	case p.state != StateTransitioning:
		return None
	case p.phase == PhasePreparing && p.target == Green:
		return Blue
	case p.phase == PhasePreparing:
		return Green
	}
	return p.target
}

// fire fires the trigger and checks the invariants of the machine.
func fire(t require.TestingT, m *Machine, p position, trigger Trigger) position {
	before := m.Snapshot()
	want, legal := expected(p, trigger)
	require.Equal(t, legal, m.Can(trigger), "%s in %s", trigger, before)
	got, err := m.Fire(trigger)
	if !legal {
		var illegal *TransitionError
		require.ErrorAs(t, err, &illegal, "%s in %s", trigger, before)
		require.ErrorIs(t, err, ErrIllegal)
		require.Equal(t, trigger, illegal.Trigger)
		require.Equal(t, before, illegal.Snapshot)
		require.Equal(t, before, m.Snapshot(), "an illegal event changes nothing")
		require.Zero(t, got)
		return p
	}
	require.NoError(t, err)
	after := m.Snapshot()
	require.Equal(t, want, position{after.State, after.Phase, after.Target}, "%s in %s", trigger, before)
	require.Equal(t, activeSide(want), after.Active, "%s in %s", trigger, before)
	epoch, transition := before.Epoch, before.Transition
	if before.Active != after.Active {
		epoch++
	}
	if trigger.Event == EventAnnounce || trigger.Event == EventRollback {
		transition++
	}
	require.Equal(t, epoch, after.Epoch, "%s in %s", trigger, before)
	require.Equal(t, transition, after.Transition, "%s in %s", trigger, before)
	require.False(t, after.Since.Before(before.Since), "time goes back")
	require.Equal(t, Transition{
		Event: trigger.Event, ID: after.Transition, Before: before, After: after, Cause: trigger.Cause, At: after.Since,
	}, got)
	return want
}

func TestMachine_EveryTriggerInEveryNodeAgreesWithTheModel(t *testing.T) {
	paths := map[position][]Trigger{{}: nil}
	for todo := []position{{}}; len(todo) > 0; todo = todo[1:] {
		for _, trigger := range triggers() {
			m, err := New()
			require.NoError(t, err)
			var p position
			for _, earlier := range paths[todo[0]] {
				p = fire(t, m, p, earlier)
			}
			p = fire(t, m, p, trigger)
			if _, known := paths[p]; !known {
				paths[p] = append(append([]Trigger(nil), paths[todo[0]]...), trigger)
				todo = append(todo, p)
			}
		}
	}
	require.Len(t, paths, 10, "unknown, detecting, two settled and six transitioning nodes")
}

func TestMachine_AnySequenceOfTriggersAgreesWithTheModel(t *testing.T) {
	all := triggers()
	rapid.Check(t, func(t *rapid.T) {
		m, err := New()
		require.NoError(t, err)
		var p position
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			candidates := all
			if rapid.Bool().Draw(t, "legal") {
				candidates = nil
				for _, trigger := range all {
					if _, ok := expected(p, trigger); ok {
						candidates = append(candidates, trigger)
					}
				}
			}
			trigger := rapid.SampledFrom(candidates).Draw(t, "trigger")
			trigger.At = time.Unix(rapid.Int64Range(1, 100).Draw(t, "at"), 0)
			trigger.Cause = Cause{Reason: ReasonCaller}
			p = fire(t, m, p, trigger)
		}
	})
}

func TestMachine_ReadersLoadConsistentSnapshotsDuringSteps(t *testing.T) {
	m, err := New()
	require.NoError(t, err)
	stop := make(chan struct{})
	torn := make(chan string, 4)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			var last uint64
			for {
				s := m.Snapshot()
				if s.Active != activeSide(position{s.State, s.Phase, s.Target}) || s.Epoch < last {
					torn <- fmt.Sprintf("%+v after epoch %d", s, last)
					return
				}
				last = s.Epoch
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for range 500 {
		for _, trigger := range cutover {
			_, err := m.Fire(trigger)
			require.NoError(t, err)
		}
	}
	close(stop)
	readers.Wait()
	require.Empty(t, torn)
}

// cutover leads from unknown to blue, to green and back to unknown.
var cutover = []Trigger{
	{Event: EventDetect},
	{Event: EventSettle, Side: Blue},
	{Event: EventAnnounce, Side: Green},
	{Event: EventAccept, Phase: PhaseShared},
	{Event: EventAccept, Phase: PhaseDraining},
	{Event: EventCommit, Side: Green},
	{Event: EventReset},
}

func BenchmarkFire(b *testing.B) {
	m, err := New()
	require.NoError(b, err)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := m.Fire(cutover[i%len(cutover)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSnapshot(b *testing.B) {
	m, err := New()
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_ = m.Snapshot()
	}
}
