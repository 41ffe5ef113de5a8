package events

import (
	"log/slog"
	"math"
	"slices"

	"github.com/e6data/e6data-go/e6/fsm"
)

// SubscribeOption is an option of a subscription: a filter (Kinds, Components, MinLevel,
// Sides), the length of the queue (Queue, Lossless), or Replay.
//
// An event is delivered if it matches every filter of the subscription. Within one filter
// it has to match one of the values; a second use of the same option adds values. Without
// filters every event is delivered. Filtered events do not count as dropped, and
// EventsDropped is delivered with any filters. A filter whose values are all unknown
// matches no event.
type SubscribeOption func(*subscription)

// subscription has the options of a subscriber.
type subscription struct {
	queue   int
	history int
	filter  filter
}

// filter has the values of the filters. A zero field matches every event.
type filter struct {
	kinds      []Kind
	components []Component
	minLevel   *slog.Level
	bySide     bool
	sides      sideSet // if bySide
}

// match reports whether the event matches every filter.
func (f *filter) match(e Event) bool {
	return (len(f.kinds) == 0 || slices.Contains(f.kinds, e.Kind())) &&
		(len(f.components) == 0 || slices.Contains(f.components, e.Component())) &&
		(f.minLevel == nil || e.Level() >= *f.minLevel) &&
		(!f.bySide || e.Data != nil && e.Data.sides()&f.sides != 0)
}

// Kinds delivers events of these kinds only.
func Kinds(kinds ...Kind) SubscribeOption {
	return func(s *subscription) { s.filter.kinds = append(s.filter.kinds, kinds...) }
}

// Components delivers events about these components only.
func Components(components ...Component) SubscribeOption {
	return func(s *subscription) { s.filter.components = append(s.filter.components, components...) }
}

// MinLevel delivers events of this level and higher levels only: see Event.Level. The
// last MinLevel of a subscription applies.
func MinLevel(level slog.Level) SubscribeOption {
	return func(s *subscription) { s.filter.minLevel = &level }
}

// Sides delivers events that concern one of these sides only: see Event.Concerns. Events
// that concern no side, such as StoreFailed and Closed, are not delivered.
func Sides(sides ...fsm.Side) SubscribeOption {
	return func(s *subscription) {
		s.filter.bySide = s.filter.bySide || len(sides) > 0
		s.filter.sides |= sidesOf(sides...)
	}
}

// Queue sets the number of events that can wait for the subscriber. Default: 256,
// minimum: 1.
func Queue(n int) SubscribeOption { return func(s *subscription) { s.queue = max(n, 1) } }

// Lossless removes the limit of the queue, so that no event is dropped. It is for
// subscribers that return fast, such as counters: the queue of one that blocks grows
// without a limit.
func Lossless() SubscribeOption { return func(s *subscription) { s.queue = math.MaxInt } }

// History delivers the last n events of the history first, as far as they match the
// filters and the queue has room for them. The events after them follow without a gap.
// Default: 0.
func History(n int) SubscribeOption { return func(s *subscription) { s.history = max(n, 0) } }
