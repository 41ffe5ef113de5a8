package e6otel

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	otellog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/internal/version"
)

// scope is the name of the tracer and of the meter. Their version is that of the SDK.
const scope = "github.com/e6data/e6data-go/e6/otel"

// SchemaURL names the version of OpenTelemetry's semantic conventions that the spans and
// metrics follow.
const SchemaURL = "https://opentelemetry.io/schemas/1.44.0"

// Instrumentation records spans, metrics and, with WithLoggerProvider, log events of any
// number of e6 clients. Its methods may
// be called by any goroutine.
type Instrumentation struct {
	set         settings
	tracer      trace.Tracer
	logger      otellog.Logger // nil: no log events
	instruments *instruments
	registered  metric.Registration

	mu      sync.Mutex
	clients map[*client]struct{}
	closed  map[string]totals // by address: the counts of closed clients
}

// New returns an Instrumentation. The error is the meter's.
func New(opts ...Option) (*Instrumentation, error) {
	i := &Instrumentation{clients: map[*client]struct{}{}, closed: map[string]totals{}}
	i.set = settings{
		propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
		summaries:  100, grace: 10 * time.Second,
	}
	for _, opt := range opts {
		opt(&i.set)
	}
	i.set.attributes = slices.Clone(i.set.attributes)
	// The global providers delegate to providers that are set later.
	if i.set.tracers == nil {
		i.set.tracers = otel.GetTracerProvider()
	}
	if i.set.meters == nil {
		i.set.meters = otel.GetMeterProvider()
	}
	i.logger = newLogger(&i.set)
	i.tracer = i.set.tracers.Tracer(scope, trace.WithInstrumentationVersion(version.SDK()), trace.WithSchemaURL(SchemaURL))
	meter := i.set.meters.Meter(scope, metric.WithInstrumentationVersion(version.SDK()), metric.WithSchemaURL(SchemaURL))
	var err error
	if i.instruments, err = newInstruments(meter); err != nil {
		return nil, fmt.Errorf("e6otel: %w", err)
	}
	if i.registered, err = meter.RegisterCallback(i.observe, i.instruments.all...); err != nil {
		return nil, fmt.Errorf("e6otel: %w", err)
	}
	return i, nil
}

// Close unregisters the Instrumentation from its meter. Without it, the meter provider
// keeps the Instrumentation and the counts of closed clients.
func (i *Instrumentation) Close() error { return i.registered.Unregister() }

// Options returns the options of e6.Open for one client. Call it once for each client:
// its hooks hold the queries in flight of that client.
func (i *Instrumentation) Options() []e6.Option {
	h := &hooks{inst: i, clients: map[*e6.Client]*client{}}
	return []e6.Option{
		e6.WithClientHook(h), e6.WithQueryHook(h), e6.WithStepHook(h), e6.WithDetectionHook(h), e6.WithSessionHook(h), e6.WithCutoverHook(h),
		e6.WithDialOptions(grpc.WithChainUnaryInterceptor(h.inject)),
	}
}
