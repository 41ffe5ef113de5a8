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

// moved is a step of the machine with everything known.
var moved = fsm.Transition{
	Event: fsm.EventAccept, ID: 3, Cause: fsm.Cause{Reason: fsm.ReasonAccepted}, At: time.Unix(9, 0),
	Before: fsm.Snapshot{State: fsm.StateTransitioning, Phase: fsm.PhasePreparing, Active: fsm.Blue, Target: fsm.Green, Epoch: 7},
	After:  fsm.Snapshot{State: fsm.StateTransitioning, Phase: fsm.PhaseDraining, Active: fsm.Green, Target: fsm.Green, Epoch: 8},
}

// written is Data of every kind with something in each field, and what a log has
// of it. Dashboards and alerts of users refer to the keys: a line here changes
// with a major version only.
var written = []struct {
	data Data
	want string
}{
	{
		Transition{moved, 5},
		`id=3 trigger=accept from="transitioning blue->green (preparing)" to="transitioning blue->green (draining)" epoch=8 active=green in_flight=5`,
	},
	{
		StrategyChanged{fsm.Blue, fsm.Green, ChangeAbrupt, fsm.Cause{Reason: fsm.ReasonRefusal}, time.Second, 5, 8, 3},
		`from=blue to=green change=abrupt took=1s in_flight=5 epoch=8 transition=3`,
	},
	{ProbeFailed{fsm.Blue, 2, "no route", "prepare"}, `side=blue attempt=2 error="no route" purpose=prepare`},
	{AnnouncementReceived{fsm.Blue, fsm.Green, true, "it is new"}, `announced_by=blue target=green accepted=true rejection="it is new"`},
	{AnnouncementInvalid{fsm.Blue, "purple"}, `announced_by=blue value=purple`},
	{Refused{fsm.Blue, "execute", "q1", "nightly"}, `side=blue method=execute query_id=q1 tag=nightly`},
	{QueryQueued{"q1", "nightly", fsm.Blue, 2 * time.Second, true}, `query_id=q1 tag=nightly side=blue waited=2s admitted=true`},
	{QueryRetried{"q1", "nightly", fsm.Blue, fsm.Green, "execute"}, `query_id=q1 tag=nightly from=blue to=green method=execute`},
	{QueryReplayed{"q1", "nightly", fsm.Blue, fsm.Green, 1, "refused"}, `query_id=q1 tag=nightly from=blue to=green attempt=1 replay_reason=refused`},
	{QueryContinued{"q1", "nightly", fsm.Blue, fsm.Green, 40, 1}, `query_id=q1 tag=nightly from=blue to=green rows_verified=40 attempt=1`},
	{QueryLost{"q1", "nightly", fsm.Blue, 40, true, "rows_differ", "cut off"}, `query_id=q1 tag=nightly side=blue rows_delivered=40 may_have_run=true loss_reason=rows_differ error="cut off"`},
	{QueryAbandoned{"q1", "nightly", fsm.Blue, "refused"}, `query_id=q1 tag=nightly side=blue error=refused`},
	{SessionOpened{fsm.Blue, 4, time.Second, "detect"}, `side=blue generation=4 took=1s purpose=detect`},
	{SessionExpired{fsm.Green, 4}, `side=green generation=4`},
	{DrainEnded{fsm.Blue, "deadline", 6, time.Minute}, `side=blue result=deadline remaining=6 took=1m0s`},
	{ClusterResume{"failed", time.Minute, true, "no money"}, `status=failed elapsed=1m0s done=true error="no money"`},
	{StoreFailed{"get", "no route"}, `op=get error="no route"`},
	{
		GuardDecided{"peak hours", fsm.Green, "delay", "too early", true, time.Minute, time.Second},
		`guard="peak hours" target=green decision=delay guard_reason="too early" overruled=true delay=1m0s took=1s`,
	},
	{HealthBreached{fsm.Green, "it fails", 20, 12, "rollback"}, `side=green breach="it fails" requests=20 failures=12 action=rollback`},
	{
		SideVetoed{fsm.Green, "it fails", true, 2, 3, time.Minute, "ignore"},
		`side=green veto_reason="it fails" directive=true clients=2 needed=3 remaining=1m0s action=ignore`,
	},
	{StageEnded{fsm.Green, "held", time.Minute}, `side=green result=held took=1m0s`},
	{
		HookFailed{"audit", "query_end", "panic", "a value of type int", time.Second, 8},
		`hook=audit point=query_end problem=panic problem_detail="a value of type int" took=1s count=8`,
	},
	{
		SubscriberPanicked{7, KindEventsDropped, "a value of type int", "goroutine 1", 3},
		`on_seq=7 on_event=events_dropped problem="a value of type int" stack="goroutine 1" count=3`,
	},
	{EventsDropped{9, moved.After}, `count=9 strategy="transitioning blue->green (draining)" active=green epoch=8`},
	{Closed{}, ``},
}

