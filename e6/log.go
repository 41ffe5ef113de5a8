package e6

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6/events"
)

// logQueue is how many events may wait for the logger. It is made for a cutover
// with thousands of queries that are refused at once, and a handler that writes
// to a slow disk.
const logQueue = 8192

// logLevels are the minimum levels of components. Of one that is not in it the
// logger's handler decides alone.
type logLevels map[events.Component]slog.Level

// set sets the level of some components, or of all.
func (l *logLevels) set(level slog.Level, components []events.Component) {
	if *l == nil {
		*l = make(logLevels)
	}
	if len(components) == 0 {
		components = events.AllComponents()
	}
	for _, c := range components {
		(*l)[c] = level
	}
}

// allow reports whether an event is loud enough.
func (l logLevels) allow(e events.Event) bool {
	least, ok := l[e.Kind().Component()]
	return !ok || e.Level() >= least
}

// problems lists the components that there are not.
func (l logLevels) problems() (problems []Problem) {
	for _, c := range slices.Sorted(maps.Keys(l)) {
		if !slices.Contains(events.AllComponents(), c) {
			problems = append(problems, Problem{
				Field: "WithLogLevel", Value: string(c), Want: fmt.Sprintf("one of events.AllComponents(): %q", events.AllComponents()),
			})
		}
	}
	return problems
}

// logEvents writes every event to the logger, if there is one. It is called
// before the client's first call to the cluster; what the store has brought
// before that is replayed. Close waits for the last record, as the program may end
// with it. The logger is a subscriber: a handler that blocks or
// panics costs records, and nothing else.
func (c *Client) logEvents() {
	if c.logging.events == nil {
		return
	}
	write := logWriter(c.logging.events, c.logging.levels)
	c.logged = make(chan struct{})
	c.bus.Subscribe(func(e events.Event) {
		if e.Kind() == events.KindClosed {
			defer close(c.logged)
		}
		if e.Kind() == events.KindSubscriberPanicked {
			return // it was logged where it happened, so that a full queue does not hide it
		}
		write(e)
	}, events.Queue(logQueue), events.Replay(math.MaxInt))
}

// logWriter returns what makes one record of an event. The record is made by
// hand as it has the time of the event, not that of its turn in the queue, and
// no line of source, which would be this one. Handlers that know of traces find
// that of the cause in their context.
func logWriter(h slog.Handler, levels logLevels) func(events.Event) {
	return func(e events.Event) {
		// Not the client's context: that has ended when the last event comes.
		ctx := context.Background()
		if e.Cause.Trace.IsValid() {
			ctx = trace.ContextWithSpanContext(ctx, e.Cause.Trace)
		}
		level := e.Level()
		if !levels.allow(e) || !h.Enabled(ctx, level) {
			return
		}
		r := slog.NewRecord(e.Time, level, e.Message(), 0)
		r.AddAttrs(e.Attrs()...)
		_ = h.Handle(ctx, r) // there is nowhere to tell it
	}
}
