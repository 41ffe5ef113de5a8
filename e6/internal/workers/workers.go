// Package workers runs functions on goroutines that are used again: what a new goroutine
// costs most is the growth of its stack, which a call of gRPC needs anew each time.
package workers

import (
	"context"
	"runtime/pprof"
	"slices"
	"sync"
	"time"
)

const (
	// mostIdle is how many goroutines of a Pool wait for something to do at the most. The
	// stack of one that waits shrinks to 2 KiB.
	mostIdle = 1024
	// keep is how long one waits at least, and twice that at the most.
	keep = time.Minute
)

// Pool runs functions side by side. The zero Pool is ready for use; End lets its
// goroutines go. Its methods may be called concurrently.
type Pool struct {
	mu    sync.Mutex
	idle  []worker // the last one was busy last
	least int      // how many were idle all the time since the last look
	look  *time.Timer
	ended bool
}

// A worker is a goroutine that waits for what it is to do next.
type worker chan task

type task struct {
	ctx context.Context
	f   func()
}

// Go runs f on a goroutine of its own, which has the profiler's labels of ctx, and
// returns at once. It does so after End too.
func (p *Pool) Go(ctx context.Context, f func()) {
	w, waited := p.get()
	w <- task{ctx, f}
	if !waited {
		go p.work(w)
	}
}

// get takes a worker that is idle, or a new one, which does not run yet.
func (p *Pool) get() (w worker, waited bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return make(worker, 1), false
	}
	w = p.idle[last]
	p.idle = p.idle[:last]
	p.least = min(p.least, last)
	return w, true
}

// work does one thing after the other. A function that panics, or ends its goroutine,
// ends the worker with it, which is never used again then: it has not put itself back.
func (p *Pool) work(w worker) {
	for t := range w {
		pprof.SetGoroutineLabels(t.ctx)
		t.f()
		if !p.put(w) {
			return
		}
	}
}

// put takes a worker back, and reports false if it is not needed any more.
func (p *Pool) put(w worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || len(p.idle) == mostIdle {
		return false
	}
	p.idle = append(p.idle, w)
	if p.look == nil {
		p.least = len(p.idle)
		p.look = time.AfterFunc(keep, p.letGo)
	}
	return true
}

// letGo ends the workers that were idle all the time since the last look.
func (p *Pool) letGo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.end(p.least)
	if p.least = len(p.idle); p.least > 0 {
		p.look.Reset(keep)
	} else {
		p.look = nil
	}
}

// end ends those that have been idle longest.
func (p *Pool) end(n int) {
	for _, w := range p.idle[:n] {
		close(w)
	}
	p.idle = slices.Delete(p.idle, 0, n)
}

// End lets the goroutines go: the idle ones now, the others after what they do.
func (p *Pool) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.end(len(p.idle))
	if p.look != nil {
		p.look.Stop()
	}
}
