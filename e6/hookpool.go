package e6

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// hookCalls pools the values that a call of a hook needs.
type hookCalls struct{ calls, timers sync.Pool }

// hookCall is a call of a hook.
type hookCall struct {
	h     *hookCaller
	point string
	f     func()

	ended chan any // the panic of the call, or nil; not sent if the call was abandoned
	state atomic.Int32
	make  func()
}

// The states of a call. A compare-and-swap from callRunning decides whether it ended or
// was abandoned.
const (
	callRunning = iota
	callEnded
	callAbandoned
)

// get returns a call from the pool.
func (p *hookCalls) get(h *hookCaller, point string, f func()) *hookCall {
	call, ok := p.calls.Get().(*hookCall)
	if !ok {
		call = &hookCall{ended: make(chan any, 1)}
		call.make = call.run
	}
	call.h, call.point, call.f = h, point, f
	call.state.Store(callRunning)
	return call
}

// put returns a call that has ended to the pool.
func (p *hookCalls) put(call *hookCall) {
	call.h, call.f = nil, nil
	p.calls.Put(call)
}

// run makes a call and sends how it ended, unless it was abandoned.
func (call *hookCall) run() {
	h, point := call.h, call.point // after the send, the call is in the pool again
	defer func() {
		p := recover()
		if p != nil {
			h.logPanic(point, p, debug.Stack())
		}
		if h.turn != nil {
			<-h.turn
		}
		if call.state.CompareAndSwap(callRunning, callEnded) {
			call.ended <- p
		} else {
			h.abandoned.Add(-1)
		}
	}()
	call.f()
}

// timer returns a timer from the pool, or a new one.
func (p *hookCalls) timer(d time.Duration) *time.Timer {
	if t, ok := p.timers.Get().(*time.Timer); ok {
		t.Reset(d)
		return t
	}
	return time.NewTimer(d)
}

// stop stops a timer and returns it to the pool.
func (p *hookCalls) stop(t *time.Timer) {
	t.Stop()
	p.timers.Put(t)
}
