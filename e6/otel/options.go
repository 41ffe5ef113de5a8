package e6otel

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/hook"
	"go.opentelemetry.io/otel/attribute"
	otellog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Option is an option of New.
type Option func(*settings)

type settings struct {
	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	loggers    otellog.LoggerProvider
	logs       bool // log events are exported
	propagator propagation.TextMapPropagator
	text       QueryText
	name       SpanNameFormatter
	summaries  int
	attributes []attribute.KeyValue
	grace      time.Duration
}

// WithTracerProvider sets where spans go. Default, also for nil: the global provider of
// package otel, and one that is set after New works too. A no-op provider switches spans
// off.
func WithTracerProvider(p trace.TracerProvider) Option { return func(s *settings) { s.tracers = p } }

// WithMeterProvider sets where metrics go. Default, also for nil: the global provider of
// package otel, and one that is set after New works too. A no-op provider switches metrics
// off.
func WithMeterProvider(p metric.MeterProvider) Option { return func(s *settings) { s.meters = p } }

// WithPropagator sets the propagator that writes the trace context into the headers
// of calls. Default: W3C trace context and baggage.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(s *settings) { s.propagator = p }
}

// QueryText is the form of the attribute db.query.text on spans.
type QueryText uint8

const (
	// QueryTextSanitized is the default, as the conventions ask. A call with arguments
	// gives the statement as it was written, with its placeholders and without the
	// values. Any other statement has each literal replaced by a question mark.
	QueryTextSanitized QueryText = iota
	// QueryTextRaw is the text that the engine gets, with its literals and with the
	// values of arguments. It may hold secrets and personal data.
	QueryTextRaw
	// QueryTextNone leaves db.query.text out.
	QueryTextNone
)

// WithQueryText sets the form of db.query.text. At most the first 16 KiB of a
// statement are recorded. Default: QueryTextSanitized.
func WithQueryText(t QueryText) Option { return func(s *settings) { s.text = t } }

// SpanNameFormatter returns the name of the span of a statement. It gets the context of
// the call, the statement, and the name that the conventions give. Names should have low
// cardinality and must hold no secret: the statement may. An empty result stands for the
// conventional name; more than 255 characters are cut off. It is called for every
// statement, by several goroutines at once, and within Config.HookBudget; if it panics or
// takes longer, the statement has no span.
type SpanNameFormatter func(ctx context.Context, s hook.QueryStart, name string) string

// WithSpanNameFormatter sets the names of the spans of statements. Default: the
// conventional name, which is db.query.summary or, without one, db.namespace or
// server.address:server.port.
func WithSpanNameFormatter(f SpanNameFormatter) Option { return func(s *settings) { s.name = f } }

// WithMetricSummaries sets the maximum number of different values of db.query.summary in
// the metrics of one client. A further summary is shortened to its operation, such as
// SELECT: there may be many names of tables, and each value is a new time series. With 0,
// every summary is shortened. Default: 100.
func WithMetricSummaries(most int) Option { return func(s *settings) { s.summaries = most } }

// WithAttributes adds attributes to every span and every point of a metric. They
// must not change, and must be few.
func WithAttributes(attrs ...attribute.KeyValue) Option {
	return func(s *settings) { s.attributes = append(s.attributes, attrs...) }
}

// WithCutoverGrace sets how long the span of an ended cutover waits for the results of
// the queries that it left in flight. Default: 10 seconds. The end time of the span is
// the end of the cutover in any case.
func WithCutoverGrace(d time.Duration) Option { return func(s *settings) { s.grace = d } }
