package router

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
)

// A check asks the settled side for a sign of life, outside the machine: no
// query waits for it.
type check struct {
	side    fsm.Side
	epoch   uint64
	suspect bool // a query got no answer: no answer here either is bad news
	err     error
	done    chan struct{}
}

// startCheck asks the active side, unless that is under way in this epoch. It
// runs on the writer, in a settled state.
func (w *writer) startCheck(cause fsm.Cause, limit time.Duration) *check {
	s := w.machine.Snapshot()
	if w.check == nil || w.check.epoch != s.Epoch {
		k := &check{side: s.Active, epoch: s.Epoch, done: make(chan struct{})}
		w.check = k
		w.spawn(func(rt *Router) {
			k.err = rt.pingWithin(rt.ctx, limit, k.side)
			rt.post(checked{k, cause})
		})
	}
	return w.check
}

// onChecked draws the conclusion of a check. What it found in another epoch, or
// during a transition, is left to the rules of that.
func (w *writer) onChecked(k *check, cause fsm.Cause) {
	if w.check == k {
		w.check = nil
	}
	defer close(k.done)
	verdict := w.cfg.Cluster.Classify(k.err)
	if verdict != Accepts {
		w.failed("refresh", k.side, 1, cause, k.err)
	} else if w.machine.Snapshot().Epoch == k.epoch && !w.held {
		w.suspicion = nil
	}
	switch {
	case !w.settled() || w.machine.Snapshot().Epoch != k.epoch:
	case verdict == Refuses:
		w.detect(fsm.Cause{Reason: fsm.ReasonRefusal, Detail: k.side.String() + " refused a probe", Trace: cause.Trace}, k.side.Other())
	case (verdict == Unreachable || verdict == Suspended) && k.suspect:
		first := k.side
		if errors.Is(k.err, context.DeadlineExceeded) {
			first = first.Other() // it hangs: a login on it would hang as well
		}
		w.foundDead(k.side)
		w.detect(cause, first)
	default:
		w.scheduleRefresh()
	}
}

// scheduleRefresh plans the next check. The interval is shortened by up to a
// tenth at random, so that clients which started together do not stay together.
func (w *writer) scheduleRefresh() {
	if w.refresh != nil {
		w.refresh.Stop()
	}
	interval := w.cfg.RefreshInterval - rand.N(w.cfg.RefreshInterval/10+1)
	w.refresh = w.after(interval, refreshDue{})
}

func (w *writer) onRefreshDue(cause fsm.Cause) *check {
	if w.settled() && !w.closing {
		return w.startCheck(cause, w.cfg.ProbeTimeout)
	}
	return nil
}

// Refresh asks the cluster now, instead of when the knowledge has aged, and
// returns what is known then.
func (rt *Router) Refresh(ctx context.Context) (fsm.Snapshot, error) {
	m := refreshRequested{cause: causeOf(ctx, fsm.ReasonCaller, "refresh")}
	if err := rt.call(ctx, &m); err != nil {
		return rt.Routing().Snapshot, err
	}
	if k := m.check; k != nil {
		select {
		case <-k.done:
		case <-ctx.Done():
			return rt.Routing().Snapshot, ctxerr.Cause(ctx)
		case <-rt.ctx.Done():
			return rt.Routing().Snapshot, ErrClosed
		}
		if v := rt.cfg.Cluster.Classify(k.err); v != Accepts && v != Refuses {
			return rt.Routing().Snapshot, errtext.Errorf("refresh: %w", k.err)
		}
	}
	return rt.waitForSide(ctx)
}

// waitForSide waits until some side takes queries.
func (rt *Router) waitForSide(ctx context.Context) (fsm.Snapshot, error) {
	p, err := rt.Pin(ctx)
	if err == nil {
		rt.Unpin(p)
	}
	return rt.Routing().Snapshot, err
}

// Reset forgets which side is active. The next query looks for it.
func (rt *Router) Reset(ctx context.Context) error {
	return rt.call(ctx, resetRequested{causeOf(ctx, fsm.ReasonCaller, "reset")})
}

func (w *writer) onReset(cause fsm.Cause) {
	if w.closing || w.machine.Snapshot().State == fsm.StateUnknown {
		return
	}
	w.endDetection()
	w.abandon(cause, errors.New("e6: the client was reset"))
	w.fire(fsm.Trigger{Event: fsm.EventReset, Cause: cause})
}

// Switch announces side on the caller's behalf, and waits within ctx until new
// queries go there. The side must accept, as after any announcement.
func (rt *Router) Switch(ctx context.Context, side fsm.Side) error {
	if !side.Valid() {
		return errtext.Errorf("switch: %w", &fsm.SideError{Name: side.String()})
	}
	m := switchRequested{side: side, cause: causeOf(ctx, fsm.ReasonCaller, "switch to "+side.String())}
	for !m.known {
		if _, err := rt.waitForSide(ctx); err != nil {
			return err
		}
		if err := rt.call(ctx, &m); err != nil {
			return err
		}
	}
	t := m.transition
	if t == nil {
		return nil
	}
	select {
	case <-t.ready:
		return t.err
	case <-ctx.Done():
		return errtext.Errorf("switch to %s: waiting for it to accept: %w", side, ctxerr.Cause(ctx))
	case <-rt.ctx.Done():
		return ErrClosed
	}
}

// switchTo returns the transition to wait for, and none if side is active. It
// does nothing while no side is known to accept.
func (w *writer) switchTo(side fsm.Side, cause fsm.Cause) (t *transition, known bool) {
	s := w.machine.Snapshot()
	switch {
	case w.closing, w.held, s.Active == fsm.None:
		return nil, false
	case s.Phase == fsm.PhasePreparing && s.Target == side:
		w.transition.probeNow()
		return w.transition, true
	case s.Phase == fsm.PhasePreparing:
		w.abort(w.transition, fsm.Cause{Reason: fsm.ReasonWithdrawn, Detail: cause.Detail, Trace: cause.Trace})
		return nil, true
	case s.Active == side:
		w.later = nil
		return nil, true
	}
	delete(w.suppressed, side) // the caller knows better
	return w.begin(fsm.EventAnnounce, side, cause), true
}
