package router

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
)

// Routing is where new queries go at one moment. It is immutable; the writer
// replaces it whole.
type Routing struct {
	fsm.Snapshot
	// Held is set while the active side is known to refuse and its successor is
	// not known to accept yet: new queries wait.
	Held bool
	// Closed is set once the client is closing: no new query is taken.
	Closed bool
	// Failures counts the detections that failed, and Failure is the error of
	// the last one.
	Failures uint64
	Failure  error
	// Deaf is until when announcements of the side that is not active are
	// ignored. CoolDown is set if that is so after a rollback.
	SuppressedUntil time.Time
	CoolDown        bool
	// SuppressedUntil is until when announcements are ignored as the side has
	// changed too often.
	DampedUntil time.Time

	// agreed counts the calls that Active answered without naming the other side, up
	// to dampingAgreed.
	agreed *atomic.Int32
	// first takes the time of the first query that goes to a new active side.
	first *atomic.Int64
	// changed is closed when this routing has been replaced.
	changed chan struct{}
}

// Changed is closed when this routing is no longer the current one.
func (r *Routing) Changed() <-chan struct{} { return r.changed }

// takes reports whether a query may go to a side: a new one, or one that has
// been taken before and starts over.
func (r *Routing) takes(side fsm.Side, again bool) bool {
	open := side == r.Active || r.Phase == fsm.PhaseShared && side == r.Origin()
	return open && side != fsm.None && !r.Held && (again || !r.Closed)
}

// Choose picks the side of a new query while both sides take some. Anything but
// r.Origin() is r.Target.
type Choose func(r *Routing) fsm.Side

// pick is the side of a query.
func (r *Routing) pick(choose Choose) fsm.Side {
	if choose != nil && r.Phase == fsm.PhaseShared && choose(r) == r.Origin() {
		return r.Origin()
	}
	return r.Active
}

// Pin binds a new query to the side that new queries go to, and waits for one
// within ctx if there is none. Every Pin needs one Unpin.
func (rt *Router) Pin(ctx context.Context) (Pin, error) { return rt.pin(ctx, false, nil) }

// PinBy is Pin with a choice, which may take its time.
func (rt *Router) PinBy(ctx context.Context, choose Choose) (Pin, error) {
	return rt.pin(ctx, false, choose)
}

// PinTo binds a query to a side, whatever is known about it.
func (rt *Router) PinTo(side fsm.Side) Pin {
	return Pin{Side: side, Epoch: rt.routing.Load().Epoch, shard: rt.pins.in(side)}
}

// PinAgain is Pin for a query that starts over. A client that is closing takes
// it, as it waits for the queries that run: the caller unpins the query from
// where it was after this, so that it is counted all the time.
func (rt *Router) PinAgain(ctx context.Context) (Pin, error) { return rt.pin(ctx, true, nil) }

func (rt *Router) pin(ctx context.Context, again bool, choose Choose) (Pin, error) {
	// Only a detection that fails from now on is this caller's failure.
	failures := rt.routing.Load().Failures
	for {
		r := rt.routing.Load()
		if r.takes(r.Active, again) {
			if p, ok := rt.pinTo(r, r.pick(choose), again); ok {
				return p, nil
			}
			continue
		}
		if r.Closed && !again {
			return Pin{}, ErrClosed
		}
		if r.State == fsm.StateUnknown && r.Failures > failures {
			return Pin{}, r.Failure
		}
		if err := rt.awaitRoute(ctx, r); err != nil {
			return Pin{}, err
		}
	}
}

// pinTo pins to the side of a routing that takes the query, unless it has been left meanwhile.
//
// Count in first, then look again. The writer publishes first and sums
// afterwards, so one of the two sees the other: either this query notices that
// the side has changed, or the writer counts it.
func (rt *Router) pinTo(r *Routing, side fsm.Side, again bool) (Pin, bool) {
	p := Pin{Side: side, Epoch: r.Epoch, shard: rt.pins.in(side)}
	if now := rt.routing.Load(); now == r || now.takes(side, again) && now.Epoch == r.Epoch {
		if again {
			rt.moved.Add(1)
		}
		if r.first != nil && side == r.Active && r.first.Load() == 0 {
			r.first.CompareAndSwap(0, time.Now().UnixNano())
		}
		return p, true
	}
	rt.Unpin(p)
	return Pin{}, false
}

// Unpin ends a Pin.
func (rt *Router) Unpin(p Pin) {
	rt.pins.out(p.Side, p.shard)
	// The mirror image of Pin: count out first, then look. If the routing still
	// names this side, the writer has not left it yet and will sum later.
	if r := rt.routing.Load(); r.Active != p.Side || r.Closed {
		select {
		case rt.drained <- struct{}{}:
		default: // the writer has been told and has not looked yet
		}
	}
}

// InFlight is the number of queries on a side.
func (rt *Router) InFlight(side fsm.Side) int64 { return rt.pins.sum(side) }

// Routing returns the current routing. It takes no lock.
func (rt *Router) Routing() *Routing { return rt.routing.Load() }

// awaitRoute waits until r is no longer the current routing. If no side is
// known and none is being looked for, it asks for a detection first.
func (rt *Router) awaitRoute(ctx context.Context, r *Routing) error {
	if r.State == fsm.StateUnknown {
		rt.post(sideNeeded{causeOf(ctx, fsm.ReasonFirstUse, "")})
	}
	select {
	case <-r.changed:
		return nil
	case <-ctx.Done():
		return rt.waitError(ctx, r)
	case <-rt.ctx.Done():
		return ErrClosed
	}
}

// waitError says what a caller that ran out of time was waiting for.
func (rt *Router) waitError(ctx context.Context, r *Routing) error {
	err := errtext.Errorf("waiting for a side that accepts (%s): %w", r.Snapshot, ctxerr.Cause(ctx))
	if last := rt.lastProbe.Load(); last != nil {
		err = fmt.Errorf("%w; the last attempt: %w", err, *last)
	}
	return err
}

// publish makes the machine's present state the current routing. It runs on
// the writer.
func (w *writer) publish() {
	next := &Routing{
		Snapshot: w.machine.Snapshot(),
		Held:     w.held,
		Closed:   w.closing,
		Failures: w.failures,
		Failure:  w.failure,
		changed:  make(chan struct{}),

		DampedUntil: w.damping.until,
		agreed:      w.agreed,
	}
	if t := w.transition; t != nil && next.Phase > fsm.PhasePreparing {
		next.first = &t.first
	}
	if d := w.suppressed[next.Active.Other()]; d != nil && d.holds(next.Epoch) {
		next.SuppressedUntil, next.CoolDown = d.until, d.isBad()
	}
	close(w.routing.Swap(next).changed)
}
