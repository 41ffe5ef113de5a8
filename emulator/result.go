package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// result is the outcome of a statement. DuckDB has run it to its end and holds
// all the rows, in columns and outside of Go's heap; only the batch that is
// being sent is copied. That costs memory and the wait for the last row, and it
// gives an exact row count before the first row leaves, errors where they
// belong (in execute), and a result that no later statement can disturb.
type result struct {
	res    mapping.Result
	fields []vector.Field
	types  []*valueType
	zone   string
	rows   int64

	// chunk is the number of the next chunk to fetch; current the one that is
	// being read, from row offset on; sent the number of rows handed out.
	chunk   mapping.IdxT
	current mapping.DataChunk
	views   []view
	offset  int
	sent    int64
}

var _ e6test.Result = (*result)(nil)

// execute runs a prepared statement to its end.
func (c *connection) execute(ctx context.Context, stmt mapping.PreparedStatement) (*result, error) {
	r := &result{}
	err := c.interruptible(ctx, func() error {
		var pending mapping.PendingResult
		state := mapping.PendingPrepared(stmt, &pending)
		defer mapping.DestroyPending(&pending)
		if state == mapping.StateError {
			return errors.New(mapping.PendingError(pending))
		}
		if mapping.ExecutePending(pending, &r.res) == mapping.StateError {
			return errors.New(mapping.ResultError(&r.res))
		}
		return nil
	})
	if err == nil {
		err = r.describe()
	}
	if err == nil {
		err = r.count(ctx)
	}
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

// describe reads the names and types of the columns.
func (r *result) describe() error {
	for i := mapping.IdxT(0); i < mapping.ColumnCount(&r.res); i++ {
		name := mapping.ColumnName(&r.res, i)
		t, err := logicalType(mapping.ColumnLogicalType(&r.res, i))
		if err != nil {
			return unsendable(err, int(i), name)
		}
		r.types = append(r.types, t)
		r.fields = append(r.fields, vector.Field{Name: name, Type: t.wire(), TypeName: t.wire().String()})
	}
	return nil
}

// logicalType is newValueType for a type that it frees.
func logicalType(lt mapping.LogicalType) (*valueType, error) {
	defer mapping.DestroyLogicalType(&lt)
	return newValueType(lt)
}

// unsendable adds the name of the column to the reason for which the protocol
// cannot carry it.
func unsendable(err error, column int, name string) error {
	return fmt.Errorf("column %d (%s) cannot be sent: %w", column+1, name, err)
}

// count adds up the sizes of the chunks, since DuckDB's C interface has no
// count of the rows that works with chunks. It costs a few tens of milliseconds
// for a million rows.
func (r *result) count(ctx context.Context) error {
	for i := mapping.IdxT(0); ; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		chunk := mapping.ResultGetChunk(r.res, i)
		if chunk.Ptr == nil {
			return nil
		}
		r.rows += int64(mapping.DataChunkGetSize(chunk))
		mapping.DestroyDataChunk(&chunk)
	}
}

// setZone declares the zone of the columns that have one.
func (r *result) setZone(zone string) {
	r.zone = zone
	for i := range r.fields {
		if r.fields[i].Type == vector.TimestampTZ {
			r.fields[i].Zone = zone
		}
	}
}

// zoned reports whether a column needs the zone of the session.
func (r *result) zoned() bool {
	for i := range r.fields {
		if r.fields[i].Type == vector.TimestampTZ {
			return true
		}
	}
	return false
}

// Fields implements e6test.Result.
func (r *result) Fields() []vector.Field { return r.fields }

// RowCount implements e6test.Result. It is exact.
func (r *result) RowCount() int64 { return r.rows }

// Next implements e6test.Result.
func (r *result) Next(ctx context.Context, maxRows int) (*e6test.Batch, error) {
	rows := int(min(int64(max(maxRows, 1)), r.rows-r.sent))
	if rows == 0 {
		return nil, io.EOF
	}
	builders := make([]*builder, len(r.types))
	for i, t := range r.types {
		builders[i] = newBuilder(t, r.zone, rows)
	}
	for filled := 0; filled < rows; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		size, err := r.fetch()
		if err != nil {
			return nil, err
		}
		to := min(size, r.offset+rows-filled)
		for i, b := range builders {
			if err := b.add(&r.views[i], r.offset, to); err != nil {
				return nil, r.locate(err, i)
			}
		}
		filled += to - r.offset
		r.offset = to
	}
	r.sent += int64(rows)
	batch := &e6test.Batch{Rows: rows, Columns: make([]e6test.Column, len(builders))}
	for i, b := range builders {
		batch.Columns[i] = b.column()
	}
	return batch, nil
}

// locate adds column and row of the whole result to a builder's error.
func (r *result) locate(err error, column int) error {
	var at *rowError
	if errors.As(err, &at) {
		return located(at.err, column, r.fields[column].Name, r.sent+int64(at.row))
	}
	return unsendable(err, column, r.fields[column].Name)
}

// fetch makes sure that the current chunk has rows left, and returns its size.
func (r *result) fetch() (int, error) {
	for {
		if r.current.Ptr != nil {
			if size := int(mapping.DataChunkGetSize(r.current)); r.offset < size {
				return size, nil
			}
			mapping.DestroyDataChunk(&r.current)
		}
		r.current = mapping.ResultGetChunk(r.res, r.chunk)
		if r.current.Ptr == nil {
			return 0, fmt.Errorf("duckdb holds fewer than the %d rows that it counted", r.rows)
		}
		r.chunk++
		r.offset = 0
		r.views = r.views[:0]
		for i, t := range r.types {
			r.views = append(r.views, newView(t, mapping.DataChunkGetVector(r.current, mapping.IdxT(i))))
		}
	}
}

// Close implements e6test.Result. A second call does nothing.
func (r *result) Close() error {
	mapping.DestroyDataChunk(&r.current)
	mapping.DestroyResult(&r.res)
	r.rows = r.sent
	return nil
}
