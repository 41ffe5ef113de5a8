package deploycheck

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	e6otel "github.com/e6data/e6data-go/e6/otel"
)

// series are the names of the series that a scrape finds, each with the labels
// that it can have.
type series map[string]map[string]bool

// scraped is what Prometheus reads from an application that has used every
// metric of the table once. The exporter itself writes the names.
type scraped struct {
	// of holds, by the name of a metric in the table, the names of its series.
	of map[string][]string
	// labels holds, by the name of a series, its labels.
	labels series
}

// accept are the headers with which Prometheus scrapes: version 2, and version 3,
// which takes names with dots if it is given any.
var accept = map[string]string{
	"Prometheus 2": "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	"Prometheus 3": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.1",
}

// scrape uses each metric of the table in turn, and reads what that adds.
func scrape(t *testing.T, header string) scraped {
	t.Helper()
	all := scraped{of: map[string][]string{}, labels: series{}}
	for _, m := range e6otel.Metrics() {
		found := scrapeOne(t, m, header)
		require.NotEmpty(t, found, m.Name)
		for name, has := range found {
			require.NotContains(t, all.labels, name, "two metrics have one name")
			all.of[m.Name] = append(all.of[m.Name], name)
			all.labels[name] = has
		}
		slices.Sort(all.of[m.Name])
	}
	return all
}

func scrapeOne(t *testing.T, m e6otel.Metric, header string) series {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	exporter, err := otelprom.New(otelprom.WithRegisterer(registry), otelprom.WithoutTargetInfo())
	require.NoError(t, err)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))
	t.Cleanup(func() { require.NoError(t, provider.Shutdown(context.Background())) })
	use(t, provider.Meter("deploycheck"), m)

	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept", header)
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true, ErrorHandling: promhttp.HTTPErrorOnError}).ServeHTTP(recorder, request)
	require.Equal(t, http.StatusOK, recorder.Code, recorder.Body.String())
	return parse(t, recorder.Body.Bytes(), recorder.Header().Get("Content-Type"))
}

// use makes the instrument as the client does, and gives it one value that has
// every attribute.
func use(t *testing.T, meter metric.Meter, m e6otel.Metric) {
	t.Helper()
	var attrs []attribute.KeyValue
	for _, key := range slices.Concat(m.Attributes, m.Optional) {
		attrs = append(attrs, attribute.String(key, "x"))
	}
	ctx, set := context.Background(), metric.WithAttributeSet(attribute.NewSet(attrs...))
	unit, text := metric.WithUnit(m.Unit), metric.WithDescription(m.Description)
	switch m.Kind {
	case e6otel.KindCounter:
		i, err := meter.Int64Counter(m.Name, unit, text)
		require.NoError(t, err)
		i.Add(ctx, 1, set)
	case e6otel.KindHistogram:
		i, err := meter.Float64Histogram(m.Name, unit, text, metric.WithExplicitBucketBoundaries(m.Buckets...))
		require.NoError(t, err)
		i.Record(ctx, 1, set)
	case e6otel.KindObservableCounter:
		_, err := meter.Int64ObservableCounter(m.Name, unit, text, metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(1, set)
			return nil
		}))
		require.NoError(t, err)
	case e6otel.KindObservableGauge:
		_, err := meter.Float64ObservableGauge(m.Name, unit, text, metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			o.Observe(1, set)
			return nil
		}))
		require.NoError(t, err)
	default:
		t.Fatalf("%s is a %s, which this test does not know", m.Name, m.Kind)
	}
}

// parse reads an answer as Prometheus does.
func parse(t *testing.T, text []byte, contentType string) series {
	t.Helper()
	p, err := textparse.New(text, contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	require.NoError(t, err)
	found := series{}
	for {
		entry, err := p.Next()
		if err != nil {
			require.ErrorContains(t, err, "EOF")
			return found
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var l labels.Labels
		p.Labels(&l)
		name := l.Get(model.MetricNameLabel)
		if found[name] == nil {
			found[name] = map[string]bool{}
		}
		l.Range(func(l labels.Label) {
			if l.Name != model.MetricNameLabel {
				found[name][l.Name] = true
			}
		})
	}
}

func TestEveryVersionOfPrometheusReadsTheSameNames(t *testing.T) {
	first, second := scrape(t, accept["Prometheus 2"]), scrape(t, accept["Prometheus 3"])
	require.Equal(t, first, second)
	for name, has := range first.labels {
		require.NotContains(t, name, ".")
		for label := range has {
			require.False(t, strings.Contains(label, "."), "%s of %s", label, name)
		}
	}
}
