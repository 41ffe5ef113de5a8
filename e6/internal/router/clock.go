package router

import (
	"math/rand/v2"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// A clock measures the time since another time.
type clock interface {
	since(time.Time) time.Duration
}

// systemClock is the clock of the goroutines that are not the writer.
type systemClock struct{}

func (systemClock) since(t time.Time) time.Duration { return time.Since(t) }

// An observation is a value that the writer reads while it applies a message, and that the
// message does not hold: a counter of other goroutines, or a random number. A record holds
// all of them, so that a replay reads the same values.
type observation uint8

const (
	_ observation = iota
	observedInFlight
	observedNoneLeft
	observedAgreed
	observedRefresh
	observedJitter
	observedFirstStage
	observedHeld
	observedPending
	observedFirstQuery
	// observedElapsed: the wall clock was set between two times, so that their difference
	// is not the time that has passed. observedElapsedAt is before it: the number of the
	// measurement in its step.
	observedElapsedAt
	observedElapsed
)

// observe returns the value that read returns, or that it returned when the record was
// made. All that a decision depends on comes from here, from a message, or from the state
// of the writer.
func (w *writer) observe(what observation, read func() int64) int64 {
	if w.replaying != nil {
		return w.replaying.observed(what)
	}
	value := read()
	if w.recording != nil {
		w.recording.observed(what, value)
	}
	return value
}

func (w *writer) observeBool(what observation, read func() bool) bool {
	return w.observe(what, func() int64 {
		if read() {
			return 1
		}
		return 0
	}) != 0
}

// inFlight is the number of queries on a side.
func (w *writer) inFlight(side fsm.Side) int64 {
	return w.observe(observedInFlight, func() int64 { return w.pins.sum(side) })
}

// noQueryLeft is noneLeft for the writer.
func (w *writer) noQueryLeft() bool { return w.observeBool(observedNoneLeft, w.noneLeft) }

// isHeld reports whether the origin of a transition refuses. It is true for every
// transition once the client is closed.
func (w *writer) isHeld(t *transition) bool { return w.observeBool(observedHeld, t.held.isSet) }

// randomBelow returns a random time below most.
func (w *writer) randomBelow(what observation, most time.Duration) time.Duration {
	return time.Duration(w.observe(what, func() int64 { return rand.Int64N(int64(most)) }))
}

// since implements clock: the time from t to the begin of the step.
//
// The times of the router have a reading of the monotonic clock, those of a record have
// none. If the wall clock was set in between, they measure different times: then the
// measured time is an observation.
func (w *writer) since(t time.Time) time.Duration {
	w.measured++
	if w.replaying != nil {
		return w.replaying.elapsed(w.measured, w.now.Sub(t))
	}
	passed := w.now.Sub(t)
	if w.recording != nil {
		w.recording.elapsed(w.measured, passed, w.now.Round(0).Sub(t.Round(0)))
	}
	return passed
}

// after sends a message to the writer after a pause.
func (w *writer) after(pause time.Duration, m message) *time.Timer {
	rt := w.Router
	return w.timer(nameOf(m), pause, func() { rt.post(m) })
}

// timer calls a function after a pause. The function cannot reach the state of the writer.
func (w *writer) timer(name string, pause time.Duration, call func()) *time.Timer {
	w.decide("timer", name, "pause", pause)
	timer := time.AfterFunc(pause, call)
	if w.replaying != nil {
		timer.Stop() // the record has the message
	}
	return timer
}

// spawn runs a task on a new goroutine. The task gets the Router and cannot reach the
// state of the writer.
func (w *writer) spawn(name string, task func(*Router)) {
	w.decide("task", name)
	if w.replaying != nil {
		return // the record has the messages of the task
	}
	rt := w.Router
	w.tasks.Go(func() { task(rt) })
}
