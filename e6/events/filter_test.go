package events

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// mixed is a list of events with several kinds, components, levels and sides.
var mixed = []Data{
	SessionOpened{Side: fsm.Blue},                     // 1 session, debug, blue
	Refused{Side: fsm.Blue},                           // 2 query, debug, blue
	StrategyChanged{From: fsm.Blue, To: fsm.Green},    // 3 strategy, info, both
	QueryLost{Side: fsm.Blue},                         // 4 query, error, blue
	StoreFailed{Op: "watch"},                          // 5 store, warn, none
	QueryAbandoned{Side: fsm.Green},                   // 6 query, warn, green
	GuardDecided{Target: fsm.Green, Decision: "veto"}, // 7 strategy, warn, green
	GuardDecided{Target: fsm.Blue, Decision: "allow"}, // 8 strategy, info, blue
	Closed{}, // 9 client, info, none
}

func TestSubscribe_Filters(t *testing.T) {
	for name, c := range map[string]struct {
		opts []SubscribeOption
		want []uint64
	}{
		"none":                            {nil, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"options without values":          {[]SubscribeOption{Kinds(), Components(), Sides()}, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"kinds":                           {[]SubscribeOption{Kinds(KindRefused, KindClosed)}, []uint64{2, 9}},
		"kinds twice":                     {[]SubscribeOption{Kinds(KindRefused), Kinds(KindClosed)}, []uint64{2, 9}},
		"components":                      {[]SubscribeOption{Components(ComponentStrategy, ComponentStore)}, []uint64{3, 5, 7, 8}},
		"minimum level":                   {[]SubscribeOption{MinLevel(slog.LevelWarn)}, []uint64{4, 5, 6, 7}},
		"the last minimum level applies":  {[]SubscribeOption{MinLevel(slog.LevelDebug), MinLevel(slog.LevelError)}, []uint64{4}},
		"a level between two":             {[]SubscribeOption{MinLevel(slog.LevelWarn + 1)}, []uint64{4}},
		"one side":                        {[]SubscribeOption{Sides(fsm.Green)}, []uint64{3, 6, 7}},
		"both sides":                      {[]SubscribeOption{Sides(fsm.Blue, fsm.Green)}, []uint64{1, 2, 3, 4, 6, 7, 8}},
		"component and level":             {[]SubscribeOption{Components(ComponentQuery), MinLevel(slog.LevelWarn)}, []uint64{4, 6}},
		"component, level and side":       {[]SubscribeOption{Components(ComponentQuery), MinLevel(slog.LevelWarn), Sides(fsm.Green)}, []uint64{6}},
		"kind and side":                   {[]SubscribeOption{Kinds(KindGuardDecided), Sides(fsm.Blue)}, []uint64{8}},
		"filters that exclude each other": {[]SubscribeOption{Kinds(KindClosed), Components(ComponentQuery)}, nil},
		"an unknown kind":                 {[]SubscribeOption{Kinds("unknown")}, nil},
		"an unknown component":            {[]SubscribeOption{Components("unknown")}, nil},
		"no side":                         {[]SubscribeOption{Sides(fsm.None)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBus(Options{})
			var live, replayed []Event
			b.Subscribe(func(e Event) { live = append(live, e) }, c.opts...)
			for _, d := range mixed {
				b.Publish(fsm.Cause{}, d)
			}
			b.Subscribe(func(e Event) { replayed = append(replayed, e) }, append(slices.Clone(c.opts), History(len(mixed)))...)
			finish(t, b)
			require.Equal(t, c.want, seqs(live))
			require.Equal(t, c.want, seqs(replayed), "the history is filtered too")
			require.Zero(t, b.Dropped(), "a filtered event is not a dropped one")
		})
	}
}

func TestSubscribe_EventsDroppedPassesEveryFilter(t *testing.T) {
	for name, filter := range map[string]SubscribeOption{
		"kinds":         Kinds(KindSessionExpired),
		"components":    Components(ComponentSession),
		"minimum level": MinLevel(slog.LevelDebug),
		"sides":         Sides(fsm.Blue),
	} {
		t.Run(name, func(t *testing.T) {
			bubbles.Test(t, func(t *testing.T) {
				b := NewBus(Options{})
				release := make(chan struct{})
				var got []Event
				b.Subscribe(func(e Event) { got = append(got, e); <-release }, Queue(1), filter)
				publish(b, 1)
				synctest.Wait()
				publish(b, 3) // one fits
				close(release)
				finish(t, b)
				require.Equal(t, []uint64{1, 2, 4}, seqs(got))
				require.Equal(t, EventsDropped{Count: 2}, got[2].Data)
			})
		})
	}
	require.NotContains(t, fmt.Sprint(mixed), "dropped")
}

func TestSubscribe_AnyFiltersSelectByKindComponentLevelAndSide(t *testing.T) {
	var all []Data
	for _, c := range samples {
		all = append(all, c.data)
	}
	all = append(all, mixed...)
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.SliceOfN(rapid.SampledFrom(AllKinds()), 0, 12).Draw(t, "kinds")
		components := rapid.SliceOfN(rapid.SampledFrom(AllComponents()), 0, 3).Draw(t, "components")
		sides := rapid.SliceOfN(rapid.SampledFrom(fsm.Sides[:]), 0, 2).Draw(t, "sides")
		level := rapid.SampledFrom([]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}).Draw(t, "level")
		opts := []SubscribeOption{Kinds(kinds...), Components(components...), Sides(sides...), MinLevel(level), Lossless()}
		b := NewBus(Options{})
		var got, want []uint64
		b.Subscribe(func(e Event) { got = append(got, e.Seq) }, rapid.Permutation(opts).Draw(t, "options")...)
		for _, d := range all {
			e := b.Publish(fsm.Cause{}, d)
			side := len(sides) == 0
			for _, s := range sides {
				side = side || e.Concerns(s)
			}
			if side && e.Level() >= level && (len(kinds) == 0 || slices.Contains(kinds, e.Kind())) &&
				(len(components) == 0 || slices.Contains(components, e.Kind().Component())) {
				want = append(want, e.Seq)
			}
		}
		b.Close()
		require.NoError(t, b.Wait(t.Context()))
		require.Equal(t, want, got)
	})
}
