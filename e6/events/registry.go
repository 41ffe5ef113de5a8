package events

import (
	"log/slog"
	"reflect"
)

// registration declares one type of event.
type registration struct {
	// zero is the zero value of the type.
	zero Data
	kind Kind
	// component is the part of the client that the event is about.
	component Component
	// level is the usual level. A type with a method level has others too.
	level slog.Level
	// message is the message of the log record. It is constant; the data of the event is
	// in the attributes.
	message string
}

// registry has every type of event. Kinds, components, levels, log messages and the list
// of the kinds are derived from it.
var registry = []registration{
	{Transition{}, KindTransition, ComponentStrategy, slog.LevelInfo, "state transition"},
	{StrategyChanged{}, KindStrategyChanged, ComponentStrategy, slog.LevelInfo, "active side changed"},
	{ProbeFailed{}, KindProbeFailed, ComponentStrategy, slog.LevelDebug, "probe failed"},
	{AnnouncementReceived{}, KindAnnouncementReceived, ComponentStrategy, slog.LevelInfo, "announcement received"},
	{AnnouncementInvalid{}, KindAnnouncementInvalid, ComponentStrategy, slog.LevelWarn, "announcement invalid"},
	{DrainEnded{}, KindDrainEnded, ComponentStrategy, slog.LevelInfo, "drain ended"},
	{GuardDecided{}, KindGuardDecided, ComponentStrategy, slog.LevelInfo, "guard decided"},
	{HealthBreached{}, KindHealthBreached, ComponentStrategy, slog.LevelWarn, "health policy breached"},
	{SideVetoed{}, KindSideVetoed, ComponentStrategy, slog.LevelInfo, "side vetoed"},
	{StageEnded{}, KindStageEnded, ComponentStrategy, slog.LevelInfo, "first stage ended"},
	{Refused{}, KindRefused, ComponentQuery, slog.LevelDebug, "call refused"},
	{QueryQueued{}, KindQueryQueued, ComponentQuery, slog.LevelInfo, "query queued"},
	{QueryRetried{}, KindQueryRetried, ComponentQuery, slog.LevelDebug, "query retried"},
	{QueryReplayed{}, KindQueryReplayed, ComponentQuery, slog.LevelInfo, "query replayed"},
	{QueryContinued{}, KindQueryContinued, ComponentQuery, slog.LevelInfo, "query continued"},
	{QueryLost{}, KindQueryLost, ComponentQuery, slog.LevelError, "query lost"},
	{QueryAbandoned{}, KindQueryAbandoned, ComponentQuery, slog.LevelWarn, "query abandoned"},
	{SessionOpened{}, KindSessionOpened, ComponentSession, slog.LevelDebug, "session opened"},
	{SessionExpired{}, KindSessionExpired, ComponentSession, slog.LevelDebug, "session expired"},
	{ClusterResume{}, KindClusterResume, ComponentCluster, slog.LevelInfo, "cluster resume"},
	{StoreFailed{}, KindStoreFailed, ComponentStore, slog.LevelWarn, "store failed"},
	{HookFailed{}, KindHookFailed, ComponentHook, slog.LevelWarn, "hook failed"},
	{StreamsExhausted{}, KindStreamsExhausted, ComponentClient, slog.LevelWarn, "streams exhausted"},
	{SubscriberPanicked{}, KindSubscriberPanicked, ComponentClient, slog.LevelError, "subscriber panicked"},
	{EventsDropped{}, KindEventsDropped, ComponentClient, slog.LevelWarn, "events dropped"},
	{Closed{}, KindClosed, ComponentClient, slog.LevelInfo, "client closed"},
}

// byType and byKind find the rows of the registry.
var (
	byType = index(func(r registration) reflect.Type { return reflect.TypeOf(r.zero) })
	byKind = index(func(r registration) Kind { return r.kind })
)

func index[K comparable](key func(registration) K) map[K]registration {
	m := make(map[K]registration, len(registry))
	for _, r := range registry {
		m[key(r)] = r
	}
	return m
}

// AllKinds lists the kinds, grouped by component.
func AllKinds() []Kind {
	kinds := make([]Kind, len(registry))
	for i, r := range registry {
		kinds[i] = r.kind
	}
	return kinds
}

// Kind names a type of event in filters, logs and metrics. Each type of event has one
// constant, such as KindQueryLost for QueryLost.
type Kind string

// Component is the component of the kind, and empty for an unknown kind.
func (k Kind) Component() Component { return byKind[k].component }

// Level is the usual log level of the kind, and info for an unknown kind. Event.Level is
// the level of one event.
func (k Kind) Level() slog.Level { return byKind[k].level }

// Message is the message of the log records of the kind, such as "active side changed".
// It is empty for an unknown kind.
func (k Kind) Message() string { return byKind[k].message }

// Component is the part of a client that an event is about.
type Component string

// The components.
const (
	// ComponentStrategy: the side that serves the client.
	ComponentStrategy Component = "strategy"
	// ComponentQuery: the queries that a cutover or a failure affected.
	ComponentQuery Component = "query"
	// ComponentSession: the client's sessions.
	ComponentSession Component = "session"
	// ComponentCluster: the cluster as a whole.
	ComponentCluster Component = "cluster"
	// ComponentStore: the store that clients share.
	ComponentStore Component = "store"
	// ComponentHook: the hooks of the application.
	ComponentHook Component = "hook"
	// ComponentClient: the client, its connections and its subscribers.
	ComponentClient Component = "client"
)

// AllComponents lists the components.
func AllComponents() []Component {
	return []Component{
		ComponentStrategy, ComponentQuery, ComponentSession, ComponentCluster, ComponentStore, ComponentHook, ComponentClient,
	}
}
