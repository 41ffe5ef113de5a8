package e6_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/stress"
)

// Statements that hang hold most of the streams of every connection while the replicas of
// the ingress change one after the other. No short query may fail, and the client does not
// go back and forth.
func TestReplicas_ThatDisagreeWhileTheConnectionsAreFullFailNoQuery(t *testing.T) {
	for _, streams := range []int{4} {
		t.Run(fmt.Sprintf("%d streams on a connection", streams), func(t *testing.T) {
			const connections = 4
			cluster := start(t, e6test.WithMaxStreams(streams), e6test.WithReplicas(2, 500*time.Millisecond))
			client := open(t, cluster, func(cfg *e6.Config) { cfg.MaxConnections = connections })
			steps := watch(t, client, events.KindStrategyChanged)
			hang := connections*streams/2 - 2 // each holds two
			slowly(t, client, hang, 600_000)
			waitFor(within(t, 30*time.Second), t, client, func() bool { return cluster.Stats().Calls["getNextResultBatchV2"] >= hang })
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var running sync.WaitGroup
			var mu sync.Mutex
			var failed []error
			done := 0
			for range 8 {
				running.Go(func() {
					for ; ctx.Err() == nil; stress.Pace() {
						_, err := client.QueryAll(within(t, 30*time.Second), "SELECT 1")
						mu.Lock()
						if done++; err != nil {
							failed = append(failed, err)
						}
						mu.Unlock()
					}
				})
			}
			progress := func() {
				mu.Lock()
				before := done
				mu.Unlock()
				waitFor(within(t, 60*time.Second), t, client, func() bool { mu.Lock(); defer mu.Unlock(); return done >= before+50 })
			}
			progress()
			for _, to := range []e6.Side{e6.Green, e6.Blue} {
				before := steps.count(events.KindStrategyChanged)
				require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: to, Kind: e6test.Abrupt}))
				waitFor(within(t, 60*time.Second), t, client, func() bool {
					s := client.Strategy()
					return s.Active == to && s.Target == e6.None
				})
				progress()
				require.LessOrEqual(t, steps.count(events.KindStrategyChanged)-before, 3)
			}
			stop()
			running.Wait()
			require.Empty(t, failed)
		})
	}
}
