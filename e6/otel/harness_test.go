package e6otel_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	e6otel "github.com/e6data/e6data-go/e6/otel"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is an Instrumentation whose spans and metrics a test reads.
type rig struct {
	inst   *e6otel.Instrumentation
	spans  *tracetest.InMemoryExporter
	tracer trace.Tracer
	reader *sdkmetric.ManualReader
}

func newRig(t testing.TB, opts ...e6otel.Option) *rig {
	t.Helper()
	r := &rig{spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(r.spans))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader))
	t.Cleanup(func() {
		require.NoError(t, tracers.Shutdown(context.Background()))
		require.NoError(t, meters.Shutdown(context.Background()))
	})
	r.tracer = tracers.Tracer("test")
	var err error
	r.inst, err = e6otel.New(append([]e6otel.Option{e6otel.WithTracerProvider(tracers), e6otel.WithMeterProvider(meters)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.inst.Close()) })
	return r
}

// start serves a cluster for one test.
func start(t testing.TB, opts ...e6test.Option) *e6test.Cluster {
	t.Helper()
	cluster, err := e6test.Start(opts...)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, cluster.Close())
		require.Empty(t, cluster.Stats().Violations)
	})
	return cluster
}

// config is the configuration of a test's client. Its pauses are short, and its budgets
// are long enough for a slow machine.
func config(cluster *e6test.Cluster) e6.Config {
	return e6.Config{
		Address: cluster.Addr(), User: "user@example.com", Token: "secret-token",
		RetryPause: 5 * time.Millisecond, ResumePoll: 5 * time.Millisecond, HookBudget: 10 * time.Second,
	}
}

// open opens a client for one test.
func (r *rig) open(t testing.TB, cfg e6.Config, opts ...e6.Option) *e6.Client {
	t.Helper()
	client, err := e6.Open(t.Context(), cfg, append(r.inst.Options(), opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// tagged gives a query a tag.
func tagged(ctx context.Context, tag string) context.Context {
	return e6.WithQueryOptions(ctx, e6.Tag(tag))
}

// streams opens results that are not read, each with its number as its tag.
func streams(ctx context.Context, t testing.TB, client *e6.Client, name string, n int) []*e6.Rows {
	t.Helper()
	all := make([]*e6.Rows, n)
	for i := range all {
		rows, err := client.Query(tagged(ctx, fmt.Sprintf("%s-%d", name, i)), "SELECT * FROM numbers(1000)")
		require.NoError(t, err)
		t.Cleanup(func() { _ = rows.Close() })
		all[i] = rows
	}
	return all
}

// readAhead waits until all results on blue, read in that many calls, are read ahead as
// far as they may be: two batches, one that waits for the queue, and a response that
// waits for its decoder.
func readAhead(t testing.TB, cluster *e6test.Cluster, calls int) {
	t.Helper()
	eventually(t, "the results are read ahead", func() bool {
		s := cluster.Stats()
		return s.Calls["getNextResultBatchV2"] == calls && s.InFlight[fsm.Blue] == 0
	})
}

// sleepers starts long queries and waits until the server executes them. They end with
// ctx; the returned function waits for that.
func sleepers(ctx context.Context, t testing.TB, cluster *e6test.Cluster, client *e6.Client, n int) (wait func()) {
	t.Helper()
	const sql = "SELECT sleep(60000)"
	done := make(chan error, n)
	for i := range n {
		go func() {
			_, err := client.QueryAll(tagged(ctx, fmt.Sprintf("sleeper-%d", i)), sql)
			done <- err
		}()
	}
	eventually(t, "the queries run", func() bool {
		s := cluster.Stats()
		return s.Executions[sql] == n && s.CallsBySide[fsm.Blue]["getResultMetadata"] >= n
	})
	return func() {
		for range n {
			require.ErrorIs(t, <-done, context.Canceled)
		}
	}
}

func drain(t testing.TB, rows *e6.Rows) {
	t.Helper()
	for rows.Next() {
	}
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
}

// lose reads the rest of a result until the query is lost.
func lose(t testing.TB, rows *e6.Rows) {
	t.Helper()
	for rows.Next() {
	}
	require.ErrorIs(t, rows.Err(), e6.ErrQueryLost)
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, stress.Patience, time.Millisecond, what)
}

// ended waits until there are n spans of a name, and returns them.
func (r *rig) ended(t testing.TB, name string, n int) tracetest.SpanStubs {
	t.Helper()
	eventually(t, fmt.Sprintf("%d spans %q", n, name), func() bool { return len(r.named(name)) >= n })
	require.Len(t, r.named(name), n)
	return r.named(name)
}

// cutovers waits until there are n spans of cutovers besides those of the first use of
// a side, and returns them.
func (r *rig) cutovers(t testing.TB, n int) (found tracetest.SpanStubs) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d spans of cutovers", n), func() bool {
		found = slices.DeleteFunc(r.named("e6.cutover"), func(s tracetest.SpanStub) bool { return values(s.Attributes)["e6.cutover.from"] == "none" })
		return len(found) >= n
	})
	require.Len(t, found, n)
	return found
}

