package e6

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/e6data/e6data-go/e6/internal/exec"
	"github.com/e6data/e6data-go/e6/internal/sqlvalue"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/visible"
)

// ErrNull is the cause of a ScanError if the value is NULL and the destination cannot hold
// it: errors.Is(err, e6.ErrNull). Pointers, sql.Null[T] and any hold a NULL.
var ErrNull = sqlvalue.ErrNull

// ScanError reports a value that does not fit its destination. The destination is unchanged,
// unless it is a sql.Scanner of the caller.
type ScanError struct {
	// Column is the column's name, Type the type of its vector, and TypeName the type
	// that the engine declares for it.
	Column   string
	Type     vector.Type
	TypeName string
	// QueryID is the engine's id of the query.
	QueryID string
	// Row is the index of the row in the result, from 0. The message counts from 1.
	Row int
	// Field is the struct field that is the destination, such as main.order.Amount. It is
	// empty if the destination is not a field of a Collect or Each function.
	Field string
	// Dest is the type of the destination: that of the pointer to it.
	Dest string
	// Err is the reason, with the next step. It is or wraps ErrNull for a NULL.
	Err error
}

// Error implements error.
func (e *ScanError) Error() string {
	dest := e.Dest
	if e.Field != "" {
		dest = fmt.Sprintf("field %s (%s)", e.Field, e.Dest)
	}
	return fmt.Sprintf("e6: scan column %q (%s) row %d%s into %s: %v",
		e.Column, visible.Text(cmp.Or(e.TypeName, e.Type.String())), e.Row+1, exec.QueryName(e.QueryID, ""), dest, e.Err)
}

// Unwrap returns the reason.
func (e *ScanError) Unwrap() error { return e.Err }

// batchPosition is where in a result a batch begins.
type batchPosition struct {
	query string
	first int64 // the index of its first row
}

// scanError returns the public error of a value of a batch.
func (p batchPosition) scanError(b *vector.Batch, e *sqlvalue.ValueError) error {
	col := b.Column(e.Column)
	f := col.Field()
	return &ScanError{Column: f.Name, Type: col.Type(), TypeName: f.TypeName, QueryID: p.query,
		Row: int(p.first) + e.Row, Field: e.Field, Dest: e.Dest, Err: e.Err}
}

// position returns where the current batch begins.
func (r *Rows) position() batchPosition {
	return batchPosition{r.stream.Handle().QueryID, r.stream.Delivered() - int64(r.batch.Rows())}
}

// Scan copies the values of the current row into the variables that dest points to, one for
// each column. A nil in dest skips its column.
//
// Whole numbers are copied into every number that holds them, floats into floats, decimals
// into *Decimal or, if they are whole, into integers; dates and timestamps into *time.Time or
// their types in package vector; ARRAY, MAP and STRUCT into slices, maps and structs as
// encoding/json does; every value into *string, *[]byte and *any. NULL is copied into
// pointers to pointers, *any, *[]byte and sql.Scanners, and is ErrNull for every other
// destination. The Null types of database/sql, such as sql.NullInt64 and sql.Null[T], accept
// the values that a pointer to their value accepts; any other sql.Scanner gets the value of
// DriverValue. Values are never rounded. The error is a *ScanError.
func (r *Rows) Scan(dest ...any) error {
	if r.batch == nil {
		return r.noRow()
	}
	if n := r.batch.NumColumns(); len(dest) != n {
		at := r.position()
		return fmt.Errorf("e6: scan row %d%s: want %d destinations, one for each of the columns %q: there are %d",
			at.first+int64(r.row)+1, exec.QueryName(at.query, ""), n, r.Columns(), len(dest))
	}
	for i, d := range dest {
		if d == nil {
			continue
		}
		if err := sqlvalue.Assign(r.batch.Column(i), r.row, d); err != nil {
			return r.position().scanError(r.batch, &sqlvalue.ValueError{Column: i, Row: r.row, Dest: fmt.Sprintf("%T", d), Err: err})
		}
	}
	return nil
}

// Values returns the values of the current row as vector.Column.Value does.
func (r *Rows) Values() []any {
	if r.batch == nil {
		return nil
	}
	values := make([]any, r.batch.NumColumns())
	for i := range values {
		values[i] = r.batch.Column(i).Value(r.row)
	}
	return values
}

// DriverValue returns the value of one column of the current row as a driver.Value: nil,
// bool, int64, float64, string, []byte or time.Time. Decimals are their text. The error is a
// *ScanError.
func (r *Rows) DriverValue(column int) (driver.Value, error) {
	if r.batch == nil {
		return nil, r.noRow()
	}
	v, err := sqlvalue.DriverValue(r.batch.Column(column), r.row)
	if err != nil {
		return nil, r.position().scanError(r.batch, &sqlvalue.ValueError{Column: column, Row: r.row, Dest: "a driver.Value", Err: err})
	}
	return v, nil
}

// DriverRow copies the values of the current row, as DriverValue returns them, into dest,
// which has an element for each column. It is faster than DriverValue for each column. The
// error is a *ScanError.
func (r *Rows) DriverRow(dest []driver.Value) error {
	if r.batch == nil {
		return r.noRow()
	}
	if len(dest) != r.batch.NumColumns() {
		return fmt.Errorf("e6: driver row: %d destinations for %d columns", len(dest), r.batch.NumColumns())
	}
	if err := r.window.CopyRow(r.batch, r.row, dest); err != nil {
		return r.position().scanError(r.batch, err)
	}
	return nil
}

var errNoRow = errors.New("e6: there is no row: call Next first, and check what it returns")

// noRow returns the error for a read of values while there is no current row.
func (r *Rows) noRow() error {
	if r.stream.Closed() {
		return ErrRowsClosed
	}
	return errNoRow
}
