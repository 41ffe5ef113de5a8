package e6otel_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
	e6otel "github.com/e6data/e6data-go/e6/otel"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestQueryText_IsSanitizedByDefault(t *testing.T) {
	const literals, parameters = "SELECT 4711 -- hunter2", "SELECT 4711, :card"
	arg := sql.Named("card", "4111-1111")
	for name, test := range map[string]struct {
		opts []e6otel.Option
		text any // of the statement with literals
		with any // of the statement with parameters
	}{
		"default":   {nil, "SELECT ?", "SELECT 4711, :card"},
		"sanitized": {[]e6otel.Option{e6otel.WithQueryText(e6otel.QueryTextSanitized)}, "SELECT ?", "SELECT 4711, :card"},
		"raw":       {[]e6otel.Option{e6otel.WithQueryText(e6otel.QueryTextRaw)}, literals, "SELECT 4711, '4111-1111'"},
		"none":      {[]e6otel.Option{e6otel.WithQueryText(e6otel.QueryTextNone)}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, test.opts...)
			client := r.open(t, config(start(t)))
			for range 2 { // the second time from the cache
				_, _ = client.QueryAll(t.Context(), literals)
				_, _ = client.QueryAll(t.Context(), parameters, arg)
			}
			spans := r.ended(t, statement, 4)
			for i, s := range spans {
				want := test.text
				if i%2 == 1 {
					want = test.with
				}
				require.Equal(t, want, values(s.Attributes)["db.query.text"])
				require.Equal(t, "SELECT", values(s.Attributes)["db.query.summary"])
			}
		})
	}
}

func TestQueryText_IsThatOfTheStatement(t *testing.T) {
	r := newRig(t)
	client := r.open(t, config(start(t)))
	statements := []string{"SELECT ?", "SELECT ?, 1", "SELECT ?", "SELECT ?, 2"}
	for i, text := range statements {
		_, _ = client.QueryAll(t.Context(), text, i)
	}
	for i, s := range r.ended(t, statement, len(statements)) {
		require.Equal(t, statements[i], values(s.Attributes)["db.query.text"])
	}
}

// With raw text, other values of the arguments are another text.
func TestQueryText_RawIsThatOfEachCall(t *testing.T) {
	r := newRig(t, e6otel.WithQueryText(e6otel.QueryTextRaw))
	client := r.open(t, config(start(t)))
	for i := range 3 {
		_, err := client.QueryAll(t.Context(), "SELECT ?", i)
		require.NoError(t, err)
	}
	for i, s := range r.ended(t, statement, 3) {
		require.Equal(t, fmt.Sprint("SELECT ", i), values(s.Attributes)["db.query.text"])
	}
}

func TestQueryText_IsBounded(t *testing.T) {
	long := strings.Repeat("a, ", 1<<16)
	for name, opts := range map[string][]e6otel.Option{"sanitized": nil, "raw": {e6otel.WithQueryText(e6otel.QueryTextRaw)}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, opts...)
			client := r.open(t, config(start(t)))
			_, _ = client.QueryAll(t.Context(), "SELECT "+long)
			_, _ = client.QueryAll(t.Context(), "SELECT ?, "+long, 1)
			for _, s := range r.ended(t, statement, 2) {
				text, _ := values(s.Attributes)["db.query.text"].(string)
				require.LessOrEqual(t, len(text), 16<<10)
				require.Greater(t, len(text), 15<<10)
			}
		})
	}
}

func TestSpanName_IsTheSummaryOrTheTarget(t *testing.T) {
	r := newRig(t)
	cluster := start(t)
	cfg := config(cluster)
	client := r.open(t, cfg)
	for _, test := range []struct{ catalog, schema, text, name string }{
		{"", "", "SELECT * FROM numbers(10)", "SELECT numbers"},
		{"", "", "select 1", "select"},
		{"lake", "", "INSERT INTO t SELECT * FROM u WHERE a = 'hunter2'", "INSERT t SELECT u"},
		{"", "", "hunter2 FROM t", cluster.Addr()},
		{"", "sales", "hunter2", "sales"},
		{"lake", "sales", "hunter2", "lake|sales"},
		{"lake", "", "hunter2", "lake"},
	} {
		_, _ = client.QueryAll(e6.WithQueryOptions(t.Context(), e6.InCatalog(test.catalog), e6.InSchema(test.schema)), test.text)
		spans := r.named(statement)
		last := spans[len(spans)-1]
		require.Equal(t, test.name, last.Name, test.text)
		attrs := values(last.Attributes)
		if strings.HasPrefix(test.text, "hunter2") {
			require.NotContains(t, attrs, "db.query.summary")
		} else {
			require.Equal(t, test.name, attrs["db.query.summary"])
		}
		if namespace := strings.Trim(test.catalog+"|"+test.schema, "|"); namespace != "" {
			require.Equal(t, namespace, attrs["db.namespace"])
		}
	}
}

