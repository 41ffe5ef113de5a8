package e6otel

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/e6"
)

// scope is the name of the tracer and of the meter.
const scope = "github.com/e6data/e6data-go/e6/otel"

// Option changes an Instrumentation that is to be made.
type Option func(*settings)

type settings struct {
	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	propagator propagation.TextMapPropagator
	text       bool
	attributes []attribute.KeyValue
	grace      time.Duration
}

// WithTracerProvider sets where spans go. Without it, there are none.
func WithTracerProvider(p trace.TracerProvider) Option { return func(s *settings) { s.tracers = p } }

// WithMeterProvider sets where metrics go. Without it, there are none.
func WithMeterProvider(p metric.MeterProvider) Option { return func(s *settings) { s.meters = p } }

// WithPropagator sets how the trace context is written into the headers of
// calls. Default: W3C trace context and baggage.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(s *settings) { s.propagator = p }
}

// WithQueryText records the text of statements as db.query.text, with each
// literal replaced by a question mark. Names of tables and columns stay.
func WithQueryText() Option { return func(s *settings) { s.text = true } }

// WithAttributes adds attributes to every span and every point of a metric. They
// must not change, and must be few.
func WithAttributes(attrs ...attribute.KeyValue) Option {
	return func(s *settings) { s.attributes = append(s.attributes, attrs...) }
}

// WithCutoverGrace sets how long the span of a cutover that has ended waits for
// the fate of the queries that it left behind. Default: 10 seconds. The end of
// the span is the end of the cutover in any case.
func WithCutoverGrace(d time.Duration) Option { return func(s *settings) { s.grace = d } }

// Instrumentation turns what e6 clients do into spans and metrics. It may serve
// any number of clients. Its methods may be called by any goroutine.
type Instrumentation struct {
	set        settings
	tracer     trace.Tracer
	make       *instruments
	registered metric.Registration

	mu      sync.Mutex
	clients map[*client]struct{}
	closed  map[string]totals // by address: what clients that are closed have counted
}

// New returns an Instrumentation. The error is the meter's.
func New(opts ...Option) (*Instrumentation, error) {
	i := &Instrumentation{clients: map[*client]struct{}{}, closed: map[string]totals{}}
	i.set = settings{
		tracers: nooptrace.NewTracerProvider(), meters: noopmetric.NewMeterProvider(),
		propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
		grace:      10 * time.Second,
	}
	for _, opt := range opts {
		opt(&i.set)
	}
	i.set.attributes = slices.Clone(i.set.attributes)
	i.tracer = i.set.tracers.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))
	meter := i.set.meters.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	var err error
	if i.make, err = newInstruments(meter); err != nil {
		return nil, fmt.Errorf("e6otel: %w", err)
	}
	if i.registered, err = meter.RegisterCallback(i.observe, i.make.all...); err != nil {
		return nil, fmt.Errorf("e6otel: %w", err)
	}
	return i, nil
}

// Close takes the Instrumentation off its meter, which otherwise keeps it, with
// the counts of clients that are closed, as long as the meter provider lives.
func (i *Instrumentation) Close() error { return i.registered.Unregister() }

// Options returns the options of e6.Open for one client. Call it for each
// client: the hooks in it know the queries in flight of the client that they
// belong to.
func (i *Instrumentation) Options() []e6.Option {
	h := &hooks{inst: i, clients: map[*e6.Client]*client{}}
	return []e6.Option{e6.WithHooks(h), e6.WithDialOptions(grpc.WithChainUnaryInterceptor(h.inject))}
}
