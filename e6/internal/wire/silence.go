package wire

import (
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// A silence detects a side that answers no call, also if all callers cancel early. It
// measures the time since the last answer of the side while calls are outstanding;
// pauses between calls do not count. It costs a call one atomic addition: a timer, which
// runs only while there are calls, does the rest.
type silence struct {
	*counts
	side   fsm.Side
	limit  time.Duration // 0 turns it off
	stamp  func() Stamp
	report func(side fsm.Side, at Stamp, silent time.Duration)

	mu       sync.Mutex
	timer    *time.Timer
	closed   bool
	looked   time.Time     // time of the last measurement
	silent   time.Duration // since the last answer, with calls outstanding
	at       Stamp         // of the begin of the silence
	answered int64         // counts.answered at the begin of the silence
	ended    int64         // counts.unanswered at the last measurement
}

// looksPerLimit is the number of measurements within the limit.
const looksPerLimit = 16

// begin counts a call that is sent.
func (s *silence) begin() {
	s.calls.Add(1)
	if s.limit > 0 && !s.watched.Load() {
		s.watch()
	}
}

// end counts the end of a call. A response of an ingress in place of the engine is no
// answer, unless it is a refusal.
func (s *silence) end(answered bool) {
	if answered {
		s.counts.answered.Add(1)
	} else {
		s.unanswered.Add(1)
	}
}

// watch starts the timer for the first call after a pause.
func (s *silence) watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.watched.Load() {
		return
	}
	s.watched.Store(true)
	s.looked = time.Now()
	s.isBroken()
	if pause := s.limit / looksPerLimit; s.timer == nil {
		s.timer = time.AfterFunc(pause, s.look)
	} else {
		s.timer.Reset(pause)
	}
}

// isBroken restarts the measurement if there was an answer since the last one, or if a new
// epoch has begun: silence in an earlier epoch does not count.
func (s *silence) isBroken() bool {
	at, answered := s.stamp(), s.counts.answered.Load()
	if answered == s.answered && at.Epoch == s.at.Epoch {
		return false
	}
	s.silent, s.at, s.answered = 0, at, answered
	return true
}

// look measures the silence and reports it when it reaches the limit, and again after each
// further limit.
func (s *silence) look() {
	silent, since, over := s.measure()
	if over {
		s.report(s.side, since, silent)
	}
}

func (s *silence) measure() (silent time.Duration, since Stamp, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, Stamp{}, false
	}
	now, ended := time.Now(), s.unanswered.Load()
	waiting := s.outstanding() > 0 || ended != s.ended
	if !s.isBroken() && waiting {
		s.silent += now.Sub(s.looked)
	}
	s.looked, s.ended = now, ended
	silent, since, over = s.silent, s.at, s.silent >= s.limit
	if over {
		s.silent = 0
	}
	// Clear watched first and check for outstanding calls afterwards. In the reverse order
	// a call could be missed:
	//  1. measure finds no outstanding call.
	//  2. begin counts a call, and finds watched set, so it does not start the timer.
	//  3. measure clears watched, and no timer runs.
	if s.watched.Store(false); waiting || s.outstanding() > 0 {
		s.watched.Store(true)
		s.timer.Reset(s.limit / looksPerLimit)
	}
	return silent, since, over
}

// outstanding is the number of calls in flight, never too small: the ended ones are
// counted before the started ones.
func (s *silence) outstanding() int64 {
	ended := s.counts.answered.Load() + s.unanswered.Load()
	return s.calls.Load() - ended
}

// close stops the timer.
func (s *silence) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
