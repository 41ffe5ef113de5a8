package e6

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// Submit begins a statement and returns as soon as the engine runs it. Status and
// Wait tell how far it is, Fetch returns its rows, and Cancel stops it and frees
// it on the server. The arguments and the errors are those of Query; a statement
// that has begun is not run again when it is cut off.
//
// Its side stays in use until the rows have been read, as for any query, so that a
// cutover waits for it, within Config.DrainTimeout. It does not count for
// Config.MaxInFlight while nobody reads it. Close and Shutdown leave it to the
// server: any client of the cluster can fetch it by its handle, as long as the
// engine keeps it.
func (c *Client) Submit(ctx context.Context, sql string, args ...any) (QueryHandle, error) {
	q, err := c.newRun(ctx, sql, args)
	if err != nil {
		return QueryHandle{}, err
	}
	q.submit = true
	if err := q.toEnd(ctx, new(discard)); err != nil {
		return QueryHandle{}, err
	}
	return q.handle, nil
}

// Fetch returns the rows of a query that was submitted, by this client or another
// one. It returns when the result's columns are known; to wait with a limit, use
// Wait first: from here on the query is like one of Query, and ends on the server
// with ctx or with Rows.Close. A result can be fetched once.
//
// A query that is cut off now is lost: the error is a *CutoverError. So is one
// whose engine no longer knows it a *QueryError.
func (c *Client) Fetch(ctx context.Context, h QueryHandle) (*Rows, error) {
	if c.Closed() {
		return nil, ErrClosed
	}
	x, err := c.submitted.take(c, h)
	if err != nil {
		return nil, errtext.Errorf("fetch%s: %w", queryName(h.QueryID, ""), err)
	}
	q := &query{c: c, ctx: ctx, sql: x.sql, opts: c.queryOptions(ctx), handle: h, begun: 1, running: x}
	q.opts.replay = ReplayNever
	q.progress = c.newProgress(ctx, &q.opts)
	x.tag = q.opts.tag
	return q.stream(ctx)
}

// read reads the result of a query that was submitted before.
func (q *query) read(ctx context.Context, to sink) error {
	x := q.running
	x.slot = q.slot
	defer q.c.submitted.drop(x)
	began := time.Now()
	q.progress.step(StepRunning, q.handle)
	err := q.collect(ctx, x, to, q.steps(x))
	q.record(ctx, x, began, err)
	if err != nil {
		err = q.decide(ctx, x, to, err)
		q.c.countCut(err)
	}
	x.release(ctx, err == nil && !q.truncated)
	return err
}

// Wait asks for the status of a query until it is done, and returns the last
// answer. It asks at once, after 20 milliseconds, and then less and less often,
// down to once a second; progress, if it is not nil, is called with every answer.
// The error is the engine's, if the query has failed, or that of the context: the
// query goes on then.
func (c *Client) Wait(ctx context.Context, h QueryHandle, progress func(QueryStatus)) (QueryStatus, error) {
	pauses := backoff.Policy{Base: 20 * time.Millisecond, Max: time.Second}
	for n := 0; ; n++ {
		status, err := c.Status(ctx, h)
		if err != nil {
			return status, err
		}
		if progress != nil {
			progress(status)
		}
		if status.Done {
			return status, nil
		}
		if err := pauses.WaitFull(ctx, n); err != nil {
			return status, errtext.Errorf("wait%s on %s: %w", queryName(h.QueryID, ""), h.Side, ctxerr.Cause(ctx))
		}
	}
}

// submissions are the queries that were submitted by this client, and those that
// it reads for another one.
type submissions struct {
	mu     sync.Mutex
	open   map[submission]*execution // nil for one that is being read
	closed bool
}

// submission is what addresses a query, whoever does.
type submission struct {
	side       Side
	engine, id string
}

func (x *execution) submission() submission { return submission{x.pin.Side, x.engine, x.queryID} }

// keep keeps an execution, with its pin, until its rows are wanted. Nobody makes calls
// about it meanwhile that would need its connection.
func (s *submissions) keep(x *execution) {
	x.lease.Release()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		x.c.route.Unpin(x.pin)
		return
	}
	s.put(x.submission(), x)
}

func (s *submissions) put(key submission, x *execution) {
	if s.open == nil {
		s.open = make(map[submission]*execution)
	}
	s.open[key] = x
}

var errBeingRead = errors.New("its rows are being read already: a result can be fetched once")

// take returns the execution of a query that is to be read. One that is another
// client's is pinned to where it runs.
func (s *submissions) take(c *Client, h QueryHandle) (*execution, error) {
	if !h.valid() {
		return nil, errNoHandle
	}
	key := submission{h.Side, h.Engine, h.QueryID}
	s.mu.Lock()
	defer s.mu.Unlock()
	x, known := s.open[key]
	switch {
	case s.closed:
		return nil, ErrClosed
	case known && x == nil:
		return nil, errBeingRead
	case !known:
		x = &execution{c: c, pin: c.route.PinTo(h.Side), queryID: h.QueryID, engine: h.Engine, step: stepExecute}
	}
	s.put(key, nil)
	return x, nil
}

// remove takes a query out that is not being read, and returns nil if there is
// none.
func (s *submissions) remove(h QueryHandle) *execution {
	key := submission{h.Side, h.Engine, h.QueryID}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.open[key]
	if x != nil {
		delete(s.open, key)
	}
	return x
}

// drop forgets a query that has been read.
func (s *submissions) drop(x *execution) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, x.submission())
}

// leave leaves the queries that nobody reads to the server.
func (s *submissions) leave(route *router.Router) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for key, x := range s.open {
		if x != nil {
			route.Unpin(x.pin)
			delete(s.open, key)
		}
	}
}

// free frees a query on the server that was submitted and stopped.
func (c *Client) free(ctx context.Context, h QueryHandle, stopped error) {
	if stopped != nil && !wire.OutcomeOf(stopped).Answer {
		return
	}
	if x := c.submitted.remove(h); x != nil {
		x.release(ctx, false)
	}
}
