package events

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryKindHasOneTypeThatDescribesItself(t *testing.T) {
	all := []Data{
		Transition{}, StrategyChanged{}, ProbeFailed{}, AnnouncementReceived{}, AnnouncementInvalid{}, Refused{}, QueryQueued{}, QueryRetried{},
		QueryReplayed{}, QueryContinued{}, QueryLost{}, QueryAbandoned{}, SessionOpened{}, SessionExpired{}, DrainEnded{},
		ClusterResume{}, StoreFailed{}, GuardDecided{}, HealthBreached{}, SideVetoed{}, StageEnded{},
		HookFailed{}, SubscriberPanicked{}, EventsDropped{}, Closed{},
	}
	var kinds []Kind
	for _, d := range all {
		kinds = append(kinds, d.Kind())
		require.NotEmpty(t, d.Kind(), "%T", d)
		require.NotEmpty(t, Event{Data: d}.String(), "%T", d)
		require.Implements(t, (*interface{ String() string })(nil), d)
	}
	require.Equal(t, AllKinds(), kinds)
}
