package e6otel_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	e6otel "github.com/e6data/e6data-go/e6/otel"
)

func TestMetrics_EmittedAsDeclared(t *testing.T) {
	r := newRig(t)
	scenario(t, r)
	eventually(t, "the events are counted", func() bool {
		points, _ := r.collect(t)
		return len(points["e6.client.resumes"]) > 0
	})
	points, metrics := r.collect(t)
	declared := map[string]bool{}
	for _, d := range e6otel.Metrics() {
		declared[d.Name] = true
		t.Run(d.Name, func(t *testing.T) {
			m, ok := metrics[d.Name]
			require.True(t, ok, "it is not emitted")
			require.Equal(t, d.Unit, m.Unit)
			require.Equal(t, d.Description, m.Description)
			require.Equal(t, d.Kind, kindOf(m))
			seen := map[string]bool{}
			for _, p := range points[d.Name] {
				for _, key := range d.Attributes {
					require.Contains(t, p.attrs, key)
				}
				for key := range p.attrs {
					require.Contains(t, slices.Concat(d.Attributes, d.Optional), key)
					seen[key] = true
				}
			}
			for _, key := range d.Optional {
				require.True(t, seen[key], "no point has %s", key)
			}
		})
	}
	for name := range metrics {
		require.True(t, declared[name], "%s is not declared", name)
	}
}

// kindOf is the kind of the instrument of a metric. The data of an observable counter and
// of a counter are the same.
func kindOf(m metricdata.Metrics) e6otel.Kind {
	for _, d := range e6otel.Metrics() {
		if d.Name != m.Name {
			continue
		}
		switch m.Data.(type) {
		case metricdata.Histogram[int64], metricdata.Histogram[float64]:
			return e6otel.KindHistogram
		case metricdata.Gauge[int64], metricdata.Gauge[float64]:
			return e6otel.KindObservableGauge
		}
		if d.Kind == e6otel.KindObservableCounter {
			return e6otel.KindObservableCounter
		}
		return e6otel.KindCounter
	}
	return ""
}

func TestMetrics_AttributesHoldNoIDTagOrLiteral(t *testing.T) {
	r := newRig(t, e6otel.WithQueryText(e6otel.QueryTextRaw))
	client := scenario(t, r)
	secrets := []string{"a-tag", "a-literal", "stream", "sleeper", "begun", "1000", "60000", "user@", "secret-token"}
	for _, s := range r.spans.GetSpans() {
		if id, ok := values(s.Attributes)["e6.query_id"].(string); ok {
			secrets = append(secrets, id)
		}
	}
	require.Greater(t, len(secrets), 15)
	require.NoError(t, client.Close())
	points, _ := r.collect(t)
	for name, all := range points {
		for _, p := range all {
			for key, v := range p.attrs {
				text, _ := v.(string)
				for _, secret := range secrets {
					require.False(t, strings.Contains(text, secret), "%s: %s=%s", name, key, text)
				}
			}
		}
	}
}

