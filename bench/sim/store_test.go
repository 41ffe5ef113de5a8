package sim

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/store"
)

// A farStore is a store for a fleet as a service far away: every call takes a while, and
// it counts its calls.
type farStore struct {
	store.Memory
	delay time.Duration
	calls clock // of every call but a watch
	swaps atomic.Int64
	lost  atomic.Bool // for everyone
}

// A handle is how one client reaches the store.
type handle struct {
	*farStore
	cut atomic.Bool // for this client
}

var errNoRoute = errors.New("no route to the store")

// call takes the time of a call, and fails if the store is out of reach.
func (h *handle) call(ctx context.Context) error {
	h.calls.tick()
	t := time.NewTimer(h.delay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if h.out() {
		return errNoRoute
	}
	return nil
}

func (h *handle) out() bool { return h.cut.Load() || h.lost.Load() }

// Load implements store.Store.
func (h *handle) Load(ctx context.Context, cluster string) (store.Record, error) {
	if err := h.call(ctx); err != nil {
		return store.Record{}, err
	}
	return h.Memory.Load(ctx, cluster)
}

// CompareAndSwap implements store.Store.
func (h *handle) CompareAndSwap(ctx context.Context, cluster string, old uint64, next store.Record) (store.Record, error) {
	if err := h.call(ctx); err != nil {
		return store.Record{}, err
	}
	h.swaps.Add(1)
	return h.Memory.CompareAndSwap(ctx, cluster, old, next)
}

// Watch implements store.Store. A client that is cut off receives nothing, and no error.
func (h *handle) Watch(ctx context.Context, cluster string, fn func(store.Record)) error {
	return h.Memory.Watch(ctx, cluster, func(f store.Record) {
		t := time.NewTimer(h.delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		if !h.out() {
			fn(f)
		}
	})
}

// A clock counts how often something happens, by when.
type clock struct {
	mu sync.Mutex
	at []time.Time
}

func (c *clock) tick() { c.add(time.Now()) }

func (c *clock) add(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = append(c.at, at)
}

// since is what happened from some moment on.
func (c *clock) since(from time.Time) (all []time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, at := range c.at {
		if !at.Before(from) {
			all = append(all, at.Sub(from))
		}
	}
	return all
}
