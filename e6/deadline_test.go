package e6_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/stress"
)

// hastyServer ends calls up to 100 ms before their deadline, as a server does whose
// clock is ahead, or a proxy that keeps some of the time for itself.
func hastyServer(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if deadline, ok := ctx.Deadline(); ok {
		limited, cancel := context.WithDeadline(ctx, deadline.Add(-rand.N(100*time.Millisecond)))
		defer cancel()
		ctx = limited
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

// onProbation opens a client with automatic rollback, and moves it to green.
func onProbation(t *testing.T, cluster *e6test.Cluster, opts ...e6.Option) *e6.Client {
	cfg := config(cluster)
	defaults(&cfg)
	opts = append(opts, e6.WithDialer(cluster.Dialer()), e6.WithRollback(e6.RollbackPolicy{}))
	client, err := e6.Open(t.Context(), cfg, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	cluster.OpenSide(e6.Green)
	cluster.Announce(e6.Green)
	require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
	require.Eventually(t, func() bool { return client.Strategy().State == fsm.StateGreen }, stress.Patience, time.Millisecond)
	return client
}

// impatientCallers runs statements whose callers' deadlines are random, and returns
// how many of them were met.
func impatientCallers(t *testing.T, client *e6.Client, statements int, deadline func() (context.Context, context.CancelFunc)) (met int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	const callers = 8
	for range callers {
		wg.Go(func() {
			for range statements / callers {
				ctx, cancel := deadline()
				_, err := client.QueryAll(ctx, fmt.Sprintf("SELECT sleep(%d)", rand.N(200)))
				cancel()
				mu.Lock()
				if err == nil {
					met++
				} else if err := requireDeadline(err); err != nil {
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return met
}

func requireDeadline(err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("not the error of the context: %w", err)
	}
	return nil
}

// requireUndisturbed checks that the callers' deadlines had no consequence.
func requireUndisturbed(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
	t.Helper()
	health := client.Health()
	require.Zero(t, health.Sides[1].Failures, "failures counted against the side")
	require.Zero(t, health.Queries.Lost)
	require.Equal(t, fsm.StateGreen, client.Strategy().State)
	require.Equal(t, uint64(3), client.Strategy().Transition+client.Strategy().Epoch, "%s", client.Strategy())
	require.Zero(t, cluster.Stats().Calls["healthCheck"], "probes")
	for _, e := range client.History() {
		switch e.Data.(type) {
		case events.ProbeFailed, events.HealthBreached, events.QueryLost, events.QueryReplayed, events.QueryRetried:
			t.Errorf("%s", e)
		}
	}
}

func TestDeadlines_RandomOnesOfCallersDoNotCountAgainstTheSide(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		client := onProbation(t, cluster, e6.WithDialOptions(grpc.WithUnaryInterceptor(hastyServer)))
		callers := stress.Count(300, 1000)
		met := impatientCallers(t, client, callers, func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 1+rand.N(300*time.Millisecond))
		})
		require.Greater(t, met, callers/10)
		require.Less(t, met, callers*9/10)
		synctest.Wait()
		requireUndisturbed(t, cluster, client)
		require.Empty(t, cluster.OpenQueries())
	})
}

// pausedContext has a deadline whose timer fires late, as in a process that was paused.
type pausedContext struct {
	context.Context // ends late
	deadline        time.Time
}

func (p pausedContext) Deadline() (time.Time, bool) { return p.deadline, true }

func TestSilence_PausedProcessIsNoEvidence(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		client := onProbation(t, cluster)
		impatientCallers(t, client, 200, func() (context.Context, context.CancelFunc) {
			after := 1 + rand.N(150*time.Millisecond)
			late, cancel := context.WithTimeout(t.Context(), after+150*time.Millisecond)
			return pausedContext{late, time.Now().Add(after)}, cancel
		})
		synctest.Wait()
		requireUndisturbed(t, cluster, client)
	})
}

func TestDeadlines_OfCallersOverARealConnectionDoNotCountAgainstTheSide(t *testing.T) {
	cluster := start(t)
	client := onProbation(t, cluster)
	impatientCallers(t, client, 80, func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(t.Context(), 1+rand.N(150*time.Millisecond))
	})
	requireUndisturbed(t, cluster, client)
}
