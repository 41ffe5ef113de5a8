package events

import (
	"context"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6/fsm"
)

// moved is a step of the machine with every field set.
var moved = fsm.Transition{
	Event: fsm.EventAccept, ID: 3, Cause: fsm.Cause{Reason: fsm.ReasonAccepted}, At: time.Unix(9, 0),
	Before: fsm.Snapshot{State: fsm.StateTransitioning, Phase: fsm.PhasePreparing, Active: fsm.Blue, Target: fsm.Green, Epoch: 7},
	After:  fsm.Snapshot{State: fsm.StateTransitioning, Phase: fsm.PhaseDraining, Active: fsm.Green, Target: fsm.Green, Epoch: 8},
}

// samples has Data of every kind with a value in each field, and its attributes in a log. Dashboards and alerts of users refer to the keys: a line here changes
// Dashboards and alerts of users refer to the keys: a line changes with a major version only.
var samples = []struct {
	data Data
	want string
}{
	{
		Transition{moved, 5},
		`id=3 trigger=accept from="transitioning blue->green (preparing)" to="transitioning blue->green (draining)" epoch=8 active=green in_flight=5`,
	},
	{
		StrategyChanged{fsm.Blue, fsm.Green, ChangeAbrupt, fsm.Cause{Reason: fsm.ReasonRefusal}, time.Second, 5, 8, 3},
		`from=blue to=green change=abrupt took_ms=1000 in_flight=5 epoch=8 transition=3`,
	},
	{ProbeFailed{fsm.Blue, 2, "no route", "prepare"}, `side=blue attempt=2 error="no route" purpose=prepare`},
	{AnnouncementReceived{fsm.Blue, fsm.Green, true, "it is new", 2 * time.Second}, `announced_by=blue target=green accepted=true rejection="it is new" delay_ms=2000`},
	{AnnouncementInvalid{fsm.Blue, "purple"}, `announced_by=blue value=purple`},
	{Refused{fsm.Blue, "execute", "q1", "nightly"}, `side=blue method=execute query_id=q1 tag=nightly`},
	{QueryQueued{"q1", "nightly", fsm.Blue, 2 * time.Second, true}, `query_id=q1 tag=nightly side=blue waited_ms=2000 admitted=true`},
	{QueryRetried{"q1", "nightly", fsm.Blue, fsm.Green, "execute"}, `query_id=q1 tag=nightly from=blue to=green method=execute`},
	{QueryReplayed{"q1", "nightly", fsm.Blue, fsm.Green, 1, "refused"}, `query_id=q1 tag=nightly from=blue to=green attempt=1 replay_reason=refused`},
	{QueryContinued{"q1", "nightly", fsm.Blue, fsm.Green, 40, 1}, `query_id=q1 tag=nightly from=blue to=green rows_verified=40 attempt=1`},
	{QueryLost{"q1", "nightly", fsm.Blue, 40, true, "rows_differ", "cut off"}, `query_id=q1 tag=nightly side=blue rows_delivered=40 may_have_run=true loss_reason=rows_differ error="cut off"`},
	{QueryAbandoned{"q1", "nightly", fsm.Blue, "refused"}, `query_id=q1 tag=nightly side=blue error=refused`},
	{SessionOpened{fsm.Blue, 4, time.Second, "detect"}, `side=blue generation=4 took_ms=1000 purpose=detect`},
	{SessionExpired{fsm.Green, 4}, `side=green generation=4`},
	{DrainEnded{fsm.Blue, "deadline", 6, time.Minute}, `side=blue result=deadline remaining=6 took_ms=60000`},
	{ClusterResume{"failed", time.Minute, true, "no money"}, `status=failed elapsed_ms=60000 done=true error="no money"`},
	{StoreFailed{"get", "no route"}, `op=get error="no route"`},
	{
		GuardDecided{"peak hours", fsm.Green, "delay", "too early", true, time.Minute, time.Second},
		`guard="peak hours" target=green decision=delay guard_reason="too early" overruled=true delay_ms=60000 took_ms=1000`,
	},
	{HealthBreached{fsm.Green, "it fails", 20, 12, "rollback"}, `side=green breach="it fails" requests=20 failures=12 action=rollback`},
	{
		SideVetoed{fsm.Green, "it fails", true, 2, 3, time.Minute, "ignore"},
		`side=green veto_reason="it fails" directive=true clients=2 needed=3 remaining_ms=60000 action=ignore`,
	},
	{StageEnded{fsm.Green, "held", time.Minute}, `side=green result=held took_ms=60000`},
	{
		HookFailed{"audit", "query_end", "panic", "a value of type int", time.Second, 8},
		`hook=audit point=query_end problem=panic problem_detail="a value of type int" took_ms=1000 count=8`,
	},
	{
		StreamsExhausted{"query", 2 * time.Second, 7, 12, 16, 16, 100, true},
		`use=query waited_ms=2000 waiting=7 most_waiting=12 connections=16 max_connections=16 stream_limit=100 ended=true`,
	},
	{
		SubscriberPanicked{7, KindEventsDropped, "a value of type int", "goroutine 1", 3},
		`on_seq=7 on_event=events_dropped problem="a value of type int" stack="goroutine 1" count=3`,
	},
	{EventsDropped{9, moved.After}, `count=9 strategy="transitioning blue->green (draining)" active=green epoch=8`},
	{Closed{}, ``},
}