func TestMetrics_CountTheScenario(t *testing.T) {
	r := newRig(t, e6otel.WithAttributes(attribute.String("team", "data")))
	client := scenario(t, r)
	points, _ := r.collect(t)
	require.EqualValues(t, 1, sum(points["e6.client.state"], "e6.state", "blue"))
	require.EqualValues(t, 1, sum(points["e6.client.state"]), "only one client is open")
	require.Len(t, points["e6.client.state"], 5)
	require.NoError(t, client.Close())

	points, _ = r.collect(t)
	for _, all := range points {
		for _, p := range all {
			require.Equal(t, "data", p.attrs["team"])
		}
	}
	for name, test := range map[string]struct {
		attrs []string
		want  float64
	}{
		"e6.client.queries.lost":       {[]string{"e6.side", "blue"}, 2},
		"e6.client.queries.replayed":   {[]string{"e6.side", "blue"}, 3},
		"e6.client.queries.continued":  {[]string{"e6.side", "blue"}, 1},
		"e6.client.queries.retried":    {[]string{"e6.side", "blue"}, 2},
		"e6.client.rollbacks":          {[]string{"e6.cause", "caller"}, 1},
		"e6.client.vetoes":             {nil, 1},
		"e6.client.resumes":            {[]string{"e6.result", "ok"}, 1},
		"e6.client.cutovers":           {[]string{"e6.kind", "requested", "e6.from", "blue", "e6.to", "green", "e6.cause", "caller"}, 3},
		"e6.client.cutover.attempts":   {[]string{"e6.result", "aborted", "e6.from", "blue", "e6.to", "green", "e6.cause", "caller"}, 1},
		"e6.client.prewarm.duration":   {nil, 4},
		"e6.client.hooks.failed":       {[]string{"e6.point", "query_start", "e6.problem", "panic"}, 1},
		"e6.client.detections":         {[]string{"e6.result", "failed", "e6.cause", "first_use"}, 1},
		"e6.client.transitions":        {[]string{"e6.event", "rollback", "e6.cause", "caller"}, 1},
		"db.client.operation.duration": {[]string{"error.type", "QUERY_LOST", "db.query.summary", "SELECT numbers", "e6.side", "blue"}, 2},
	} {
		require.Equal(t, test.want, sum(points[name], test.attrs...), name)
	}
	require.Greater(t, sum(points["e6.client.requests"]), sum(points["e6.client.refusals"]))
	require.Positive(t, sum(points["e6.client.refusals"], "e6.side", "blue"))
	require.Empty(t, points["e6.client.state"], "no client is open")
}

func TestMetrics_ClientsOfOneClusterAreAddedUp(t *testing.T) {
	r := newRig(t)
	cluster := start(t)
	first, second := r.open(t, config(cluster)), r.open(t, config(cluster))
	points, _ := r.collect(t)
	require.EqualValues(t, 2, sum(points["e6.client.state"], "e6.state", "blue"))
	calls := sum(points["e6.client.requests"])
	require.EqualValues(t, first.Stats().Calls[fsm.Blue]+second.Stats().Calls[fsm.Blue], calls)
	require.NoError(t, first.Close())
	points, _ = r.collect(t)
	require.EqualValues(t, 1, sum(points["e6.client.state"]))
	require.Equal(t, calls, sum(points["e6.client.requests"]), "a counter never goes back")
}

func TestMetrics_CutoverAgeAndLimitDuringACutover(t *testing.T) {
	r := newRig(t)
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := r.open(t, config(cluster))
	rows := streams(t.Context(), t, client, "stream", 1)
	cluster.OpenSide(fsm.Green)
	require.NoError(t, client.Switch(t.Context(), fsm.Green))
	points, _ := r.collect(t)
	require.Positive(t, sum(points["e6.client.cutover.age"]))
	require.EqualValues(t, 25*60, sum(points["e6.client.cutover.limit"]), "10 minutes to get ready and 15 to drain")
	require.EqualValues(t, 1, sum(points["e6.client.queries.in_flight"], "e6.side", "blue"))
	drain(t, rows[0])
	eventually(t, "the cutover is over", func() bool {
		points, _ := r.collect(t)
		return sum(points["e6.client.cutover.limit"]) == 0 && len(points["e6.client.cutover.limit"]) == 1
	})
	points, _ = r.collect(t)
	require.Zero(t, sum(points["e6.client.cutover.age"]))
}

func TestMetrics_NamespacesAreBounded(t *testing.T) {
	r := newRig(t)
	client := r.open(t, config(start(t)))
	for i := range 80 {
		_, _ = client.QueryAll(inCatalog(t.Context(), i), "SELECT 1")
	}
	points, _ := r.collect(t)
	names := map[any]bool{}
	for _, p := range points["db.client.operation.duration"] {
		names[p.attrs["db.namespace"]] = true
	}
	require.Len(t, names, 65)
	require.True(t, names["_OTHER"])
}
