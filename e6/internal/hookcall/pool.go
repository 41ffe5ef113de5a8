package hookcall

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// pool has the values that a call of a hook needs, for reuse.
type pool struct{ calls, timers sync.Pool }

// hookCall is one call of a hook.
type hookCall struct {
	caller *Caller
	point  string
	f      func()

	ended chan any // the panic of the call, or nil; not sent if the call was abandoned
	state atomic.Int32
	make  func() // the method run, which is bound once
}

// The states of a call. A compare-and-swap from callRunning decides whether it ended or
// was abandoned.
const (
	callRunning = iota
	callEnded
	callAbandoned
)

// get returns a call from the pool, or a new one.
func (p *pool) get(caller *Caller, point string, f func()) *hookCall {
	call, ok := p.calls.Get().(*hookCall)
	if !ok {
		call = &hookCall{ended: make(chan any, 1)}
		call.make = call.run
	}
	call.caller, call.point, call.f = caller, point, f
	call.state.Store(callRunning)
	return call
}

// put returns a call that has ended to the pool.
func (p *pool) put(call *hookCall) {
	call.caller, call.f = nil, nil
	p.calls.Put(call)
}

// run makes the call and sends its panic, or nil, unless the call was abandoned.
func (call *hookCall) run() {
	c, point := call.caller, call.point // after the send, the call is in the pool again
	defer func() {
		p := recover()
		if p != nil {
			c.LogPanic(point, p, debug.Stack())
		}
		if c.semaphore != nil {
			<-c.semaphore
		}
		if call.state.CompareAndSwap(callRunning, callEnded) {
			call.ended <- p
		} else {
			c.abandoned.Add(-1)
		}
	}()
	call.f()
}

// timer returns a timer from the pool, or a new one.
func (p *pool) timer(d time.Duration) *time.Timer {
	if t, ok := p.timers.Get().(*time.Timer); ok {
		t.Reset(d)
		return t
	}
	return time.NewTimer(d)
}

// stop stops a timer and returns it to the pool.
func (p *pool) stop(t *time.Timer) {
	t.Stop()
	p.timers.Put(t)
}
