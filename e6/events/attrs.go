package events

import (
	"log/slog"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Component is the part of a client that an event is about, for filters of logs.
type Component string

// The components.
const (
	// ComponentStrategy: which side is used, and why.
	ComponentStrategy Component = "strategy"
	// ComponentQuery: what became of a query.
	ComponentQuery Component = "query"
	// ComponentSession: the client's logins.
	ComponentSession Component = "session"
	// ComponentCluster: the cluster as a whole.
	ComponentCluster Component = "cluster"
	// ComponentStore: the store that clients share.
	ComponentStore Component = "store"
	// ComponentHook: the application's hooks.
	ComponentHook Component = "hook"
	// ComponentClient: the client itself and its events.
	ComponentClient Component = "client"
)

// AllComponents lists the components.
func AllComponents() []Component {
	return []Component{
		ComponentStrategy, ComponentQuery, ComponentSession, ComponentCluster, ComponentStore, ComponentHook, ComponentClient,
	}
}

// Component is what events of the kind are about, and empty for a kind that
// there is not.
func (k Kind) Component() Component {
	switch k {
	case KindTransition, KindStrategyChanged, KindProbeFailed, KindAnnouncementReceived, KindAnnouncementInvalid, KindDrainEnded,
		KindGuardDecided, KindHealthBreached, KindSideVetoed, KindStageEnded:
		return ComponentStrategy
	case KindRefused, KindQueryQueued, KindQueryRetried, KindQueryReplayed, KindQueryContinued, KindQueryLost, KindQueryAbandoned:
		return ComponentQuery
	case KindSessionOpened, KindSessionExpired:
		return ComponentSession
	case KindClusterResume:
		return ComponentCluster
	case KindStoreFailed:
		return ComponentStore
	case KindHookFailed:
		return ComponentHook
	case KindSubscriberPanicked, KindEventsDropped, KindClosed:
		return ComponentClient
	}
	return ""
}

// Level is how loud the event is in a log: Error for a query that is lost and for a
// panic of a subscriber, Warn
// for what someone should look at, Info for what changes, and Debug for what a
// cutover does to each query and session on its way.
func (e Event) Level() slog.Level {
	switch d := e.Data.(type) {
	case QueryLost, SubscriberPanicked:
		return slog.LevelError
	case AnnouncementInvalid, QueryAbandoned, StoreFailed, HookFailed, EventsDropped:
		return slog.LevelWarn
	case ProbeFailed, Refused, QueryRetried, SessionOpened, SessionExpired:
		return slog.LevelDebug
	case StrategyChanged:
		return d.level()
	case Transition:
		return warnIf(unwanted(d.Event, e.Cause.Reason))
	case GuardDecided:
		return warnIf(d.Decision == "veto")
	case HealthBreached:
		return warnIf(d.Action != "none")
	case SideVetoed:
		return warnIf(d.Action == "rollback" || d.Action == "ignore")
	case StageEnded:
		return warnIf(d.Result == "left")
	case ClusterResume:
		return warnIf(d.Error != "")
	}
	return slog.LevelInfo
}

func warnIf(yes bool) slog.Level {
	if yes {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// unwanted reports whether a step of the machine is one that nobody asked for.
// A transition that is called off by who began it is no failure.
func unwanted(event fsm.Event, why fsm.Reason) bool {
	switch event {
	case fsm.EventFail:
		return true
	case fsm.EventAbort:
		return why != fsm.ReasonWithdrawn && why != fsm.ReasonCaller
	case fsm.EventCommit:
		return why == fsm.ReasonDeadline // queries were left on the old side
	case fsm.EventRollback:
		return why == fsm.ReasonHealth
	}
	return false
}

// Attrs returns the event as attributes for a structured log, without its time,
// its level and the line that String gives. The keys do not change:
//
//   - event, component and seq are always there; cluster, reason, detail,
//     trace_id and span_id if they are known.
//   - The fields of Data follow under their names in snake_case. A text that is
//     empty is left out. Sides and states are texts, durations are durations.
//   - No key is there twice, so four fields have a longer name: the Reason of
//     QueryReplayed is replay_reason, that of QueryLost is loss_reason, that of
//     GuardDecided is guard_reason, and the Detail of HookFailed is problem_detail.
//   - A StrategyChanged has from and to (sides), change, took, in_flight, epoch and
//     transition.
//   - A Transition has id, trigger (the event of the machine), from and to (the
//     states as fsm.Snapshot writes them), epoch, active and in_flight.
//   - EventsDropped has count, and strategy, active and epoch of its Snapshot.
func (e Event) Attrs() []slog.Attr {
	// A transition with everything known has 15, which is the most.
	list := make(attrs, 0, 15)
	list = append(list,
		slog.String("event", string(e.Kind())), slog.String("component", string(e.Kind().Component())), slog.Uint64("seq", e.Seq))
	list.text("cluster", e.Cluster)
	list.text("reason", string(e.Cause.Reason))
	list.text("detail", e.Cause.Detail)
	if trace := e.Cause.Trace; trace.IsValid() {
		list.text("trace_id", trace.TraceID().String())
		list.text("span_id", trace.SpanID().String())
	}
	if d, ok := e.Data.(attributed); ok {
		d.attrs(&list)
	}
	return list
}

// attributed is Data that has fields.
type attributed interface{ attrs(*attrs) }

// attrs is a list of attributes that grows.
type attrs []slog.Attr

func (a *attrs) add(more ...slog.Attr) { *a = append(*a, more...) }

func (a *attrs) side(key string, s fsm.Side) { a.add(slog.String(key, s.String())) }

// text adds a text, unless it is empty: a key named error says that there is one.
func (a *attrs) text(key, value string) {
	if value != "" {
		a.add(slog.String(key, value))
	}
}

// query adds what a query is known by.
func (a *attrs) query(id, tag string) {
	a.text("query_id", id)
	a.text("tag", tag)
}

func (d Transition) attrs(a *attrs) {
	a.add(slog.Uint64("id", d.ID))
	a.text("trigger", d.Event.String())
	a.text("from", d.Before.String())
	a.text("to", d.After.String())
	a.add(slog.Uint64("epoch", d.After.Epoch))
	a.side("active", d.After.Active)
	a.add(slog.Int64("in_flight", d.InFlight))
}

func (d ProbeFailed) attrs(a *attrs) {
	a.side("side", d.Side)
	a.add(slog.Int("attempt", d.Attempt))
	a.text("error", d.Error)
	a.text("purpose", d.Purpose)
}

func (d AnnouncementReceived) attrs(a *attrs) {
	a.side("announced_by", d.Source)
	a.side("target", d.Target)
	a.add(slog.Bool("accepted", d.Accepted))
	a.text("rejection", d.Reason)
}

func (d AnnouncementInvalid) attrs(a *attrs) {
	a.side("announced_by", d.Source)
	a.text("value", d.Value)
}

func (d Refused) attrs(a *attrs) {
	a.side("side", d.Side)
	a.text("method", d.Method)
	a.query(d.QueryID, d.Tag)
}

func (d QueryQueued) attrs(a *attrs) {
	a.query(d.QueryID, d.Tag)
	a.side("side", d.Side)
	a.add(slog.Duration("waited", d.Waited), slog.Bool("admitted", d.Admitted))
}

func (d QueryRetried) attrs(a *attrs) {
	a.query(d.QueryID, d.Tag)
	a.side("from", d.From)
	a.side("to", d.To)
	a.text("method", d.Method)
}

func (d QueryReplayed) attrs(a *attrs) {
	a.query(d.QueryID, d.Tag)
	a.side("from", d.From)
	a.side("to", d.To)
	a.add(slog.Int("attempt", d.Attempt))
	a.text("replay_reason", d.Reason)
}

func (d QueryContinued) attrs(a *attrs) {
	a.query(d.QueryID, d.Tag)
	a.side("from", d.From)
	a.side("to", d.To)
	a.add(slog.Int64("rows_verified", d.RowsVerified), slog.Int("attempt", d.Attempt))
}

func (d QueryLost) attrs(a *attrs) {
	a.query(d.QueryID, d.Tag)
	a.side("side", d.Side)
	a.add(slog.Int64("rows_delivered", d.RowsDelivered), slog.Bool("may_have_run", d.MayHaveRun))
	a.text("loss_reason", d.Reason)
	a.text("error", d.Error)
}

func (d QueryAbandoned) attrs(a *attrs) {
	a.query(d.QueryID, d.Tag)
	a.side("side", d.Side)
	a.text("error", d.Error)
}

func (d SessionOpened) attrs(a *attrs) {
	a.side("side", d.Side)
	a.add(slog.Uint64("generation", d.Generation), slog.Duration("took", d.Took))
	a.text("purpose", d.Purpose)
}

func (d SessionExpired) attrs(a *attrs) {
	a.side("side", d.Side)
	a.add(slog.Uint64("generation", d.Generation))
}

func (d DrainEnded) attrs(a *attrs) {
	a.side("side", d.Side)
	a.text("result", d.Result)
	a.add(slog.Int64("remaining", d.Remaining), slog.Duration("took", d.Took))
}

func (d ClusterResume) attrs(a *attrs) {
	a.text("status", d.Status)
	a.add(slog.Duration("elapsed", d.Elapsed), slog.Bool("done", d.Done))
	a.text("error", d.Error)
}

func (d StoreFailed) attrs(a *attrs) {
	a.text("op", d.Op)
	a.text("error", d.Error)
}

func (d GuardDecided) attrs(a *attrs) {
	a.text("guard", d.Guard)
	a.side("target", d.Target)
	a.text("decision", d.Decision)
	a.text("guard_reason", d.Reason)
	a.add(slog.Bool("overruled", d.Overruled), slog.Duration("delay", d.Delay), slog.Duration("took", d.Took))
}

func (d HealthBreached) attrs(a *attrs) {
	a.side("side", d.Side)
	a.text("breach", d.Reason)
	a.add(slog.Int64("requests", d.Requests), slog.Int64("failures", d.Failures))
	a.text("action", d.Action)
}

func (d SideVetoed) attrs(a *attrs) {
	a.side("side", d.Side)
	a.text("veto_reason", d.Reason)
	a.add(slog.Bool("directive", d.Directive), slog.Int("clients", d.Clients), slog.Int("needed", d.Needed), slog.Duration("remaining", d.Remaining))
	a.text("action", d.Action)
}

func (d StageEnded) attrs(a *attrs) {
	a.side("side", d.Side)
	a.text("result", d.Result)
	a.add(slog.Duration("took", d.Took))
}

func (d HookFailed) attrs(a *attrs) {
	a.text("hook", d.Hook)
	a.text("point", d.Point)
	a.text("problem", d.Problem)
	a.text("problem_detail", d.Detail)
	a.add(slog.Duration("took", d.Took), slog.Int64("count", d.Count))
}

func (d EventsDropped) attrs(a *attrs) {
	a.add(slog.Uint64("count", d.Count), slog.String("strategy", d.Snapshot.String()))
	a.side("active", d.Snapshot.Active)
	a.add(slog.Uint64("epoch", d.Snapshot.Epoch))
}
