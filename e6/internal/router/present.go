package router

import (
	"context"

	"github.com/e6data/e6data-go/e6/store"
)

// bePresent lists the client among those of its cluster for as long as it lives, if
// the store can do that.
func (c *Router) bePresent() {
	others, ok := c.cfg.Store.(store.Presence)
	if !ok || !c.cfg.Fleet.Present {
		return
	}
	err := c.guarded(func() error {
		self, err := others.Join(c.cfg.Key, store.Client{})
		if err != nil {
			return err
		}
		for c.ctx.Err() == nil {
			r := c.routing.Load()
			self.Show(r.Active, r.State)
			select {
			case <-r.changed:
			case <-c.ctx.Done():
			}
		}
		leaving, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), leaveTimeout/2)
		defer cancel()
		_ = self.Leave(leaving) // or the store notices
		return nil
	})
	if err != nil {
		c.storeFailed("presence", err)
	}
}