// tracing is a valid trace context.
var tracing = trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2}, SpanID: trace.SpanID{3, 4}})

// line is an event as a record of slog.TextHandler, without time, level and message.
func line(t *testing.T, e Event) string {
	var out strings.Builder
	h := slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}})
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "", 0)
	r.AddAttrs(e.Attrs()...)
	require.NoError(t, h.Handle(context.Background(), r))
	return strings.TrimSpace(out.String())
}

func TestAttrs_EveryKindHasItsDocumentedKeys(t *testing.T) {
	var kinds []Kind
	for _, c := range samples {
		e := Event{
			Seq: 12, Time: time.Unix(9, 0), Address: "localhost:50052", Cluster: "prod", Data: c.data,
			Cause: fsm.Cause{Reason: fsm.ReasonAnnouncement, Detail: "by blue", Trace: tracing},
		}
		kind := e.Kind()
		kinds = append(kinds, kind)
		common := `event=` + string(kind) + ` component=` + string(kind.Component()) + ` seq=12 address=localhost:50052 cluster=prod ` +
			`reason=announcement detail="by blue" trace_id=01020000000000000000000000000000 span_id=0304000000000000`
		require.Equal(t, strings.TrimSpace(common+" "+c.want), line(t, e), kind)
	}
	require.ElementsMatch(t, AllKinds(), kinds, "samples has every kind")
}

func TestAttrs_EveryFieldIsLogged(t *testing.T) {
	for _, c := range samples {
		kind, data := Event{Data: c.data}.Kind(), reflect.ValueOf(c.data)
		for i := range data.NumField() {
			require.False(t, data.Field(i).IsZero(), "%s: samples has no value for %s", kind, data.Type().Field(i).Name)
		}
		own := len(Event{Data: c.data}.Attrs()) - len(Event{}.Attrs())
		switch kind {
		case KindTransition, KindEventsDropped: // a part of their snapshots is logged
			require.Greater(t, own, data.NumField(), kind)
		case KindStrategyChanged: // its Cause is that of the event
			require.Equal(t, data.NumField()-1, own, kind)
		default:
			require.Equal(t, data.NumField(), own, kind)
		}
	}
}

func TestAttrs_NoKeyOccursTwiceOrBelongsToTheLogger(t *testing.T) {
	for _, c := range samples {
		e := Event{Cluster: "prod", Data: c.data, Cause: fsm.Cause{Reason: "r", Detail: "d", Trace: tracing}}
		seen := map[string]bool{slog.TimeKey: true, slog.LevelKey: true, slog.MessageKey: true, slog.SourceKey: true}
		for _, a := range e.Attrs() {
			require.False(t, seen[a.Key], "%s: %s", e.Kind(), a.Key)
			require.Regexp(t, `^[a-z]+(_[a-z]+)*$`, a.Key)
			seen[a.Key] = true
		}
	}
}

func TestAttrs_EmptyTextsAreLeftOutAndZeroNumbersAreNot(t *testing.T) {
	require.Equal(t, `event="" component="" seq=0`, line(t, Event{}))
	require.Equal(t, `event=query_lost component=query seq=1 side=none rows_delivered=0 may_have_run=false`,
		line(t, Event{Seq: 1, Data: QueryLost{}}))
	require.Equal(t, `event=cluster_resume component=cluster seq=2 reason=suspended elapsed_ms=0 done=true`,
		line(t, Event{Seq: 2, Cause: fsm.Cause{Reason: fsm.ReasonSuspended}, Data: ClusterResume{Done: true}}))
}

func TestAttrs_NumbersAreNotTexts(t *testing.T) {
	kinds := map[string]slog.Kind{}
	for _, a := range (Event{Data: DrainEnded{Side: fsm.Blue}}).Attrs() {
		kinds[a.Key] = a.Value.Kind()
	}
	require.Equal(t, map[string]slog.Kind{
		"event": slog.KindString, "component": slog.KindString, "seq": slog.KindUint64,
		"side": slog.KindString, "remaining": slog.KindInt64, "took_ms": slog.KindFloat64,
	}, kinds)
}

func TestAttrs_ADurationIsANumberOfMilliseconds(t *testing.T) {
	require.Contains(t, line(t, Event{Data: DrainEnded{Took: 1_234_567}}), "took_ms=1.235", "to the microsecond")
	for _, c := range samples {
		data := reflect.TypeOf(c.data)
		for i := range data.NumField() {
			if data.Field(i).Type == reflect.TypeFor[time.Duration]() {
				require.Contains(t, c.want, "_ms=", "%s.%s", data.Name(), data.Field(i).Name)
			}
		}
		for _, a := range (Event{Data: c.data}).Attrs() {
			require.NotEqual(t, slog.KindDuration, a.Value.Kind(), "%s: %s", data.Name(), a.Key)
		}
	}
}
