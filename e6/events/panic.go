package events

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// SubscriberPanicked: a subscriber panicked, or ended its goroutine. It goes on with
// the next event. All other subscribers get this event. A panic on an event of this
// kind is logged and counted, and has no event: two subscribers that always panic
// would never end.
type SubscriberPanicked struct {
	// OnSeq and OnEvent are the number and the kind of the event that it was called
	// with.
	OnSeq   uint64
	OnEvent Kind
	// Problem is the text of a runtime error, and otherwise only the type of the value
	// that it panicked with: the value itself may be secret.
	Problem string
	// Stack is the stack of the goroutine. It holds names of functions, files and
	// lines, and no text that the program works on.
	Stack string
	// Count is how many panics of the subscriber this event stands for: beyond 16 in a
	// second they are told together.
	Count int64
}

// Kind implements Data.
func (SubscriberPanicked) Kind() Kind { return KindSubscriberPanicked }

func (SubscriberPanicked) sealed() {}

// String says what happened in one line. The stack is not in it.
func (d SubscriberPanicked) String() string {
	s := fmt.Sprintf("a subscriber panicked on event %d (%s)", d.OnSeq, d.OnEvent)
	if d.Count > 1 {
		s += fmt.Sprintf(", %d times", d.Count)
	}
	return s + ": " + d.Problem
}

func (SubscriberPanicked) message() string { return "subscriber panicked" }

func (d SubscriberPanicked) attrs(a *attrs) {
	a.add(slog.Uint64("on_seq", d.OnSeq))
	a.text("on_event", string(d.OnEvent))
	a.text("problem", d.Problem)
	a.text("stack", d.Stack)
	a.add(slog.Int64("count", d.Count))
}

// panicBurst is how many panics of a subscriber are told one by one in a second.
const panicBurst = 16

// panics is what a subscriber knows of its own panics. Only its goroutine uses it.
type panics struct {
	second time.Time // when the present second began
	told   int       // in it
	held   int64     // not told yet
}

// tell reports whether the panic that was just counted is to be told.
func (p *panics) tell(now time.Time) bool {
	p.held++
	if now.Sub(p.second) >= time.Second {
		p.second, p.told = now, 0
	}
	if p.told++; p.told > panicBurst {
		return false
	}
	return true
}

// call calls the subscriber. It reports, counts and survives its panic.
func (s *subscriber) call(e Event) {
	returned := false
	defer func() {
		problem := recover()
		if returned {
			return
		}
		s.bus.panics.Add(1)
		now := time.Now()
		if !s.panics.tell(now) {
			return
		}
		d := SubscriberPanicked{
			OnSeq: e.Seq, OnEvent: e.Kind(), Problem: describePanic(problem), Stack: string(debug.Stack()), Count: s.panics.held,
		}
		s.panics.held = 0
		s.bus.tellPanic(s, e, d, now)
	}()
	s.fn(e)
	returned = true
}

// describePanic is what a panic may be known by. Only what the runtime says is sure to
// hold no secret.
func describePanic(value any) string {
	if value == nil {
		return "it ended its goroutine (runtime.Goexit)"
	}
	if err, ok := value.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a value of type %T", value)
}

// tellPanic publishes and logs a panic of a subscriber.
func (b *Bus) tellPanic(s *subscriber, on Event, d SubscriberPanicked, now time.Time) {
	cause := fsm.Cause{Reason: fsm.ReasonHook, Trace: on.Cause.Trace}
	told := Event{Time: now, Cluster: b.opts.Cluster, Cause: cause, Data: d}
	if on.Kind() != KindSubscriberPanicked {
		if published := b.publish(cause, d, s); published.Data != nil {
			told = published
		}
	}
	// A handler that panics, perhaps as it is the subscriber, gets no second chance.
	if b.opts.OnPanic == nil || !survives(func() { b.opts.OnPanic(told) }) {
		survives(func() { logDefault(told) })
	}
}

// survives reports whether a call came to its end without a panic.
func survives(call func()) (ok bool) {
	defer func() { ok = recover() == nil && ok }()
	call()
	return true
}

// logDefault writes an event to the default logger of package slog.
func logDefault(e Event) {
	slog.Default().LogAttrs(context.Background(), e.Level(), e.Message(), e.Attrs()...)
}
