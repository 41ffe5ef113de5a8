package e6otel_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	otelcodes "go.opentelemetry.io/otel/codes"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	e6otel "github.com/e6data/e6data-go/e6/otel"
)

func TestSpans_OfAFailedStatementHoldNoLiteral(t *testing.T) {
	const sql = "SELECT name FROM people WHERE card = '4111-1111' AND pin = 4711 -- hunter2"
	r := newRig(t)
	client := r.open(t, config(start(t)))
	_, err := client.QueryAll(t.Context(), sql)
	require.Error(t, err, "the engine quotes the statement in its answer")
	r.ended(t, statement, 1)
	for _, s := range r.spans.GetSpans() {
		all := s.Name + s.Status.Description
		for _, v := range values(s.Attributes) {
			all += fmt.Sprint(" ", v)
		}
		for _, secret := range []string{"4111", "4711", "hunter2"} {
			require.NotContains(t, all, secret)
		}
	}
}

func TestSpans_ErrorType(t *testing.T) {
	r := newRig(t, e6otel.WithAttributes(attribute.String("team", "data")))
	cfg := config(start(t))
	cfg.Catalog, cfg.Schema = "lake", "sales"
	client := r.open(t, cfg)
	_, err := client.QueryAll(t.Context(), "FAIL secret words")
	require.Error(t, err)
	q := r.ended(t, statement, 1)[0]
	require.Equal(t, sdktrace.Status{Code: otelcodes.Error}, q.Status)
	attrs := values(q.Attributes)
	require.Equal(t, "QUERY_FAILED", attrs["error.type"])
	require.Equal(t, "INTERNAL", attrs["db.response.status_code"])
	require.Equal(t, "lake|sales", attrs["db.namespace"])
	require.Equal(t, "data", attrs["team"])
	require.Empty(t, q.Events)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client.QueryAll(ctx, "SELECT 1")
	require.ErrorIs(t, err, context.Canceled)
	q = r.ended(t, "SELECT", 1)[0]
	require.Equal(t, "CANCELLED", values(q.Attributes)["error.type"])
	require.NotContains(t, values(q.Attributes), "db.response.status_code", "no call has failed")

	points, _ := r.collect(t)
	operations := points["db.client.operation.duration"]
	require.EqualValues(t, 1, sum(operations, "error.type", "QUERY_FAILED", "db.response.status_code", "INTERNAL", "db.namespace", "lake|sales"))
	require.EqualValues(t, 1, sum(operations, "error.type", "CANCELLED", "db.query.summary", "SELECT"))
}

func TestSpans_DetectionIsInTheTraceOfItsCall(t *testing.T) {
	r := newRig(t)
	cluster := start(t)
	client := r.open(t, config(cluster))
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt}))
	ctx, app := r.tracer.Start(t.Context(), "application")
	_, err := client.QueryAll(ctx, "SELECT 1")
	require.NoError(t, err)
	app.End()
	detection := r.ended(t, "e6.detection", 2)[1]
	require.Equal(t, app.SpanContext().TraceID(), detection.SpanContext.TraceID())
	attrs := values(detection.Attributes)
	require.Equal(t, "blue", attrs["e6.from"])
	require.Equal(t, "refusal", attrs["e6.cause"])
	require.Equal(t, []string{"green", "blue"}, attrs["e6.order"])
	require.Equal(t, "green", attrs["e6.side"])
}

func TestSpans_FailedDetection(t *testing.T) {
	r := newRig(t)
	cluster := start(t)
	cluster.CloseSide(fsm.Blue)
	cfg := config(cluster)
	cfg.DetectionTimeout = time.Second // long enough for both sides, on a busy machine
	_, err := e6.Open(t.Context(), cfg, r.inst.Options()...)
	require.Error(t, err)
	detection := r.ended(t, "e6.detection", 1)[0]
	require.Equal(t, otelcodes.Error, detection.Status.Code)
	require.Equal(t, "DETECTION_FAILED", values(detection.Attributes)["error.type"])
	require.Equal(t, "none", values(detection.Attributes)["e6.side"])
	sessions := r.named("e6.session.open")
	require.GreaterOrEqual(t, len(sessions), 2)
	for _, s := range sessions {
		require.Equal(t, detection.SpanContext.SpanID(), s.Parent.SpanID())
		require.Equal(t, otelcodes.Error, s.Status.Code)
	}
}

// headers records the headers of a client's calls, by method.
type headers struct {
	mu   sync.Mutex
	sent map[string][]metadata.MD
}

func (h *headers) option() e6.Option {
	return e6.WithDialOptions(grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		md, _ := metadata.FromOutgoingContext(ctx)
		h.mu.Lock()
		name := method[strings.LastIndex(method, "/")+1:]
		h.sent[name] = append(h.sent[name], md)
		h.mu.Unlock()
		return invoke(ctx, method, req, reply, cc, opts...)
	}))
}

