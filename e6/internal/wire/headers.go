package wire

import (
	"context"
	"strings"

	"google.golang.org/grpc/metadata"
)

// headers are the headers of all calls of one address. They are created once, shared by
// all calls, and immutable.
type headers struct {
	pairs []string // names and values in turn
	// alone is a context with these headers only.
	alone context.Context
}

func newHeaders(cluster string, call Call) headers {
	pairs := []string{"strategy", call.Side.String()}
	if cluster != "" {
		pairs = append(pairs, "cluster-name", strings.ToLower(cluster))
	}
	if call.PlannerIP != "" {
		pairs = append(pairs, "plannerip", call.PlannerIP)
	}
	return headers{pairs, metadata.AppendToOutgoingContext(context.Background(), pairs...)}
}

// on adds the headers to those of the caller. Mostly the caller has none: then no header
// is copied.
func (h *headers) on(ctx context.Context) context.Context {
	if _, given := metadata.FromOutgoingContext(ctx); given {
		return metadata.AppendToOutgoingContext(ctx, h.pairs...)
	}
	return &addressed{ctx, h.alone}
}

// addressed is the context of a call, with its headers.
type addressed struct {
	context.Context
	headers context.Context
}

// Value implements context.Context.
func (a *addressed) Value(key any) any {
	if v := a.headers.Value(key); v != nil {
		return v
	}
	return a.Context.Value(key)
}
