package e6

import (
	"context"
	"log/slog"
	"math"

	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6/events"
)

// logQueue is the number of events that can wait for the logger: enough for a cutover that
// refuses thousands of queries at once, with a handler that writes to a slow disk.
const logQueue = 8192

// logEvents subscribes the logger, if there is one, to the events. It is called before the
// client's first call to the cluster; Replay delivers the events that the store caused
// before. Close waits for the last record, because the program may end after it. A handler
// that blocks or panics loses records and delays nothing else.
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
			return // onPanic has logged it, so that a full queue does not hide it
		}
		write(e)
	}, events.Queue(logQueue), events.History(math.MaxInt))
}

// logWriter returns a function that writes the record of an event. The record has the time
// of the event, not of its delivery, and no source line, which would be the line below.
// Handlers find the trace context of the cause in their context.
func logWriter(h slog.Handler, levels logLevels) func(events.Event) {
	return func(e events.Event) {
		// The client's context has ended before the last event.
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
		_ = h.Handle(ctx, r) // an error of the log itself cannot be logged
	}
}
