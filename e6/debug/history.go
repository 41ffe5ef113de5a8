package debug

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/timeline"
)

const (
	// readEvery is the least time between two reads of the recording, and readShare the
	// most time that reads take, as a part of all time.
	readEvery = time.Second
	readShare = 10
	// maxDraws limits the timelines and reports that are made at a time.
	maxDraws = 2
)

// history reads the flight recording for the requests of all pages. It does nothing while there
// are none.
type history struct {
	read  func() (*recorder.Recording, error)
	over  <-chan struct{} // closed when the client is
	draws chan struct{}   // a slot for each request that is drawn

	mu   sync.Mutex
	last *snapshot
	next time.Time // of the next read
}

func newHistory(r *recorder.Recorder, over <-chan struct{}) *history {
	return &history{read: r.Recording, over: over, draws: make(chan struct{}, maxDraws)}
}

// begin waits for a slot, and returns how to release it.
func (h *history) begin(ctx context.Context) (end func(), err error) {
	select {
	case h.draws <- struct{}{}:
		return func() { <-h.draws }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// snapshot returns the recording as it was at most a moment ago.
func (h *history) snapshot() (*snapshot, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	began := time.Now()
	if h.last != nil && began.Before(h.next) {
		return h.last, nil
	}
	r, err := h.read()
	if err != nil {
		return nil, fmt.Errorf("the flight recording cannot be read: %w", err)
	}
	s := newSnapshot(r, began)
	select {
	case <-h.over:
		s.now = s.end // nothing is added any more
	default:
	}
	h.last = s
	h.next = began.Add(max(readEvery, readShare*time.Since(began)))
	return s, nil
}

// A snapshot is the recording at a time, with what the requests need of it. It is immutable,
// but for its drawings.
type snapshot struct {
	recording *recorder.Recording
	// first and now are the begin and the end of the recorded history, and end is the time of
	// the last entry.
	first, now, end time.Time
	phases          []timeline.Phase
	changes         []change

	mu       sync.Mutex
	drawings map[string][]byte // by the parameters of the request
}

// maxDrawings limits the drawings that are kept for other pages.
const maxDrawings = 16

// A change is a change of the active side.
type change struct {
	// At is rounded up to a millisecond: scripts have no finer times, and the state at this
	// time must be the one after the change.
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

func newSnapshot(r *recorder.Recording, now time.Time) *snapshot {
	s := &snapshot{recording: r, first: now, now: now, drawings: make(map[string][]byte)}
	for _, e := range r.Entries {
		if e.Time.Before(s.first) {
			s.first = e.Time
		}
		if e.Time.After(s.end) {
			s.end = e.Time
		}
		if d, ok := e.Data.(recorder.Event); ok && d.Kind == events.KindStrategyChanged {
			at := e.Time.Truncate(time.Millisecond).Add(time.Millisecond)
			s.changes = append(s.changes, change{at, timeline.EventText(d)})
		}
	}
	s.phases = timeline.Phases(r.Entries, now)
	return s
}

// phaseAt is the state at a time, the one that was recorded last if the clock was set back.
func (s *snapshot) phaseAt(at time.Time) *timeline.Phase {
	for i := len(s.phases) - 1; i >= 0; i-- {
		if p := &s.phases[i]; !p.From.After(at) && !p.To.Before(at) {
			return p
		}
	}
	return nil
}

// around are the changes next to a time.
func (s *snapshot) around(at time.Time) (previous, next *change) {
	for i := range s.changes {
		c := &s.changes[i]
		if c.At.Before(at) && (previous == nil || c.At.After(previous.At)) {
			previous = c
		}
		if c.At.After(at) && (next == nil || c.At.Before(next.At)) {
			next = c
		}
	}
	return previous, next
}

// drawing returns a drawing that was made for another request with the same parameters.
func (s *snapshot) drawing(key string, draw func() ([]byte, error)) ([]byte, error) {
	s.mu.Lock()
	body, ok := s.drawings[key]
	s.mu.Unlock()
	if ok {
		return body, nil
	}
	body, err := draw()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.drawings) < maxDrawings {
		s.drawings[key] = body
	}
	return body, nil
}