// tracing is a cause that has a trace.
var tracing = trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2}, SpanID: trace.SpanID{3, 4}})

// line is an event as a line of text, without time, level and message.
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

func TestTheAttributesOfEveryKindStayAsTheyAre(t *testing.T) {
	var kinds []Kind
	for _, c := range written {
		kind := c.data.Kind()
		kinds = append(kinds, kind)
		e := Event{
			Seq: 12, Time: time.Unix(9, 0), Cluster: "prod", Data: c.data,
			Cause: fsm.Cause{Reason: fsm.ReasonAnnouncement, Detail: "blue said so", Trace: tracing},
		}
		common := `event=` + string(kind) + ` component=` + string(kind.Component()) + ` seq=12 cluster=prod reason=announcement ` +
			`detail="blue said so" trace_id=01020000000000000000000000000000 span_id=0304000000000000`
		require.Equal(t, strings.TrimSpace(common+" "+c.want), line(t, e), kind)
	}
	require.Equal(t, AllKinds(), kinds, "every kind is in the table")
}

func TestEveryFieldOfEveryKindIsLogged(t *testing.T) {
	for _, c := range written {
		kind, data := c.data.Kind(), reflect.ValueOf(c.data)
		for i := range data.NumField() {
			require.False(t, data.Field(i).IsZero(), "%s: the table has no value for %s", kind, data.Type().Field(i).Name)
		}
		own := len(Event{Data: c.data}.Attrs()) - len(Event{}.Attrs())
		switch kind {
		case KindTransition, KindEventsDropped: // they hold snapshots, of which a part is logged
			require.Greater(t, own, data.NumField(), kind)
		case KindStrategyChanged: // its Cause is that of the event, which is logged for every kind
			require.Equal(t, data.NumField()-1, own, kind)
		default:
			require.Equal(t, data.NumField(), own, kind)
		}
	}
}

func TestNoKeyIsThereTwiceNorOneThatALoggerHasItself(t *testing.T) {
	for _, c := range written {
		e := Event{Cluster: "prod", Data: c.data, Cause: fsm.Cause{Reason: "r", Detail: "d", Trace: tracing}}
		seen := map[string]bool{slog.TimeKey: true, slog.LevelKey: true, slog.MessageKey: true, slog.SourceKey: true}
		for _, a := range e.Attrs() {
			require.False(t, seen[a.Key], "%s: %s", c.data.Kind(), a.Key)
			require.Regexp(t, `^[a-z]+(_[a-z]+)*$`, a.Key)
			seen[a.Key] = true
		}
	}
}

