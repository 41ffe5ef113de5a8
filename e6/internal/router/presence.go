package router

import (
	"context"

	"github.com/e6data/e6data-go/e6/store"
)

// registerPresence registers the client in the presence list of its cluster until the client is
// closed, if the store has such a list.
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
		_ = self.Leave(leaving) // if it fails, the entry expires
		return nil
	})
	if err != nil {
		rt.storeFailed("presence", err)
	}
}
