package report

import (
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/internal/timeline"
)

// each calls visit with every event of a kind in the window.
func (r *record) each(kind events.Kind, visit func(event)) {
	visitAll := func(list []event) {
		for _, e := range list {
			if e.Kind == kind {
				visit(e)
			}
		}
	}
	visitAll(r.events)
	for _, p := range r.passages {
		visitAll(p.events)
	}
}

func queued(r *record) string {
	n, longest := int64(0), time.Duration(0)
	r.each(events.KindQueryQueued, func(e event) {
		if waited := ms(e.Event, "waited_ms"); waited >= slow && e.Attrs["admitted"] == true {
			n++
			longest = max(longest, waited)
		}
	})
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s waited for up to %s", plural(n, "query", "queries"), timeline.Short(longest))
}

// streamsExhausted finds the longest wait of calls of statements. With fewer connections than
// are allowed, the client opens another one: then a side is refused on some of them, which
// other rules report.
func streamsExhausted(r *record) string {
	longest, most, connections, limit := time.Duration(0), 0.0, 0.0, 0.0
	r.each(events.KindStreamsExhausted, func(e event) {
		open, waited := number(e.Event, "connections"), ms(e.Event, "waited_ms")
		if text(e.Event, "use") != "query" || waited < slow || open < number(e.Event, "max_connections") {
			return
		}
		longest, most = max(longest, waited), max(most, number(e.Event, "most_waiting"))
		connections, limit = open, number(e.Event, "stream_limit")
	})
	if longest == 0 {
		return ""
	}
	found := fmt.Sprintf("up to %s waited, %s without a break, for %s", plural(int64(most), "call", "calls"),
		timeline.Short(longest), plural(int64(connections), "connection", "connections"))
	if limit > 0 {
		found += fmt.Sprintf(" of %s", plural(int64(limit), "stream", "streams"))
	}
	return found
}

// overrun returns the condition of guards, or of other hooks, that exceed their budget.
func overrun(guard bool) func(*record) string {
	return func(r *record) string {
		n, example := 0.0, ""
		r.each(events.KindHookFailed, func(e event) {
			problem := text(e.Event, "problem")
			if (problem == "overrun" || problem == "busy") && (text(e.Event, "point") == hook.PointGuard) == guard {
				n += max(1, number(e.Event, "count"))
				example = fmt.Sprintf("%s in %s after %s", text(e.Event, "hook"), text(e.Event, "point"), timeline.Short(ms(e.Event, "took_ms")))
			}
		})
		if n == 0 {
			return ""
		}
		return fmt.Sprintf("%s, the last %s", plural(int64(n), "call", "calls"), example)
	}
}

func panicked(r *record) string {
	n, example := 0.0, ""
	r.each(events.KindHookFailed, func(e event) {
		if text(e.Event, "problem") == "panic" {
			n += max(1, number(e.Event, "count"))
			example = text(e.Event, "hook") + " in " + text(e.Event, "point")
		}
	})
	r.each(events.KindSubscriberPanicked, func(e event) {
		n += max(1, number(e.Event, "count"))
		example = "a subscriber on " + text(e.Event, "on_event")
	})
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s, the last of %s", plural(int64(n), "panic", "panics"), example)
}

// The router follows so many announcements before it delays the next ones: see its damping.
const (
	flaps       = 4
	flapsWithin = 10 * time.Minute
)

func flapping(r *record) string {
	var followed []time.Time
	for _, p := range r.passages {
		if p.Made && p.Kind == events.ChangeAnnounced {
			followed = append(followed, p.Began)
		}
	}
	for i := flaps - 1; i < len(followed); i++ {
		if took := followed[i].Sub(followed[i-flaps+1]); took <= flapsWithin {
			return fmt.Sprintf("%d announced changes within %s", flaps, timeline.Short(took))
		}
	}
	return ""
}

func storeFailed(r *record) string {
	n, last := int64(0), ""
	r.each(events.KindStoreFailed, func(e event) {
		n++
		last = text(e.Event, "op") + ": " + text(e.Event, "error")
	})
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s, the last %s", plural(n, "failure", "failures"), last)
}

func resumeFailed(r *record) (found string) {
	r.each(events.KindClusterResume, func(e event) {
		if failed := text(e.Event, "error"); failed != "" {
			found = fmt.Sprintf("after %s: %s", timeline.Short(ms(e.Event, "elapsed_ms")), failed)
		}
	})
	return found
}

func eventsDropped(r *record) string {
	n := 0.0
	r.each(events.KindEventsDropped, func(e event) { n += number(e.Event, "count") })
	if n == 0 {
		return ""
	}
	return plural(int64(n), "event was dropped", "events were dropped")
}

func clockSet(r *record) string {
	if r.setBack == 0 {
		return ""
	}
	return "by " + timeline.Short(r.setBack)
}

// many is the number of queries from which their part of a recording may be full.
const many = 1000

func overwritten(r *record) string {
	queries := 0
	for _, n := range r.client.Queries {
		queries += n
	}
	for _, p := range r.passages {
		if queries >= many && p.Ended.Before(r.firstQuery) {
			return fmt.Sprintf("the first recorded query ended %s after the change at %s", timeline.Short(r.firstQuery.Sub(p.Ended)), p.Ended.In(r.window.Zone).Format(time.TimeOnly))
		}
	}
	if r.cutOff && r.window.Since.IsZero() {
		return fmt.Sprintf("the recording begins at %s, without the start of the client", r.client.From.In(r.window.Zone).Format(time.DateTime))
	}
	return ""
}

func killed(r *record) string {
	if r.killed == 0 {
		return ""
	}
	return plural(int64(r.killed), "process", "processes") + " ended without it"
}
