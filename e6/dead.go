package e6

import (
	"context"
	"errors"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// errSideDead ends the calls of a statement that was executed on a side which a probe has
// found dead since.
var errSideDead = errors.New("no response, and a probe found the side dead")

// pulse counts the calls of an execution. Nil counts nothing.
type pulse struct{ outstanding, ended atomic.Int64 }

func (p *pulse) begin() {
	if p != nil {
		p.outstanding.Add(1)
	}
}

func (p *pulse) end() {
	if p != nil {
		p.outstanding.Add(-1)
		p.ended.Add(1)
	}
}

// unlessDead runs f, which executes a statement and reads its result. If the statement only
// reads, and its calls get no response from a side that a probe has found dead, f ends with
// a failure whose effect is unknown, which is that of a lost engine. What may write is
// waited for: another execution cannot take its place.
func (q *query) unlessDead(ctx context.Context, x *execution, f func(context.Context) error) error {
	if q.submit || q.opts.replay == ReplayNever || !q.readOnly() {
		return f(ctx)
	}
	x.pulse = new(pulse)
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(q.c.route.Alive(x.pin.Side), func() {
		if x.isSilent(limited) {
			cancel(errSideDead)
		}
	})
	defer stop()
	at := q.c.route.Stamp()
	err := f(limited)
	if err == nil || ctx.Err() != nil || context.Cause(limited) != errSideDead {
		return err
	}
	if wire.Classify(err) != wire.ClassCanceled && !errors.Is(err, errSideDead) {
		return err
	}
	return &wire.Error{Class: wire.ClassNoResponse, Effect: wire.EffectUnknown, Side: x.pin.Side, Method: x.step.String(), At: wire.Stamp(at),
		Err: status.Error(codes.Unavailable, errSideDead.Error())}
}

// isSilent waits until a call of x gets no response for Config.ProbeTimeout, and returns
// true. It returns false when ctx ends.
func (x *execution) isSilent(ctx context.Context) bool {
	for {
		ended := x.pulse.ended.Load()
		if backoff.Sleep(ctx, x.c.cfg.ProbeTimeout, nil) != nil {
			return false
		}
		if x.pulse.outstanding.Load() > 0 && x.pulse.ended.Load() == ended {
			return true
		}
	}
}
