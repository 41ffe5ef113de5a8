package e6

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// observer brings what the transport sees to the router.
type observer Client

var _ wire.Observer = (*observer)(nil)

func (o *observer) Stamp() wire.Stamp { return wire.Stamp(o.route.Stamp()) }

func (o *observer) Announced(ctx context.Context, speaker fsm.Side, at wire.Stamp, target fsm.Side) {
	o.route.Announced(ctx, speaker, router.Stamp(at), target)
}

func (o *observer) Agreed(side fsm.Side, at wire.Stamp) { o.route.Agreed(side, router.Stamp(at)) }

// silent reports a side that answers no call.
func (o *observer) silent(side fsm.Side, at wire.Stamp, silent time.Duration) {
	o.route.Silent(side, router.Stamp(at), silent)
}

// AnnouncedUnknown makes an event of an announcement that names no side. The
// call that it came with is as good as any other.
//
// Every response may repeat it, so it is told once for each epoch.
func (o *observer) AnnouncedUnknown(ctx context.Context, speaker fsm.Side, at wire.Stamp, value string) {
	heard := invalidAnnouncement{speaker, at.Epoch, shorten(value)}
	if before := o.lastInvalid.Swap(&heard); before != nil && *before == heard {
		return
	}
	_, err := fsm.ParseSide(heard.value)
	cause := fsm.Cause{Reason: fsm.ReasonAnnouncement, Detail: err.Error(), Trace: trace.SpanContextFromContext(ctx)}
	o.bus.Publish(cause, events.AnnouncementInvalid{Source: speaker, Value: heard.value})
}

// invalidAnnouncement is an announcement that names no side.
type invalidAnnouncement struct {
	speaker fsm.Side
	epoch   uint64
	value   string
}

// shorten keeps text from the network from flooding an event.
func shorten(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// report draws the router's conclusions from a failed call, wherever it
// was made, and returns when they are drawn.
func (c *Client) report(ctx context.Context, err error) {
	call, ok := wire.AsError(err)
	if !ok || c.ctx.Err() != nil {
		return
	}
	outcome := call.Outcome()
	impatient := ctx.Err() != nil // the caller's own deadline says nothing about the side
	// The conclusion matters to all queries, so it outlives this caller.
	ctx = context.WithoutCancel(ctx)
	switch {
	case outcome.Verdict == wire.VerdictRefuses:
		_ = c.route.Refused(ctx, call.Side, router.Stamp(call.At))
	case outcome.Probe && !impatient:
		_ = c.route.Failed(ctx, call.Side, router.Stamp(call.At), brief(err))
	}
}
