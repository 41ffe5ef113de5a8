package e6

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/workers"
)

// hookEnv has the dependencies of all calls of hooks of a client.
type hookEnv struct {
	workers *workers.Pool
	bus     *events.Bus
	// panics returns the logger of panics.
	panics func() *slog.Logger
	calls  hookCalls
}

// hookCaller makes the calls of one hook, each within its budget.
type hookCaller struct {
	env  *hookEnv
	name string
	// turn is a semaphore for the one call that may run; nil for any number of calls.
	turn chan struct{}
	// inlineHook is the hook, if it reports which of its calls return at once.
	inlineHook hook.InlineHook

	abandoned  atomic.Int64 // calls that were abandoned and have not returned
	failures   atomic.Int64 // since the last event about them
	nextReport atomic.Int64 // not before, in nanoseconds
	nextStack  atomic.Int64 // not logged before, in nanoseconds
}

// reportEvery is the minimum time between two reports about one hook.
const reportEvery = time.Second

// call runs one call of the hook on a separate goroutine and waits for it. It reports
// false if the call did not return within the budget: it may still be running then, and
// the variables that f sets must not be read.
func (h *hookCaller) call(ctx context.Context, point string, budget time.Duration, f func()) bool {
	began := time.Now()
	if h.abandoned.Load() > 0 {
		h.failed(point, "busy", "an earlier call has not returned yet", began)
		return false
	}
	if h.inlineHook != nil && h.isInline(ctx, point) {
		return h.inline(point, f)
	}
	calls := &h.env.calls
	limit := calls.timer(budget)
	defer calls.stop(limit)
	if h.turn != nil {
		select {
		case h.turn <- struct{}{}:
		case <-limit.C:
			h.failed(point, "busy", "earlier calls took the whole budget", began)
			return false
		}
	}
	call := calls.get(h, point, f)
	h.env.workers.Go(ctx, call.make)
	ended := func(p any) bool {
		calls.put(call)
		return h.succeeded(point, p, began)
	}
	select {
	case p := <-call.ended:
		return ended(p)
	case <-limit.C:
	}
	h.abandoned.Add(1)
	if !call.state.CompareAndSwap(callRunning, callAbandoned) {
		h.abandoned.Add(-1) // it returned at the last moment
		return ended(<-call.ended)
	}
	h.failed(point, "overrun", "its budget is "+budget.String(), began)
	return false
}

// isInline reports whether the hook declares that the call returns at once. It is false if
// the hook panics.
func (h *hookCaller) isInline(ctx context.Context, point string) (inline bool) {
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			h.logPanic(point, p, debug.Stack())
			h.succeeded(point, p, began)
			inline = false
		}
	}()
	return h.inlineHook.Inline(ctx, point)
}

// inline makes a call that returns at once, on the caller's goroutine.
func (h *hookCaller) inline(point string, f func()) (ok bool) {
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			h.logPanic(point, p, debug.Stack())
			ok = h.succeeded(point, p, began)
		}
	}()
	f()
	return true
}

// succeeded reports whether a call that has returned did so without a panic, and reports
// the panic otherwise.
func (h *hookCaller) succeeded(point string, panicked any, began time.Time) bool {
	if panicked == nil {
		return true
	}
	h.failed(point, "panic", panicDetail(panicked), began)
	return false
}

// logPanic logs a panic with its stack: the first panic of a hook, and then at most one
// per second.
func (h *hookCaller) logPanic(point string, panicked any, stack []byte) {
	now, next := time.Now(), h.nextStack.Load()
	if now.UnixNano() < next || !h.nextStack.CompareAndSwap(next, now.Add(reportEvery).UnixNano()) {
		return
	}
	h.env.panics().Error("hook panicked", "component", events.ComponentHook, "hook", h.name, "point", point, "problem", panicDetail(panicked), "stack", string(stack))
}

// failed publishes a failed call, together with the failed calls since the last event.
func (h *hookCaller) failed(point, problem, detail string, began time.Time) {
	h.failures.Add(1)
	now, next := time.Now(), h.nextReport.Load()
	if now.UnixNano() < next || !h.nextReport.CompareAndSwap(next, now.Add(reportEvery).UnixNano()) {
		return
	}
	h.env.bus.Publish(fsm.Cause{Reason: fsm.ReasonHook}, events.HookFailed{
		Hook: h.name, Point: point, Problem: problem, Detail: detail, Took: time.Since(began), Count: h.failures.Swap(0),
	})
}
