package e6

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// hookCaller makes the calls of one hook, each within its budget.
type hookCaller struct {
	c    *Client
	name string
	turn chan struct{} // held by the call that is under way; nil for any number
	fast InlineHook    // the hook, if it knows which of its calls return at once

	givenUp    atomic.Int64 // calls that were given up and have not returned
	failures   atomic.Int64 // since the last event about them
	nextReport atomic.Int64 // not before, in nanoseconds
	nextStack  atomic.Int64 // not logged before, in nanoseconds
}

// reportEvery bounds how often a hook that fails all the time is reported.
const reportEvery = time.Second

// call runs one call of the hook on a goroutine of its own and waits for it. It
// reports false if the call did not come to its end within the budget: then it
// may still be running, and what it would have set must not be looked at.
func (h *hookCaller) call(ctx context.Context, point string, budget time.Duration, f func()) bool {
	began := time.Now()
	if h.givenUp.Load() > 0 {
		h.failed(point, "busy", "an earlier call has not returned yet", began)
		return false
	}
	if h.fast != nil && h.isPrompt(ctx, point) {
		return h.inline(point, f)
	}
	calls := &h.c.hooks.calls
	limit := calls.timer(budget)
	defer calls.stop(limit)
	if h.turn != nil {
		select {
		case h.turn <- struct{}{}:
		case <-limit.C:
			h.failed(point, "busy", "other calls took the whole budget", began)
			return false
		}
	}
	call := calls.get(h, point, f)
	h.c.workers.Go(ctx, call.make)
	ended := func(p any) bool {
		calls.put(call)
		return h.judge(point, p, began)
	}
	select {
	case p := <-call.ended:
		return ended(p)
	case <-limit.C:
	}
	h.givenUp.Add(1)
	if !call.state.CompareAndSwap(callRunning, callGivenUp) {
		h.givenUp.Add(-1) // it came to its end at the last moment
		return ended(<-call.ended)
	}
	h.failed(point, "overrun", "its budget is "+budget.String(), began)
	return false
}

// isPrompt asks the hook whether the call returns at once. One that panics does not.
func (h *hookCaller) isPrompt(ctx context.Context, point string) (prompt bool) {
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			h.caught(point, p, debug.Stack())
			h.judge(point, p, began)
			prompt = false
		}
	}()
	return h.fast.Prompt(ctx, point)
}

// inline makes a call that returns at once on the caller's goroutine.
func (h *hookCaller) inline(point string, f func()) (ok bool) {
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			h.caught(point, p, debug.Stack())
			ok = h.judge(point, p, began)
		}
	}()
	f()
	return true
}

// judge reports whether a call that has returned did so without a panic.
func (h *hookCaller) judge(point string, panicked any, began time.Time) bool {
	if panicked == nil {
		return true
	}
	h.failed(point, "panic", panicDetail(panicked), began)
	return false
}

// caught logs a panic with its stack: the first of a hook, and then one in a second
// at the most.
func (h *hookCaller) caught(point string, panicked any, stack []byte) {
	now, next := time.Now(), h.nextStack.Load()
	if now.UnixNano() < next || !h.nextStack.CompareAndSwap(next, now.Add(reportEvery).UnixNano()) {
		return
	}
	h.c.panicLogger().Error("e6: a hook panicked", "hook", h.name, "point", point, "problem", panicDetail(panicked), "stack", string(stack))
}

// failed publishes that a call has failed, together with those that were not
// published before.
func (h *hookCaller) failed(point, problem, detail string, began time.Time) {
	h.failures.Add(1)
	now, next := time.Now(), h.nextReport.Load()
	if now.UnixNano() < next || !h.nextReport.CompareAndSwap(next, now.Add(reportEvery).UnixNano()) {
		return
	}
	h.c.bus.Publish(fsm.Cause{Reason: fsm.ReasonHook}, events.HookFailed{
		Hook: h.name, Point: point, Problem: problem, Detail: detail, Took: time.Since(began), Count: h.failures.Swap(0),
	})
}
