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
	// ID is what the engine called it.
	ID string
	// Generation numbers the sessions of its side. An error about an older
	// generation says nothing about the present one.
	Generation uint64
}

// Sessions keeps one session for each side. Its methods may be called by any
// goroutine.
type Sessions struct {
	rt    *Router
	mu    sync.Mutex
	sides [1 + len(fsm.Sides)]sessionSlot
	// denied has the bit of each side whose last session was denied, so that a call
	// that is answered has to look no further.
	denied atomic.Uint32
}

type sessionSlot struct {
	current Session // the zero ID if there is none
	opening *opening
	opened  time.Time // when the current one was, or the last one
	denials int       // sessions in a row that no call was answered with
	expired bool      // the last one was denied
	renewal bool      // the current one replaces a denied one
}

// loginPauses space out the logins on a side that denies every session, however many
// callers renew it: the first renewal comes at once.
var loginPauses = backoff.Policy{Base: 100 * time.Millisecond, Max: 1600 * time.Millisecond}

// pause is how long a login has to wait. The caller has the lock.
func (s *sessionSlot) pause() time.Duration {
	if s.denials < 2 {
		return 0
	}
	return time.Until(s.opened.Add(loginPauses.LongPause(s.denials - 2)))
}

// An opening is a login that is under way, for everyone who needs it.
type opening struct {
	done    chan struct{}
	session Session
	err     error
}

func newSessions(rt *Router) *Sessions { return &Sessions{rt: rt} }

// Get returns the session of a side. If there is none it opens one, once for
// all callers and on the client's own context; each caller waits within ctx.
// The caller must have a Pin on that side.
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
		s.rt.post(sessionNeeded{o, side, cause, pause}) // only the writer may start a task
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

// open logs in on a side after a pause, and resumes the cluster first if it sleeps.
func (s *Sessions) open(o *opening, side fsm.Side, cause fsm.Cause, pause time.Duration) {
	ctx := background(s.rt.ctx, cause)
	if pause > 0 {
		_ = backoff.Sleep(ctx, pause, o.done)
		select {
		case <-o.done: // a detection or a transition has brought a session
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
			s.rt.post(sessionOpened{}) // the query that needed it may be gone
		}
		return
	}
	if s.claim(o, side) {
		s.rt.failed("session", side, 1, cause, err)
		o.err = err
		close(o.done)
	}
}

// claim takes an opening that has failed off its side. It reports false if a
// detection or a transition has brought a session meanwhile, and so answered
// whoever waited.
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

// install makes id the session of a side, whoever else is opening one.
func (s *Sessions) install(side fsm.Side, id string, took time.Duration, purpose string) {
	s.put(nil, side, id, took, purpose)
}

// put makes id the session of a side, and answers whoever waits for one. The
// result of an opening that was answered meanwhile is dropped: the session that
// answered it is in use.
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

// Expired reports that the engine no longer knows a session of that
// generation. The next Get opens a new one, unless that has happened already.
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

// Accepted reports that a call with a session of that generation was answered.
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

// Renewed reports whether the session of that generation has replaced a denied one within
// the time of a probe. If it is denied too, the statement may be the reason.
func (s *Sessions) Renewed(side fsm.Side, generation uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := &s.sides[side]
	return slot.current.Generation == generation && slot.current.ID != "" && slot.renewal && time.Since(slot.opened) < s.rt.cfg.ProbeTimeout
}

// Adopt replaces the id of a session by the one that a response carried. An
// empty id, and one for a session that was replaced meanwhile, changes nothing.
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

// Open returns the generation of the session of a side, and 0 without one.
func (s *Sessions) Open(side fsm.Side) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot := &s.sides[side]; slot.current.ID != "" {
		return slot.current.Generation
	}
	return 0
}

// drop forgets the session of a side.
func (s *Sessions) drop(side fsm.Side) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sides[side].current.ID = ""
}

// releaseSessions forgets the session of a side that has no part in the present
// routing once the last of its queries is gone. It runs on the writer.
func (w *writer) releaseSessions() {
	s := w.machine.Snapshot()
	if s.Active == fsm.None {
		return // any side may be needed next
	}
	for _, side := range fsm.Sides {
		if side != s.Active && side != s.Target && s.Origin() != side && w.pins.sum(side) == 0 {
			w.sessions.drop(side)
		}
	}
}
