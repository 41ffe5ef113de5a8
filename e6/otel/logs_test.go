package e6otel_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	otellog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/log/embedded"
	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	e6otel "github.com/e6data/e6data-go/e6/otel"
	"github.com/e6data/e6data-go/internal/stress"
)

// logs is a provider whose log events a test reads.
type logs struct {
	embedded.LoggerProvider
	least otellog.Severity
	block chan struct{} // Emit waits until it is closed, unless it is nil

	mu      sync.Mutex
	name    string
	emitted []emitted
}

type emitted struct {
	otellog.Record
	span trace.SpanContext
}

func (l *logs) Logger(name string, _ ...otellog.LoggerOption) otellog.Logger {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.name = name
	return logger{logs: l}
}

// logger is the logger of a provider.
type logger struct {
	embedded.Logger
	logs *logs
}

func (l logger) Enabled(_ context.Context, p otellog.EnabledParameters) bool {
	return p.Severity >= l.logs.least
}

func (l logger) Emit(ctx context.Context, r otellog.Record) {
	if l.logs.block != nil {
		<-l.logs.block
	}
	l.logs.mu.Lock()
	defer l.logs.mu.Unlock()
	l.logs.emitted = append(l.logs.emitted, emitted{r, trace.SpanContextFromContext(ctx)})
}

func (l *logs) all() []emitted {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]emitted(nil), l.emitted...)
}

func (e emitted) attrs() map[string]attribute.Value {
	all := make(map[string]attribute.Value)
	e.WalkAttributes(func(kv attribute.KeyValue) bool {
		all[string(kv.Key)] = kv.Value
		return true
	})
	return all
}

// cutOver moves a client to green by an announcement and to blue without one.
func cutOver(ctx context.Context, t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
	changed := make(chan events.StrategyChanged, 10)
	defer client.OnStrategyChange(func(change events.StrategyChanged) { changed <- change })()
	cluster.OpenSide(e6.Green)
	cluster.Announce(e6.Green)
	_, err := client.QueryAll(ctx, "SELECT 1")
	require.NoError(t, err)
	<-changed
	// While blue drains, a return to blue would abort the change to green.
	require.Eventually(t, func() bool { return client.Strategy().State == fsm.StateGreen }, stress.Patience, time.Millisecond)
	require.NoError(t, cluster.Cutover(ctx, e6test.Cutover{To: e6.Blue, Kind: e6test.Abrupt}))
	_, err = client.QueryAll(ctx, "SELECT 1")
	require.NoError(t, err)
	<-changed
}

func TestLogs_OneLogEventForEveryEvent(t *testing.T) {
	provider := &logs{}
	r := newRig(t, e6otel.WithLoggerProvider(provider), e6otel.WithAttributes(attribute.String("team", "billing")))
	cluster := start(t)
	client, err := e6.Open(t.Context(), config(cluster), r.inst.Options()...)
	require.NoError(t, err)
	ctx, span := r.tracer.Start(t.Context(), "caller")
	cutOver(ctx, t, cluster, client)
	span.End()
	require.NoError(t, client.Close())

	history, got := client.History(), provider.all()
	require.Equal(t, "github.com/e6data/e6data-go/e6/otel", provider.name)
	require.Len(t, got, len(history), "with the last event, when Close has returned")
	severities := map[slog.Level]otellog.Severity{
		slog.LevelDebug: otellog.SeverityDebug, slog.LevelInfo: otellog.SeverityInfo, slog.LevelWarn: otellog.SeverityWarn, slog.LevelError: otellog.SeverityError,
	}
	traced := 0
	for i, e := range history {
		l := got[i]
		require.Equal(t, "e6.event."+string(e.Kind()), l.EventName())
		require.True(t, e.Time.Equal(l.Timestamp()))
		require.False(t, l.ObservedTimestamp().Before(l.Timestamp()))
		require.Equal(t, severities[e.Level()], l.Severity())
		require.Equal(t, e.Level().String(), l.SeverityText())
		require.Equal(t, e.Message(), l.Body().AsString())
		require.Equal(t, e.Cause.Trace, l.span)
		if l.span.IsValid() {
			traced++
		}
		attrs := l.attrs()
		require.Equal(t, "127.0.0.1", attrs["server.address"].AsString())
		require.Equal(t, "billing", attrs["team"].AsString())
		require.EqualValues(t, e.Seq, attrs["e6.event.seq"].AsInt64())
		for _, a := range e.Attrs() {
			switch a.Key {
			case "event", "address", "trace_id", "span_id":
				require.NotContains(t, attrs, "e6.event."+a.Key)
			default:
				require.Equal(t, a.Value.String(), attrs["e6.event."+a.Key].String(), a.Key)
			}
		}
	}
	require.Positive(t, traced)
	var changes []string
	for _, l := range got {
		if attrs := l.attrs(); l.EventName() == "e6.event.strategy_changed" {
			changes = append(changes, attrs["e6.event.from"].AsString()+" "+attrs["e6.event.to"].AsString()+" "+attrs["e6.event.change"].AsString())
			if len(changes) > 1 {
				require.Equal(t, span.SpanContext().TraceID(), l.span.TraceID(), "the query that received the announcement, or was refused")
			}
		}
	}
	require.Equal(t, []string{"none blue detected", "blue green announced", "green blue abrupt"}, changes)
}

func TestLogs_ProviderDecidesTheSeverity(t *testing.T) {
	provider := &logs{least: otellog.SeverityWarn}
	r := newRig(t, e6otel.WithLoggerProvider(provider))
	cluster := start(t)
	client, err := e6.Open(t.Context(), config(cluster), r.inst.Options()...)
	require.NoError(t, err)
	cutOver(t.Context(), t, cluster, client)
	require.NoError(t, client.Close())
	require.NotEmpty(t, provider.all())
	for _, l := range provider.all() {
		require.GreaterOrEqual(t, l.Severity(), otellog.SeverityWarn)
	}
}

func TestLogs_AnExporterThatBlocksDelaysNoQuery(t *testing.T) {
	provider := &logs{block: make(chan struct{})}
	r := newRig(t, e6otel.WithLoggerProvider(provider))
	cluster := start(t)
	cfg := config(cluster)
	cfg.CloseTimeout = 100 * time.Millisecond
	client, err := e6.Open(t.Context(), cfg, r.inst.Options()...)
	require.NoError(t, err)
	cutOver(t.Context(), t, cluster, client)
	require.NoError(t, client.Close())
	require.Empty(t, provider.all())
	n := len(client.History())
	close(provider.block)
	require.Eventually(t, func() bool { return len(provider.all()) >= n-1 }, time.Minute, time.Millisecond)
}
