package e6

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// hookCalls are what calls of hooks are made with. They are used again.
type hookCalls struct{ calls, timers sync.Pool }

// hookCall is a call of a hook.
type hookCall struct {
	h     *hookCaller
	point string
	f     func()

	ended chan any // what the call panicked with, or nil; not sent if it was given up
	state atomic.Int32
	make  func()
}

// Whether a call came to its end or was given up is decided once.
const (
	callRunning = iota
	callEnded
	callGivenUp
)

// get returns a call that is to be made.
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

// put takes a call back that came to its end.
func (p *hookCalls) put(call *hookCall) {
	call.h, call.f = nil, nil
	p.calls.Put(call)
}

// run makes a call and tells how it ended, unless it was given up.
func (call *hookCall) run() {
	h, point := call.h, call.point // once it is told, the call is another one's
	defer func() {
		p := recover()
		if p != nil {
			h.caught(point, p, debug.Stack())
		}
		if h.turn != nil {
			<-h.turn
		}
		if call.state.CompareAndSwap(callRunning, callEnded) {
			call.ended <- p
		} else {
			h.givenUp.Add(-1)
		}
	}()
	call.f()
}

// timer returns a timer that was used before, or a new one.
func (p *hookCalls) timer(d time.Duration) *time.Timer {
	if t, ok := p.timers.Get().(*time.Timer); ok {
		t.Reset(d)
		return t
	}
	return time.NewTimer(d)
}

// stop takes a timer back.
func (p *hookCalls) stop(t *time.Timer) {
	t.Stop()
	p.timers.Put(t)
}
