package hookcall

import (
	"fmt"
	"runtime"
	"time"

	"github.com/e6data/e6data-go/e6/events"
)

// LogPanic logs a panic with its stack: the first panic of a hook, and then at most one
// per second.
func (c *Caller) LogPanic(point string, panicked any, stack []byte) {
	now, next := time.Now(), c.nextStack.Load()
	if now.UnixNano() < next || !c.nextStack.CompareAndSwap(next, now.Add(reportEvery).UnixNano()) {
		return
	}
	c.env.Panics().Error("hook panicked", "component", events.ComponentHook, "hook", c.name, "point", point, "problem", PanicDetail(panicked), "stack", string(stack))
}

// PanicDetail returns the text of a panic for events. A value of the application may hold a
// secret, so only its type is returned; a runtime.Error holds none. Nil is the end of the
// goroutine by runtime.Goexit.
func PanicDetail(p any) string {
	if p == nil {
		return "it ended its goroutine"
	}
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a value of type %T", p)
}
