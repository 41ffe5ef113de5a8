package record

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

// The kinds of entries, in the order of their help.
const (
	kindStart      = "start"
	kindTransition = "transition"
	kindEvent      = "event"
	kindQuery      = "query"
	kindMessage    = "message"
	kindCheckpoint = "checkpoint"
)

var (
	kinds    = []string{kindStart, kindTransition, kindEvent, kindQuery, kindMessage, kindCheckpoint}
	outcomes = []string{"ok", "retried", "replayed", "continued", "failed", "lost"}
)

// kindOf is the kind of an entry.
func kindOf(e recorder.Entry) string {
	switch e.Data.(type) {
	case recorder.Start:
		return kindStart
	case fsm.Transition:
		return kindTransition
	case recorder.Event:
		return kindEvent
	case recorder.Query:
		return kindQuery
	case recorder.Step:
		return kindMessage
	}
	return kindCheckpoint
}

// A Filter selects entries. The zero Filter selects those that most people look for: all
// but the messages of the router and its checkpoints, and no event that repeats a
// transition.
type Filter struct {
	// Kinds are kinds of entries, kinds of events, or outcomes of queries. Default: see
	// Filter.
	Kinds []string
	// All selects every entry. It excludes Kinds.
	All bool
	// Query is the id of a query, or its hash. Only its outcome and its events are
	// selected.
	Query string
	// Since and Until are bounds, both inclusive. Default: none.
	Since, Until time.Time
}

// KnownKinds lists what Filter.Kinds may have.
func KnownKinds() []string {
	all := append(slices.Clone(kinds), outcomes...)
	for _, k := range events.AllKinds() {
		if !slices.Contains(all, string(k)) {
			all = append(all, string(k))
		}
	}
	return all
}

// Check reports a kind that is unknown.
func (f Filter) Check() error {
	known := KnownKinds()
	for _, k := range f.Kinds {
		if !slices.Contains(known, k) {
			return fmt.Errorf("kind %q: want one of %s, an outcome of a query (%s), or a kind of event such as %s",
				k, strings.Join(kinds, ", "), strings.Join(outcomes, ", "), events.KindQueryRetried)
		}
	}
	return nil
}

// Apply returns the entries of a recording that the filter selects.
func (f Filter) Apply(r *recorder.Recording) []recorder.Entry {
	return f.applyTo(r.Entries, firstTransition(r.Entries))
}

// applyTo returns the entries that the filter selects. An event repeats a transition if it
// was written after the first transition that the router has recorded, if there is one: the
// router records a transition before it publishes the event.
func (f Filter) applyTo(entries []recorder.Entry, first *recorder.Entry) (selected []recorder.Entry) {
	for _, e := range entries {
		if f.selects(e, first != nil && !writtenBefore(e, *first)) {
			selected = append(selected, e)
		}
	}
	return selected
}

// writtenBefore reports whether an entry was written before another one. Entries that were
// not read from a file have only their times.
func writtenBefore(e, other recorder.Entry) bool {
	if e.Seq > 0 && other.Seq > 0 {
		return e.Seq < other.Seq
	}
	return e.Time.Before(other.Time)
}

// selects reports whether an entry is selected. repeated: an event of a transition repeats
// an entry of the router.
func (f Filter) selects(e recorder.Entry, repeated bool) bool {
	if !f.Since.IsZero() && e.Time.Before(f.Since) || !f.Until.IsZero() && e.Time.After(f.Until) {
		return false
	}
	kind, id, detail := kindOf(e), "", ""
	switch d := e.Data.(type) {
	case recorder.Event:
		id, _ = d.Attrs["query_id"].(string)
		detail = string(d.Kind)
	case recorder.Query:
		id, detail = d.ID, d.Outcome()
	}
	if f.Query != "" && id != f.Query && id != recorder.HashQueryID(f.Query) {
		return false
	}
	switch {
	case f.All:
		return true
	case len(f.Kinds) > 0 && repeated && detail == string(events.KindTransition):
		return slices.Contains(f.Kinds, kindEvent)
	case len(f.Kinds) > 0:
		return slices.Contains(f.Kinds, kind) || slices.Contains(f.Kinds, detail)
	case kind == kindEvent && detail == string(events.KindTransition):
		return !repeated
	}
	return kind != kindMessage && kind != kindCheckpoint
}
