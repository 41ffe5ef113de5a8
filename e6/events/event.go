package events

import (
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Event is one event of a client. The zero Event has no kind and an empty text; Publish
// returns it after Close.
type Event struct {
	// Seq is the number of the event. The events of a client are numbered from 1,
	// without gaps.
	Seq uint64
	// Time is the time at which the event was published.
	Time time.Time
	// Address is the address of the cluster, as configured.
	Address string
	// Cluster is the name of the cluster, as configured.
	Cluster string
	// Cause is the reason for the event, with the trace context of the call that caused
	// it.
	Cause fsm.Cause
	// Data is the content of the event: one of the types of this package, as a value.
	Data Data
}

// Data is the content of an event: one of the types of this package.
type Data interface {
	// String describes the event in one line, for people. The text may change between
	// versions; programs use the fields.
	fmt.Stringer
	// attrs appends the fields of the type as attributes of a log record.
	attrs(*attrs)
	// sides is the set of the sides that the event concerns.
	sides() sideSet
}

// leveled is Data whose level depends on its values or on the reason of its cause. The
// level of its zero value is the one in the registry.
type leveled interface {
	level(fsm.Reason) slog.Level
}

// Kind is the kind of the event, and empty for the zero Event.
func (e Event) Kind() Kind { return e.registration().kind }

// registration is the row of the registry for the event.
func (e Event) registration() registration { return byType[reflect.TypeOf(e.Data)] }

// Component is the part of the client that the event is about, and empty for the zero
// Event.
func (e Event) Component() Component { return e.registration().component }

// String describes the event in one line, for people.
func (e Event) String() string {
	if e.Data == nil {
		return ""
	}
	return e.Data.String()
}

// Message is the message of the event's log record: the constant Kind.Message. The data
// is in Attrs.
func (e Event) Message() string { return e.registration().message }

// Level is the log level of the event: error for a lost query and for a panic of a
// subscriber; warn for an event that may need a person; info for a change; debug for what
// a cutover does to each query and session.
func (e Event) Level() slog.Level {
	if d, ok := e.Data.(leveled); ok {
		return d.level(e.Cause.Reason)
	}
	return e.registration().level
}

// warnIf is warn or info.
func warnIf(warn bool) slog.Level {
	if warn {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// Concerns reports whether the event concerns the side: one of its fields names the side,
// or it is a step of the machine from, to or on the side. Some events concern both sides,
// others, such as StoreFailed, none.
func (e Event) Concerns(side fsm.Side) bool {
	return e.Data != nil && e.Data.sides()&sidesOf(side) != 0
}

// sideSet is a set of sides, one bit for each.
type sideSet uint8

// sidesOf is the set of those sides that are blue or green.
func sidesOf(sides ...fsm.Side) (set sideSet) {
	for _, s := range sides {
		if s.Valid() {
			set |= 1 << s
		}
	}
	return set
}
