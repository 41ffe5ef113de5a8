package e6otel_test

import (
	"context"
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	otelcodes "go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
)

func TestCutover_TraceWithEightQueriesInFlight(t *testing.T) {
	r := newRig(t)
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := r.open(t, config(cluster))
	host, port, err := net.SplitHostPort(cluster.Addr())
	require.NoError(t, err)
	number, err := strconv.ParseInt(port, 10, 64)
	require.NoError(t, err)
	with := func(attrs map[string]any) map[string]any {
		attrs["server.address"], attrs["server.port"] = host, number
		return attrs
	}

	rows := streams(t.Context(), t, client, "stream", 7)
	readAhead(t, cluster, 7*4)
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Graceful}))
	cluster.OpenSide(fsm.Blue) // the test controls the grace period

	ctx, app := r.tracer.Start(t.Context(), "application")
	rows = append(rows, streams(ctx, t, client, "announced", 1)...)
	app.End()
	eventually(t, "green is active", func() bool { return client.Strategy().Active == fsm.Green })
	_, err = client.QueryAll(tagged(t.Context(), "first on green"), "SELECT 2")
	require.NoError(t, err)
	for _, one := range rows {
		drain(t, one)
	}
	cutover := r.cutovers(t, 1)[0]

	t.Run("the cutover is a trace of its own", func(t *testing.T) {
		require.False(t, cutover.Parent.IsValid())
		require.Equal(t, trace.SpanKindInternal, cutover.SpanKind)
		require.Equal(t, sdktrace.Status{}, cutover.Status)
		require.Equal(t, with(map[string]any{
			"e6.cutover.id": int64(1), "e6.cutover.kind": "announced", "e6.cutover.event": "announce", "e6.cutover.from": "blue", "e6.cutover.to": "green",
			"e6.cutover.cause": "announcement", "e6.cutover.in_flight": int64(8),
			"e6.cutover.result": "drained", "e6.cutover.reason": "drained", "e6.cutover.remaining": int64(0),
			"e6.cutover.drained": int64(8), "e6.cutover.replayed": int64(0), "e6.cutover.retried": int64(0), "e6.cutover.lost": int64(0),
		}), values(cutover.Attributes))
	})
	t.Run("its events are in order, within its time", func(t *testing.T) {
		require.Equal(t, []string{"announced", "target_ready", "first_query_on_target", "origin_drained", "committed"}, eventNames(cutover))
		last := cutover.StartTime
		for _, e := range cutover.Events {
			require.False(t, e.Time.Before(last), e.Name)
			last = e.Time
		}
		require.Equal(t, cutover.EndTime, last)
	})

	queries := r.ended(t, statement, 9)
	t.Run("it links to its cause and to the queries in flight", func(t *testing.T) {
		kinds, count := linkKinds(cutover)
		require.Equal(t, map[string]int{"cause": 1, "in_flight": 8}, count)
		require.Equal(t, "cause", kinds[0], "the cause is the first")
		linked := map[trace.SpanID]bool{}
		for _, l := range cutover.Links[1:] {
			linked[l.SpanContext.SpanID()] = true
		}
		for _, q := range queries {
			require.Equal(t, values(q.Attributes)["e6.tag"] != "first on green", linked[q.SpanContext.SpanID()])
		}
		require.Equal(t, app.SpanContext().TraceID(), cutover.Links[0].SpanContext.TraceID())
	})
	t.Run("the target's session was opened in it", func(t *testing.T) {
		below := r.children(cutover.SpanContext)
		require.Len(t, below, 1)
		require.Equal(t, "e6.session.open", below[0].Name)
		require.Equal(t, trace.SpanKindInternal, below[0].SpanKind)
		require.Equal(t, with(map[string]any{"e6.side": "green", "e6.purpose": "prepare"}), values(below[0].Attributes))
	})
	t.Run("the client began with a detection", func(t *testing.T) {
		detection := r.ended(t, "e6.detection", 1)[0]
		require.False(t, detection.Parent.IsValid())
		require.Equal(t, with(map[string]any{
			"e6.from": "none", "e6.cause": "first_use", "e6.order": []string{"blue", "green"}, "e6.side": "blue", "e6.rounds": int64(1),
		}), values(detection.Attributes))
		below := r.children(detection.SpanContext)
		require.Len(t, below, 1)
		require.Equal(t, with(map[string]any{"e6.side": "blue", "e6.purpose": "detect"}), values(below[0].Attributes))
	})
	t.Run("each query has its steps, on its side", func(t *testing.T) {
		for _, q := range queries {
			attrs := values(q.Attributes)
			side, count, batches := "blue", int64(1000), int64(100)
			summary, text := "SELECT numbers", "SELECT * FROM numbers(?)"
			switch attrs["e6.tag"] {
			case "announced-0":
				require.Equal(t, app.SpanContext().SpanID(), q.Parent.SpanID())
			case "first on green":
				side, count, batches = "green", 1, 1
				summary, text = "SELECT", "SELECT ?"
			}
			require.Equal(t, summary, q.Name)
			require.Equal(t, trace.SpanKindClient, q.SpanKind)
			require.NotEmpty(t, attrs["e6.query_id"])
			require.Positive(t, attrs["e6.bytes"])
			require.Equal(t, with(map[string]any{
				"db.system.name": "e6data", "db.query.summary": summary, "db.query.text": text, "e6.side": side, "e6.tag": attrs["e6.tag"],
				"e6.query_id": attrs["e6.query_id"], "e6.rows": count, "e6.batches": batches, "e6.bytes": attrs["e6.bytes"],
				"e6.retries": int64(0), "e6.replays": int64(0),
			}), attrs)
			steps := r.children(q.SpanContext)
			require.Len(t, steps, 3)
			for i, name := range []string{"prepare", "execute", "fetch"} {
				want := with(map[string]any{"e6.side": side, "e6.attempt": int64(1), "e6.replay": false})
				if name == "fetch" {
					want["e6.rows"], want["e6.batches"], want["e6.bytes"] = count, batches, attrs["e6.bytes"]
				}
				require.Equal(t, name, steps[i].Name)
				require.Equal(t, want, values(steps[i].Attributes))
			}
		}
	})
	t.Run("the first use is a change too", func(t *testing.T) {
		first := r.named("e6.cutover")[0]
		require.Equal(t, with(map[string]any{
			"e6.cutover.id": int64(0), "e6.cutover.kind": "detected", "e6.cutover.event": "settle", "e6.cutover.from": "none", "e6.cutover.to": "blue",
			"e6.cutover.cause": "first_use", "e6.cutover.in_flight": int64(0),
			"e6.cutover.result": "settled", "e6.cutover.reason": "accepted", "e6.cutover.remaining": int64(0),
			"e6.cutover.drained": int64(0), "e6.cutover.replayed": int64(0), "e6.cutover.retried": int64(0), "e6.cutover.lost": int64(0),
		}), values(first.Attributes))
		require.Equal(t, []string{"started", "settled"}, eventNames(first))
		require.Equal(t, sdktrace.Status{}, first.Status)
	})
	t.Run("there is nothing else", func(t *testing.T) {
		require.Len(t, r.spans.GetSpans(), 2+1+2+1+9*4)
	})
}