func TestInject_EveryCallHasTheTraceContextOfItsStep(t *testing.T) {
	for name, sampled := range map[string]bool{"sampled": true, "not sampled": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			sampler := sdktrace.NeverSample()
			if sampled {
				sampler = sdktrace.AlwaysSample()
			}
			tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(r.spans), sdktrace.WithSampler(sampler))
			inst, err := e6otel.New(e6otel.WithTracerProvider(tracers))
			require.NoError(t, err)
			h := &headers{sent: map[string][]metadata.MD{}}
			client, err := e6.Open(t.Context(), config(start(t)), append(inst.Options(), h.option())...)
			require.NoError(t, err)
			member, err := baggage.NewMember("tenant", "blue-team")
			require.NoError(t, err)
			bag, err := baggage.New(member)
			require.NoError(t, err)
			_, err = client.QueryAll(baggage.ContextWithBaggage(t.Context(), bag), "SELECT 1")
			require.NoError(t, err)
			require.NoError(t, client.Close())

			bySpan := map[string]string{}
			for _, s := range r.spans.GetSpans() {
				bySpan[s.SpanContext.SpanID().String()] = s.Name
			}
			for method, want := range map[string]string{
				"authenticate": "e6.session.open", "prepareStatement": "prepare", "executeStatement": "execute",
				"getResultMetadata": "fetch", "getNextResultBatchV2": "fetch",
			} {
				require.NotEmpty(t, h.sent[method], method)
				for _, md := range h.sent[method] {
					require.Len(t, md["traceparent"], 1, method)
					parts := strings.Split(md["traceparent"][0], "-")
					require.Len(t, parts, 4)
					if !sampled {
						require.Equal(t, "00", parts[3])
						continue
					}
					require.Equal(t, "01", parts[3])
					require.Equal(t, want, bySpan[parts[2]], method)
					if want != "e6.session.open" {
						require.Equal(t, []string{"tenant=blue-team"}, md["baggage"])
					}
				}
			}
			if !sampled {
				require.Empty(t, bySpan)
			}
		})
	}
}

// stuck is an exporter that blocks until it is released.
type stuck struct {
	once            sync.Once
	called, release chan struct{}
}

func (s *stuck) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	s.once.Do(func() { close(s.called) })
	<-s.release
	return nil
}

func (s *stuck) Shutdown(context.Context) error { return nil }

func TestExporter_BlockedDoesNotStopQueries(t *testing.T) {
	exporter := &stuck{called: make(chan struct{}), release: make(chan struct{})}
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	inst, err := e6otel.New(e6otel.WithTracerProvider(tracers))
	require.NoError(t, err)
	cfg := config(start(t))
	cfg.HookBudget, cfg.CloseTimeout = 10*time.Millisecond, 100*time.Millisecond
	client, err := e6.Open(t.Context(), cfg, inst.Options()...)
	require.NoError(t, err)
	for range 100 {
		_, err := client.QueryAll(t.Context(), "SELECT 1")
		require.NoError(t, err)
	}
	<-exporter.called
	require.NoError(t, client.Close())
	close(exporter.release)
	require.NoError(t, inst.Close())
}

func TestProviders_NoopPropagatesTheCallersTrace(t *testing.T) {
	inst, err := e6otel.New(e6otel.WithTracerProvider(nooptrace.NewTracerProvider()), e6otel.WithMeterProvider(noopmetric.NewMeterProvider()))
	require.NoError(t, err)
	h := &headers{sent: map[string][]metadata.MD{}}
	cluster := start(t)
	client, err := e6.Open(t.Context(), config(cluster), append(inst.Options(), h.option())...)
	require.NoError(t, err)
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	_, err = client.QueryAll(trace.ContextWithSpanContext(t.Context(), parent), "SELECT 1")
	require.NoError(t, err)
	cluster.OpenSide(fsm.Green)
	require.NoError(t, client.Switch(t.Context(), fsm.Green))
	require.NoError(t, client.Close())
	require.Equal(t, "00-01000000000000000000000000000000-0200000000000000-01", h.sent["prepareStatement"][0]["traceparent"][0],
		"the caller's own trace goes on")
}

func TestSpans_EmittedAsDeclared(t *testing.T) {
	r := newRig(t, e6otel.WithQueryText(e6otel.QueryTextSanitized))
	scenario(t, r)
	declared := map[string]e6otel.Span{}
	for _, s := range e6otel.Spans() {
		declared[s.Name] = s
	}
	seen, keys, events := map[string]bool{}, map[string]map[string]bool{}, map[string]bool{}
	for _, s := range r.spans.GetSpans() {
		name := s.Name
		if s.InstrumentationScope.Name == "test" {
			continue
		}
		if s.SpanKind == trace.SpanKindClient {
			name = statement
		}
		d, ok := declared[name]
		require.True(t, ok, s.Name)
		seen[name] = true
		require.Equal(t, d.Kind, s.SpanKind)
		attrs := values(s.Attributes)
		for _, key := range d.Attributes {
			require.Contains(t, attrs, key, name)
		}
		if keys[name] == nil {
			keys[name] = map[string]bool{}
		}
		for key := range attrs {
			require.Contains(t, slices.Concat(d.Attributes, d.Optional), key, name)
			keys[name][key] = true
		}
		for _, e := range s.Events {
			require.Contains(t, d.Events, e.Name)
			events[e.Name] = true
		}
	}
	for name, d := range declared {
		require.True(t, seen[name], name)
		for _, key := range d.Optional {
			require.True(t, keys[name][key], "%s never had %s", name, key)
		}
		for _, e := range d.Events {
			require.True(t, events[e], e)
		}
	}
}