func TestWhatIsNotKnownIsLeftOutAndWhatIsZeroIsNot(t *testing.T) {
	require.Equal(t, `event="" component="" seq=0`, line(t, Event{}))
	require.Equal(t, `event=query_lost component=query seq=1 side=none rows_delivered=0 may_have_run=false`,
		line(t, Event{Seq: 1, Data: QueryLost{}}))
	require.Equal(t, `event=cluster_resume component=cluster seq=2 reason=suspended elapsed=0s done=true`,
		line(t, Event{Seq: 2, Cause: fsm.Cause{Reason: fsm.ReasonSuspended}, Data: ClusterResume{Done: true}}))
}

func TestANumberAndADurationAreNotTexts(t *testing.T) {
	kinds := map[string]slog.Kind{}
	for _, a := range (Event{Data: DrainEnded{Side: fsm.Blue}}).Attrs() {
		kinds[a.Key] = a.Value.Kind()
	}
	require.Equal(t, map[string]slog.Kind{
		"event": slog.KindString, "component": slog.KindString, "seq": slog.KindUint64,
		"side": slog.KindString, "remaining": slog.KindInt64, "took": slog.KindDuration,
	}, kinds)
}

func TestEveryKindBelongsToAComponentAndEveryComponentHasAKind(t *testing.T) {
	used := map[Component]bool{}
	for _, k := range AllKinds() {
		require.Contains(t, AllComponents(), k.Component(), k)
		used[k.Component()] = true
	}
	require.Len(t, used, len(AllComponents()))
	require.Empty(t, Kind("no such kind").Component())
	for kind, want := range map[Kind]Component{
		KindTransition: ComponentStrategy, KindStrategyChanged: ComponentStrategy, KindProbeFailed: ComponentStrategy, KindAnnouncementReceived: ComponentStrategy,
		KindAnnouncementInvalid: ComponentStrategy, KindDrainEnded: ComponentStrategy, KindGuardDecided: ComponentStrategy,
		KindHealthBreached: ComponentStrategy, KindSideVetoed: ComponentStrategy, KindStageEnded: ComponentStrategy, KindRefused: ComponentQuery, KindQueryRetried: ComponentQuery,
		KindQueryReplayed: ComponentQuery, KindQueryContinued: ComponentQuery, KindQueryLost: ComponentQuery, KindQueryAbandoned: ComponentQuery,
		KindSessionOpened: ComponentSession, KindSessionExpired: ComponentSession, KindClusterResume: ComponentCluster,
		KindStoreFailed: ComponentStore, KindHookFailed: ComponentHook, KindSubscriberPanicked: ComponentClient, KindEventsDropped: ComponentClient, KindClosed: ComponentClient,
	} {
		require.Equal(t, want, kind.Component(), kind)
	}
}