// cutOff makes a cutover from blue, which is killed with queries in flight: some results
// are read in part, some queries are still executed, and some results are not read. It
// returns when the first are lost and the second are replayed.
func cutOff(t *testing.T, r *rig, lost, replayed, unread int) (client *e6.Client, end func()) {
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	cfg := config(cluster)
	cfg.ContinueWindow = 1 // what has been read in part is lost
	client = r.open(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	begun := streams(ctx, t, client, "begun", lost)
	for _, rows := range begun {
		require.True(t, rows.Next())
	}
	streams(ctx, t, client, "unread", unread)
	readAhead(t, cluster, 5*lost+4*unread) // a query that still reads ahead would be replayed
	wait := sleepers(ctx, t, cluster, client, replayed)

	cluster.OpenSide(fsm.Green)
	switching, app := r.tracer.Start(t.Context(), "application")
	require.NoError(t, client.Switch(switching, fsm.Green))
	app.End()
	cluster.CloseSide(fsm.Blue)
	cluster.LoseEngine(fsm.Blue)
	for _, rows := range begun {
		lose(t, rows)
	}
	eventually(t, "the others run again", func() bool { return client.Stats().Replayed == int64(replayed) })
	eventually(t, "they wait for their results", func() bool { return cluster.Stats().CallsBySide[fsm.Green]["getResultMetadata"] >= replayed })
	return client, func() {
		cancel()
		wait()
		require.NoError(t, client.Close())
	}
}

func TestCutover_SpanCountsTheQueriesOfAKilledOrigin(t *testing.T) {
	r := newRig(t)
	_, end := cutOff(t, r, 2, 3, 0)
	cutover := r.cutovers(t, 1)[0] // while the replayed queries still run
	end()

	attrs := values(cutover.Attributes)
	require.EqualValues(t, 5, attrs["e6.cutover.in_flight"])
	require.EqualValues(t, 2, attrs["e6.cutover.lost"])
	require.EqualValues(t, 3, attrs["e6.cutover.replayed"])
	require.EqualValues(t, 0, attrs["e6.cutover.drained"])
	require.EqualValues(t, 0, attrs["e6.cutover.retried"])
	require.Equal(t, "refused", attrs["e6.cutover.result"])
	require.Equal(t, "caller", attrs["e6.cutover.cause"])
	require.Equal(t, "committed", cutover.Events[len(cutover.Events)-1].Name)
	require.Equal(t, cutover.EndTime, cutover.Events[len(cutover.Events)-1].Time, "the span ends when the cutover did")

	kinds, _ := linkKinds(cutover)
	require.Equal(t, []string{"cause", "lost", "lost", "replayed", "replayed", "replayed"}, kinds)
	require.Equal(t, r.ended(t, "application", 1)[0].SpanContext.SpanID(), cutover.Links[0].SpanContext.SpanID())
	byID := map[trace.SpanID]tracetest.SpanStub{}
	for _, q := range r.named(statement) {
		byID[q.SpanContext.SpanID()] = q
	}
	for _, l := range cutover.Links[1:] {
		q := byID[l.SpanContext.SpanID()]
		require.Equal(t, otelcodes.Error, q.Status.Code)
		switch values(l.Attributes)["e6.link"] {
		case "lost":
			require.Equal(t, "QUERY_LOST", values(q.Attributes)["error.type"])
			require.Equal(t, "blue", values(q.Attributes)["e6.side"])
		case "replayed":
			require.Equal(t, "CANCELLED", values(q.Attributes)["error.type"])
			require.EqualValues(t, 1, values(q.Attributes)["e6.replays"])
			var attempts []any
			for _, step := range r.children(q.SpanContext) {
				a := values(step.Attributes)
				if step.Name == "e6.session.open" {
					continue // the call that clears the query on blue
				}
				attempts = append(attempts, step.Name, a["e6.side"], a["e6.attempt"], a["e6.replay"])
			}
			require.Equal(t, []any{
				"prepare", "blue", int64(1), false, "execute", "blue", int64(1), false, "fetch", "blue", int64(1), false,
				"prepare", "green", int64(2), true, "execute", "green", int64(2), true, "fetch", "green", int64(2), true,
			}, attempts)
		}
	}
}

func TestCutover_LinksToLostAndReplayedQueriesComeFirst(t *testing.T) {
	r := newRig(t)
	_, end := cutOff(t, r, 5, 20, 130)
	end() // the other results are not read, so only Close ends the wait for them
	cutover := r.cutovers(t, 1)[0]
	kinds, count := linkKinds(cutover)
	require.Equal(t, map[string]int{"cause": 1, "lost": 5, "replayed": 20, "in_flight": 102}, count)
	require.Equal(t, "lost", kinds[5])
	require.Equal(t, "replayed", kinds[6])
	require.Equal(t, "in_flight", kinds[26])
	require.Zero(t, cutover.DroppedLinks)
	attrs := values(cutover.Attributes)
	require.EqualValues(t, 155, attrs["e6.cutover.in_flight"])
	require.EqualValues(t, 5, attrs["e6.cutover.lost"])
	require.EqualValues(t, 20, attrs["e6.cutover.replayed"])
}

func TestCutover_AbortedHasAnErrorStatus(t *testing.T) {
	r := newRig(t)
	cluster := start(t)
	client := r.open(t, config(cluster), e6.WithGuard(veto{}))
	cluster.OpenSide(fsm.Green)
	require.ErrorIs(t, client.Switch(t.Context(), fsm.Green), e6.ErrVetoed)
	cutover := r.cutovers(t, 1)[0]
	require.Equal(t, []string{"announced", "aborted"}, eventNames(cutover))
	require.Equal(t, sdktrace.Status{Code: otelcodes.Error}, cutover.Status)
	attrs := values(cutover.Attributes)
	require.Equal(t, "aborted", attrs["e6.cutover.result"])
	require.Equal(t, "veto", attrs["e6.cutover.reason"])
	require.Equal(t, "CUTOVER_ABORTED", attrs["error.type"])
}

// veto is a guard that vetoes every transition.
type veto struct{}

func (veto) Guard(context.Context, *hook.Proposal) hook.Decision { return hook.Veto("not now") }
