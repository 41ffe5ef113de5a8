package e6otel_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6"
	e6otel "github.com/e6data/e6data-go/e6/otel"
)

// registry is the part of OpenTelemetry's registry for database clients. The command
// internal/tools/semconv extracts it from a checkout of the version that it names.
type registry struct {
	Version    string
	Attributes map[string]struct {
		Type, Stability string
		Values          []string
	}
	Span struct {
		Kind, Stability string
		Attributes      map[string]string
		AtStart         []string
	}
	Metrics map[string]struct {
		Instrument, Unit, Value, Stability string
		Buckets                            []float64
		Attributes                         map[string]string
	}
}

func loadRegistry(t *testing.T) (f registry) {
	t.Helper()
	text, err := os.ReadFile("testdata/semconv.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &f))
	require.NotEmpty(t, f.Attributes)
	require.NotEmpty(t, f.Metrics)
	return f
}

// leftOut are the attributes of the conventions that a client of e6data has no value for.
var leftOut = map[string]string{
	"db.collection.name":       "not to be extracted from the text of a statement",
	"db.operation.name":        "not to be extracted from the text of a statement",
	"db.stored_procedure.name": "a procedure is called by a statement only",
	"db.operation.batch.size":  "there is no call with several statements",
	"network.peer.address":     "an ingress stands before the engines",
	"network.peer.port":        "an ingress stands before the engines",
}

// types are the registry's names of the types of values.
var types = map[attribute.Type]string{
	attribute.STRING: "string", attribute.INT64: "int", attribute.BOOL: "boolean", attribute.STRINGSLICE: "string[]",
}

func TestConventions_TheSchemaURLNamesTheirVersion(t *testing.T) {
	require.Equal(t, "https://opentelemetry.io/schemas/"+loadRegistry(t).Version, e6otel.SchemaURL)
}

func TestConventions_AttributesAreRegisteredOrOwn(t *testing.T) {
	f := loadRegistry(t)
	for _, a := range e6otel.Attributes() {
		if strings.HasPrefix(a.Key, "e6.") {
			require.Equal(t, e6otel.Own, a.Stability, a.Key)
			continue
		}
		fact, ok := f.Attributes[a.Key]
		require.True(t, ok, "%s is neither in the registry nor in our namespace", a.Key)
		require.Equal(t, fact.Type, types[a.Type], a.Key)
		require.Equal(t, fact.Stability, string(a.Stability), a.Key)
	}
}

func TestConventions_MetricsAreRegisteredOrOwn(t *testing.T) {
	f := loadRegistry(t)
	instruments := map[e6otel.Kind]string{e6otel.KindHistogram: "histogram", e6otel.KindCounter: "counter", e6otel.KindObservableCounter: "counter", e6otel.KindObservableGauge: "gauge"}
	for _, m := range e6otel.Metrics() {
		if strings.HasPrefix(m.Name, "e6.") {
			require.Equal(t, e6otel.Own, m.Stability, m.Name)
			continue
		}
		fact, ok := f.Metrics[m.Name]
		require.True(t, ok, "%s is neither in the registry nor in our namespace", m.Name)
		require.Equal(t, fact.Instrument, instruments[m.Kind], m.Name)
		require.Equal(t, fact.Unit, m.Unit, m.Name)
		require.Equal(t, fact.Value == "double", m.Unit == "s", "the values of %s are of type %s", m.Name, fact.Value)
		require.Equal(t, fact.Stability, string(m.Stability), m.Name)
		if len(fact.Buckets) > 0 {
			require.Equal(t, fact.Buckets, m.Buckets, m.Name)
		}
		if m.Name == "db.client.response.returned_rows" {
			// A failed statement returns no rows: it has no point, and so no error.
			delete(fact.Attributes, "error.type")
			delete(fact.Attributes, "db.response.status_code")
		}
		requireLevels(t, m.Name, fact.Attributes, m.Attributes, m.Optional)
	}
}

func TestConventions_TheSpanOfAStatementHasItsAttributes(t *testing.T) {
	f := loadRegistry(t)
	for _, s := range e6otel.Spans() {
		switch {
		case s.Name == statement:
			require.Equal(t, f.Span.Kind, s.Kind.String())
			require.Equal(t, f.Span.Stability, string(s.Stability))
			requireLevels(t, s.Name, f.Span.Attributes, s.Attributes, s.Optional)
		case s.Kind == trace.SpanKindClient:
			require.Failf(t, "another database span", "%s", s.Name)
		}
	}
}

// requireLevels compares attributes with the levels at which the conventions want them.
func requireLevels(t *testing.T, where string, levels map[string]string, always, sometimes []string) {
	t.Helper()
	for key, level := range levels {
		has := slices.Contains(slices.Concat(always, sometimes), key)
		switch {
		case level == "required":
			require.Contains(t, always, key, where)
		case level != "opt_in" && leftOut[key] == "":
			require.True(t, has, "%s has no %s, which is %s", where, key, level)
		case level == "opt_in" || leftOut[key] != "":
			require.False(t, has, "%s has %s", where, key)
		}
	}
	for _, key := range slices.Concat(always, sometimes) {
		require.True(t, levels[key] != "" || strings.HasPrefix(key, "e6."), "%s has %s, which is not of this span or metric", where, key)
	}
}

// watched is a sampler that records its parameters for the spans of statements.
type watched struct {
	mu   sync.Mutex
	seen []sdktrace.SamplingParameters
}

func (w *watched) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.Kind == trace.SpanKindClient {
		w.seen = append(w.seen, p)
	}
	return sdktrace.AlwaysSample().ShouldSample(p)
}

