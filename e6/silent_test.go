package e6_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// hang lets a side take calls and never answer them.
func hang(cluster *e6test.Cluster, side fsm.Side, methods ...string) {
	for _, method := range methods {
		cluster.Inject(e6test.Fault{Side: side, Method: method, Action: e6test.Hang, Times: -1})
	}
}

// shortOfTime runs queries with deadlines of two seconds until stop is closed, and
// returns when the last one failed.
func shortOfTime(t *testing.T, client *e6.Client, stop <-chan struct{}) (lastFailure func() time.Time) {
	var mu sync.Mutex
	var last time.Time
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(500 * time.Millisecond):
				}
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				_, err := client.QueryAll(ctx, "SELECT 1")
				cancel()
				if err != nil {
					mu.Lock()
					last = time.Now()
					mu.Unlock()
				}
			}
		})
	}
	return func() time.Time {
		wg.Wait()
		return last
	}
}

func TestSilence_HangingSideIsLeftAfterShortDeadlines(t *testing.T) {
	const probeTimeout = 10 * time.Second // the default
	for name, moves := range map[string]func(t *testing.T, cluster *e6test.Cluster, client *e6.Client){
		"after the client has moved there": func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
			cluster.OpenSide(e6.Green)
			cluster.Announce(e6.Green)
			require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
			require.Eventually(t, func() bool { return client.Strategy().State == fsm.StateGreen }, time.Second, time.Millisecond)
			hang(cluster, e6.Green, "prepareStatement", "healthCheck", "authenticate")
		},
		"while queries run on the old side": func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
			rows, err := client.Query(t.Context(), "SELECT * FROM numbers(100000)")
			require.NoError(t, err)
			t.Cleanup(func() { _ = rows.Close() })
			cluster.OpenSide(e6.Green)
			cluster.Announce(e6.Green)
			require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
			require.Eventually(t, func() bool { return client.Strategy().Active == e6.Green }, time.Second, time.Millisecond)
			hang(cluster, e6.Green, "prepareStatement", "healthCheck", "authenticate")
		},
		"settled for a long time": func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
			require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
			require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
			elapse(time.Hour)
			hang(cluster, e6.Green, "")
			cluster.OpenSide(e6.Blue)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubbles.Test(t, func(t *testing.T) {
				cluster := start(t, e6test.InMemory())
				client := patient(t, cluster, nil, e6.WithRollback(e6.RollbackPolicy{}))
				require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
				moves(t, cluster, client)
				require.Equal(t, e6.Green, client.Strategy().Active)
				began := time.Now()
				stop := make(chan struct{})
				failed := shortOfTime(t, client, stop)
				elapse(2*probeTimeout + 2*time.Second)
				require.Equal(t, e6.Blue, client.Strategy().Active, "%s", client.Strategy())
				require.LessOrEqual(t, client.Strategy().Since.Sub(began), 2*probeTimeout)
				elapse(10 * time.Second)
				close(stop)
				require.LessOrEqual(t, failed().Sub(began), 2*probeTimeout+2*time.Second, "the queries after that run on blue")
				require.Equal(t, e6.Blue, client.Strategy().Active, "%s", client.Strategy())
			})
		})
	}
}

func TestSilence_DoesNotIncludeALongStatement(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		client := patient(t, cluster, nil, e6.WithRollback(e6.RollbackPolicy{}))
		before := client.Strategy()
		_, err := client.QueryAll(t.Context(), "SELECT sleep(600000)")
		require.NoError(t, err)
		require.Equal(t, before, client.Strategy())
		probes := cluster.Stats().Calls["healthCheck"]
		require.GreaterOrEqual(t, probes, 10, "no more than one in the time of a probe")
		require.LessOrEqual(t, probes, 62)
		require.Equal(t, 1, cluster.Stats().Calls["authenticate"])

		elapse(time.Hour) // idle: the timer that looks has stopped
		require.LessOrEqual(t, cluster.Stats().Calls["healthCheck"], 62+14, "only the refreshes")
	})
}

func TestSilence_ExcludesTheTimeBetweenCalls(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		client := patient(t, cluster, func(cfg *e6.Config) { cfg.RefreshInterval = 24 * time.Hour })
		require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
		hang(cluster, e6.Blue, "prepareStatement")
		try := func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := client.QueryAll(ctx, "SELECT 1")
			require.ErrorIs(t, err, context.DeadlineExceeded)
			elapse(time.Hour)
		}
		try()
		require.Zero(t, cluster.Stats().Calls["healthCheck"])
		try()
		try()
		require.LessOrEqual(t, cluster.Stats().Calls["healthCheck"], 2)
		require.GreaterOrEqual(t, cluster.Stats().Calls["healthCheck"], 1, "calls went unanswered for longer than a probe may take")
		require.Equal(t, fsm.StateBlue, client.Strategy().State, "the probe was answered")
	})
}

func TestAttempts_DoNotCountWhileTheSideIsProbed(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		answer(t, client)
		cluster.OpenSide(e6.Green)
		hang(cluster, e6.Blue, "healthCheck") // the verdict comes late
		cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "prepareStatement", Action: e6test.BadGateway, Times: -1})
		require.NoError(t, client.Exec(t.Context(), "INSERT INTO sales VALUES (1)"))
		require.Equal(t, e6.Green, client.Strategy().Active)
	})
}
