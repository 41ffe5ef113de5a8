package e6

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/exec"
)

// QueryHandle addresses a query on the server, also from another process that
// uses the same cluster. It can be stored as JSON.
type QueryHandle struct {
	// QueryID is the engine's id of the query.
	QueryID string `json:"query_id"`
	// Side is where the query runs; its calls go nowhere else.
	Side Side `json:"side"`
	// Engine is the planner that prepared the query.
	Engine string `json:"engine"`
	// SessionGeneration is the generation of the session that began the query,
	// among those of its client on that side.
	SessionGeneration uint64 `json:"session_generation"`
}

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
	st, err := c.statement(ctx, sql, args)
	if err != nil {
		return QueryHandle{}, err
	}
	h, err := c.exec.Submit(ctx, st)
	return QueryHandle(h), err
}

// Fetch returns the rows of a query that was submitted, by this client or another
// one. It returns when the result's columns are known; to wait with a limit, use
// Wait first: from here on the query is like one of Query, and ends on the server
// with ctx or with Rows.Close. A result can be fetched once.
//
// A query that is cut off now is lost: the error is a *CutoverError. So is one
// whose engine no longer knows it a *QueryError.
func (c *Client) Fetch(ctx context.Context, h QueryHandle) (*Rows, error) {
	r := new(Rows)
	if err := c.exec.Read(ctx, exec.Handle(h), c.withOptions(ctx), &r.stream); err != nil {
		return nil, err
	}
	return r, nil
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
			return status, errtext.Errorf("wait%s on %s: %w", exec.QueryName(h.QueryID, ""), h.Side, ctxerr.Cause(ctx))
		}
	}
}

// QueryStatus is how far a query is.
type QueryStatus struct {
	// Done is set when the result is complete.
	Done bool
	// Rows is the number of rows so far.
	Rows int64
}

// Status asks how far a query is that is still known to the server.
func (c *Client) Status(ctx context.Context, h QueryHandle) (QueryStatus, error) {
	s, err := c.exec.Status(ctx, exec.Handle(h))
	return QueryStatus(s), err
}

// Cancel stops a query on the server. Whoever reads its result gets the
// engine's error. One that this client has submitted, and that nobody reads, is
// also freed.
func (c *Client) Cancel(ctx context.Context, h QueryHandle) error {
	return c.exec.Cancel(ctx, exec.Handle(h))
}
