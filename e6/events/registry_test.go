package events

import (
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
)

// methodReceivers are the types of this package that have a method of the name.
func methodReceivers(t *testing.T, method string) (types []string) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == method {
				types = append(types, f.Recv.List[0].Type.(*ast.Ident).Name)
			}
		}
	}
	return types
}

func TestRegistry_HasEveryTypeOfEvent(t *testing.T) {
	var registered []string
	for _, r := range registry {
		registered = append(registered, reflect.TypeOf(r.zero).Name())
	}
	require.ElementsMatch(t, methodReceivers(t, "attrs"), registered, "a type of event needs one row in registry.go")
}

func TestRegistry_EveryRowIsComplete(t *testing.T) {
	components := map[Component]bool{}
	kinds, messages := map[Kind]bool{}, map[string]bool{}
	for _, r := range registry {
		e := Event{Data: r.zero}
		require.Regexp(t, `^[a-z]+(_[a-z]+)*$`, string(r.kind))
		require.False(t, kinds[r.kind], "%s occurs twice", r.kind)
		require.Contains(t, AllComponents(), r.component, r.kind)
		require.Regexp(t, `^[a-z]+( [a-z]+)+$`, r.message, r.kind)
		require.False(t, messages[r.message], "%q occurs twice", r.message)
		kinds[r.kind], components[r.component], messages[r.message] = true, true, true

		require.Equal(t, r.level, e.Level(), "%s: the level of the zero value is the usual level", r.kind)
		require.NotEmpty(t, e.String(), r.kind)
		require.Equal(t, []any{r.kind, r.component, r.message}, []any{e.Kind(), e.Component(), e.Message()})
		require.Equal(t, []any{r.component, r.level, r.message}, []any{r.kind.Component(), r.kind.Level(), r.kind.Message()})
	}
	require.Len(t, components, len(AllComponents()), "every component has a kind")
	require.Len(t, AllKinds(), len(registry))
	require.Empty(t, Kind("unknown").Component())
	require.Empty(t, Kind("unknown").Message())
}

func TestEvent_TheZeroEventHasNoKind(t *testing.T) {
	var e Event
	require.Empty(t, e.Kind())
	require.Empty(t, e.Component())
	require.Empty(t, e.Message())
	require.Empty(t, e.String())
	require.Equal(t, slog.LevelInfo, e.Level())
	require.False(t, e.Concerns(fsm.Blue))
}

func TestMessage_IsConstant(t *testing.T) {
	for _, c := range samples {
		e := Event{Data: c.data}
		require.Equal(t, e.Kind().Message(), e.Message())
	}
}

func TestConcerns_IsEverySideInAField(t *testing.T) {
	side := reflect.TypeFor[fsm.Side]()
	for _, r := range registry {
		zero := reflect.TypeOf(r.zero)
		require.False(t, Event{Data: r.zero}.Concerns(fsm.Blue), "%s without a side", r.kind)
		for i := range zero.NumField() {
			if zero.Field(i).Type != side {
				continue
			}
			d := reflect.New(zero).Elem()
			d.Field(i).Set(reflect.ValueOf(fsm.Green))
			e := Event{Data: d.Interface().(Data)}
			require.True(t, e.Concerns(fsm.Green), "%s.%s", r.kind, zero.Field(i).Name)
			require.False(t, e.Concerns(fsm.Blue), "%s.%s", r.kind, zero.Field(i).Name)
			require.False(t, e.Concerns(fsm.None))
		}
	}
}

func TestConcerns_AStepConcernsTheSidesBeforeAndAfter(t *testing.T) {
	settled := fsm.Snapshot{State: fsm.StateBlue, Active: fsm.Blue}
	announced := fsm.Snapshot{State: fsm.StateTransitioning, Phase: fsm.PhasePreparing, Active: fsm.Blue, Target: fsm.Green}
	detecting := fsm.Snapshot{State: fsm.StateDetecting}
	for name, c := range map[string]struct {
		before, after fsm.Snapshot
		blue, green   bool
	}{
		"settle":        {detecting, settled, true, false},
		"announce":      {settled, announced, true, true},
		"detect":        {announced, detecting, true, true},
		"first use":     {fsm.Snapshot{}, detecting, false, false},
		"detect (blue)": {settled, detecting, true, false},
	} {
		e := Event{Data: Transition{Transition: fsm.Transition{Before: c.before, After: c.after}}}
		require.Equal(t, c.blue, e.Concerns(fsm.Blue), name)
		require.Equal(t, c.green, e.Concerns(fsm.Green), name)
	}
}

func TestLevel_DependsOnWhatHappened(t *testing.T) {
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
