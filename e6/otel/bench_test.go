package e6otel_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/e6data/e6data-go/e6"
	e6otel "github.com/e6data/e6data-go/e6/otel"
)

// BenchmarkOverhead runs a query over loopback bare and instrumented, with
// metrics and with sampling off, in turn. It reports the ratio of the medians.
func BenchmarkOverhead(b *testing.B) {
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	inst, err := e6otel.New(e6otel.WithTracerProvider(tracers), e6otel.WithMeterProvider(meters))
	require.NoError(b, err)
	cfg := config(start(b))
	bare := openBench(b, cfg)
	instrumented := openBench(b, cfg, inst.Options()...)
	took := map[*e6.Client][]time.Duration{}
	run := func(client *e6.Client) {
		began := time.Now()
		if _, err := client.QueryAll(b.Context(), "SELECT 1"); err != nil {
			b.Fatal(err)
		}
		took[client] = append(took[client], time.Since(began))
	}
	n := 0
	for b.Loop() {
		// The order alternates: the second run has warm caches.
		first, second := bare, instrumented
		if n++; n%2 == 0 {
			first, second = second, first
		}
		run(first)
		run(second)
	}
	median := func(client *e6.Client) float64 {
		slices.Sort(took[client])
		return float64(took[client][len(took[client])/2])
	}
	b.ReportMetric(median(bare), "bare-ns")
	b.ReportMetric(median(instrumented), "instrumented-ns")
	b.ReportMetric(median(instrumented)/median(bare), "instrumented/bare")
}

func openBench(b *testing.B, cfg e6.Config, opts ...e6.Option) *e6.Client {
	client, err := e6.Open(context.Background(), cfg, opts...)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, client.Close()) })
	return client
}
