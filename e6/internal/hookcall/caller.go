package hookcall

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/workers"
)

// Env has the dependencies of all calls of hooks of a client. The fields are required.
type Env struct {
	// Workers runs the calls.
	Workers *workers.Pool
	// Events is the bus to which HookFailed is published.
	Events *events.Bus
	// Panics returns the logger of panics.
	Panics func() *slog.Logger

	pool pool
}

// Caller makes the calls of one hook. Its methods may be called concurrently.
type Caller struct {
	env  *Env
	name string
	// semaphore is held by the one call that may run; nil for any number of calls.
	semaphore chan struct{}
	// inlineHook is the hook, if it reports which of its calls return at once.
	inlineHook hook.InlineHook

	abandoned  atomic.Int64 // calls that were abandoned and have not returned
	failures   atomic.Int64 // since the last event about them
	nextReport atomic.Int64 // not before, in nanoseconds
	nextStack  atomic.Int64 // not logged before, in nanoseconds
}

// NewCaller returns the Caller of a function that has that name in events. Calls of the
// function may overlap.
func (e *Env) NewCaller(name string) *Caller { return &Caller{env: e, name: name} }

// reportEvery is the minimum time between two reports about one hook.
const reportEvery = time.Second

// Call runs one call of the hook on a pooled goroutine and waits for it. It reports false
// if f panicked or did not return within the budget: f may still be running then, and the
// variables that f sets must not be read. A hook.InlineHook may declare that the call
// returns at once; f then runs on the goroutine of Call, without a budget.
func (c *Caller) Call(ctx context.Context, point string, budget time.Duration, f func()) bool {
	began := time.Now()
	if c.mayInline(ctx, point, began) {
		return c.inline(point, began, f)
	}
	return c.callPooled(ctx, point, began, budget, f)
}

// callPooled is Call for a call that may block.
func (c *Caller) callPooled(ctx context.Context, point string, began time.Time, budget time.Duration, f func()) bool {
	if c.abandoned.Load() > 0 {
		c.failed(point, "busy", "an earlier call has not returned yet", began)
		return false
	}
	pool := &c.env.pool
	limit := pool.timer(budget)
	defer pool.stop(limit)
	if c.semaphore != nil {
		select {
		case c.semaphore <- struct{}{}:
		case <-limit.C:
			c.failed(point, "busy", "earlier calls took the whole budget", began)
			return false
		}
	}
	call := pool.get(c, point, f)
	c.env.Workers.Go(ctx, call.make)
	ended := func(p any) bool {
		pool.put(call)
		return c.succeeded(point, p, began)
	}
	select {
	case p := <-call.ended:
		return ended(p)
	case <-limit.C:
	}
	c.abandoned.Add(1)
	if !call.state.CompareAndSwap(callRunning, callAbandoned) {
		c.abandoned.Add(-1) // it returned at the last moment
		return ended(<-call.ended)
	}
	c.failed(point, "overrun", "its budget is "+budget.String(), began)
	return false
}

// mayInline reports whether a call may be made on the caller's goroutine: the hook declares
// that it returns at once, and no earlier call was abandoned.
func (c *Caller) mayInline(ctx context.Context, point string, began time.Time) bool {
	return c.inlineHook != nil && c.abandoned.Load() == 0 && c.isInline(ctx, point, began)
}

// panicked logs and publishes the panic of a call on its caller's goroutine. It returns false.
func (c *Caller) panicked(point string, p any, began time.Time) bool {
	c.LogPanic(point, p, debug.Stack())
	return c.succeeded(point, p, began)
}

// isInline reports whether the hook declares that the call returns at once. It is false if
// the hook panics.
func (c *Caller) isInline(ctx context.Context, point string, began time.Time) (inline bool) {
	defer func() {
		if p := recover(); p != nil {
			c.panicked(point, p, began)
			inline = false
		}
	}()
	return c.inlineHook.Inline(ctx, point)
}

// inline makes a call that returns at once, on the caller's goroutine.
func (c *Caller) inline(point string, began time.Time, f func()) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			ok = c.panicked(point, p, began)
		}
	}()
	f()
	return true
}

// Protect calls f on the goroutine of its caller, without a budget. A panic, or the end of
// the goroutine by runtime.Goexit, becomes an error; it is logged with its stack and
// published as HookFailed.
func (c *Caller) Protect(point string, f func() error) (err error) {
	began, returned := time.Now(), false
	defer func() {
		p := recover()
		if returned {
			return
		}
		c.LogPanic(point, p, debug.Stack())
		c.failed(point, "panic", PanicDetail(p), began)
		err = fmt.Errorf("%s panicked: %s: the log has the stack", c.name, PanicDetail(p))
	}()
	err = f()
	returned = true
	return err
}

// succeeded reports whether a call that has returned did so without a panic, and publishes
// the panic otherwise.
func (c *Caller) succeeded(point string, panicked any, began time.Time) bool {
	if panicked == nil {
		return true
	}
	c.failed(point, "panic", PanicDetail(panicked), began)
	return false
}

// failed publishes a failed call, together with the failed calls since the last event.
func (c *Caller) failed(point, problem, detail string, began time.Time) {
	c.failures.Add(1)
	now, next := time.Now(), c.nextReport.Load()
	if now.UnixNano() < next || !c.nextReport.CompareAndSwap(next, now.Add(reportEvery).UnixNano()) {
		return
	}
	c.env.Events.Publish(fsm.Cause{Reason: fsm.ReasonHook}, events.HookFailed{
		Hook: c.name, Point: point, Problem: problem, Detail: detail, Took: time.Since(began), Count: c.failures.Swap(0),
	})
}
