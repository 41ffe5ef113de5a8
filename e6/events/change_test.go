package events

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
)

func TestStrategyChanged_TextHasTheSidesTheKindAndTheCause(t *testing.T) {
	for want, d := range map[string]StrategyChanged{
		"active side changed from blue to green (abrupt) after 12.35ms with 3 queries in flight on blue: refusal: blue refused a call": {
			From: fsm.Blue, To: fsm.Green, Change: ChangeAbrupt, Took: 12345678, InFlight: 3,
			Cause: fsm.Cause{Reason: fsm.ReasonRefusal, Detail: "blue refused a call"},
		},
		"active side is blue (detected) after 2s: first_use": {
			To: fsm.Blue, Change: ChangeDetected, Took: 2 * time.Second, Cause: fsm.Cause{Reason: fsm.ReasonFirstUse},
		},
		"active side changed from green to none (reset) after 0s with 0 queries in flight on green": {From: fsm.Green, Change: ChangeReset},
	} {
		require.Equal(t, want, Event{Data: d}.String())
		require.Equal(t, "active side changed", Event{Data: d}.Message())
	}
}

func TestChangeKind_EveryKindIsAnAttributeValue(t *testing.T) {
	seen := map[ChangeKind]bool{}
	for _, k := range AllChangeKinds() {
		require.Regexp(t, `^[a-z_]+$`, string(k))
		require.False(t, seen[k])
		seen[k] = true
		require.NotContains(t, k.text(), "_")
	}
	require.Len(t, seen, 8)
}
