package hookcall

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/internal/workers"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/lockedbuffer"
)

const (
	point  = "point of the test"
	budget = 50 * time.Millisecond
)

// rig is the Env of a test, with the log of panics.
type rig struct {
	*Env
	log lockedbuffer.Buffer
}

// inBubble runs a test with a rig. The bubble ends only when every goroutine of the hooks
// has ended.
func inBubble(t *testing.T, test func(t *testing.T, r *rig)) {
	bubbles.Test(t, func(t *testing.T) {
		r := &rig{}
		log := slog.New(slog.NewTextHandler(&r.log, nil))
		r.Env = &Env{Workers: &workers.Pool{}, Events: events.NewBus(events.Options{}), Panics: func() *slog.Logger { return log }}
		test(t, r)
		r.Workers.End()
		r.Events.Close()
	})
}

// failures are the HookFailed events so far.
func (r *rig) failures() (all []events.HookFailed) {
	for _, e := range r.Events.History() {
		if failed, ok := e.Data.(events.HookFailed); ok {
			all = append(all, failed)
		}
	}
	return all
}

// call makes a call within the budget, and returns its result and how long it took.
func call(t *testing.T, c *Caller, f func()) (bool, time.Duration) {
	began := time.Now()
	ok := c.Call(t.Context(), point, budget, f)
	return ok, time.Since(began)
}

func TestCall_PanicIsReportedWithoutItsText(t *testing.T) {
	var none []int
	for name, fail := range map[string]func(){
		"a text":          func() { panic("planted secret") },
		"an error":        func() { panic(errors.New("planted secret")) },
		"a runtime error": func() { _ = none[len(none)] },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				c := r.NewCaller("hook of the test")
				for range 6 {
					ok, took := call(t, c, fail)
					require.False(t, ok)
					require.Zero(t, took)
				}
				failed := r.failures()
				require.Len(t, failed, 1, "at most one event per second")
				require.Equal(t, "panic", failed[0].Problem)
				require.Equal(t, point, failed[0].Point)
				require.Equal(t, "hook of the test", failed[0].Hook)
				require.NotContains(t, failed[0].String(), "planted")
				require.Equal(t, 1, strings.Count(r.log.String(), "hook panicked"), "at most one stack per second")
				require.Contains(t, r.log.String(), "caller_test.go", "the stack names the function")
				require.NotContains(t, r.log.String(), "planted")

				time.Sleep(2 * reportEvery)
				call(t, c, fail)
				failed = r.failures()
				require.Len(t, failed, 2)
				require.EqualValues(t, 6, failed[1].Count, "the calls without an event are counted")
			})
		})
	}
}

func TestCall_GoexitEndsOnlyTheCall(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.NewCaller("")
		for range 5 {
			ok, took := call(t, c, runtime.Goexit)
			require.True(t, ok, "Goexit is no panic")
			require.Zero(t, took)
		}
		require.Empty(t, r.failures())
	})
}

func TestCall_OverrunCostsTheBudgetOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c, release := r.NewCaller(""), make(chan struct{})
		stuck := func() { <-release }
		ok, took := call(t, c, stuck)
		require.False(t, ok)
		require.Equal(t, budget, took)
		for range 10 {
			ok, took = call(t, c, func() { t.Error("the hook is called before its earlier call has returned") })
			require.False(t, ok)
			require.Zero(t, took)
		}
		failed := r.failures()
		require.Len(t, failed, 1)
		require.Equal(t, "overrun", failed[0].Problem)
		require.Equal(t, budget, failed[0].Took)
		time.Sleep(2 * reportEvery)
		call(t, c, stuck)
		failed = r.failures()
		require.Equal(t, "busy", failed[1].Problem)
		require.EqualValues(t, 11, failed[1].Count)

		close(release)
		synctest.Wait()
		ok, took = call(t, c, func() {})
		require.True(t, ok, "the hook is called again after its call has returned")
		require.Zero(t, took)
	})
}

func TestCall_PanicOfAnAbandonedCallIsLogged(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.NewCaller("")
		ok, _ := call(t, c, func() {
			time.Sleep(2 * budget)
			panic("late")
		})
		require.False(t, ok)
		time.Sleep(2 * budget)
		require.Contains(t, r.log.String(), "hook panicked")
		ok, _ = call(t, c, func() {})
		require.True(t, ok)
	})
}

// overlap counts the calls of it that run at the same time.
type overlap struct {
	mu       sync.Mutex
	now, max int
}

func (o *overlap) call() {
	o.mu.Lock()
	o.now++
	o.max = max(o.max, o.now)
	o.mu.Unlock()
	time.Sleep(time.Millisecond)
	o.mu.Lock()
	o.now--
	o.mu.Unlock()
}

