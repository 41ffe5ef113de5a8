package events

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Attrs returns the event as attributes of a log record, without its time and level. The
// keys do not change within a major version:
//
//   - event, component and seq are always present; address, cluster, reason, detail,
//     trace_id and span_id if they are known.
//   - The fields of Data follow under their names in snake_case. An empty text is left out.
//     Sides and states are texts. A duration is a number of milliseconds, with _ms at the
//     end of its key: took_ms.
//   - No key occurs twice, so some fields have a longer name: announced_by and rejection
//     (Source and Reason of AnnouncementReceived), replay_reason (QueryReplayed),
//     loss_reason (QueryLost), guard_reason (GuardDecided), veto_reason (SideVetoed),
//     breach (Reason of HealthBreached) and problem_detail (Detail of HookFailed).
//   - StrategyChanged has no attribute for its Cause, which is that of the event.
//   - Transition has id, trigger (the event of the machine), from and to (the states as
//     fsm.Snapshot.String writes them), epoch, active and in_flight.
//   - EventsDropped has count, and strategy, active and epoch of its Snapshot.
func (e Event) Attrs() []slog.Attr {
	r := e.registration()
	list := make(attrs, 0, 16) // the most that an event has
	list.add(slog.String("event", string(r.kind)), slog.String("component", string(r.component)), slog.Uint64("seq", e.Seq))
	list.text("address", e.Address)
	list.text("cluster", e.Cluster)
	list.text("reason", string(e.Cause.Reason))
	list.text("detail", e.Cause.Detail)
	if trace := e.Cause.Trace; trace.IsValid() {
		list.text("trace_id", trace.TraceID().String())
		list.text("span_id", trace.SpanID().String())
	}
	if e.Data != nil {
		e.Data.attrs(&list)
	}
	return list
}

// attrs is a list of attributes.
type attrs []slog.Attr

func (a *attrs) add(more ...slog.Attr) { *a = append(*a, more...) }

func (a *attrs) side(key string, s fsm.Side) { a.add(slog.String(key, s.String())) }

// text adds a text that is not empty: a record without an error has no key "error".
func (a *attrs) text(key, value string) {
	if value != "" {
		a.add(slog.String(key, value))
	}
}

// ms adds a duration in milliseconds. The key ends with _ms.
func (a *attrs) ms(key string, d time.Duration) {
	a.add(slog.Float64(key, float64(d.Round(time.Microsecond))/float64(time.Millisecond)))
}

// query adds the id and the tag of a query.
func (a *attrs) query(id, tag string) {
	a.text("query_id", id)
	a.text("tag", tag)
}

// short rounds a duration for a text.
func short(d time.Duration) time.Duration {
	if d >= time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// queryName is the name of a query in a text: its id and tag, as far as it has them.
func queryName(id, tag string) string {
	name := "a query"
	if id != "" {
		name = "query " + id
	}
	if tag != "" {
		name += fmt.Sprintf(" (tag %q)", tag)
	}
	return name
}
