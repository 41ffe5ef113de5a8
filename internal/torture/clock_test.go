package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/stress"
)

// The clock of a bubble leaps while nothing runs, as that of a machine that slept
// does: every timeout, cool-down and refresh that was due is due at once.
func TestClock_JumpsLoseNoQuery(t *testing.T) {
	for seed := range uint64(stress.Count(1, 6)) {
		bubbles.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			engine := newEngine()
			cluster, err := e6test.Start(e6test.InMemory(), e6test.WithEngine(engine), e6test.WithBatchRows(40), e6test.WithChunks(1))
			require.NoError(t, err)
			defer cluster.Close()
			var shared store.Memory
			var clients []*e6.Client
			for range 2 {
				client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "user@example.com", Token: "token"},
					e6.WithDialer(cluster.Dialer()), e6.WithStore(&shared), e6.WithRollback(e6.RollbackPolicy{}),
					e6.WithFleet(e6.FleetPolicy{StageShare: 0.5}))
				require.NoError(t, err)
				defer func() { require.NoError(t, client.Close()) }()
				clients = append(clients, client)
			}
			side := fsm.Blue
			for n := range int64(30) {
				time.Sleep(time.Duration(r.Int64N(int64(1 << r.IntN(18) * time.Second)))) // up to three days
				if r.IntN(2) == 0 {
					side = side.Other()
					kind := []e6test.CutoverKind{e6test.Graceful, e6test.Abrupt, e6test.AnnounceFirst}[r.IntN(3)]
					require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: side, Kind: kind, Grace: time.Duration(r.Int64N(int64(time.Hour)))}))
				}
				if r.IntN(4) == 0 {
					cluster.ExpireSessions()
				}
				for _, client := range clients {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					l := &load{client: client}
					reading := &reading{query: n, want: 100}
					require.NoError(t, l.stream(ctx, reading, nil, fmt.Sprintf(readSQL, n, 100)), "seed %d, step %d", seed, n)
					require.EqualValues(t, 100, reading.got)
					cancel()
				}
			}
			synctest.Wait()
			require.Empty(t, cluster.OpenQueries())
			require.Empty(t, cluster.Stats().Violations)
		})
	}
}
