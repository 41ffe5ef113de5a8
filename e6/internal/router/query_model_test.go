package router_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// A modelQuery does what a query of the client does (e6/query.go and
// e6/execution.go): pin, session, one call, unpin; a refused call starts it over
// on the side that accepts, and it unpins the old side after it has pinned the new one.
type modelQuery struct {
	w    *world
	name string
	torn bool

	// The current step. It changes only between two gates.
	state    string
	read     *router.Routing // some time ago, by a torn pin
	pin      router.Pin
	pinned   bool
	left     router.Pin   // where it was refused
	leaves   bool         // it is still counted there
	at       router.Stamp // of the call that is under way
	sent     bool
	failures uint64 // detections that had failed when it began to wait
	ends     int
	err      error
}

func (q *modelQuery) print() string {
	text := "query " + q.state
	if q.pinned {
		text += " " + q.pin.Side.String()
	}
	if q.read != nil {
		text += fmt.Sprintf(" %s %s %t", q.read.Active, q.w.Ago(router.Stamp{Epoch: q.read.Epoch, Transition: q.read.Transition}), q.read == q.w.Routing())
	}
	if q.leaves {
		text += " leaves " + q.left.Side.String()
	}
	if q.sent {
		text += " sent " + q.w.Ago(q.at)
	}
	if q.state == "waits" {
		text += fmt.Sprintf(" failed=%t", q.w.Routing().Failures > q.failures)
	}
	if q.ends > 0 {
		text += fmt.Sprintf(" err=%t", q.err != nil)
	}
	return text
}

// step waits until the schedule lets the query do what comes next.
func (q *modelQuery) step(what string) (verdict, bool) {
	q.state = what
	v, ok := q.w.pass(context.Background(), q.name, what, nil)
	q.state = "waits"
	return v, ok
}

func (q *modelQuery) run(ctx context.Context) {
	if _, ok := q.step("pin"); !ok {
		return
	}
	if q.pinned, q.err = q.start(ctx); !q.pinned {
		q.finish()
		return
	}
	defer func() {
		q.w.Unpin(q.pin)
		q.pinned = false
		q.finish()
	}()
	for {
		again, ok := q.attempt(ctx)
		if !again {
			if ok {
				q.step("unpin")
			}
			return
		}
		if _, ok := q.step("pin again"); !ok {
			return
		}
		q.failures = q.w.Routing().Failures
		p, err := q.w.PinAgain(ctx)
		if q.err = err; err != nil {
			return
		}
		q.w.monitor.pinned(q.w, p)
		q.left, q.leaves, q.pin = q.pin, true, p
		_, ok = q.step("leave")
		q.w.Unpin(q.left)
		if q.leaves = false; !ok {
			return
		}
	}
}

func (q *modelQuery) finish() { q.state = "ended"; q.ends++ }

// start pins the query.
func (q *modelQuery) start(ctx context.Context) (bool, error) {
	q.failures = q.w.Routing().Failures
	for q.torn {
		r := q.w.Routing()
		if !r.Takes() {
			break
		}
		q.read = r
		_, ok := q.step("count in")
		if q.read = nil; !ok {
			return false, context.Canceled
		}
		if p, ok := q.w.PinOld(r); ok {
			q.pin = p
			q.w.monitor.pinned(q.w, p)
			return true, nil
		}
	}
	p, err := q.w.Pin(ctx)
	if err != nil {
		return false, err
	}
	q.pin = p
	q.w.monitor.pinned(q.w, p)
	return true, nil
}

// attempt makes the query's call. It reports whether the query is replayed, and
// whether the schedule continues.
func (q *modelQuery) attempt(ctx context.Context) (again, ok bool) {
	if _, ok := q.step("session"); !ok {
		return false, false
	}
	s, err := q.w.Sessions().Get(ctx, q.pin.Side)
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		q.w.monitor.refused(q.w, refused.side, refused.at)
		return true, true
	case err != nil:
		q.err = err
		return false, true
	case s.ID != q.pin.Side.String():
		q.w.blame("%s is pinned to %s and got a session of %s", q.name, q.pin.Side, s.ID)
	}
	if _, ok := q.step("send"); !ok {
		return false, false
	}
	q.at, q.sent = q.w.Stamp(), true
	v, ok := q.step("answer")
	q.sent = false
	switch {
	case !ok:
		return false, false
	case v.err != nil:
		q.err = v.err
		_ = q.w.Failed(ctx, q.pin.Side, q.at, "lost")
	case !q.w.isOpen(q.pin.Side):
		q.w.monitor.refused(q.w, q.pin.Side, q.at)
		return true, true
	case q.pin.Side == fsm.Blue && q.w.naming.Valid():
		q.w.Announced(ctx, q.pin.Side, q.at, q.w.naming)
	}
	return false, true
}
