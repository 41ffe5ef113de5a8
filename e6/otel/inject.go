package e6otel

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// inject is an interceptor that adds the trace context to the headers of a call.
func (h *hooks) inject(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if fields := h.fields(ctx); len(fields) > 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, fields...)
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

// fields are the headers with the trace context. A query that is not recorded has no
// child spans, so all its calls have the same headers: QueryStart has put them into its
// context already.
func (h *hooks) fields(ctx context.Context) []string {
	if q, ok := ctx.Value(queryKey{h}).(*query); ok && !q.recording && trace.SpanContextFromContext(ctx).Equal(q.trace) {
		return nil
	}
	return h.headers(ctx)
}

// headers writes the trace context of ctx.
func (h *hooks) headers(ctx context.Context) []string {
	var c carrier
	h.inst.set.propagator.Inject(ctx, &c)
	return c.fields
}

// carrier collects headers. Each access to the outgoing metadata itself would copy all
// of it.
type carrier struct {
	fields []string // keys and values in turn
}

var _ propagation.TextMapCarrier = (*carrier)(nil)

// Get implements propagation.TextMapCarrier.
func (c *carrier) Get(key string) string {
	for i := 0; i < len(c.fields); i += 2 {
		if c.fields[i] == key {
			return c.fields[i+1]
		}
	}
	return ""
}

// Set implements propagation.TextMapCarrier.
func (c *carrier) Set(key, value string) {
	for i := 0; i < len(c.fields); i += 2 {
		if c.fields[i] == key {
			c.fields[i+1] = value
			return
		}
	}
	c.fields = append(c.fields, key, value)
}

// Keys implements propagation.TextMapCarrier.
func (c *carrier) Keys() []string {
	var keys []string
	for i := 0; i < len(c.fields); i += 2 {
		keys = append(keys, c.fields[i])
	}
	return keys
}
