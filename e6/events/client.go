package events

import (
	"fmt"
	"log/slog"

	"github.com/e6data/e6data-go/e6/fsm"
)

// KindSubscriberPanicked is the kind of SubscriberPanicked.
const KindSubscriberPanicked Kind = "subscriber_panicked"

// SubscriberPanicked: a subscriber panicked, or ended its goroutine. It continues with the
// next event. The other subscribers get this event. A panic on an event of this kind is
// logged and counted, but not published: two subscribers that always panic would never
// end.
type SubscriberPanicked struct {
	// OnSeq and OnEvent are the number and the kind of the event that the subscriber was
	// called with.
	OnSeq   uint64
	OnEvent Kind
	// Problem is the text of a runtime error, and otherwise the type of the value of the
	// panic: the value may be secret.
	Problem string
	// Stack is the stack of the goroutine. It has names of functions, files and lines, and
	// no values.
	Stack string
	// Count is the number of panics of the subscriber that the event reports: panics
	// beyond 16 in a second are reported together.
	Count int64
}

// String describes the event in one line, without the stack.
func (d SubscriberPanicked) String() string {
	s := fmt.Sprintf("a subscriber panicked on event %d (%s)", d.OnSeq, d.OnEvent)
	if d.Count > 1 {
		s += fmt.Sprintf(", %d times", d.Count)
	}
	return s + ": " + d.Problem
}

func (d SubscriberPanicked) attrs(a *attrs) {
	a.add(slog.Uint64("on_seq", d.OnSeq))
	a.text("on_event", string(d.OnEvent))
	a.text("problem", d.Problem)
	a.text("stack", d.Stack)
	a.add(slog.Int64("count", d.Count))
}

func (SubscriberPanicked) sides() sideSet { return 0 }

// KindEventsDropped is the kind of EventsDropped.
const KindEventsDropped Kind = "events_dropped"

// EventsDropped: the queue of this subscriber overflowed. It is delivered to this
// subscriber only, with any filters of the subscription, before the next event. It has
// the number and the time of the last event that was dropped.
type EventsDropped struct {
	Count uint64
	// Snapshot is the state of the machine at the delivery.
	Snapshot fsm.Snapshot
}

// String describes the event in one line.
func (d EventsDropped) String() string {
	return fmt.Sprintf("%d events were dropped; the strategy is %s", d.Count, d.Snapshot)
}

func (d EventsDropped) attrs(a *attrs) {
	a.add(slog.Uint64("count", d.Count), slog.String("strategy", d.Snapshot.String()))
	a.side("active", d.Snapshot.Active)
	a.add(slog.Uint64("epoch", d.Snapshot.Epoch))
}

func (EventsDropped) sides() sideSet { return 0 }

// KindClosed is the kind of Closed.
const KindClosed Kind = "closed"

// Closed: the client is closed. It is the last event of a client.
type Closed struct{}

// String describes the event in one line.
func (Closed) String() string { return "client closed" }

func (Closed) attrs(*attrs) {}

func (Closed) sides() sideSet { return 0 }
