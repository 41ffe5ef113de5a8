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
	// Side is the side on which the query runs. All its calls are routed to that side.
	Side Side `json:"side"`
	// Engine is the planner that prepared the query.
	Engine string `json:"engine"`
	// SessionGeneration is the generation of the session that started the query. Each
	// client counts the sessions of each side.
	SessionGeneration uint64 `json:"session_generation"`
}

// Submit starts a statement and returns as soon as the engine runs it. Status and Wait
// report its progress, Fetch returns its rows, and Cancel stops it and frees it on the
// server. The arguments and the errors are those of Query. A submitted query that is cut
// off is not replayed.
//
// The query is in flight on its side until its rows have been read, so a cutover waits for
// it, within Config.DrainTimeout. It counts for Config.MaxInFlight only while its rows are
// being read. Close and Shutdown do not cancel it: any client of the cluster can fetch it
// by its handle, as long as the engine keeps it.
func (c *Client) Submit(ctx context.Context, sql string, args ...any) (QueryHandle, error) {
	st, err := c.statement(ctx, sql, args)
	if err != nil {
		return QueryHandle{}, err
	}
	h, err := c.exec.Submit(ctx, st)
	return QueryHandle(h), err
}

// Fetch returns the rows of a query that this client or another one has submitted. It
// returns when the columns of the result are known. To wait with a limit, call Wait first:
// after Fetch, the end of ctx or Rows.Close ends the query on the server, as for Query. A
// result can be fetched once.
//
// The error is a *CutoverError if the query is cut off, because it is not replayed, and a
// *QueryError if the engine no longer knows the query.
func (c *Client) Fetch(ctx context.Context, h QueryHandle) (*Rows, error) {
	r := new(Rows)
	if err := c.exec.Read(ctx, exec.Handle(h), c.withOptions(ctx), &r.stream); err != nil {
		return nil, err
	}
	return r, nil
}

// Wait polls the status of a query until it is done, and returns the last status. It polls
// at once, after 20 milliseconds, and then with a pause that grows to one second. It calls
// progress, if it is not nil, with every status. The error is the engine's, if the query
// has failed, or that of the context: the query then continues.
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

// QueryStatus is the progress of a query.
type QueryStatus struct {
	// Done is set when the result is complete.
	Done bool
	// Rows is the number of rows so far.
	Rows int64
}

// Status returns the progress of a query. It fails if the server no longer knows the query.
func (c *Client) Status(ctx context.Context, h QueryHandle) (QueryStatus, error) {
	s, err := c.exec.Status(ctx, exec.Handle(h))
	return QueryStatus(s), err
}

// Cancel stops a query on the server. A reader of its result gets the engine's error. If
// this client has submitted the query, and its rows are not being read, Cancel also frees
// it on the server.
func (c *Client) Cancel(ctx context.Context, h QueryHandle) error {
	return c.exec.Cancel(ctx, exec.Handle(h))
}