func TestSpanName_IsThatOfTheFormatter(t *testing.T) {
	formatter := func(_ context.Context, s hook.QueryStart, name string) string {
		switch s.Tag {
		case "empty":
			return ""
		case "long":
			return strings.Repeat("ü", 300)
		case "no text":
			return "a\xffb"
		case "panic":
			panic("a formatter")
		}
		return s.Tag + ": " + name
	}
	r := newRig(t, e6otel.WithSpanNameFormatter(formatter))
	client := r.open(t, config(start(t)))
	for _, tag := range []string{"report", "empty", "long", "no text", "panic"} {
		_, err := client.QueryAll(tagged(t.Context(), tag), "SELECT 1")
		require.NoError(t, err)
	}
	var names []string
	for _, s := range r.ended(t, statement, 4) {
		names = append(names, s.Name)
	}
	require.Equal(t, []string{"report: SELECT", "SELECT", strings.Repeat("ü", 255), "a\uFFFDb"}, names)
	require.True(t, slices.ContainsFunc(client.History(), func(e events.Event) bool {
		f, ok := e.Data.(events.HookFailed)
		return ok && f.Point == hook.PointQueryStart && f.Problem == "panic"
	}))
}

// A formatter is code of the program: it may block, for at most the hook budget.
func TestSpanName_AFormatterThatBlocksDoesNotStopQueries(t *testing.T) {
	let := make(chan struct{})
	r := newRig(t, e6otel.WithSpanNameFormatter(func(context.Context, hook.QueryStart, string) string { <-let; return "" }))
	cfg := config(start(t))
	cfg.HookBudget = 10 * time.Millisecond
	client := r.open(t, cfg)
	done := make(chan error, 3)
	go func() {
		for range cap(done) {
			_, err := client.QueryAll(t.Context(), "SELECT 1")
			done <- err
		}
	}()
	patience := time.After(stress.Patience)
	for range cap(done) {
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-patience:
			close(let)
			require.FailNow(t, "a query waits for the formatter")
		}
	}
	close(let)
	require.NoError(t, client.Close())
}

func TestMetrics_TheSummariesOfAClientAreBounded(t *testing.T) {
	for name, test := range map[string]struct {
		opts []e6otel.Option
		want []any // summaries of five statements on different tables
	}{
		"three": {[]e6otel.Option{e6otel.WithMetricSummaries(3)}, []any{"select t0", "select t1", "select t2", "SELECT", "SELECT"}},
		"none":  {[]e6otel.Option{e6otel.WithMetricSummaries(0)}, []any{"SELECT", "SELECT", "SELECT", "SELECT", "SELECT"}},
		"usual": {nil, []any{"select t0", "select t1", "select t2", "select t3", "select t4"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, test.opts...)
			client := r.open(t, config(start(t)))
			for i := range test.want {
				_, _ = client.QueryAll(t.Context(), fmt.Sprintf("select * from t%d", i))
			}
			points, _ := r.collect(t)
			want := map[any]int{}
			for i, s := range test.want {
				want[s]++
				require.Equal(t, fmt.Sprintf("select t%d", i), values(r.named(statement)[i].Attributes)["db.query.summary"], "spans have all")
			}
			got := map[any]int{}
			for _, p := range points["db.client.operation.duration"] {
				got[p.attrs["db.query.summary"]] += int(p.value)
			}
			require.Equal(t, want, got)
		})
	}
}

func TestMetrics_TheDurationOfAStatementIsThatOfItsSpan(t *testing.T) {
	r := newRig(t)
	client := r.open(t, config(start(t)))
	_, err := client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, err)
	s := r.ended(t, statement, 1)[0]
	_, metrics := r.collect(t)
	d := metrics["db.client.operation.duration"].Data.(metricdata.Histogram[float64])
	require.Len(t, d.DataPoints, 1)
	require.InDelta(t, d.DataPoints[0].Sum, s.EndTime.Sub(s.StartTime).Seconds(), 1e-9)
}

// The providers that a program sets, even after New, are the default. Only one test can
// set them: they are the process's.
func TestProviders_TheGlobalOnesAreTheDefaultWheneverTheyAreSet(t *testing.T) {
	inst, err := e6otel.New(e6otel.WithTracerProvider(nil))
	require.NoError(t, err)
	cluster := start(t)
	client, err := e6.Open(t.Context(), config(cluster), inst.Options()...)
	require.NoError(t, err)
	_, err = client.QueryAll(t.Context(), "SELECT 1") // no provider records it
	require.NoError(t, err)

	exporter, reader := tracetest.NewInMemoryExporter(), sdkmetric.NewManualReader()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter)))
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	_, err = client.QueryAll(t.Context(), "SELECT 2")
	require.NoError(t, err)
	r := &rig{inst: inst, spans: exporter, reader: reader}
	require.Equal(t, "SELECT", r.ended(t, statement, 1)[0].Name)
	points, _ := r.collect(t)
	require.EqualValues(t, 1, sum(points["db.client.operation.duration"]))
	require.EqualValues(t, 1, sum(points["e6.client.state"], "e6.state", "blue"))
	// Other tests may have an Instrumentation with the global provider too.
	ours := func(p point) bool {
		return fmt.Sprint(p.attrs["server.address"], ":", p.attrs["server.port"]) == cluster.Addr()
	}
	require.True(t, slices.ContainsFunc(points["e6.client.requests"], ours))
	require.NoError(t, inst.Close())
	points, _ = r.collect(t)
	require.False(t, slices.ContainsFunc(points["e6.client.requests"], ours), "it is off its meter")
	require.NoError(t, client.Close())
}
