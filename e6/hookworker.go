package e6

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// hookWorkers are the goroutines that hooks run on. They are used again: what a
// new goroutine costs most is the growth of its stack.
type hookWorkers struct {
	mu    sync.Mutex
	idle  []*hookWorker
	ended bool

	timers sync.Pool
}

// maxIdleWorkers is how many goroutines wait for the next call at the most.
const maxIdleWorkers = 64

// hookWorker is a goroutine that makes one call at a time.
type hookWorker struct {
	pool  *hookWorkers
	calls chan hookCall
	ended chan any // what the call panicked with, or nil; not sent if it was given up
	state atomic.Int32
}

// hookCall is a call of a hook.
type hookCall struct {
	h     *hookCaller
	point string
	f     func()
}

// Whether a call came to its end or was given up is decided once.
const (
	callRunning = iota
	callEnded
	callGivenUp
)

// get returns a worker that has nothing to do.
func (p *hookWorkers) get() *hookWorker {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return w
	}
	p.mu.Unlock()
	w := &hookWorker{pool: p, calls: make(chan hookCall, 1), ended: make(chan any, 1)}
	go w.run()
	return w
}

// put takes a worker back, and reports whether it may be needed again.
func (p *hookWorkers) put(w *hookWorker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || len(p.idle) == maxIdleWorkers {
		return false
	}
	p.idle = append(p.idle, w)
	return true
}

// end lets the workers go: the idle ones now, the others after their calls.
func (p *hookWorkers) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for _, w := range p.idle {
		close(w.calls)
	}
	p.idle = nil
}

// run makes calls. A hook that ends its goroutine ends the worker with it, which
// is never used again then: it has not put itself back.
func (w *hookWorker) run() {
	for call := range w.calls {
		w.make(call)
		if !w.pool.put(w) {
			return
		}
	}
}

// make makes a call and tells how it ended, unless it was given up.
func (w *hookWorker) make(call hookCall) {
	defer func() {
		p := recover()
		h := call.h
		if p != nil {
			h.c.log.Error("e6: a hook panicked", "hook", h.name, "point", call.point, "stack", string(debug.Stack()))
		}
		if h.turn != nil {
			<-h.turn
		}
		if w.state.CompareAndSwap(callRunning, callEnded) {
			w.ended <- p
		} else {
			h.givenUp.Add(-1)
		}
	}()
	call.f()
}

// timer returns a timer that was used before, or a new one.
func (p *hookWorkers) timer(d time.Duration) *time.Timer {
	if t, ok := p.timers.Get().(*time.Timer); ok {
		t.Reset(d)
		return t
	}
	return time.NewTimer(d)
}

// stop takes a timer back.
func (p *hookWorkers) stop(t *time.Timer) {
	t.Stop()
	p.timers.Put(t)
}
