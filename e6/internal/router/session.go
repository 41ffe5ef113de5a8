package router

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
)

// Session is a login on one side. It is never sent to the other one.
type Session struct {
	// ID is the session ID of the engine.
	ID string
	// Generation numbers the sessions of a side. An error about an older
	// generation does not affect the current one.
	Generation uint64
}

// Sessions holds one session for each side. Its methods may be called by any
// goroutine.
type Sessions struct {
	rt    *Router
	mu    sync.Mutex
	sides [1 + len(fsm.Sides)]sessionSlot
	// denied has a bit for each side with denials > 0. Accepted reads it first, so that
	// it needs no lock for nearly every response.
	denied atomic.Uint32
}

type sessionSlot struct {
	current Session // the zero ID if there is none
	opening *opening
	opened  time.Time // when the current session, or the last one, was opened
	denials int       // sessions in a row that were denied before a call succeeded with them
	expired bool      // the last session was denied
	renewal bool      // the current session replaces a denied one
}

// loginPauses is the backoff between the logins on a side that denies every session. The
// first renewal has no pause.
var loginPauses = backoff.Policy{Base: 100 * time.Millisecond, Max: 1600 * time.Millisecond}

// pause is the time until the next login may start. The caller holds the lock.
func (s *sessionSlot) pause() time.Duration {
	if s.denials < 2 {
		return 0
	}
	return time.Until(s.opened.Add(loginPauses.LongPause(s.denials - 2)))
}

// An opening is a login in flight, which all callers that need a session share.
type opening struct {
	done    chan struct{}
	session Session
	err     error
}

func newSessions(rt *Router) *Sessions { return &Sessions{rt: rt} }

// Get returns the session of a side. If there is none, it opens one: all callers share
// one login on the context of the client, and each waits within its own ctx. The caller
// must have a Pin on that side.
func (s *Sessions) Get(ctx context.Context, side fsm.Side) (Session, error) {
	s.mu.Lock()
	slot := &s.sides[side]
	if slot.current.ID != "" {
		defer s.mu.Unlock()
		return slot.current, nil
	}
	o, join, pause := slot.opening, slot.opening != nil, slot.pause()
	if !join {
		o = &opening{done: make(chan struct{})}
		slot.opening = o
	}
	s.mu.Unlock()
	if !join {
		cause := causeOf(ctx, fsm.ReasonFirstUse, "a session is needed")
		s.rt.post(&sessionNeeded{o, side, cause, pause}) // only the writer starts tasks: none starts after Close
	}
	return o.wait(ctx, s.rt)
}

func (o *opening) wait(ctx context.Context, rt *Router) (Session, error) {
	select {
	case <-o.done:
		return o.session, o.err
	case <-ctx.Done():
		return Session{}, ctxerr.Cause(ctx)
	case <-rt.ctx.Done():
		return Session{}, ErrClosed
	}
}

// open logs in on a side after a pause. If the cluster is suspended, it resumes it and
// logs in again.
func (s *Sessions) open(o *opening, side fsm.Side, cause fsm.Cause, pause time.Duration) {
	ctx := background(s.rt.ctx, cause)
	if pause > 0 {
		_ = backoff.Sleep(ctx, pause, o.done)
		select {
		case <-o.done: // a detection or a transition has installed a session
			return
		default:
		}
	}
	id, took, err := s.rt.login(ctx, side, "session")
	if err != nil && s.rt.cfg.Cluster.Classify(err) == Suspended {
		if err = s.rt.cfg.Cluster.Resume(s.rt.ctx, side, func() {}); err == nil {
			id, took, err = s.rt.login(ctx, side, "session")
		}
	}
	if err == nil {
		if s.put(o, side, id, took, "session") {
			s.rt.post(&sessionOpened{}) // the query that needed it may have ended: then it is dropped
		}
		return
	}
	if s.claim(o, side) {
		s.rt.failed("session", side, 1, cause, err)
		o.err = err
		close(o.done)
	}
}

// claim removes a failed opening from its side. It reports false if a detection or a
// transition has installed a session during the login: then the waiting callers have
// got that session, and the error is dropped.
func (s *Sessions) claim(o *opening, side fsm.Side) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := &s.sides[side]
	if slot.opening != o {
		return false
	}
	slot.opening = nil
	return true
}

