package e6_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestOnStrategyChange_ASlowFunctionGetsEveryChange(t *testing.T) {
	cluster, err := e6test.Start(e6test.InMemory())
	require.NoError(t, err)
	defer func() { require.NoError(t, cluster.Close()) }()
	cluster.OpenSide(e6.Green)
	client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me", Token: "t"}, e6.WithDialer(cluster.Dialer()))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()

	ctx, cancel := context.WithTimeout(t.Context(), stress.Patience)
	defer cancel()
	const n = 300 // more than the queue of a subscriber
	busy, got := make(chan struct{}), make(chan events.StrategyChanged, 2*n)
	unsubscribe := client.OnStrategyChange(func(change events.StrategyChanged) {
		<-busy
		got <- change
	})
	next := func() (change events.StrategyChanged) {
		select {
		case change = <-got:
		case <-ctx.Done():
			require.FailNow(t, "a change is missing")
		}
		return change
	}
	for i := range n {
		require.NoError(t, client.Switch(ctx, fsm.Sides[(i+1)%2]))
	}
	close(busy)
	for i := range n {
		change := next()
		require.Equal(t, fsm.Sides[(i+1)%2], change.To)
		require.Equal(t, events.ChangeRequested, change.Change)
	}

	unsubscribe()
	require.NoError(t, client.Switch(ctx, e6.Green))
	last := make(chan events.StrategyChanged, 1)
	defer client.OnStrategyChange(func(change events.StrategyChanged) { last <- change })()
	require.NoError(t, client.Switch(ctx, e6.Blue))
	select {
	case change := <-last:
		require.Equal(t, e6.Blue, change.To)
	case <-time.After(stress.Patience):
		require.FailNow(t, "a change is missing")
	}
	require.Empty(t, got, "after the end of the subscription")
}
