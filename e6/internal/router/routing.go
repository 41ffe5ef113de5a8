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

// Routing is the side of new queries at one moment. It is immutable; the writer
// replaces it as a whole.
type Routing struct {
	fsm.Snapshot
	// Held: the active side is known to refuse, and the other side is not known to
	// accept yet. New queries wait.
	Held bool
	// Closed: the client is closing. No new query is taken.
	Closed bool
	// Failures counts the detections that failed, and Failure is the error of
	// the last one.
	Failures uint64
	Failure  error
	// SuppressedUntil is the end of the suppression of the side that is not active:
	// until then its announcements are ignored. CoolDown: the reason is a rollback
	// or a veto.
	SuppressedUntil time.Time
	CoolDown        bool
	// DampedUntil is the time until which announcements are ignored because the side
	// has changed too often.
	DampedUntil time.Time

	// agreed counts the responses of Active that did not name the other side, up to
	// dampingAgreed.
	agreed *atomic.Int32
	// first is set to the time of the first query on a new active side.
	first *atomic.Int64
	// changed is closed when this routing was replaced.
	changed chan struct{}
}

// Changed returns a channel that is closed when this routing was replaced.
func (r *Routing) Changed() <-chan struct{} { return r.changed }

// takes reports whether a side takes a new query or, with again, a replay.
func (r *Routing) takes(side fsm.Side, again bool) bool {
	open := side == r.Active || r.Phase == fsm.PhaseShared && side == r.Origin()
	return open && side != fsm.None && !r.Held && (again || !r.Closed)
}

// Choose selects the side of a new query in a shared phase. Any result except
// r.Origin() means r.Target.
type Choose func(r *Routing) fsm.Side

// pick returns the side of a new query.
func (r *Routing) pick(choose Choose) fsm.Side {
	if choose != nil && r.Phase == fsm.PhaseShared && choose(r) == r.Origin() {
		return r.Origin()
	}
	return r.Active
}

// Pin binds a new query to the active side. If there is none, it waits for one
// within ctx. Every Pin needs one Unpin.
func (rt *Router) Pin(ctx context.Context) (Pin, error) { return rt.pin(ctx, false, nil) }

// PinBy is Pin with a choice of the side. choose may block.
func (rt *Router) PinBy(ctx context.Context, choose Choose) (Pin, error) {
	return rt.pin(ctx, false, choose)
}

// PinTo binds a query to a side, in any state of it.
func (rt *Router) PinTo(side fsm.Side) Pin {
	p := Pin{Side: side, shard: rt.pins.in(side)}
	r := rt.routing.Load()
	p.Epoch = r.Epoch
	if r.Active != side {
		rt.presence.notify()
	}
	return p
}

// PinAgain is Pin for a replay. A closing client takes it too, because it waits for
// the queries in flight. The caller unpins the old Pin after this, not before: in
// between the query would not be counted, and the client could close.
func (rt *Router) PinAgain(ctx context.Context) (Pin, error) { return rt.pin(ctx, true, nil) }

func (rt *Router) pin(ctx context.Context, again bool, choose Choose) (Pin, error) {
	// Only a detection that fails from now on is an error of this call.
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

// pinTo pins a query to a side of routing r. It fails if the side takes no new queries
// any more.
//
// It counts the query in first and loads the routing again afterwards; the writer
// publishes the new routing first and sums the pins afterwards. Without the second load:
//  1. pinTo loads a routing with blue active.
//  2. The writer publishes green, finds no query on blue, and ends the drain.
//  3. pinTo counts the query in on blue, whose session is closed.
//
// With it, either pinTo finds the new routing, or the writer counts the query.
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
	// Count out first, then load the routing. In the reverse order the last query of
	// an origin could end unnoticed, and the drain would last until its timeout:
	//  1. Unpin loads a routing in which the side is active.
	//  2. The writer publishes the next one and still counts the query on the side.
	//  3. Unpin counts the query out and does not wake the writer.
	// Now, if the routing names this side as active, the writer sums the pins later.
	if r := rt.routing.Load(); r.Active != p.Side || r.Closed {
		select {
		case rt.drained <- struct{}{}:
		default: // the writer has not read the value of the channel yet, and will sum after that
		}
	}
}

// InFlight is the number of queries on a side.
func (rt *Router) InFlight(side fsm.Side) int64 { return rt.pins.sum(side) }

// Routing returns the current routing. It takes no lock.
func (rt *Router) Routing() *Routing { return rt.routing.Load() }

// awaitRoute waits until r was replaced. In state unknown it requests a detection
// first.
func (rt *Router) awaitRoute(ctx context.Context, r *Routing) error {
	if r.State == fsm.StateUnknown {
		rt.post(&sideNeeded{causeOf(ctx, fsm.ReasonFirstUse, "")})
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

// waitError is the error of a caller whose context ended while it waited for a side.
func (rt *Router) waitError(ctx context.Context, r *Routing) error {
	err := errtext.Errorf("waiting for a side that accepts (%s): %w", r.Snapshot, ctxerr.Cause(ctx))
	if last := rt.lastProbe.Load(); last != nil {
		err = fmt.Errorf("%w; the last attempt: %w", err, *last)
	}
	return err
}

// publish replaces the current routing by one of the machine's state. It runs on the
// writer.
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
	if d := w.suppressed[next.Active.Other()]; d != nil && d.holds(next.Epoch, w) {
		next.SuppressedUntil, next.CoolDown = d.until, d.isBad()
	}
	w.decideRouting(next)
	close(w.routing.Swap(next).changed)
}