func (w *watched) Description() string { return "watched" }

func TestConventions_ASamplerSeesTheStatement(t *testing.T) {
	f, w, r := loadRegistry(t), &watched{}, newRig(t)
	inst, err := e6otel.New(e6otel.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(w))))
	require.NoError(t, err)
	cfg := config(start(t))
	cfg.Catalog = "lake"
	client, err := e6.Open(t.Context(), cfg, inst.Options()...)
	require.NoError(t, err)
	_, err = client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, err)
	require.NoError(t, client.Close())
	require.Len(t, w.seen, 1)
	require.Equal(t, "SELECT", w.seen[0].Name)
	for _, key := range f.Span.AtStart {
		if leftOut[key] == "" {
			require.Contains(t, values(w.seen[0].Attributes), key)
		}
	}
	require.Empty(t, r.spans.GetSpans())
}

func TestConventions_EmittedEqualsDeclared(t *testing.T) {
	f, r := loadRegistry(t), newRig(t)
	scenario(t, r)
	declared, errors := map[string]attribute.Type{}, e6otel.ErrorTypes()
	for _, a := range e6otel.Attributes() {
		declared[a.Key] = a.Type
	}
	check := func(where string, attrs []attribute.KeyValue) {
		for _, a := range attrs {
			kind, ok := declared[string(a.Key)]
			require.True(t, ok, "%s: %s is not declared", where, a.Key)
			require.Equal(t, kind, a.Value.Type(), "%s: %s", where, a.Key)
			if a.Key == "error.type" {
				require.Contains(t, errors, a.Value.AsString(), where)
			}
		}
	}
	for _, s := range r.spans.GetSpans() {
		if s.InstrumentationScope.Name == "test" {
			continue
		}
		require.Equal(t, "github.com/e6data/e6data-go/e6/otel", s.InstrumentationScope.Name)
		require.NotEmpty(t, s.InstrumentationScope.Version)
		require.Equal(t, e6otel.SchemaURL, s.InstrumentationScope.SchemaURL)
		require.LessOrEqual(t, utf8.RuneCountInString(s.Name), 255)
		check(s.Name, s.Attributes)
		require.Equal(t, s.Status.Code.String() == "Error", values(s.Attributes)["error.type"] != nil, s.Name)
		for _, e := range s.Events {
			check(e.Name, e.Attributes)
		}
		for _, l := range s.Links {
			check("link", l.Attributes)
		}
	}
	var all metricdata.ResourceMetrics
	require.NoError(t, r.reader.Collect(t.Context(), &all))
	require.Len(t, all.ScopeMetrics, 1)
	scope := all.ScopeMetrics[0].Scope
	require.Equal(t, "github.com/e6data/e6data-go/e6/otel", scope.Name)
	require.NotEmpty(t, scope.Version)
	require.Equal(t, e6otel.SchemaURL, scope.SchemaURL)
	for _, m := range all.ScopeMetrics[0].Metrics {
		for _, attrs := range setsOf(t, m) {
			check(m.Name, attrs)
		}
	}
	for _, value := range errors {
		require.Regexp(t, regexp.MustCompile(`^_?[A-Z]+(_[A-Z]+)*$`), value)
	}
	require.Subset(t, errors, f.Attributes["error.type"].Values, "the fallback of the conventions")
}

// setsOf are the attributes of a metric's points.
func setsOf(t *testing.T, m metricdata.Metrics) (all [][]attribute.KeyValue) {
	t.Helper()
	add := func(s attribute.Set) { all = append(all, s.ToSlice()) }
	switch d := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			add(p.Attributes)
		}
	case metricdata.Gauge[int64]:
		for _, p := range d.DataPoints {
			add(p.Attributes)
		}
	case metricdata.Gauge[float64]:
		for _, p := range d.DataPoints {
			add(p.Attributes)
		}
	case metricdata.Histogram[int64]:
		for _, p := range d.DataPoints {
			add(p.Attributes)
		}
	case metricdata.Histogram[float64]:
		for _, p := range d.DataPoints {
			add(p.Attributes)
		}
	default:
		require.Failf(t, "a metric of another kind", "%s: %T", m.Name, m.Data)
	}
	return all
}
