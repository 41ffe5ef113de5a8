package sqldriver

import (
	"database/sql"
	"database/sql/driver"
	"io"
	"math"
	"reflect"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/vector"
)

// rows hands the rows of a query to database/sql.
type rows struct {
	*e6.Rows
	fields []vector.Field
}

var (
	_ driver.Rows                           = (*rows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*rows)(nil)
	_ driver.RowsColumnTypeScanType         = (*rows)(nil)
	_ driver.RowsColumnTypeNullable         = (*rows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*rows)(nil)
	_ driver.RowsColumnTypeLength           = (*rows)(nil)
)

func newRows(r *e6.Rows) *rows { return &rows{r, r.Fields()} }

// Next implements driver.Rows.
func (r *rows) Next(dest []driver.Value) error {
	if !r.Rows.Next() {
		if err := r.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	if err := r.DriverRow(dest); err != nil {
		return err
	}
	for i, v := range dest {
		if v == "" {
			dest[i] = empty
		}
	}
	return nil
}

// empty is an empty text. Of an empty string, database/sql makes a nil sql.RawBytes,
// which is how it shows a null.
var empty = []byte{}

// ColumnTypeDatabaseTypeName implements driver.RowsColumnTypeDatabaseTypeName.
func (r *rows) ColumnTypeDatabaseTypeName(i int) string { return r.fields[i].TypeName }

// ColumnTypeScanType implements driver.RowsColumnTypeScanType: the types that
// take a null too, as any column may hold one.
func (r *rows) ColumnTypeScanType(i int) reflect.Type {
	switch r.fields[i].Type {
	case vector.Boolean:
		return reflect.TypeFor[sql.NullBool]()
	case vector.Byte, vector.Short, vector.Integer, vector.Long:
		return reflect.TypeFor[sql.NullInt64]()
	case vector.Float, vector.Double:
		return reflect.TypeFor[sql.NullFloat64]()
	case vector.Date, vector.Datetime, vector.Timestamp, vector.TimestampTZ, vector.Int96:
		return reflect.TypeFor[sql.Null[time.Time]]()
	case vector.Decimal128:
		return reflect.TypeFor[sql.Null[vector.Decimal]]()
	case vector.Binary:
		return reflect.TypeFor[[]byte]()
	case vector.Null:
		return reflect.TypeFor[any]()
	}
	return reflect.TypeFor[sql.NullString]()
}

// ColumnTypeNullable implements driver.RowsColumnTypeNullable. The protocol does
// not report which columns hold no null.
func (r *rows) ColumnTypeNullable(int) (nullable, ok bool) { return true, false }

// ColumnTypePrecisionScale implements driver.RowsColumnTypePrecisionScale. A
// decimal has up to 38 digits; the protocol has the scale of a value, and none
// of a column.
func (r *rows) ColumnTypePrecisionScale(int) (precision, scale int64, ok bool) { return 0, 0, false }

// ColumnTypeLength implements driver.RowsColumnTypeLength.
func (r *rows) ColumnTypeLength(i int) (length int64, ok bool) {
	switch r.fields[i].Type {
	case vector.String, vector.Char, vector.Binary, vector.Array, vector.Map, vector.Struct:
		return math.MaxInt64, true
	}
	return 0, false
}
