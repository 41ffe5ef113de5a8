package e6_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestDamping_MutualAnnouncementsCostFewLogins(t *testing.T) {
	cluster := start(t)
	cluster.OpenSide(e6.Green)
	for _, side := range []e6.Side{e6.Blue, e6.Green} {
		cluster.Inject(e6test.Fault{Side: side, Action: e6test.Announce, Message: side.Other().String(), Times: -1})
	}
	client := open(t, cluster)
	suppressed := watch(t, client, events.KindAnnouncementReceived)
	ctx := within(t, 5*time.Minute)
	for range stress.Count(200, 1000) {
		require.NoError(t, client.Exec(ctx, "SELECT 1"))
	}
	for suppressed.count(events.KindAnnouncementReceived) <= 4 {
		require.NoError(t, client.Exec(ctx, "SELECT 1"))
	}
	// Four changes are free, and then the pauses double: 20 of them are two days.
	require.Less(t, client.Strategy().Epoch, uint64(24))
	require.Less(t, calls(cluster, "authenticate"), 26)
}
