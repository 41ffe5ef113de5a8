package e6otel

import (
	"maps"
	"sync"
	"sync/atomic"
)

// cache holds one value for each key. A lookup takes no lock and allocates
// nothing. The set of keys must be bounded.
type cache[K comparable, V any] struct {
	entries atomic.Pointer[map[K]V]
	// mu is held to add a value. Without it, two goroutines could clone the same map
	// and add one key each; the second Store would then drop the key of the first.
	mu sync.Mutex
}

// get returns the value of a key, and creates it if there is none.
func (c *cache[K, V]) get(key K, create func() V) V {
	v, _ := c.getIf(key, noLimit, create)
	return v
}

const noLimit = 1 << 20

// getIf is get with a limit on the number of keys: it returns false for a new key
// when there are most of them.
func (c *cache[K, V]) getIf(key K, most int, create func() V) (V, bool) {
	if entries := c.entries.Load(); entries != nil {
		if v, ok := (*entries)[key]; ok {
			return v, true
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next := map[K]V{}
	if entries := c.entries.Load(); entries != nil {
		if v, ok := (*entries)[key]; ok {
			return v, true
		}
		next = maps.Clone(*entries)
	}
	if len(next) >= most {
		var none V
		return none, false
	}
	next[key] = create()
	c.entries.Store(&next)
	return next[key], true
}
