package e6

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"

	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/exec"
	"github.com/e6data/e6data-go/e6/internal/sqlvalue"
	"github.com/e6data/e6data-go/e6/vector"
)

// ErrNoRows is the error of CollectOne, CollectExactlyOne and QueryOne if the result has no
// row. errors.Is(err, sql.ErrNoRows) holds too.
var ErrNoRows error = noRowsError{}

type noRowsError struct{}

func (noRowsError) Error() string { return "e6: the result has no rows" }

// Is reports that the error is sql.ErrNoRows as well.
func (noRowsError) Is(target error) bool { return target == sql.ErrNoRows }

// ErrTooManyRows is the error of CollectExactlyOne if the result has more than one row.
var ErrTooManyRows = errors.New("e6: the result has more than one row")

// MappingError reports a Go type that the rows of a result cannot be decoded into: a column
// without a field, a field without a column, or a field or tag that is declared wrongly. It
// is returned before the first row, whether there are rows or not.
type MappingError struct {
	// QueryID is the engine's id of the query.
	QueryID string
	// Type is the Go type.
	Type string
	// Column is the name of the column. It is empty if the error is about no column.
	Column string
	// Field is the name of the field. It is empty if the error is about no field.
	Field string
	// Problem is the defect and the correction.
	Problem string
}

// Error implements error.
func (e *MappingError) Error() string {
	return fmt.Sprintf("e6: map the columns%s: %s", exec.QueryName(e.QueryID, ""), e.Problem)
}

// newPlan returns the plan that decodes rows with these columns into values of T.
func newPlan[T any](h QueryHandle, columns []vector.Field) (*sqlvalue.Plan, error) {
	p, err := sqlvalue.NewPlan(reflect.TypeFor[T](), columns)
	if wrong, ok := err.(*sqlvalue.MappingError); ok {
		return nil, &MappingError{QueryID: h.QueryID, Type: wrong.Type, Column: wrong.Column, Field: wrong.Field, Problem: wrong.Problem}
	}
	return p, err
}

// Collect reads the rest of the rows as values of T, and closes them. A result without rows
// is an empty slice that is not nil.
//
// T is one of:
//
//   - A struct, or a pointer to one. Each column is copied into the field that has its name
//     in the tag `e6:"name"` or, without that, `db:"name"`; otherwise into the field whose
//     name is that of the column in snake_case, such as order_id for OrderID, without regard
//     to case and underscores. Fields of embedded structs count as fields of the struct. The
//     tag `e6:"-"` excludes a field. A column without a field is an error, and so is a field
//     without a column, unless its tag has the option optional: `e6:",optional"`.
//   - A map[string]any, with the names of the columns and the values of vector.Column.Value.
//   - Anything else that Rows.Scan takes a pointer to, such as int64, string, time.Time,
//     []byte, Decimal, sql.Null[T] and *int64, for a result of one column.
//
// Which column belongs to which field is computed once per result. The values are copied as
// Rows.Scan does: nothing is rounded, and a NULL needs a pointer, a sql.Null[T] or any.
//
// The error is a *MappingError, a *ScanError, one of Rows.Err, or ErrRowsClosed if the rows
// were closed before their end. There are no values then.
func Collect[T any](rows *Rows) ([]T, error) {
	all := []T{}
	err := decodeRows(rows, func() *T {
		all = append(all, *new(T))
		return &all[len(all)-1]
	}, func(*T) bool { return true })
	if err != nil {
		return nil, err
	}
	return all, nil
}

// CollectOne reads the next row as a value of T, and closes the rows: if there are more, the
// query is cancelled on the server. T and the errors are those of Collect, and ErrNoRows if
// there is no row. QueryOne runs a statement for one row.
func CollectOne[T any](rows *Rows) (T, error) {
	for v, err := range Each[T](rows) {
		return v, err
	}
	return none[T](rows, ErrNoRows)
}

