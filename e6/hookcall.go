package e6

import (
	"context"
	"fmt"
	"runtime"
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
	fast PromptHook    // the hook, if it knows which of its calls return at once

	givenUp    atomic.Int64 // calls that were given up and have not returned
	failures   atomic.Int64 // since the last event about them
	nextReport atomic.Int64 // not before, in nanoseconds
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
	if h.fast != nil && h.fast.Prompt(ctx, point) {
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

// inline makes a call that returns at once on the caller's goroutine.
func (h *hookCaller) inline(point string, f func()) (ok bool) {
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
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
	// What a panic holds may be secret; what the runtime says is not.
	detail := fmt.Sprintf("a value of type %T", panicked)
	if err, ok := panicked.(runtime.Error); ok {
		detail = err.Error()
	}
	h.failed(point, "panic", detail, began)
	return false
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
