package wire

import (
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// A silence notices a side that answers no call, whoever gives up on the calls. It
// measures the time since the last answer of the side, as long as calls are
// outstanding; the pauses between calls do not count. A call costs it one atomic
// addition: the time is looked at by a timer, which runs only while there are calls.
type silence struct {
	*counts
	side   fsm.Side
	limit  time.Duration // 0 turns it off
	stamp  func() Stamp
	report func(side fsm.Side, at Stamp, silent time.Duration)

	mu       sync.Mutex
	timer    *time.Timer
	closed   bool
	looked   time.Time     // when the timer last looked
	silent   time.Duration // since the last answer, with calls outstanding
	at       Stamp         // when the silence began
	answered int64         // by then
	ended    int64         // by the last look
}

// looksPerLimit is how often the timer looks in the time that a silence may last.
const looksPerLimit = 16

// begin counts a call that is sent.
func (s *silence) begin() {
	s.calls.Add(1)
	if s.limit > 0 && !s.watched.Load() {
		s.watch()
	}
}

// end counts the end of a call. What an ingress says in the place of an engine is no
// answer, except that it refuses.
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

// isBroken begins to measure anew if there was an answer since the last look, or a
// new epoch: what a side did in an earlier one says nothing about this one.
func (s *silence) isBroken() bool {
	at, answered := s.stamp(), s.counts.answered.Load()
	if answered == s.answered && at.Epoch == s.at.Epoch {
		return false
	}
	s.silent, s.at, s.answered = 0, at, answered
	return true
}

// look measures the silence, and reports one that has reached the limit: once
// whenever the limit has passed again.
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
	// A call that still saw a timer that runs is outstanding now.
	if s.watched.Store(false); waiting || s.outstanding() > 0 {
		s.watched.Store(true)
		s.timer.Reset(s.limit / looksPerLimit)
	}
	return silent, since, over
}

// outstanding is the number of calls that have not ended, and never too small.
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
