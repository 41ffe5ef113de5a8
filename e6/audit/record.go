package audit

import (
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
)

// Class is the class of a record. It decides in which files the record is, and how long
// they are kept.
type Class string

// The classes.
const (
	// ClassStrategy has the events of the component strategy but failed probes.
	ClassStrategy Class = "strategy"
	// ClassErrors has all other events of level warn or higher, failed probes, statements
	// that failed, and the drops of this log.
	ClassErrors Class = "errors"
	// ClassPerformance has one record for each statement.
	ClassPerformance Class = "performance"
)

// The events of records that are not of package events.
const (
	// EventStatement is the end of a statement.
	EventStatement = "statement"
	// EventDropped reports records that were dropped because the queue was full: details
	// has their count.
	EventDropped = "records_dropped"
)

// Record is one line. Fields without a value are left out. The names do not change within
// a major version.
type Record struct {
	Time time.Time `json:"timestamp"`
	// Level is DEBUG, INFO, WARN or ERROR.
	Level string `json:"level"`
	// Component is the part of the client: see events.Component.
	Component string `json:"component"`
	// Event is the kind of the event, EventStatement or EventDropped.
	Event string `json:"event"`
	// Strategy is the state of the client when the record was made, such as "blue" or
	// "transitioning blue->green (draining)".
	Strategy string `json:"strategy,omitempty"`
	// Transition is the type of a transition: the ChangeKind of strategy_changed, such as
	// "abrupt", and the trigger of transition, such as "accept".
	Transition string `json:"transition_type,omitempty"`
	// Cause is the reason of the event, with its detail.
	Cause string `json:"cause,omitempty"`
	// QueryID is the engine's id of the query.
	QueryID string `json:"query_id,omitempty"`
	// Duration is in milliseconds.
	Duration float64 `json:"duration_ms,omitempty"`
	// Address and Cluster are those of the configuration.
	Address string `json:"address,omitempty"`
	Cluster string `json:"cluster,omitempty"`
	// TraceID and SpanID are those of the call that caused the event.
	TraceID string `json:"trace_id,omitempty"`
	SpanID  string `json:"span_id,omitempty"`
	// Details are the other attributes of the event: see events.Event.Attrs.
	Details map[string]any `json:"details,omitempty"`
}

// eventRecord is the record of an event, and the class. There is none for an event of a
// level below warn that is not of the strategy.
func eventRecord(c *e6.Client, e events.Event) (r Record, class Class, ok bool) {
	switch {
	case e.Component() == events.ComponentStrategy && e.Kind() != events.KindProbeFailed:
		class = ClassStrategy
	case e.Level() >= slog.LevelWarn || e.Kind() == events.KindProbeFailed:
		class = ClassErrors
	default:
		return r, "", false
	}
	r = Record{
		Time: e.Time, Level: e.Level().String(), Strategy: c.Strategy().String(), Cause: e.Cause.String(),
		Details: make(map[string]any),
	}
	text := map[string]*string{
		"event": &r.Event, "component": &r.Component, "address": &r.Address, "cluster": &r.Cluster,
		"trace_id": &r.TraceID, "span_id": &r.SpanID, "query_id": &r.QueryID, "change": &r.Transition, "trigger": &r.Transition,
	}
	for _, a := range e.Attrs() {
		switch field := text[a.Key]; {
		case field != nil:
			*field = a.Value.String()
		case a.Key == "took_ms":
			r.Duration = a.Value.Float64()
		case a.Key != "reason" && a.Key != "detail": // they are the cause
			r.Details[a.Key] = a.Value.Any()
		}
	}
	return r, class, true
}

// statementRecord is the record of a statement. Its error may quote the statement, so that
// the record has only the code.
func statementRecord(h *hooks, e hook.QueryEnd) Record {
	r := Record{
		Time: time.Now(), Level: slog.LevelInfo.String(), Component: string(events.ComponentQuery), Event: EventStatement,
		QueryID: e.QueryID, Duration: float64(e.Took.Round(time.Microsecond)) / float64(time.Millisecond),
		Details: map[string]any{
			"side": e.Side.String(), "rows": e.Rows, "batches": e.Batches, "bytes": e.Bytes, "retries": e.Retries, "replays": e.Replays,
		},
	}
	if c := h.client.Load(); c != nil { // nil before the client is open
		r.Address, r.Cluster, r.Strategy = c.address, c.cluster, c.Strategy().String()
	}
	if e.Err != nil {
		r.Level = slog.LevelError.String()
		r.Details["code"] = e.Code.String()
		if e.Code == codes.OK { // an error of the client itself
			r.Details["code"] = codes.Unknown.String()
		}
		r.Details["lost"] = e.Lost
	}
	return r
}
