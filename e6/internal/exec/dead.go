package exec

import (
	"context"
	"errors"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// errSideDead ends the calls of an executed statement on a side that a later probe has
// found dead.
var errSideDead = errors.New("no response, and a probe found the side dead")

// pulse counts the calls of an attempt. Nil counts nothing.
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
// a failure whose effect is unknown, as after the loss of an engine. A statement that may
// write is not ended: it could not be executed again.
func (r *run) unlessDead(ctx context.Context, a *attempt, f func(context.Context) error) error {
	if r.st.Replay == ReplayNever || !r.readOnly() {
		return f(ctx)
	}
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := r.x.route.OnDead(a.pin.Side, func() {
		if a.isSilent(limited) {
			cancel(errSideDead)
		}
	})
	defer stop()
	at := r.x.route.Stamp()
	err := f(limited)
	if err == nil || ctx.Err() != nil || context.Cause(limited) != errSideDead {
		return err
	}
	if wire.Classify(err) != wire.ClassCanceled && !errors.Is(err, errSideDead) {
		return err
	}
	return r.x.failures.Call(&wire.Error{Class: wire.ClassNoResponse, Effect: wire.EffectUnknown, Side: a.pin.Side, Method: a.phase.String(), At: wire.Stamp(at),
		Err: status.Error(codes.Unavailable, errSideDead.Error())})
}

// isSilent waits until a call of the attempt gets no response for Settings.ProbeTimeout, and
// returns true. It returns false when ctx ends.
func (a *attempt) isSilent(ctx context.Context) bool {
	for {
		ended := a.pulse.ended.Load()
		if backoff.Sleep(ctx, a.of.x.ProbeTimeout, nil) != nil {
			return false
		}
		if a.pulse.outstanding.Load() > 0 && a.pulse.ended.Load() == ended {
			return true
		}
	}
}
