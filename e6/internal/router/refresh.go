package router

import (
	"context"
	"errors"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
)

// A check is a health probe of the active side in a settled state. It is no state
// of the machine, and no query waits for it.
type check struct {
	id      uint64
	side    fsm.Side
	epoch   uint64
	suspect bool  // a query got no response: if the probe gets none either, a detection starts
	err     error // set before done is closed
	done    chan struct{}
}

// startCheck probes the active side. It returns the check in flight of this epoch,
// if there is one. It runs on the writer, in a settled state.
func (w *writer) startCheck(cause fsm.Cause, limit time.Duration) *check {
	s := w.machine.Snapshot()
	if w.check == nil || w.check.epoch != s.Epoch {
		k := &check{side: s.Active, epoch: s.Epoch, done: make(chan struct{})}
		w.check, k.id = k, w.newID(k)
		w.spawn("check", func(rt *Router) {
			err := rt.pingWithin(rt.ctx, limit, k.side)
			rt.post(&checked{k, err, cause})
		})
	}
	return w.check
}

// onChecked handles the result of a check. A result from another epoch, or one that
// arrives during a transition, changes nothing.
func (w *writer) onChecked(k *check, err error, cause fsm.Cause) {
	k.err = err
	if w.check == k {
		w.check = nil
	}
	defer close(k.done)
	verdict := w.cfg.Cluster.Classify(k.err)
	if verdict != Accepts {
		w.probeFailed("refresh", k.side, 1, cause, k.err)
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
			first = first.Other() // the side hangs: a login on it would time out too
		}
		w.foundDead(k.side)
		w.detect(cause, first)
	default:
		w.scheduleRefresh()
	}
}

// scheduleRefresh starts the timer of the next check. Jitter shortens the interval by
// up to a tenth, so that clients which started together do not probe together.
func (w *writer) scheduleRefresh() {
	if w.refresh != nil {
		w.refresh.Stop()
	}
	interval := w.cfg.RefreshInterval - w.randomBelow(observedRefresh, w.cfg.RefreshInterval/10+1)
	w.refresh = w.after(interval, &refreshDue{})
}

func (w *writer) onRefreshDue(cause fsm.Cause) *check {
	if w.settled() && !w.closing {
		return w.startCheck(cause, w.cfg.ProbeTimeout)
	}
	return nil
}

// Refresh probes the active side now, instead of at the end of the refresh interval, and
// returns the snapshot after that.
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

// waitForSide waits until a side takes queries.
func (rt *Router) waitForSide(ctx context.Context) (fsm.Snapshot, error) {
	p, err := rt.Pin(ctx)
	if err == nil {
		rt.Unpin(p)
	}
	return rt.Routing().Snapshot, err
}

// Reset clears the active side. The next query starts a detection.
func (rt *Router) Reset(ctx context.Context) error {
	return rt.call(ctx, &resetRequested{causeOf(ctx, fsm.ReasonCaller, "reset")})
}

func (w *writer) onReset(cause fsm.Cause) {
	if w.closing || w.machine.Snapshot().State == fsm.StateUnknown {
		return
	}
	w.endDetection()
	w.abandon(cause, errors.New("e6: the client was reset"))
	w.fire(fsm.Trigger{Event: fsm.EventReset, Cause: cause})
}

// Switch starts a transition to side, as an announcement does, and waits within ctx until
// new queries are routed to side. The side must accept first.
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

// switchTo returns the transition to wait for, and nil if side is active. known is false,
// and nothing is done, while no side is known to accept.
func (w *writer) switchTo(side fsm.Side, cause fsm.Cause) (t *transition, known bool) {
	s := w.machine.Snapshot()
	switch {
	case w.closing, w.held, s.Active == fsm.None:
		return nil, false
	case s.Phase == fsm.PhasePreparing && s.Target == side:
		w.probeNow(w.transition)
		return w.transition, true
	case s.Phase == fsm.PhasePreparing:
		w.abort(w.transition, fsm.Cause{Reason: fsm.ReasonWithdrawn, Detail: cause.Detail, Trace: cause.Trace})
		return nil, true
	case s.Active == side:
		w.later = nil
		return nil, true
	}
	delete(w.suppressed, side) // a request of the caller ends a suppression
	return w.begin(fsm.EventAnnounce, side, cause), true
}
