package router

import (
	"context"

	"github.com/e6data/e6data-go/e6/store"
)

// registerPresence lists the client among those of its cluster for as long as it lives, if
// the store can do that.
func (rt *Router) registerPresence() {
	others, ok := rt.cfg.Store.(store.Presence)
	if !ok || !rt.cfg.Fleet.Present {
		return
	}
	err := rt.guarded(func() error {
		self, err := others.Join(rt.cfg.Key, store.Client{})
		if err != nil {
			return err
		}
		for rt.ctx.Err() == nil {
			r := rt.routing.Load()
			self.Show(r.Active, r.State)
			select {
			case <-r.changed:
			case <-rt.ctx.Done():
			}
		}
		leaving, cancel := context.WithTimeout(context.WithoutCancel(rt.ctx), leaveTimeout/2)
		defer cancel()
		_ = self.Leave(leaving) // or the store notices
		return nil
	})
	if err != nil {
		rt.storeFailed("presence", err)
	}
}
