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
func (c *Router) startCheck(cause fsm.Cause, limit time.Duration) *check {
	s := c.machine.Snapshot()
	if c.check == nil || c.check.epoch != s.Epoch {
		k := &check{side: s.Active, epoch: s.Epoch, done: make(chan struct{})}
		c.check = k
		c.tasks.Go(func() {
			k.err = c.pingWithin(c.ctx, limit, k.side)
			c.post(func() { c.onChecked(k, cause) })
		})
	}
	return c.check
}

// onChecked draws the conclusion of a check. What it found in another epoch, or
// during a transition, is left to the rules of that.
func (c *Router) onChecked(k *check, cause fsm.Cause) {
	if c.check == k {
		c.check = nil
	}
	defer close(k.done)
	verdict := c.cfg.Cluster.Judge(k.err)
	if verdict != Accepts {
		c.failed("refresh", k.side, 1, cause, k.err)
	} else if c.machine.Snapshot().Epoch == k.epoch && !c.held {
		c.suspicion = nil
	}
	switch {
	case !c.settled() || c.machine.Snapshot().Epoch != k.epoch:
	case verdict == Refuses:
		c.detect(fsm.Cause{Reason: fsm.ReasonRefusal, Detail: k.side.String() + " refused a probe", Trace: cause.Trace}, k.side.Other())
	case (verdict == Unreachable || verdict == Suspended) && k.suspect:
		first := k.side
		if errors.Is(k.err, context.DeadlineExceeded) {
			first = first.Other() // it hangs: a login on it would hang as well
		}
		c.detect(cause, first)
	default:
		c.scheduleRefresh()
	}
}

// scheduleRefresh plans the next check. The interval is shortened by up to a
// tenth at random, so that clients which started together do not stay together.
func (c *Router) scheduleRefresh() {
	if c.refresh != nil {
		c.refresh.Stop()
	}
	interval := c.cfg.RefreshInterval - rand.N(c.cfg.RefreshInterval/10+1)
	c.refresh = time.AfterFunc(interval, func() {
		c.post(func() {
			if c.settled() && !c.closing {
				c.startCheck(fsm.Cause{Reason: fsm.ReasonDeadline, Detail: "what is known about the side has aged"}, c.cfg.ProbeTimeout)
			}
		})
	})
}

// Refresh asks the cluster now, instead of when the knowledge has aged, and
// returns what is known then.
func (c *Router) Refresh(ctx context.Context) (fsm.Snapshot, error) {
	cause := causeOf(ctx, fsm.ReasonCaller, "refresh")
	var k *check
	if err := c.call(ctx, func() {
		if c.settled() && !c.closing {
			k = c.startCheck(cause, c.cfg.ProbeTimeout)
		}
	}); err != nil {
		return c.Routing().Snapshot, err
	}
	if k != nil {
		select {
		case <-k.done:
		case <-ctx.Done():
			return c.Routing().Snapshot, ctxerr.Why(ctx)
		case <-c.ctx.Done():
			return c.Routing().Snapshot, ErrClosed
		}
		if v := c.cfg.Cluster.Judge(k.err); v != Accepts && v != Refuses {
			return c.Routing().Snapshot, errtext.Errorf("refresh: %w", k.err)
		}
	}
	return c.waitForSide(ctx)
}

// waitForSide waits until some side takes queries.
func (c *Router) waitForSide(ctx context.Context) (fsm.Snapshot, error) {
	p, err := c.Pin(ctx)
	if err == nil {
		c.Unpin(p)
	}
	return c.Routing().Snapshot, err
}

// Reset forgets which side is active. The next query looks for it.
func (c *Router) Reset(ctx context.Context) error {
	cause := causeOf(ctx, fsm.ReasonCaller, "reset")
	return c.call(ctx, func() {
		if c.closing || c.machine.Snapshot().State == fsm.StateUnknown {
			return
		}
		c.endDetection()
		c.abandon(cause, errors.New("e6: the client was reset"))
		c.fire(fsm.Trigger{Event: fsm.EventReset, Cause: cause})
	})
}

// Switch announces side on the caller's behalf, and waits within ctx until new
// queries go there. The side must accept, as after any announcement.
func (c *Router) Switch(ctx context.Context, side fsm.Side) error {
	if !side.Valid() {
		return errtext.Errorf("switch: %w", &fsm.SideError{Name: side.String()})
	}
	cause := causeOf(ctx, fsm.ReasonCaller, "switch to "+side.String())
	var t *transition
	for known := false; !known; {
		if _, err := c.waitForSide(ctx); err != nil {
			return err
		}
		if err := c.call(ctx, func() { t, known = c.switchTo(side, cause) }); err != nil {
			return err
		}
	}
	if t == nil {
		return nil
	}
	select {
	case <-t.ready:
		return t.err
	case <-ctx.Done():
		return errtext.Errorf("switch to %s: waiting for it to accept: %w", side, ctxerr.Why(ctx))
	case <-c.ctx.Done():
		return ErrClosed
	}
}

// switchTo returns the transition to wait for, and none if side is active. It
// does nothing while no side is known to accept.
func (c *Router) switchTo(side fsm.Side, cause fsm.Cause) (t *transition, known bool) {
	s := c.machine.Snapshot()
	switch {
	case c.closing, c.held, s.Active == fsm.None:
		return nil, false
	case s.Phase == fsm.PhasePreparing && s.Target == side:
		c.transition.hurry()
		return c.transition, true
	case s.Phase == fsm.PhasePreparing:
		c.abort(c.transition, fsm.Cause{Reason: fsm.ReasonWithdrawn, Detail: cause.Detail, Trace: cause.Trace})
		return nil, true
	case s.Active == side:
		c.later = nil
		return nil, true
	}
	delete(c.declined, side) // the caller knows better
	return c.begin(fsm.EventAnnounce, side, cause), true
}