func TestAnEventIsAsLoudAsItIsBad(t *testing.T) {
	step := func(e fsm.Event) Data { return Transition{Transition: fsm.Transition{Event: e}} }
	for _, c := range []struct {
		data   Data
		reason fsm.Reason
		want   slog.Level
	}{
		{nil, "", slog.LevelInfo},
		{QueryLost{}, "", slog.LevelError},
		{QueryAbandoned{}, "", slog.LevelWarn},
		{AnnouncementInvalid{}, "", slog.LevelWarn},
		{StoreFailed{}, "", slog.LevelWarn},
		{HookFailed{}, "", slog.LevelWarn},
		{SubscriberPanicked{}, "", slog.LevelError},
		{EventsDropped{}, "", slog.LevelWarn},
		{AnnouncementReceived{}, "", slog.LevelInfo},
		{QueryReplayed{}, "", slog.LevelInfo},
		{DrainEnded{Result: "deadline"}, "", slog.LevelInfo},
		{Closed{}, "", slog.LevelInfo},
		{ProbeFailed{}, "", slog.LevelDebug},
		{Refused{}, "", slog.LevelDebug},
		{QueryRetried{}, "", slog.LevelDebug},
		{SessionOpened{}, "", slog.LevelDebug},
		{SessionExpired{}, "", slog.LevelDebug},
		{GuardDecided{Decision: "allow"}, "", slog.LevelInfo},
		{GuardDecided{Decision: "delay"}, "", slog.LevelInfo},
		{GuardDecided{Decision: "veto"}, "", slog.LevelWarn},
		{HealthBreached{Action: "none"}, fsm.ReasonHealth, slog.LevelInfo},
		{HealthBreached{Action: "abort"}, fsm.ReasonHealth, slog.LevelWarn},
		{HealthBreached{Action: "rollback"}, fsm.ReasonHealth, slog.LevelWarn},
		{SideVetoed{Action: "none"}, fsm.ReasonStore, slog.LevelInfo},
		{SideVetoed{Action: "ignore"}, fsm.ReasonStore, slog.LevelWarn},
		{SideVetoed{Action: "rollback"}, fsm.ReasonStore, slog.LevelWarn},
		{StageEnded{Result: "held"}, fsm.ReasonAccepted, slog.LevelInfo},
		{StageEnded{Result: "left"}, fsm.ReasonHealth, slog.LevelWarn},
		{ClusterResume{Done: true}, fsm.ReasonSuspended, slog.LevelInfo},
		{ClusterResume{Done: true, Error: "no"}, fsm.ReasonSuspended, slog.LevelWarn},
		{StrategyChanged{Change: ChangeAnnounced}, "", slog.LevelInfo},
		{StrategyChanged{Change: ChangeStore}, "", slog.LevelInfo},
		{StrategyChanged{Change: ChangeRequested}, "", slog.LevelInfo},
		{StrategyChanged{Change: ChangeDetected}, "", slog.LevelInfo},
		{StrategyChanged{Change: ChangeReset}, "", slog.LevelInfo},
		{StrategyChanged{Change: ChangeAbrupt}, "", slog.LevelWarn},
		{StrategyChanged{Change: ChangeAborted}, "", slog.LevelWarn},
		{StrategyChanged{Change: ChangeRolledBack, Cause: fsm.Cause{Reason: fsm.ReasonCaller}}, "", slog.LevelInfo},
		{StrategyChanged{Change: ChangeRolledBack, Cause: fsm.Cause{Reason: fsm.ReasonHealth}}, "", slog.LevelWarn},
		{StrategyChanged{Change: ChangeRolledBack, Cause: fsm.Cause{Reason: fsm.ReasonStore}}, "", slog.LevelWarn},
		{step(fsm.EventDetect), fsm.ReasonRefusal, slog.LevelInfo},
		{step(fsm.EventSettle), fsm.ReasonAccepted, slog.LevelInfo},
		{step(fsm.EventFail), fsm.ReasonDeadline, slog.LevelWarn},
		{step(fsm.EventAnnounce), fsm.ReasonAnnouncement, slog.LevelInfo},
		{step(fsm.EventAccept), fsm.ReasonAccepted, slog.LevelInfo},
		{step(fsm.EventCommit), fsm.ReasonDrained, slog.LevelInfo},
		{step(fsm.EventCommit), fsm.ReasonDeadline, slog.LevelWarn},
		{step(fsm.EventAbort), fsm.ReasonDeadline, slog.LevelWarn},
		{step(fsm.EventAbort), fsm.ReasonVeto, slog.LevelWarn},
		{step(fsm.EventAbort), fsm.ReasonWithdrawn, slog.LevelInfo},
		{step(fsm.EventAbort), fsm.ReasonCaller, slog.LevelInfo},
		{step(fsm.EventRollback), fsm.ReasonHealth, slog.LevelWarn},
		{step(fsm.EventRollback), fsm.ReasonCaller, slog.LevelInfo},
		{step(fsm.EventReset), fsm.ReasonCaller, slog.LevelInfo},
	} {
		e := Event{Cause: fsm.Cause{Reason: c.reason}, Data: c.data}
		require.Equal(t, c.want, e.Level(), "%s %s", e, c.reason)
	}
}
