package events

import (
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Event is one thing that happened.
type Event struct {
	// Seq numbers the events of a client, beginning with 1, without gaps.
	Seq uint64
	// Time is when it was published.
	Time time.Time
	// Cluster is the name of the cluster, as configured.
	Cluster string
	// Cause is why it happened, with the trace context of the call behind it.
	Cause fsm.Cause
	// Data says what happened. Its type is one of this package's.
	Data Data
}

// Kind is the kind of the event, and empty for the zero Event, which Publish
// returns when the bus is closed.
func (e Event) Kind() Kind {
	if e.Data == nil {
		return ""
	}
	return e.Data.Kind()
}

// String says what happened in one line.
func (e Event) String() string {
	if s, ok := e.Data.(fmt.Stringer); ok {
		return s.String()
	}
	return string(e.Kind())
}

// Message is the message of the event's log record. It is constant for a kind that
// says so, such as "active side changed", with all data in Attrs; for the others it
// is String.
func (e Event) Message() string {
	if m, ok := e.Data.(interface{ message() string }); ok {
		return m.message()
	}
	return e.String()
}

// Data is what happened: one of the types of this package.
type Data interface {
	// Kind is the kind of the event.
	Kind() Kind
	sealed()
}

// Kind names a type of event, for filters, logs and metrics.
type Kind string

// The kinds.
const (
	KindTransition           Kind = "transition"
	KindStrategyChanged      Kind = "strategy_changed"
	KindProbeFailed          Kind = "probe_failed"
	KindAnnouncementReceived Kind = "announcement_received"
	KindAnnouncementInvalid  Kind = "announcement_invalid"
	KindRefused              Kind = "refused"
	KindQueryQueued          Kind = "query_queued"
	KindQueryRetried         Kind = "query_retried"
	KindQueryReplayed        Kind = "query_replayed"
	KindQueryContinued       Kind = "query_continued"
	KindQueryLost            Kind = "query_lost"
	KindQueryAbandoned       Kind = "query_abandoned"
	KindSessionOpened        Kind = "session_opened"
	KindSessionExpired       Kind = "session_expired"
	KindDrainEnded           Kind = "drain_ended"
	KindClusterResume        Kind = "cluster_resume"
	KindStoreFailed          Kind = "store_failed"
	KindGuardDecided         Kind = "guard_decided"
	KindHealthBreached       Kind = "health_breached"
	KindSideVetoed           Kind = "side_vetoed"
	KindStageEnded           Kind = "stage_ended"
	KindHookFailed           Kind = "hook_failed"
	KindSubscriberPanicked   Kind = "subscriber_panicked"
	KindEventsDropped        Kind = "events_dropped"
	KindClosed               Kind = "closed"
)

// AllKinds lists the kinds.
func AllKinds() []Kind {
	return []Kind{
		KindTransition, KindStrategyChanged, KindProbeFailed, KindAnnouncementReceived, KindAnnouncementInvalid, KindRefused,
		KindQueryQueued, KindQueryRetried, KindQueryReplayed, KindQueryContinued, KindQueryLost, KindQueryAbandoned, KindSessionOpened,
		KindSessionExpired, KindDrainEnded, KindClusterResume, KindStoreFailed, KindGuardDecided, KindHealthBreached,
		KindSideVetoed, KindStageEnded, KindHookFailed, KindSubscriberPanicked, KindEventsDropped, KindClosed,
	}
}
