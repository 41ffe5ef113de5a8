package exec

import (
	"context"
	"errors"
	"sync"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// submissions are the statements that this client has submitted, and those of other clients
// that it reads.
type submissions struct {
	mu     sync.Mutex
	open   map[submission]*attempt // nil for a statement that is being read
	closed bool
}

// submission addresses a statement for every client.
type submission struct {
	side       fsm.Side
	engine, id string
}

func (h Handle) submission() submission { return submission{h.Side, h.Engine, h.QueryID} }

// keep keeps an attempt, with its pin, until its rows are read. It releases the connection of
// the attempt, because calls until then may use any connection.
func (s *submissions) keep(a *attempt) {
	a.lease.Release()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		a.of.x.route.Unpin(a.pin)
		return
	}
	s.put(a.handle().submission(), a)
}

func (s *submissions) put(key submission, a *attempt) {
	if s.open == nil {
		s.open = make(map[submission]*attempt)
	}
	s.open[key] = a
}

var (
	errNoHandle  = errors.New("the handle names no query: take it from Submit or Rows.Handle")
	errBeingRead = errors.New("its rows are being read already: a result can be fetched once")
)

// take returns the attempt of a statement that is to be read. A statement of another client
// gets a new attempt, which is pinned to its side and belongs to no run yet.
func (s *submissions) take(x *Executor, h Handle) (*attempt, error) {
	if !h.Valid() {
		return nil, errNoHandle
	}
	key := h.submission()
	s.mu.Lock()
	defer s.mu.Unlock()
	a, known := s.open[key]
	switch {
	case s.closed:
		return nil, ErrClosed
	case known && a == nil:
		return nil, errBeingRead
	case !known:
		a = &attempt{pin: x.route.PinTo(h.Side), phase: phaseExecute}
		a.remote = &remote{calls: calls{x, h.Side, &a.lease, &a.pulse}, Handle: h}
	}
	s.put(key, nil)
	return a, nil
}

// remove removes a statement that is not being read, and returns nil if there is none.
func (s *submissions) remove(h Handle) *attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.open[h.submission()]
	if a != nil {
		delete(s.open, h.submission())
	}
	return a
}

// drop removes a statement that was read.
func (s *submissions) drop(a *attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, a.handle().submission())
}

// leave leaves the statements that are not being read to the server.
func (s *submissions) leave(route routes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for key, a := range s.open {
		if a != nil {
			route.Unpin(a.pin)
			delete(s.open, key)
		}
	}
}

// Cancel stops a statement on the server. If this client has submitted it and does not read
// it, it is freed too.
func (x *Executor) Cancel(ctx context.Context, h Handle) error {
	_, err := onHandle(ctx, x, "cancel", h, func(ctx context.Context, r *remote) (struct{}, error) {
		return struct{}{}, r.cancel(ctx)
	})
	if err != nil && !wire.OutcomeOf(err).Answer {
		return err
	}
	if a := x.submitted.remove(h); a != nil {
		a.release(ctx, false)
	}
	return err
}