// callAtOnce makes n calls at the same time and returns how many succeeded.
func callAtOnce(t *testing.T, c *Caller, n int, f func()) (succeeded int) {
	results := make(chan bool, n)
	for range n {
		go func() {
			ok, _ := call(t, c, f)
			results <- ok
		}()
	}
	for range n {
		if <-results {
			succeeded++
		}
	}
	return succeeded
}

func TestCall_SerialCallsNeverOverlap(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var o overlap
		c := serial(r.Env, []string{"hook"})[0].Caller
		require.Equal(t, 40, callAtOnce(t, c, 40, o.call), "40 calls of 1 ms fit into a budget of 50 ms")
		require.Equal(t, 1, o.max)
		require.Empty(t, r.failures())
	})
}

func TestCall_WaitForASerialHookIsPartOfTheBudget(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := serial(r.Env, []string{"hook"})[0].Caller
		slow, began := func() { time.Sleep(budget * 3 / 5) }, time.Now()
		require.Equal(t, 1, callAtOnce(t, c, 3, slow), "the first; the second overruns, the third never starts")
		require.Equal(t, budget, time.Since(began))
		require.NotEmpty(t, r.failures())
		time.Sleep(budget)
		ok, _ := call(t, c, func() {})
		require.True(t, ok)
	})
}

func TestCall_ConcurrentCallsOverlap(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var o overlap
		c := Concurrent(r.Env, []string{"hook"})[0].Caller
		require.Equal(t, 64, callAtOnce(t, c, 64, o.call))
		require.Equal(t, 64, o.max)
	})
}

// inlineHook is a hook whose calls at the point of the test return at once.
type inlineHook struct{ inline func() bool }

func (h inlineHook) Inline(_ context.Context, p string) bool { return p == point && h.inline() }

// onGoroutineOf reports whether it runs on the goroutine that has the function on its stack.
func onGoroutineOf(function string) bool {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs[:])])
	for f, more := frames.Next(); more; f, more = frames.Next() {
		if f.Function == function {
			return true
		}
	}
	return false
}

func TestCall_InlineRunsOnTheGoroutineOfItsCaller(t *testing.T) {
	const function = "github.com/e6data/e6data-go/e6/internal/hookcall.(*Caller).Call"
	inBubble(t, func(t *testing.T, r *rig) {
		c := Concurrent(r.Env, []inlineHook{{func() bool { return true }}})[0].Caller
		var inline, other bool
		require.True(t, c.Call(t.Context(), point, budget, func() { inline = onGoroutineOf(function) }))
		require.True(t, c.Call(t.Context(), "another point", budget, func() { other = onGoroutineOf(function) }))
		require.True(t, inline)
		require.False(t, other)
		require.False(t, c.Call(t.Context(), point, budget, func() { panic("inline") }))
		require.Equal(t, "panic", r.failures()[0].Problem)

		bad := Concurrent(r.Env, []inlineHook{{func() bool { panic("in Inline") }}})[0].Caller
		require.True(t, bad.Call(t.Context(), point, budget, func() { inline = onGoroutineOf(function) }))
		require.False(t, inline, "a hook that panics in Inline is called on another goroutine")
		require.Len(t, r.failures(), 2)
	})
}

func TestProtect_MakesAnErrorOfAPanic(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.NewCaller("WithDialer")
		cause := errors.New("no panic")
		require.Equal(t, cause, c.Protect(point, func() error { return cause }))
		require.Empty(t, r.failures())

		err := c.Protect(point, func() error { panic("planted secret") })
		require.EqualError(t, err, "WithDialer panicked: a value of type string: the log has the stack")
		require.Contains(t, r.log.String(), "hook panicked")
		require.Len(t, r.failures(), 1)

		ended := make(chan struct{})
		go func() {
			defer close(ended)
			err = c.Protect(point, func() error { runtime.Goexit(); return nil })
		}()
		<-ended
		time.Sleep(2 * reportEvery)
		_ = c.Protect(point, func() error { panic("again") })
		require.EqualValues(t, 2, r.failures()[1].Count, "the end of a goroutine counts too")
	})
}

func BenchmarkCall(b *testing.B) {
	env := &Env{Workers: &workers.Pool{}, Events: events.NewBus(events.Options{})}
	defer env.Workers.End()
	defer env.Events.Close()
	c, f := env.NewCaller(""), func() {}
	b.ReportAllocs()
	for b.Loop() {
		c.Call(b.Context(), point, time.Minute, f)
	}
}
