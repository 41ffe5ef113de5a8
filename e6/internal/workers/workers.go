// Package workers is a pool of goroutines. A new goroutine starts with a small stack, and a
// call of gRPC makes it grow; a goroutine of the pool has a stack that has grown already.
package workers

import (
	"context"
	"runtime/pprof"
	"slices"
	"sync"
	"time"
)

const (
	// mostIdle is the maximum number of idle goroutines of a Pool. The stack of an idle
	// one shrinks to 2 KiB.
	mostIdle = 1024
	// keep is the minimum idle time after which a goroutine ends; the maximum is twice
	// that.
	keep = time.Minute
)

// Pool runs functions concurrently. The zero Pool is ready to use; End ends its
// goroutines. Its methods may be called concurrently.
type Pool struct {
	mu    sync.Mutex
	idle  []worker // the most recently used one is the last
	least int      // the minimum of len(idle) since the last run of the timer
	look  *time.Timer
	ended bool
}

// A worker is the channel on which a goroutine receives its tasks.
type worker chan task

type task struct {
	ctx context.Context
	f   func()
}

// Go runs f on its own goroutine, with the profiler labels of ctx, and returns at once.
// After End it does the same, without reuse.
func (p *Pool) Go(ctx context.Context, f func()) {
	w, waited := p.get()
	w <- task{ctx, f}
	if !waited {
		go p.work(w)
	}
}

// get returns an idle worker, or a new one, whose goroutine is not started yet.
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

// work runs one task after the other. A function that panics, or calls runtime.Goexit,
// ends the worker too. It is not reused then, as it is not in idle.
func (p *Pool) work(w worker) {
	for t := range w {
		pprof.SetGoroutineLabels(t.ctx)
		t.f()
		if !p.put(w) {
			return
		}
	}
}

// put returns a worker to the pool, and reports false if the worker must end.
func (p *Pool) put(w worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || len(p.idle) == mostIdle {
		return false
	}
	p.idle = append(p.idle, w)
	if p.look == nil {
		p.least = len(p.idle)
		p.look = time.AfterFunc(keep, p.shrink)
	}
	return true
}

// shrink ends the workers that were idle all the time since its last run.
func (p *Pool) shrink() {
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

// end ends the n workers with the longest idle time.
func (p *Pool) end(n int) {
	for _, w := range p.idle[:n] {
		close(w)
	}
	p.idle = slices.Delete(p.idle, 0, n)
}

// End ends the goroutines: the idle ones now, the others after their task.
func (p *Pool) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.end(len(p.idle))
	if p.look != nil {
		p.look.Stop()
	}
}