// CollectExactlyOne reads the only row that is left as a value of T, and closes the rows. T
// and the errors are those of Collect, ErrNoRows if there is no row, and ErrTooManyRows if
// there is more than one.
func CollectExactlyOne[T any](rows *Rows) (T, error) {
	var one T
	n := 0
	for v, err := range Each[T](rows) {
		if err != nil {
			return v, err
		}
		if n++; n > 1 {
			return none[T](rows, ErrTooManyRows)
		}
		one = v
	}
	if n == 0 {
		return none[T](rows, ErrNoRows)
	}
	return one, nil
}

// none returns the zero T and an error that names the query.
func none[T any](rows *Rows, err error) (zero T, _ error) {
	return zero, ofQuery(rows.Handle(), err)
}

// ofQuery names the query of an error.
func ofQuery(h QueryHandle, err error) error {
	return errtext.Errorf("query %s: %w", h.QueryID, err)
}

// Each returns the rest of the rows as values of T, one by one, and closes the rows when the
// loop ends, also by break or return. T is that of Collect. If reading fails, the last pair
// is the zero T and the error, which is one of those of Collect. The sequence can be ranged
// over once.
func Each[T any](rows *Rows) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := decodeRows(rows, func() *T { return new(T) }, func(v *T) bool { return yield(*v, nil) })
		if err != nil {
			yield(*new(T), err)
		}
	}
}

// decodeRows decodes the rest of the rows into the values that next returns, calls yield
// with each until it returns false, and closes the rows.
func decodeRows[T any](rows *Rows, next func() *T, yield func(*T) bool) error {
	defer rows.Close()
	plan, err := newPlan[T](rows.Handle(), rows.stream.Metadata().Fields)
	if err != nil {
		return err
	}
	for rows.Next() {
		v := next()
		if err := plan.Decode(rows.batch, rows.row, v); err != nil {
			return rows.position().scanError(rows.batch, err)
		}
		if !yield(v) {
			return nil
		}
	}
	if errors.Is(rows.err, io.EOF) {
		return nil
	}
	return rows.err // Err would hide ErrRowsClosed
}

// CollectResult returns the rows of a whole result as values of T, which is that of Collect.
// The error is a *MappingError or a *ScanError.
func CollectResult[T any](r *Result) ([]T, error) {
	plan, err := newPlan[T](r.Handle, r.Fields)
	if err != nil {
		return nil, err
	}
	all := make([]T, r.Len())
	n := 0
	for _, b := range r.Batches {
		for row := range b.Rows() {
			if err := plan.Decode(b, row, &all[n+row]); err != nil {
				return nil, batchPosition{r.Handle.QueryID, int64(n)}.scanError(b, err)
			}
		}
		n += b.Rows()
	}
	return all, nil
}

// QueryAll runs a statement and returns its whole result as values of T, which is that of
// Collect. No row reaches the caller before the end, so a read-only statement that is cut off
// can be replayed at any point. The errors are those of Client.QueryAll and of
// CollectResult.
//
//	type order struct {
//		OrderID int64
//		Total   e6.Decimal `e6:"total_amount"`
//	}
//	orders, err := e6.QueryAll[order](ctx, client, "SELECT order_id, total_amount FROM orders")
func QueryAll[T any](ctx context.Context, c *Client, sql string, args ...any) ([]T, error) {
	r, err := c.QueryAll(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return CollectResult[T](r)
}

// QueryOne runs a statement and returns its first row as a value of T, which is that of
// Collect. Further rows are not transferred: see MaxRows. The errors are those of QueryAll,
// and ErrNoRows if the result is empty.
//
//	total, err := e6.QueryOne[int64](ctx, client, "SELECT count(*) FROM orders")
func QueryOne[T any](ctx context.Context, c *Client, sql string, args ...any) (one T, err error) {
	r, err := c.QueryAll(WithQueryOptions(ctx, MaxRows(1)), sql, args...)
	if err != nil {
		return one, err
	}
	all, err := CollectResult[T](r)
	switch {
	case err != nil:
		return one, err
	case len(all) == 0:
		return one, ofQuery(r.Handle, ErrNoRows)
	}
	return all[0], nil
}
