package e6_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// defaultProbeTimeout is the default of Config.ProbeTimeout.
const defaultProbeTimeout = 10 * time.Second

// moves are the ways in which a client leaves blue while one of its calls hangs there, and
// the longest time until the statement of that call runs on green.
var moves = map[string]struct {
	move  func(t *testing.T, cluster *e6test.Cluster, client *e6.Client)
	limit time.Duration
}{
	"an abrupt cutover": {func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
		answer(t, client)
	}, 3 * time.Second},
	"an announced cutover whose origin drains": {func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.OpenSide(e6.Green)
		cluster.Announce(e6.Green)
		answer(t, client)
		elapse(time.Second)
		require.Equal(t, fsm.PhaseDraining, client.Strategy().Phase)
	}, defaultProbeTimeout},
	"a switch by the caller": {func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.OpenSide(e6.Green)
		require.NoError(t, client.Switch(t.Context(), e6.Green))
	}, defaultProbeTimeout},
	"a side that hangs": {func(_ *testing.T, cluster *e6test.Cluster, _ *e6.Client) {
		cluster.OpenSide(e6.Green)
		hang(cluster, e6.Blue, "healthCheck", "authenticate")
	}, 2*defaultProbeTimeout + time.Second},
}

func TestPrepare_WithoutResponseStartsOverWhenTheClientLeavesTheSide(t *testing.T) {
	for name, tc := range moves {
		t.Run(name, func(t *testing.T) {
			engine := e6test.NewCannedEngine()
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "prepareStatement", Action: e6test.Hang})
				began := time.Now()
				done := later(func() error { return client.Exec(t.Context(), "INSERT INTO sales VALUES (7)") })
				synctest.Wait()
				tc.move(t, cluster, client)
				require.NoError(t, <-done)
				require.LessOrEqual(t, time.Since(began), tc.limit)
				require.Equal(t, []int64{7}, engine.Inserted("sales"))
				require.Contains(t, published[events.QueryRetried](client), events.QueryRetried{From: e6.Blue, To: e6.Green, Method: "prepare"})
				elapse(10 * time.Second) // twice Config.CloseTimeout: the call, and its clear
				requireIdle(t, client)
			}, e6test.WithEngine(engine))
		})
	}
}

func TestPrepare_WithoutResponseStartsOverWhenAProbeFailsAndTheSideComesBack(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		heal := cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "prepareStatement", Action: e6test.Hang, Times: -1}).Remove
		cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "healthCheck", Action: e6test.BadGateway}) // the engine is replaced
		began := time.Now()
		done := later(func() error { return client.Exec(t.Context(), "INSERT INTO sales VALUES (7)") })
		elapse(defaultProbeTimeout / 2)
		heal()
		require.NoError(t, <-done)
		require.LessOrEqual(t, time.Since(began), 2*defaultProbeTimeout+time.Second)
		require.Equal(t, e6.Blue, client.Strategy().Active)
	})
}

func TestCallsWithoutEffect_StartOverWhenTheClientLeavesTheSide(t *testing.T) {
	type run = func(ctx context.Context, client *e6.Client) error
	for method, run := range map[string]run{
		"explain": func(ctx context.Context, client *e6.Client) error {
			_, err := client.Explain(ctx, "SELECT 1")
			return err
		},
		"getSchemaNamesV2": func(ctx context.Context, client *e6.Client) error {
			_, err := client.Schemas(ctx, "")
			return err
		},
		"getDynamicParams": func(ctx context.Context, client *e6.Client) error {
			return client.Exec(ctx, "SELECT ?", 1)
		},
		"identifyPlanner": func(ctx context.Context, client *e6.Client) error {
			return client.Exec(ctx, "SELECT 1")
		},
	} {
		t.Run(method, func(t *testing.T) {
			bubbles.Test(t, func(t *testing.T) {
				cluster := start(t, e6test.InMemory())
				client := patient(t, cluster, func(cfg *e6.Config) { cfg.Admission = method == "identifyPlanner" }, e6.WithServerParameters())
				answer(t, client)
				cluster.Inject(e6test.Fault{Side: e6.Blue, Method: method, Action: e6test.Hang})
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				began := time.Now()
				done := later(func() error { return run(ctx, client) })
				synctest.Wait()
				require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
				answer(t, client)
				require.NoError(t, <-done)
				require.LessOrEqual(t, time.Since(began), 3*time.Second)
				elapse(10 * time.Second)
				requireIdle(t, client)
			})
		})
	}
}

// A slow prepare call is not restarted for a cutover that is slower than it.
func TestPrepare_ThatIsAnsweredIsNotRepeatedForACutover(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "prepareStatement", Action: e6test.DelayBefore, Delay: defaultProbeTimeout - time.Second})
		done := later(func() error { return client.Exec(t.Context(), "INSERT INTO sales VALUES (7)") })
		synctest.Wait()
		cluster.OpenSide(e6.Green)
		cluster.Announce(e6.Green)
		answer(t, client)
		require.NoError(t, <-done)
		require.Empty(t, published[events.QueryRetried](client))
		require.Equal(t, 1, executions(cluster, "INSERT INTO sales VALUES (7)"))
	})
}
