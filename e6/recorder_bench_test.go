package e6_test

import (
	"context"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/hookcall"
	"github.com/e6data/e6data-go/e6/internal/workers"
	rec "github.com/e6data/e6data-go/e6/recorder"
)

// recordedQuery is the end of a short query.
var recordedQuery = hook.QueryEnd{Side: e6.Blue, QueryID: "0b5c1f6e-3a8b-4b52-9e0e-1c2d3e4f5a6b", Rows: 1, Took: time.Millisecond}

// BenchmarkRecorder compares a short query of a client with a recorder with one of a client
// without, on loopback. Two clients differ by some percent, also without a recorder, as their
// connections do: so each iteration opens a pair of clients, whose queries alternate, and gives the
// ratio of their medians. The benchmark reports:
//
//   - %cost, the median of the ratios, and %low and %high, the limits of its 95 % interval:
//     a busy machine makes the interval wide, and not the median wrong
//   - ns/work, the work of the calls of hooks and of the recorder for a query, and %work, its
//     share of the median duration of a query: it hardly depends on the load of the machine
//
// Use -benchtime 60s for an interval of about one percent.
func BenchmarkRecorder(b *testing.B) {
	cluster := start(b)
	var ratios, plain []float64
	for n := 0; b.Loop(); n++ {
		without, with := recordedPair(b, cluster, n)
		ratios, plain = append(ratios, with/without), append(plain, without)
	}
	slices.Sort(ratios)
	slices.Sort(plain)
	percent := func(rank float64) float64 {
		return 100 * (ratios[max(0, min(len(ratios)-1, int(rank)))] - 1)
	}
	half, spread := float64(len(ratios))/2, 0.98*math.Sqrt(float64(len(ratios)))
	b.ReportMetric(percent(half), "%cost")
	b.ReportMetric(percent(half-spread), "%low")
	b.ReportMetric(percent(half+spread), "%high")

	r := rec.File(filepath.Join(b.TempDir(), "e6.rec"))
	require.NoError(b, r.Open())
	defer r.Close()
	const calls = 20_000
	observe := observed(r)
	began := time.Now()
	for range calls {
		observe(b.Context())
	}
	work, query := float64(time.Since(began))/calls, plain[len(plain)/2]
	b.ReportMetric(work, "ns/work")
	b.ReportMetric(100*work/query, "%work")
	b.ReportMetric(query/1e3, "µs/query")
}

// recordedPair returns the median durations of short queries of a client without and of one
// with a recorder. Their order changes with n.
func recordedPair(b *testing.B, cluster *e6test.Cluster, n int) (without, with float64) {
	r := rec.File(filepath.Join(b.TempDir(), "pair.rec"), rec.Size(rec.MinSize))
	options := [2][]e6.Option{nil, {e6.WithRecorder(r)}}
	var clients [2]*e6.Client
	for i := range clients {
		i = (i + n) % 2
		client, err := e6.Open(b.Context(), config(cluster), options[i]...)
		require.NoError(b, err)
		defer func() { require.NoError(b, client.Close()) }()
		clients[i] = client
	}
	const warmUp, queries = 20, 200
	var took [2][]float64
	for q := range warmUp + queries {
		for i := range clients {
			i = (i + q) % 2
			began := time.Now()
			if _, err := clients[i].QueryAll(b.Context(), "SELECT 1"); err != nil {
				b.Fatal(err)
			}
			if q >= warmUp {
				took[i] = append(took[i], float64(time.Since(began)))
			}
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	return took[0][queries/2], took[1][queries/2]
}

// observed returns a function that makes the calls of a client for a query with a recorder.
func observed(r *rec.Recorder) func(context.Context) {
	env := &hookcall.Env{Workers: &workers.Pool{}, Events: events.NewBus(events.Options{}), Panics: slog.Default}
	hooks := hookcall.NewSet(env, hookcall.Config{Budget: time.Second}, &hookcall.Hooks{Queries: []hook.QueryHook{r}})
	return func(ctx context.Context) {
		_, end := hooks.Query(ctx, hook.QueryStart{SQL: "SELECT 1"})
		end(recordedQuery)
	}
}

// BenchmarkRecorderQuery is the work of the calls of hooks and of the recorder for a query.
func BenchmarkRecorderQuery(b *testing.B) {
	r := rec.File(filepath.Join(b.TempDir(), "e6.rec"))
	require.NoError(b, r.Open())
	defer r.Close()
	b.ReportAllocs()
	observe := observed(r)
	for b.Loop() {
		observe(b.Context())
	}
}
