package router

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// presenceRefresh is the time after which a client publishes again how many queries it
// still has on the side that it has left.
const presenceRefresh = 5 * time.Second

// presence is what the goroutine of the presence reads, beside the routing and the pins.
type presence struct {
	seen    atomic.Uint64 // the version of the newest record that the writer has handled
	changed chan struct{} // has a value if the status may have changed without the routing
}

// notify wakes the goroutine of the presence. It never blocks.
func (p *presence) notify() {
	select {
	case p.changed <- struct{}{}:
	default: // the status is read again anyway
	}
}

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
			status, routing := rt.status()
			self.Show(status)
			rt.awaitStatus(routing, status.InFlight > 0)
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

// awaitStatus waits until the status may have changed. Without queries on the side that the
// client has left, only the routing and a record can change it.
func (rt *Router) awaitStatus(routing *Routing, inFlight bool) {
	var refresh <-chan time.Time
	if inFlight {
		t := time.NewTimer(presenceRefresh)
		defer t.Stop()
		refresh = t.C
	}
	select {
	case <-routing.changed:
	case <-rt.presence.changed:
	case <-refresh:
	case <-rt.ctx.Done():
	}
}

// status is what the client reports of itself, and the routing that it is made of.
//
// It reads the version of the record first, then the routing, then the pins. So the side
// and the queries are never older than the record that the status confirms, and a query
// that is pinned by an older routing is counted: see pinTo.
func (rt *Router) status() (store.Status, *Routing) {
	seen := rt.presence.seen.Load()
	r := rt.routing.Load()
	return store.Status{Side: r.Active, State: r.State, InFlight: rt.inFlightElsewhere(r.Active), Seen: seen}, r
}

// inFlightElsewhere is the number of queries that run on a side other than that one.
func (rt *Router) inFlightElsewhere(active fsm.Side) (n int64) {
	for _, side := range fsm.Sides {
		if side != active {
			n += rt.pins.sum(side)
		}
	}
	return n
}
