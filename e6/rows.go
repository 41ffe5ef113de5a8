package e6

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/e6data/e6data-go/e6/internal/exec"
	"github.com/e6data/e6data-go/e6/internal/sqlvalue"
	"github.com/e6data/e6data-go/e6/vector"
)

// Query runs a statement and streams its rows. It returns when the columns of the result are
// known. The context applies to the whole result: when it ends, the query is cancelled on
// the server. Rows must be closed.
//
// The arguments replace the placeholders of the statement: ? by position, :name and @name
// by sql.Named. The client writes them into the text as literals; ?? is a question mark. A
// slice is a list, for IN (?). Without arguments, the text is sent unchanged, unless it has
// a ?, whose argument is missing. The error is a *ParamError if a value or a placeholder is
// invalid, or if the statement becomes longer than Config.MaxSendBytes.
//
// The client replays a query that is cut off, if its replay policy allows it. If rows have
// reached the caller, the client compares the first rows of the replay with them and
// delivers the rows that follow: see ReplayPolicy and Config.ContinueWindow.
//
// The error is a *QueryError for an error of the engine, a *CutoverError (errors.Is
// ErrQueryLost) for a query that was cut off and could not be replayed or continued, a
// *DetectionError if no side accepts, ErrClosed, or that of the context.
func (c *Client) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	st, err := c.statement(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	r := new(Rows)
	if err := c.exec.Open(ctx, st, &r.stream); err != nil {
		return nil, err
	}
	return r, nil
}

// Rows is the stream of the rows of a query. Only one goroutine at a time may use it, except
// for Close, which is safe for concurrent use.
type Rows struct {
	stream exec.Stream

	batch  *vector.Batch
	row    int
	window sqlvalue.RowWindow // of the rows that DriverRow returns
	err    error
}

var _ io.Closer = (*Rows)(nil)

// ErrRowsClosed is the error of Scan, DriverValue and DriverRow after Close, and
// hook.QueryEnd.Err of a query that Close has ended.
var ErrRowsClosed = exec.ErrRowsClosed

// Next moves to the next row and reports whether there is one. It returns false after the
// last row, after a failure, which Err returns, and after Close.
// CutoverError.RowsDelivered includes all rows of the batch that Next is reading.
func (r *Rows) Next() bool {
	if r.err != nil {
		return false
	}
	if r.stream.Closed() {
		r.batch, r.err = nil, ErrRowsClosed
		return false
	}
	if r.batch != nil && r.row+1 < r.batch.Rows() {
		r.row++
		return true
	}
	r.window.Reset()
	b, err := r.stream.Next(r.batch)
	if err != nil {
		r.batch, r.err = nil, err
		return false
	}
	r.batch, r.row = b, 0
	return true
}

// Err returns the failure that ended the rows early. It is nil while Next returns true,
// after the last row, and after Close, as in database/sql: a loop has read all rows if Next
// has returned false, Err is nil, and the rows were not closed before.
func (r *Rows) Err() error {
	if errors.Is(r.err, io.EOF) || errors.Is(r.err, ErrRowsClosed) {
		return nil
	}
	return r.err
}

// Close ends the query, on the server too if it has not ended. It does not wait
// for the server. It is idempotent.
func (r *Rows) Close() error {
	r.stream.Close()
	return nil
}

// Fields describes the columns, as the engine declares them.
func (r *Rows) Fields() []vector.Field { return slices.Clone(r.stream.Metadata().Fields) }

// Columns returns the names of the columns.
func (r *Rows) Columns() []string { return columnNames(r.stream.Metadata().Fields) }

// RowCount is the number of rows that the engine declares. The engine may declare it before
// the result is complete: the result has at least that many rows.
func (r *Rows) RowCount() int64 { return r.stream.Metadata().Rows }

// Truncated reports whether the result has more rows than MaxRows allows. It is valid after
// Next has returned false.
func (r *Rows) Truncated() bool { return r.stream.Truncated() }

// Handle addresses the query on the server.
func (r *Rows) Handle() QueryHandle { return QueryHandle(r.stream.Handle()) }

// Batches returns the rest of the result batch by batch, in columns. The caller owns a
// batch: it stays valid until the caller releases it. The last pair has the error, if the
// result failed; after Close there is none. The end of the loop does not close the rows. If
// Next has left rows of a batch unread, the only pair has an error, and no row is lost: read
// them with Next first.
func (r *Rows) Batches() iter.Seq2[*vector.Batch, error] {
	return func(yield func(*vector.Batch, error) bool) {
		if r.batch != nil && r.row+1 < r.batch.Rows() {
			yield(nil, fmt.Errorf("e6: batches: Next has left %d rows of a batch unread: read them with Next first", r.batch.Rows()-r.row-1))
			return
		}
		for r.err == nil {
			b, err := r.stream.Next(nil)
			r.batch = nil
			if err != nil {
				r.err = err
				if err := r.Err(); err != nil {
					yield(nil, err)
				}
				return
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// Release returns a batch of Batches to the stream, which decodes a later batch into its
// memory: after the first few batches, the columns need no new memory. The caller must not
// use the batch or the slices of its columns any more. Values that the caller has copied
// from it stay valid, strings too.
func (r *Rows) Release(b *vector.Batch) { r.stream.Release(b) }

func columnNames(fields []vector.Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}
