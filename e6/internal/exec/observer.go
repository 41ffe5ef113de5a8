package exec

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// observer passes the observations of the transport to the router.
type observer Executor

var _ wire.Observer = (*observer)(nil)

// Stamp implements wire.Observer.
func (o *observer) Stamp() wire.Stamp { return wire.Stamp(o.route.Stamp()) }

// Announced implements wire.Observer.
func (o *observer) Announced(ctx context.Context, source fsm.Side, at wire.Stamp, target fsm.Side) {
	o.route.Announced(ctx, source, router.Stamp(at), target)
}

// Agreed implements wire.Observer.
func (o *observer) Agreed(side fsm.Side, at wire.Stamp) { o.route.Agreed(side, router.Stamp(at)) }

// silent reports a side that responds to no call.
func (o *observer) silent(side fsm.Side, at wire.Stamp, silent time.Duration) {
	o.route.Silent(side, router.Stamp(at), silent)
}

// streamsExhausted publishes that calls wait for a stream. The wait is that of many calls, so
// the event has no trace context.
func (o *observer) streamsExhausted(w wire.StreamWait) {
	o.bus.Publish(fsm.Cause{}, events.StreamsExhausted(w))
}

// AnnouncedUnknown publishes an announcement that names no side, once for each epoch: every
// response may repeat it. The call that it came with counts as any other.
func (o *observer) AnnouncedUnknown(ctx context.Context, source fsm.Side, at wire.Stamp, value string) {
	received := invalidAnnouncement{source, at.Epoch, shorten(value)}
	if before := o.lastInvalid.Swap(&received); before != nil && *before == received {
		return
	}
	_, err := fsm.ParseSide(received.value)
	cause := fsm.Cause{Reason: fsm.ReasonAnnouncement, Detail: err.Error(), Trace: spanOf(ctx)}
	o.bus.Publish(cause, events.AnnouncementInvalid{Source: source, Value: received.value})
}

// invalidAnnouncement is an announcement that names no side.
type invalidAnnouncement struct {
	source fsm.Side
	epoch  uint64
	value  string
}

// shorten limits the length of text from the network in an event.
func shorten(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// conclude passes a failed call to the router, and returns when the router has processed it.
// ctx is that of the caller.
func (x *Executor) conclude(ctx context.Context, err error) {
	call, ok := wire.AsError(err)
	if !ok || x.ctx.Err() != nil {
		return
	}
	outcome := call.Outcome()
	ended := ctx.Err() != nil // the deadline of the caller is no evidence about the side
	// The conclusion matters to all statements, so it outlives this caller.
	ctx = context.WithoutCancel(ctx)
	switch {
	case outcome.Verdict == wire.VerdictRefuses:
		_ = x.route.Refused(ctx, call.Side, router.Stamp(call.At))
	case outcome.Probe && !ended:
		_ = x.route.Failed(ctx, call.Side, router.Stamp(call.At), Brief(err))
	}
}
