package e6otel

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	"github.com/e6data/e6data-go/e6"
)

// query is a statement on its way.
type query struct {
	c         *client
	plan      *plan
	namespace string
	span      trace.Span
	recording bool
	flight
}

// The values of contexts. Each kind of work has a key of its own: where the
// beginning of one was given up, its end must not find another one.
type (
	queryKey     struct{ *hooks }
	stepKey      struct{ *hooks }
	detectionKey struct{ *hooks }
	sessionKey   struct{ *hooks }
	cutoverKey   struct{ *hooks }
)

// plan is what is the same for all queries of one operation.
type plan struct {
	operation string
	name      string
	options   []trace.SpanStartOption
}

// outcome is what the metrics tell about the end of a query.
type outcome struct {
	operation, namespace, failure string
	side                          e6.Side
}

// plan is the plan of a statement that begins with the word.
func (c *client) plan(word string) *plan {
	if p, ok := c.plans[word]; ok {
		return p
	}
	return c.plans[other]
}

// newPlans makes a plan for each operation.
func (c *client) newPlans() map[string]*plan {
	plans := make(map[string]*plan, len(operations)+1)
	for _, op := range slices.Concat(operations, []string{other}) {
		p := &plan{operation: op, name: op}
		if op == other {
			p.name = spanQuery
		}
		attrs := append([]attribute.KeyValue{keySystem.String(system), keyOperation.String(op)}, c.attrs...)
		p.options = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...)}
		plans[op] = p
	}
	return plans
}

// namespace is db.namespace. The caller chooses the names, so that only the
// first ones are taken as they are: metrics need an end of them.
func (c *client) namespace(catalog, schema string) string {
	const most = 64
	name := catalog
	if catalog != "" && schema != "" {
		name += "." + schema
	} else if schema != "" {
		name = schema
	}
	if name = valid(name); name == "" {
		return ""
	}
	if name, ok := c.names.getIf(name, most, func() string { return name }); ok {
		return name
	}
	return other
}

// valid is a text of the caller's as it can be exported: one that is not UTF-8
// makes exporters refuse everything that they send together with it.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// QueryStart implements e6.QueryHook.
func (h *hooks) QueryStart(ctx context.Context, s e6.QueryStart) context.Context {
	c := h.current.Load()
	if c == nil {
		return ctx
	}
	q := &query{c: c, plan: c.plan(s.Operation()), namespace: c.namespace(s.Catalog, s.Schema)}
	ctx, q.span = h.inst.tracer.Start(ctx, q.plan.name, q.plan.options...)
	q.trace = q.span.SpanContext()
	if q.recording = q.span.IsRecording(); q.recording {
		if q.namespace != "" {
			q.span.SetAttributes(keyNamespace.String(q.namespace))
		}
		if s.Tag != "" {
			q.span.SetAttributes(keyTag.String(valid(s.Tag)))
		}
		if h.inst.set.text {
			q.span.SetAttributes(keyText.String(s.Sanitized()))
		}
	}
	if !q.recording {
		if fields := h.headers(ctx); len(fields) > 0 {
			ctx = metadata.AppendToOutgoingContext(ctx, fields...)
		}
	}
	q.over = ctx.Done()
	return context.WithValue(ctx, queryKey{h}, q)
}

// QueryEnd implements e6.QueryHook.
func (h *hooks) QueryEnd(ctx context.Context, e e6.QueryEnd) {
	q, ok := ctx.Value(queryKey{h}).(*query)
	if !ok {
		return
	}
	c := q.c
	c.flights.end(&q.flight, e.Lost())
	o := outcome{operation: q.plan.operation, namespace: q.namespace, failure: errorType(e.Err), side: e.Handle.Side}
	s := c.ended.get(o, func() *set { return c.outcome(o) })
	h.inst.make.operation.Record(ctx, seconds(e.Took), s.record...)
	if e.Err == nil {
		h.inst.make.rows.Record(ctx, e.Rows, s.record...)
	}
	if q.recording {
		q.span.SetAttributes(
			sideOf(keySide, e.Handle.Side), keyRows.Int64(e.Rows), keyBatches.Int64(e.Batches), keyBytes.Int64(e.Bytes),
			keyRetries.Int(e.Retries), keyReplays.Int(e.Replays))
		if e.Handle.QueryID != "" {
			q.span.SetAttributes(keyQueryID.String(e.Handle.QueryID))
		}
		fail(q.span, e.Err)
	}
	q.span.End() // last, as an exporter may block
}

// outcome is the attributes of a query's end.
func (c *client) outcome(o outcome) *set {
	attrs := []attribute.KeyValue{keySystem.String(system), keyOperation.String(o.operation), sideOf(keySide, o.side)}
	if o.namespace != "" {
		attrs = append(attrs, keyNamespace.String(o.namespace))
	}
	if o.failure != "" {
		attrs = append(attrs, keyError.String(o.failure))
	}
	return c.set(attrs...)
}

// StepStart implements e6.StepHook.
func (h *hooks) StepStart(ctx context.Context, s e6.StepStart) context.Context {
	q, ok := ctx.Value(queryKey{h}).(*query)
	if !ok {
		return ctx
	}
	if s.Step == spanPrepare {
		q.c.flights.begin(&q.flight, s.Side, s.Replay)
	}
	if !q.recording {
		return e6.SkipSteps(ctx)
	}
	ctx, span := h.inst.tracer.Start(ctx, s.Step, trace.WithAttributes(q.c.attrs...), trace.WithAttributes(
		sideOf(keySide, s.Side), keyAttempt.Int(s.Attempt), keyReplay.Bool(s.Replay)))
	return context.WithValue(ctx, stepKey{h}, span)
}

// StepEnd implements e6.StepHook.
func (h *hooks) StepEnd(ctx context.Context, e e6.StepEnd) {
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
