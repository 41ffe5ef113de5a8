package e6otel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/hook"
)

// query is a statement in flight.
type query struct {
	c         *client
	template  *spanTemplate
	span      trace.Span
	recording bool
	inFlightQuery
}

// The keys of contexts. Each kind of operation has its own key: if the start hook of an
// operation was skipped, its end hook must not find the value of another operation.
type (
	queryKey     struct{ *hooks }
	stepKey      struct{ *hooks }
	detectionKey struct{ *hooks }
	sessionKey   struct{ *hooks }
	cutoverKey   struct{ *hooks }
)

// outcome is the key of the metrics of a query's end.
type outcome struct {
	summary, namespace, failure, code string
	side                              e6.Side
}

// QueryStart implements hook.QueryHook.
func (h *hooks) QueryStart(ctx context.Context, s hook.QueryStart) context.Context {
	c := h.current.Load()
	if c == nil {
		return ctx
	}
	q := &query{c: c, template: c.template(s)}
	name := q.template.name
	if format := h.inst.set.name; format != nil {
		name = formatted(format(ctx, s, name), name)
	}
	ctx, q.span = h.inst.tracer.Start(ctx, name, q.template.options...)
	q.trace = q.span.SpanContext()
	if q.recording = q.span.IsRecording(); q.recording && s.Tag != "" {
		q.span.SetAttributes(keyTag.String(valid(s.Tag)))
	}
	if !q.recording {
		if fields := h.headers(ctx); len(fields) > 0 {
			ctx = metadata.AppendToOutgoingContext(ctx, fields...)
		}
	}
	q.done = ctx.Done()
	return context.WithValue(ctx, queryKey{h}, q)
}

// QueryEnd implements hook.QueryHook.
func (h *hooks) QueryEnd(ctx context.Context, e hook.QueryEnd) {
	q, ok := ctx.Value(queryKey{h}).(*query)
	if !ok {
		return
	}
	c := q.c
	c.inFlightQueries.end(&q.inFlightQuery, e.Lost)
	o := outcome{summary: q.template.summary, namespace: q.template.namespace, failure: errorType(e.Err), code: statusCode(e.Err), side: e.Side}
	s := c.ended.get(o, func() *set { return c.outcome(o) })
	h.inst.instruments.operation.Record(ctx, seconds(e.Took), s.record...)
	if e.Err == nil {
		h.inst.instruments.rows.Record(ctx, e.Rows, s.record...)
	}
	if q.recording {
		q.span.SetAttributes(
			sideOf(keySide, e.Side), keyRows.Int64(e.Rows), keyBatches.Int64(e.Batches), keyBytes.Int64(e.Bytes),
			keyRetries.Int(e.Retries), keyReplays.Int(e.Replays))
		if e.QueryID != "" {
			q.span.SetAttributes(keyQueryID.String(e.QueryID))
		}
		fail(q.span, e.Err)
		// The span has the duration of the metric. End is the last call, as an exporter may block.
		if s, ok := q.span.(interface{ StartTime() time.Time }); ok {
			q.span.End(trace.WithTimestamp(s.StartTime().Add(e.Took)))
			return
		}
	}
	q.span.End()
}

// outcome returns the attributes of a query's end.
func (c *client) outcome(o outcome) *set {
	attrs := append([]attribute.KeyValue{keySystem.String(system), sideOf(keySide, o.side)}, failureAttrs(o.failure, o.code)...)
	if o.namespace != "" {
		attrs = append(attrs, keyNamespace.String(o.namespace))
	}
	if o.summary != "" {
		attrs = append(attrs, keySummary.String(o.summary))
	}
	return c.set(attrs...)
}

// StepStart implements hook.StepHook.
func (h *hooks) StepStart(ctx context.Context, s hook.StepStart) context.Context {
	q, ok := ctx.Value(queryKey{h}).(*query)
	if !ok {
		return ctx
	}
	if s.Step == spanPrepare {
		q.c.inFlightQueries.begin(&q.inFlightQuery, s.Side, s.Replay)
	}
	if !q.recording {
		return nil // no other step of this execution is of use
	}
	ctx, span := h.inst.tracer.Start(ctx, s.Step, trace.WithAttributes(q.c.attrs...), trace.WithAttributes(
		sideOf(keySide, s.Side), keyAttempt.Int(s.Attempt), keyReplay.Bool(s.Replay)))
	return context.WithValue(ctx, stepKey{h}, span)
}

// StepEnd implements hook.StepHook.
func (h *hooks) StepEnd(ctx context.Context, e hook.StepEnd) {
	span, ok := ctx.Value(stepKey{h}).(trace.Span)
	if !ok {
		return
	}
	if span.IsRecording() {
		if !e.Continued.IsZero() {
			span.AddEvent(eventContinued, trace.WithTimestamp(e.Continued), trace.WithAttributes(keyVerified.Int64(e.Verified)))
		}
		if e.Step == spanFetch {
			span.SetAttributes(keyRows.Int64(e.Rows), keyBatches.Int64(e.Batches), keyBytes.Int64(e.Bytes))
		}
		fail(span, e.Err)
	}
	span.End()
}
