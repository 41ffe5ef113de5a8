package e6otel

import (
	"maps"
	"sync"
	"sync/atomic"
)

// cache remembers what was made for a key. Reading takes no lock and allocates
// nothing. The keys must be from a bounded set.
type cache[K comparable, V any] struct {
	known atomic.Pointer[map[K]V]
	mu    sync.Mutex // held by whoever adds something
}

// get returns what belongs to the key, and makes it if it is new.
func (c *cache[K, V]) get(key K, make func() V) V {
	v, _ := c.getIf(key, noLimit, make)
	return v
}

const noLimit = 1 << 20

// getIf is get as long as there are fewer than most keys: then it returns false
// for one that is new.
func (c *cache[K, V]) getIf(key K, most int, make func() V) (V, bool) {
	if known := c.known.Load(); known != nil {
		if v, ok := (*known)[key]; ok {
			return v, true
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next := map[K]V{}
	if known := c.known.Load(); known != nil {
		if v, ok := (*known)[key]; ok {
			return v, true
		}
		next = maps.Clone(*known)
	}
	if len(next) >= most {
		var none V
		return none, false
	}
	next[key] = make()
	c.known.Store(&next)
	return next[key], true
}
