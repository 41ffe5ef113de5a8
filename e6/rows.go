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

// Query runs a statement and returns its rows as they come. It returns when the
// result's columns are known. The context governs the whole of the result: when
// it ends, the query is cancelled on the server. Rows must be closed.
//
// The arguments stand for the placeholders of the statement: ? in their order, or
// :name and @name for those that are made by sql.Named. They are written into
// the text as literals; ?? is a question mark. A slice is a list, for IN (?).
// Without arguments, the text is sent as it is, unless it has a ?, whose argument
// is missing. The error of a value or a placeholder that does not fit, and of a
// statement that gets longer than Config.MaxSendBytes, is a *ParamError.
//
// A query that is cut off is run again if its replay policy allows it. If rows of it have
// reached the caller, the new run is compared with them, and the caller gets the rows that
// follow: see ReplayPolicy and Config.ContinueWindow. The errors are *QueryError for the engine's own
// answer, *CutoverError (errors.Is ErrQueryLost) for a query that was cut off
// and could not be saved, *DetectionError if no side accepts, ErrClosed, and
// that of the context.
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

// Rows is the result of a query while it is being read. It is for one goroutine
// at a time, except Close, which may be called from any.
type Rows struct {
	stream exec.Stream

	batch  *vector.Batch
	row    int
	window sqlvalue.RowWindow // of the rows that DriverRow returns
	err    error
}

var _ io.Closer = (*Rows)(nil)

// ErrRowsClosed is the error of Scan, DriverValue and DriverRow after Close, and what
// QueryEnd.Err says of a query that Close has ended.
var ErrRowsClosed = exec.ErrRowsClosed

// Next moves to the next row and reports whether there is one. After the last
// one, or a failure, it returns false, and Err says which; after Close it returns
// false too. A *CutoverError counts the rows of all batches that Next has begun to read.
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

// Err returns the failure that ended the rows before their end. It is nil while Next has
// more, after the last row, and after Close, as in database/sql: only a loop that Next
// itself has ended, and that nobody has closed, has read everything.
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

// RowCount is the number of rows that the engine declares. It may have been
// counted early: more may come, never fewer.
func (r *Rows) RowCount() int64 { return r.stream.Metadata().Rows }

// Truncated reports whether the result has more rows than MaxRows let through. It
// is known once Next has returned false.
func (r *Rows) Truncated() bool { return r.stream.Truncated() }

// Handle addresses the query on the server.
func (r *Rows) Handle() QueryHandle { return QueryHandle(r.stream.Handle()) }

// Batches returns the rest of the result batch by batch, column-wise. A batch is
// the caller's: it stays valid after the next one has come, unless it is released. The
// last pair has the error, if the result failed; after Close there is none. Leaving the
// loop does not close the rows. A batch that Next has
// begun must be read to its end by Next: if rows of it are left, the only pair
// has an error, and nothing is lost.
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

// Release gives a batch of Batches back, so that a later one is decoded into its
// memory: a result that is read in this way takes none for its columns after the first
// few batches. The caller must not use the batch or the slices of its columns any more.
// Values that were taken from it stay valid, strings too.
func (r *Rows) Release(b *vector.Batch) { r.stream.Release(b) }

func columnNames(fields []vector.Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}
