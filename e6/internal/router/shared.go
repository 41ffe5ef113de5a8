package router

import (
	"context"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// mayShare reports whether both sides take new queries in a transition of that
// kind. One that leads back does not wait.
func (c *Router) mayShare(event fsm.Event) bool {
	return c.cfg.Hooks.Hold != nil && event == fsm.EventAnnounce
}

// shareSides lets both sides take new queries until the selectors no longer need
// them, or the time is up.
func (c *Router) shareSides(t *transition) {
	t.timer.Stop()
	t.timer = time.AfterFunc(c.cfg.SharedTimeout, func() {
		c.post(func() {
			c.onShared(t, t.cause(fsm.ReasonDeadline, fmt.Sprintf("both sides were used for %s", c.cfg.SharedTimeout)))
		})
	})
	ctx, cancel := context.WithCancel(background(t.ctx, t.start.Cause))
	t.shared = cancel
	snapshot := c.machine.Snapshot()
	c.tasks.Go(func() {
		defer cancel()
		c.cfg.Hooks.Hold(ctx, snapshot)
		c.post(func() { c.onShared(t, t.cause(fsm.ReasonSelector, "no selector needs both sides any longer")) })
	})
}

// onShared ends the shared phase of a transition that is still in it.
func (c *Router) onShared(t *transition, cause fsm.Cause) {
	if c.transition == t && c.machine.Snapshot().Phase == fsm.PhaseShared && c.stopSharing(t, cause) {
		c.startDraining(t)
	}
}

// stopSharing lets the target alone take new queries.
func (c *Router) stopSharing(t *transition, cause fsm.Cause) bool {
	t.shared()
	return c.fire(fsm.Trigger{Event: fsm.EventAccept, Phase: fsm.PhaseDraining, Cause: cause})
}

// suspectOrigin asks an origin that got new queries and did not answer one. If
// it does not accept, the shared phase is over.
func (c *Router) suspectOrigin(t *transition, cause fsm.Cause) {
	if t.originDoubted {
		return
	}
	t.originDoubted = true
	c.tasks.Go(func() {
		err := c.ping(t.ctx, t.origin())
		accepts := c.cfg.Cluster.Judge(err) == Accepts
		if !accepts && t.ctx.Err() == nil {
			c.failed("share", t.origin(), 1, cause, err)
		}
		c.post(func() {
			t.originDoubted = false
			if !accepts {
				c.onShared(t, cause)
			}
		})
	})
}
