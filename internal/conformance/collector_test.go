package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	e6otel "github.com/e6data/e6data-go/e6/otel"
)

const collectorConfig = `
receivers: {otlp: {protocols: {grpc: {endpoint: %q}}}}
exporters: {debug: {verbosity: detailed}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
    metrics: {receivers: [otlp], exporters: [debug]}
    logs: {receivers: [otlp], exporters: [debug]}
`

var (
	spanName   = regexp.MustCompile(`(?m)^    Name           : (\S+)`)
	metricName = regexp.MustCompile(`(?m)^     -> Name: (\S+)`)
	eventName  = regexp.MustCompile(`(?m)^EventName: (\S+)`)
)

// TestCollector sends the spans, the metrics and the log events of a cutover to OpenTelemetry's collector
// by OTLP, and reads what arrived.
func TestCollector(t *testing.T) {
	enabled(t)
	r := record(t, "opentelemetry", "spans, metrics and log events of a cutover over OTLP", "OpenTelemetry's collector")
	t.Parallel()
	path := program(t, "collector", "collector", ".", "GOWORK=off") // its module is not of the workspace
	setVersion(r.Checker, moduleVersion(t, "go.opentelemetry.io/collector/otelcol"))
	addr := freeAddr(t)
	cfg := filepath.Join(scratch(t), "collector.yaml")
	require.NoError(t, os.WriteFile(cfg, fmt.Appendf(nil, collectorConfig, addr), 0o644))
	collector := run(t, path, "--config", cfg)
	listens(t, collector, addr)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	spans, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(addr), otlptracegrpc.WithInsecure())
	require.NoError(t, err)
	metrics, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(addr), otlpmetricgrpc.WithInsecure())
	require.NoError(t, err)
	logs, err := otlploggrpc.New(ctx, otlploggrpc.WithEndpoint(addr), otlploggrpc.WithInsecure())
	require.NoError(t, err)
	loggers := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(logs)))
	tracers := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics, sdkmetric.WithInterval(time.Hour))))
	inst, err := e6otel.New(e6otel.WithTracerProvider(tracers), e6otel.WithMeterProvider(meters), e6otel.WithLoggerProvider(loggers))
	require.NoError(t, err)
	cluster, err := e6test.Start()
	require.NoError(t, err)
	defer cluster.Close()
	client, err := e6.Open(ctx, config(cluster.Addr()), inst.Options()...)
	require.NoError(t, err)
	require.NoError(t, client.Exec(ctx, "SELECT 1"))
	cluster.OpenSide(fsm.Green)
	require.NoError(t, client.Switch(ctx, fsm.Green))
	_, err = client.QueryAll(ctx, "SELECT * FROM numbers(100)")
	require.NoError(t, err)
	require.NoError(t, meters.Shutdown(ctx))
	require.NoError(t, client.Close())
	require.NoError(t, tracers.Shutdown(ctx)) // each sends what it has, or fails
	require.NoError(t, loggers.Shutdown(ctx))

	names := func(pattern *regexp.Regexp) map[string]int {
		all := map[string]int{}
		for _, m := range pattern.FindAllStringSubmatch(collector.out.String(), -1) {
			all[m[1]]++
		}
		return all
	}
	for _, name := range []string{"e6.cutover", "SELECT"} {
		require.Positive(t, names(spanName)[name], "spans of %s in %v", name, names(spanName))
	}
	for _, name := range []string{"e6.client.cutovers", "e6.client.state", "e6.client.requests", "db.client.operation.duration"} {
		require.Equal(t, 1, names(metricName)[name], "metric %s in %v", name, names(metricName))
	}
	for _, name := range []string{"e6.event.transition", "e6.event.strategy_changed"} {
		require.Positive(t, names(eventName)[name], "log events %s in %v", name, names(eventName))
	}
	r.Note = fmt.Sprintf("it received spans of %d names, %d metrics and log events of %d names", len(names(spanName)), len(names(metricName)), len(names(eventName)))
}

// moduleVersion returns the version of a module that the collector is built with.
func moduleVersion(t *testing.T, module string) string {
	text, err := os.ReadFile(filepath.Join("collector", "go.mod"))
	require.NoError(t, err)
	m := regexp.MustCompile(regexp.QuoteMeta(module) + ` v(\S+)`).FindSubmatch(text)
	require.NotNil(t, m)
	return string(m[1])
}
