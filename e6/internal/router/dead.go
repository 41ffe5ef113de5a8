package router

import (
	"sync"

	"github.com/e6data/e6data-go/e6/fsm"
)

// deathWatch holds the callbacks that wait for the next probe of a side without a response.
type deathWatch struct {
	mu      sync.Mutex
	waiting map[*func()]struct{}
}

// OnDead calls f, on its own goroutine, when the next probe of side gets no response. stop
// withdraws a call that has not begun. f may take its time.
func (rt *Router) OnDead(side fsm.Side, f func()) (stop func()) {
	w, key := &rt.dead[side], &f
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == nil {
		w.waiting = make(map[*func()]struct{})
	}
	w.waiting[key] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.waiting, key)
	}
}

// foundDead calls the callbacks of a side. The side may recover: later callbacks wait for
// another probe.
func (w *writer) foundDead(side fsm.Side) {
	d := &w.dead[side]
	d.mu.Lock()
	defer d.mu.Unlock()
	for f := range d.waiting {
		go (*f)()
	}
	d.waiting = nil
}
