package e6otel_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	e6otel "github.com/e6data/e6data-go/e6/otel"
	"github.com/e6data/e6data-go/internal/stress"
)

// exporter is an exporter that blocks until stuck is closed.
type exporter struct {
	stuck chan struct{} // nil for one that works
}

func (e exporter) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	if e.stuck != nil {
		<-e.stuck
	}
	return nil
}

func (exporter) Shutdown(context.Context) error { return nil }

// traced opens a client whose spans go to that exporter, each as it ends.
func traced(t testing.TB, cfg e6.Config, to exporter) *e6.Client {
	inst, err := e6otel.New(e6otel.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(to))))
	require.NoError(t, err)
	client, err := e6.Open(context.Background(), cfg, inst.Options()...)
	require.NoError(t, err)
	return client
}

// spoil adds a subscriber that blocks until stuck is closed, and one that panics.
func spoil(client *e6.Client, stuck <-chan struct{}) {
	client.Subscribe(func(events.Event) { <-stuck })
	client.Subscribe(func(events.Event) { panic("a bad subscriber") })
}

// inOrder adds a subscriber that counts gaps in the sequence numbers.
func inOrder(client *e6.Client) (last *atomic.Uint64, gaps *atomic.Int64) {
	last, gaps = new(atomic.Uint64), new(atomic.Int64)
	client.Subscribe(func(e events.Event) {
		if before := last.Swap(e.Seq); e.Kind() == events.KindEventsDropped || before != 0 && e.Seq != before+1 {
			gaps.Add(1)
		}
	}, events.Queue(1<<16))
	return last, gaps
}

// eventfulRound runs queries on four goroutines while sessions expire and the client
// changes sides, so that many events are published.
func eventfulRound(t testing.TB, cluster *e6test.Cluster, client *e6.Client, queries int) {
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for range queries / 4 {
				if _, err := client.QueryAll(context.Background(), "SELECT 1"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	cluster.ExpireSessions()
	if err := client.Switch(context.Background(), client.Strategy().Active.Other()); err != nil {
		t.Error(err)
	}
	running.Wait()
}

func TestObservers_BadOnesDoNotAffectHealthyOnes(t *testing.T) {
	cluster := start(t)
	cluster.OpenSide(e6.Green)
	stuck := make(chan struct{})
	client := traced(t, config(cluster), exporter{stuck})
	spoil(client, stuck)
	last, gaps := inOrder(client)
	for range stress.Count(3, 10) {
		eventfulRound(t, cluster, client, 40)
	}
	history := client.History()
	eventually(t, "the healthy one has received everything", func() bool { return last.Load() >= history[len(history)-1].Seq })
	require.Zero(t, gaps.Load())
	close(stuck)
	require.NoError(t, client.Close())
}

// BenchmarkBadObservers runs the same load in turn with a subscriber that never
// returns, one that panics and an exporter that blocks; with an exporter that
// works; and without any. It reports the ratios of the queries per second, from
// the medians.
func BenchmarkBadObservers(b *testing.B) {
	const queries = 200
	cluster := start(b)
	cluster.OpenSide(e6.Green)
	cfg := config(cluster)
	stuck := make(chan struct{})
	none, good, bad := openBench(b, cfg), traced(b, cfg, exporter{}), traced(b, cfg, exporter{stuck})
	spoil(bad, stuck)
	last, gaps := inOrder(bad)
	eventfulRound(b, cluster, bad, queries) // the hook that is stuck costs its budget now
	took := map[*e6.Client][]time.Duration{}
	for n := 0; b.Loop(); n++ {
		clients := []*e6.Client{none, good, bad}
		for i := range clients {
			client := clients[(i+n)%len(clients)]
			began := time.Now()
			eventfulRound(b, cluster, client, queries)
			took[client] = append(took[client], time.Since(began))
		}
	}
	median := func(client *e6.Client) float64 {
		slices.Sort(took[client])
		return float64(took[client][len(took[client])/2])
	}
	b.ReportMetric(queries/median(none)*1e9, "queries/s")
	b.ReportMetric(median(none)/median(bad), "bad/none")
	b.ReportMetric(median(good)/median(bad), "bad/good")
	history := bad.History()
	for deadline := time.Now().Add(10 * time.Second); last.Load() < history[len(history)-1].Seq && time.Now().Before(deadline); {
		<-time.After(time.Millisecond)
	}
	b.ReportMetric(float64(gaps.Load()), "gaps")
	close(stuck)
	require.NoError(b, good.Close())
	require.NoError(b, bad.Close())
}
