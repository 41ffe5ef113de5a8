package examples_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/debug"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	e6otel "github.com/e6data/e6data-go/e6/otel"
	"github.com/e6data/e6data-go/emulator"
	"github.com/e6data/e6data-go/internal/lockedbuffer"
	"github.com/e6data/e6data-go/internal/stress"
)

// minRequests is that of the policy in the story.
const minRequests = 10

// The story of a sick green, from end to end, on real SQL: the error budget is
// burnt, the client goes back by itself, stays there, and everyone can see it.
func TestRollback_OfAnUnhealthySideIsInTracesMetricsLogsAndThePage(t *testing.T) {
	em, err := emulator.Start(emulator.Options{NoSample: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, em.Close()) }()
	spans := tracetest.NewInMemoryExporter()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	reader := sdkmetric.NewManualReader()
	inst, err := e6otel.New(e6otel.WithTracerProvider(tracers), e6otel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	require.NoError(t, err)
	log := &lockedbuffer.Buffer{}
	client, err := e6.Open(t.Context(), e6.Config{Address: em.Addr(), User: "me", Token: "planted-token", RetryPause: 5 * time.Millisecond},
		append(inst.Options(), e6.WithLogger(slog.New(slog.NewJSONHandler(log, nil))),
			e6.WithRollback(e6.RollbackPolicy{MinRequests: minRequests, ErrorRate: 0.5, CoolDown: time.Hour}))...)
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	page := debug.Handler(client)

	// Every execution on green fails, although the health check of green succeeds.
	cluster := em.Cluster()
	cluster.Inject(e6test.Fault{Side: e6.Green, Method: "executeStatement", Times: -1, Action: e6test.Fail, Code: codes.Unavailable, Message: "out of executors"})
	cluster.OpenSide(e6.Green)
	cluster.Announce(e6.Green)
	failed, wrong := play(t.Context(), client, func() bool {
		s := client.Strategy()
		return s.State == fsm.StateBlue && s.Epoch == 3 // blue, green, and blue again
	})
	require.LessOrEqual(t, failed, minRequests, "no more queries fail than the policy needs")
	require.Empty(t, wrong)

	// Green is still announced, and no client is routed there.
	failed, wrong = play(t.Context(), client, rounds(20))
	require.Zero(t, failed)
	require.Empty(t, wrong)
	require.Equal(t, fsm.StateBlue, client.Strategy().State)
	require.EqualValues(t, 3, client.Strategy().Epoch)

	health := client.Health()
	require.True(t, health.Ready)
	require.Greater(t, health.Sides[1].CoolDown, 59*time.Minute)

	t.Run("in the trace", func(t *testing.T) {
		var back []tracetest.SpanStub
		require.Eventually(t, func() bool {
			back = nil
			for _, s := range spans.GetSpans() {
				for _, a := range s.Attributes {
					value := a.Value.AsString()
					if s.Name == "e6.cutover" && (a.Key == "e6.cutover.event" && value == "rollback" || a.Key == "e6.cutover.reason" && value == "health") {
						back = append(back, s)
					}
				}
			}
			return len(back) == 1
		}, stress.Patience, 10*time.Millisecond, "the way back is one cutover: a rollback, or one that health aborted")
	})
	t.Run("in the metrics", func(t *testing.T) {
		var all metricdata.ResourceMetrics
		require.Eventually(t, func() bool {
			require.NoError(t, reader.Collect(t.Context(), &all))
			return sum(all, "e6.client.rollbacks", "health") == 1
		}, stress.Patience, 10*time.Millisecond)
	})
	t.Run("in the log", func(t *testing.T) {
		require.Eventually(t, func() bool { return strings.Contains(log.String(), `"event":"health_breached"`) }, stress.Patience, time.Millisecond)
		breaches := 0
		for line := range strings.Lines(log.String()) {
			var record struct{ Level, Event, Action, Side string }
			require.NoError(t, json.Unmarshal([]byte(line), &record))
			if record.Event == "health_breached" && record.Action != "none" {
				breaches++
				require.Equal(t, "WARN", record.Level)
				require.Equal(t, "green", record.Side)
			}
		}
		require.Equal(t, 1, breaches)
		require.NotContains(t, log.String(), "planted-token")
	})
	t.Run("on the page", func(t *testing.T) {
		answer := httptest.NewRecorder()
		page.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "GET", "/state.json", nil))
		var state debug.State
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &state))
		require.Equal(t, "blue", state.Strategy.Active)
		require.Positive(t, state.Health.Sides[1].CoolDown)
		seen := false
		for _, e := range state.Events {
			seen = seen || e.Kind == "health_breached"
		}
		require.True(t, seen)
		require.NotContains(t, answer.Body.String(), "planted-token")
	})
}

// play runs queries on eight goroutines until something holds, and returns how
// many failed, and what was answered wrongly.
func play(ctx context.Context, client *e6.Client, holds func() bool) (failed int, wrong []any) {
	var mu sync.Mutex
	var workers sync.WaitGroup
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for range 8 {
		workers.Go(func() {
			for !holds() && ctx.Err() == nil {
				got, err := e6.QueryAll[int64](ctx, client, "SELECT CAST(sum(i) AS BIGINT) FROM range(1000) t(i)")
				mu.Lock()
				switch {
				case errors.Is(err, e6.ErrQueryLost):
					failed++
				case err != nil:
					wrong = append(wrong, err)
				case len(got) != 1 || got[0] != 499500:
					wrong = append(wrong, got)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return failed, wrong
}

// rounds is true after that many calls by every goroutine.
func rounds(n int) func() bool {
	var mu sync.Mutex
	left := 8 * n
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		left--
		return left < 0
	}
}

// sum is the value of a counter with that cause.
func sum(all metricdata.ResourceMetrics, name, cause string) (total int64) {
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			data, ok := m.Data.(metricdata.Sum[int64])
			if m.Name != name || !ok {
				continue
			}
			for _, point := range data.DataPoints {
				if v, ok := point.Attributes.Value("e6.cause"); ok && v.AsString() == cause {
					total += point.Value
				}
			}
		}
	}
	return total
}
