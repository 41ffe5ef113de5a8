package e6otel

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	otellog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/internal/version"
)

const (
	// logNames is the prefix of the names of log events, and of their attributes.
	logNames = "e6.event."
	// logQueue is the number of events that wait for a slow exporter.
	logQueue = 4096
	// logTimeout limits how long the end of a client waits for its last log event.
	logTimeout = 5 * time.Second
)

// WithLoggerProvider exports every event of package events as a log event, to that provider
// or, for nil, to the global provider of package otel, which may be set after New.
// The name of a log event is e6.event. and the kind of the event, such as
// e6.event.strategy_changed. Its trace context is that of the call that caused the event.
// Default: no log events.
//
// Up to 4096 events wait for an exporter that blocks; later ones are dropped, and an
// e6.event.events_dropped has their number. No query waits for it.
func WithLoggerProvider(p otellog.LoggerProvider) Option {
	return func(s *settings) { s.loggers, s.logs = p, true }
}

// newLogger returns the logger of the settings, and nil if there are no log events.
func newLogger(s *settings) otellog.Logger {
	if !s.logs {
		return nil
	}
	if s.loggers == nil {
		s.loggers = otel.GetLoggerProvider()
	}
	return s.loggers.Logger(scope, otellog.WithInstrumentationVersion(version.SDK()), otellog.WithSchemaURL(SchemaURL))
}

// logEvents emits the events of a client from now on.
func (c *client) logEvents(from *e6.Client) {
	c.logged = make(chan struct{})
	if c.inst.logger == nil {
		close(c.logged)
		return
	}
	from.Subscribe(func(e events.Event) {
		c.logEvent(e)
		if e.Kind() == events.KindClosed {
			close(c.logged)
		}
	}, events.Queue(logQueue))
}

// awaitLogs waits until the last event is emitted. The last event may be dropped, and an
// exporter may block.
func (c *client) awaitLogs() {
	timeout := time.NewTimer(logTimeout)
	defer timeout.Stop()
	select {
	case <-c.logged:
	case <-timeout.C:
	}
}

// logEvent emits one event. Its message is constant, as in the logs of WithLogger.
func (c *client) logEvent(e events.Event) {
	ctx := trace.ContextWithSpanContext(context.Background(), e.Cause.Trace)
	name, severity := logNames+string(e.Kind()), severityOf(e.Level())
	if !c.inst.logger.Enabled(ctx, otellog.EnabledParameters{Severity: severity, EventName: name}) {
		return
	}
	var r otellog.Record
	r.SetEventName(name)
	r.SetTimestamp(e.Time)
	r.SetObservedTimestamp(time.Now())
	r.SetSeverity(severity)
	r.SetSeverityText(e.Level().String())
	r.SetBody(attribute.StringValue(e.Message()))
	r.AddAttributes(c.attrs...)
	for _, a := range e.Attrs() {
		switch a.Key {
		case "event", "address", "trace_id", "span_id": // the name, the server and the trace context have them
		default:
			r.AddAttributes(logAttribute(a))
		}
	}
	c.inst.logger.Emit(ctx, r)
}

// severityOf is the severity of a level: both have four numbers for each name.
func severityOf(l slog.Level) otellog.Severity { return otellog.Severity(l) + otellog.SeverityInfo }

// logAttribute is an attribute of a record in the form of OpenTelemetry.
func logAttribute(a slog.Attr) attribute.KeyValue {
	key := attribute.Key(logNames + a.Key)
	switch a.Value.Kind() {
	case slog.KindBool:
		return key.Bool(a.Value.Bool())
	case slog.KindInt64:
		return key.Int64(a.Value.Int64())
	case slog.KindUint64:
		return key.Int64(int64(min(a.Value.Uint64(), 1<<63-1)))
	case slog.KindFloat64:
		return key.Float64(a.Value.Float64())
	}
	return key.String(a.Value.String())
}