// install makes id the session of a side. Callers that wait for an opening get it.
func (s *Sessions) install(side fsm.Side, id string, took time.Duration, purpose string) {
	s.put(nil, side, id, took, purpose)
}

// put makes id the session of a side and releases the callers that wait for one. The
// result of an opening is dropped if install has put another session during the login:
// queries use that one already.
func (s *Sessions) put(by *opening, side fsm.Side, id string, took time.Duration, purpose string) bool {
	s.mu.Lock()
	slot := &s.sides[side]
	o := slot.opening
	if by != nil && by != o {
		s.mu.Unlock()
		return false
	}
	slot.current = Session{ID: id, Generation: slot.current.Generation + 1}
	slot.opening = nil
	slot.opened = time.Now()
	slot.renewal, slot.expired = slot.expired, false
	session := slot.current
	s.mu.Unlock()
	if o != nil {
		o.session = session
		close(o.done)
	}
	s.rt.cfg.Events.Publish(fsm.Cause{Reason: fsm.ReasonAccepted}, events.SessionOpened{Side: side, Generation: session.Generation, Took: took, Purpose: purpose})
	return true
}

// Expired reports that the engine denied the session of that generation. The next
// Get opens a new one. A report about an older generation is ignored.
func (s *Sessions) Expired(ctx context.Context, side fsm.Side, generation uint64) {
	s.mu.Lock()
	slot := &s.sides[side]
	stale := slot.current.Generation != generation || slot.current.ID == ""
	if !stale {
		slot.current.ID = ""
		slot.denials++
		slot.expired = true
		s.denied.Or(1 << side)
	}
	s.mu.Unlock()
	if !stale {
		s.rt.cfg.Events.Publish(causeOf(ctx, fsm.ReasonRefusal, "the engine denied the session"), events.SessionExpired{Side: side, Generation: generation})
	}
}

// Accepted reports that a call with the session of that generation succeeded.
func (s *Sessions) Accepted(side fsm.Side, generation uint64) {
	if s.denied.Load()&(1<<side) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot := &s.sides[side]; slot.current.Generation == generation && slot.current.ID != "" {
		slot.denials = 0
		s.denied.And(^uint32(1 << side))
	}
}

// Renewed reports whether the session of that generation replaced a denied one less than
// ProbeTimeout ago. If it is denied too, the cause may be the statement.
func (s *Sessions) Renewed(side fsm.Side, generation uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := &s.sides[side]
	return slot.current.Generation == generation && slot.current.ID != "" && slot.renewal && time.Since(slot.opened) < s.rt.cfg.ProbeTimeout
}

// Adopt replaces the ID of a session by the one in a response. An empty ID, or one for
// an older generation, is ignored.
func (s *Sessions) Adopt(side fsm.Side, generation uint64, id string) {
	if id == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot := &s.sides[side]; slot.current.Generation == generation && slot.current.ID != "" {
		slot.current.ID = id
	}
}

// Open returns the generation of the session of a side, and 0 if there is none.
func (s *Sessions) Open(side fsm.Side) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot := &s.sides[side]; slot.current.ID != "" {
		return slot.current.Generation
	}
	return 0
}

// install makes id the session of a side.
func (w *writer) install(side fsm.Side, id string, took time.Duration, purpose string) {
	w.decide("session installed", side.String())
	w.sessions.install(side, id, took, purpose)
}

// drop removes the session of a side.
func (s *Sessions) drop(side fsm.Side) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sides[side].current.ID = ""
}

// releaseSessions drops the session of a side that is not part of the current routing
// and has no query in flight. It runs on the writer.
func (w *writer) releaseSessions() {
	s := w.machine.Snapshot()
	if s.Active == fsm.None {
		return // any side may be needed next
	}
	for _, side := range fsm.Sides {
		if side != s.Active && side != s.Target && s.Origin() != side && w.inFlight(side) == 0 {
			w.decide("session dropped", side.String())
			w.sessions.drop(side)
		}
	}
}