// statement stands for the names of the spans of statements.
const statement = "{db.query.summary}"

// named are the spans of a name, in the order in which they began.
func (r *rig) named(name string) (found tracetest.SpanStubs) {
	for _, s := range r.spans.GetSpans() {
		if s.Name == name || name == statement && s.SpanKind == trace.SpanKindClient {
			found = append(found, s)
		}
	}
	slices.SortStableFunc(found, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	return found
}

// children are the spans below one.
func (r *rig) children(of trace.SpanContext) (found tracetest.SpanStubs) {
	for _, s := range r.spans.GetSpans() {
		if s.Parent.SpanID() == of.SpanID() && s.Parent.TraceID() == of.TraceID() {
			found = append(found, s)
		}
	}
	slices.SortStableFunc(found, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	return found
}

// values are attributes as a map.
func values(attrs []attribute.KeyValue) map[string]any {
	m := map[string]any{}
	for _, a := range attrs {
		m[string(a.Key)] = a.Value.AsInterface()
	}
	return m
}

func eventNames(s tracetest.SpanStub) (names []string) {
	for _, e := range s.Events {
		names = append(names, e.Name)
	}
	return names
}

// linkKinds counts the links of a span by their e6.link.
func linkKinds(s tracetest.SpanStub) (kinds []string, count map[string]int) {
	count = map[string]int{}
	for _, l := range s.Links {
		kind, _ := values(l.Attributes)["e6.link"].(string)
		kinds = append(kinds, kind)
		count[kind]++
	}
	return kinds, count
}

// point is one point of a metric: its attributes, and its value or its count.
type point struct {
	attrs map[string]any
	value float64
}

// collect returns the points of every metric by its name.
func (r *rig) collect(t testing.TB) (points map[string][]point, metrics map[string]metricdata.Metrics) {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, r.reader.Collect(context.Background(), &all))
	points, metrics = map[string][]point{}, map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			metrics[m.Name] = m
			points[m.Name] = append(points[m.Name], pointsOf(t, m)...)
		}
	}
	return points, metrics
}

func pointsOf(t testing.TB, m metricdata.Metrics) (all []point) {
	t.Helper()
	add := func(s attribute.Set, v float64) { all = append(all, point{values(s.ToSlice()), v}) }
	switch d := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			add(p.Attributes, float64(p.Value))
		}
	case metricdata.Gauge[int64]:
		for _, p := range d.DataPoints {
			add(p.Attributes, float64(p.Value))
		}
	case metricdata.Gauge[float64]:
		for _, p := range d.DataPoints {
			add(p.Attributes, p.Value)
		}
	case metricdata.Histogram[int64]:
		for _, p := range d.DataPoints {
			add(p.Attributes, float64(p.Count))
		}
	case metricdata.Histogram[float64]:
		for _, p := range d.DataPoints {
			add(p.Attributes, float64(p.Count))
		}
	default:
		require.Failf(t, "a metric of another kind", "%s: %T", m.Name, m.Data)
	}
	return all
}

// sum is the sum of the points of a metric that have the attributes, which are
// keys and values in turn.
func sum(points []point, attrs ...string) (total float64) {
next:
	for _, p := range points {
		for i := 0; i < len(attrs); i += 2 {
			if p.attrs[attrs[i]] != attrs[i+1] {
				continue next
			}
		}
		total += p.value
	}
	return total
}

// inCatalog resolves the names of a query against a catalog of that number.
func inCatalog(ctx context.Context, n int) context.Context {
	return e6.WithQueryOptions(ctx, e6.InCatalog(fmt.Sprintf("catalog-%d", n)))
}
