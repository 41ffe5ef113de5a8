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

// panicBurst is the number of panics of a subscriber in a second that are reported one by
// one.
const panicBurst = 16

// panics limits the reports about the panics of a subscriber. Only the goroutine of the
// subscriber uses it.
type panics struct {
	second   time.Time // the start of the current second
	reported int       // in the current second
	pending  int64     // not reported yet
}

// add counts a panic and returns whether to report the pending ones now.
func (p *panics) add(now time.Time) bool {
	p.pending++
	if now.Sub(p.second) >= time.Second {
		p.second, p.reported = now, 0
	}
	p.reported++
	return p.reported <= panicBurst
}

// call calls the subscriber. It recovers, counts and reports a panic.
func (s *subscriber) call(e Event) {
	returned := false
	defer func() {
		problem := recover()
		if returned {
			return
		}
		s.bus.panics.Add(1)
		now := time.Now()
		if !s.panics.add(now) {
			return
		}
		d := SubscriberPanicked{
			OnSeq: e.Seq, OnEvent: e.Kind(), Problem: describePanic(problem), Stack: string(debug.Stack()), Count: s.panics.pending,
		}
		s.panics.pending = 0
		s.bus.reportPanic(s, e, d, now)
	}()
	s.fn(e)
	returned = true
}

// describePanic describes a panic without a secret: with the text of a runtime error, or
// with the type of any other value.
func describePanic(value any) string {
	if value == nil {
		return "the goroutine was ended (runtime.Goexit)"
	}
	if err, ok := value.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a value of type %T", value)
}

// reportPanic publishes and logs a panic of a subscriber.
func (b *Bus) reportPanic(s *subscriber, on Event, d SubscriberPanicked, now time.Time) {
	cause := fsm.Cause{Reason: fsm.ReasonHook, Trace: on.Cause.Trace}
	report := Event{Time: now, Address: b.opts.Address, Cluster: b.opts.Cluster, Cause: cause, Data: d}
	if on.Kind() != KindSubscriberPanicked {
		if published := b.publish(cause, d, s); published.Data != nil {
			report = published
		}
	}
	// OnPanic may be the function that panicked: then the default logger gets the record.
	if b.opts.OnPanic == nil || !survives(func() { b.opts.OnPanic(report) }) {
		survives(func() { logDefault(report) })
	}
}

// survives reports whether a call returned without a panic.
func survives(call func()) (ok bool) {
	defer func() { ok = recover() == nil && ok }()
	call()
	return true
}

// logDefault writes an event to the default logger of package slog.
func logDefault(e Event) {
	slog.Default().LogAttrs(context.Background(), e.Level(), e.Message(), e.Attrs()...)
}
