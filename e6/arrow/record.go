package e6arrow

import (
	"fmt"
	"math"
	"math/big"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/e6data/e6data-go/e6/vector"
)

// Record makes a record of a batch, with a schema of Schema. It shares the memory of
// the batch: see Memory in the package's comment. A value that does not fit is a
// *ValueError. The caller releases the record.
func Record(schema *arrow.Schema, batch *vector.Batch) (arrow.RecordBatch, error) {
	if schema.NumFields() != batch.NumColumns() {
		return nil, fmt.Errorf("e6arrow: the schema has %d columns and the batch %d", schema.NumFields(), batch.NumColumns())
	}
	columns := make([]arrow.Array, batch.NumColumns())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i := range columns {
		var err error
		if columns[i], err = arrayOf(schema.Field(i), batch.Column(i)); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(schema, columns, int64(batch.Rows())), nil
}

// arrayOf makes the array of a column.
func arrayOf(field arrow.Field, c *vector.Column) (arrow.Array, error) {
	if field.Type.ID() == arrow.NULL {
		if row := firstValue(c); row >= 0 {
			return nil, &ValueError{Column: field.Name, Row: row, Value: c.Text(row), Type: field.Type, Hint: "the engine declared a column of nulls: cast it in the statement"}
		}
	}
	if c.Type() == vector.Null || field.Type.ID() == arrow.NULL {
		return array.MakeArrayOfNull(memory.DefaultAllocator, field.Type, c.Len()), nil
	}
	if shared := sharedOf(field.Type, c); shared != nil {
		data := array.NewData(field.Type, c.Len(), []*memory.Buffer{validity(c), memory.NewBufferBytes(shared)}, nil, nullsOf(c), 0)
		defer data.Release()
		return array.MakeFromData(data), nil
	}
	return copied(field, c)
}

// firstValue is the first row that is not null, and -1 if there is none.
func firstValue(c *vector.Column) int {
	for row := range c.Len() {
		if !c.IsNull(row) {
			return row
		}
	}
	return -1
}

// sharedOf is the memory of a column whose values lie there as Arrow has them, and nil
// for any other.
func sharedOf(t arrow.DataType, c *vector.Column) []byte {
	if c.Constant() || c.Len() == 0 {
		return nil
	}
	switch {
	case t.ID() == arrow.INT64 && c.Type() == vector.Long,
		t.ID() == arrow.TIMESTAMP && isTime(c.Type()):
		return arrow.Int64Traits.CastToBytes(c.Int64s())
	case t.ID() == arrow.INT32 && c.Type() == vector.Integer:
		return arrow.Int32Traits.CastToBytes(c.Int32s())
	case t.ID() == arrow.FLOAT64 && (c.Type() == vector.Float || c.Type() == vector.Double):
		return arrow.Float64Traits.CastToBytes(c.Float64s())
	}
	return nil
}

// shares reports whether a record of a batch has memory of it.
func shares(schema *arrow.Schema, batch *vector.Batch) bool {
	for i := range batch.NumColumns() {
		if sharedOf(schema.Field(i).Type, batch.Column(i)) != nil {
			return true
		}
	}
	return false
}

func isTime(t vector.Type) bool {
	return t == vector.Datetime || t == vector.Timestamp || t == vector.TimestampTZ || t == vector.Int96
}

// validity is the bitmap of a column, with a one for each value, and nil if no value
// is null.
func validity(c *vector.Column) *memory.Buffer {
	nulls := c.Nulls()
	if nulls == nil {
		return nil
	}
	bits := make([]byte, bitutil.BytesForBits(int64(len(nulls))))
	for row, null := range nulls {
		if !null {
			bitutil.SetBit(bits, row)
		}
	}
	return memory.NewBufferBytes(bits)
}

func nullsOf(c *vector.Column) (n int) {
	for _, null := range c.Nulls() {
		if null {
			n++
		}
	}
	return n
}

// copied makes the array of a column value by value.
func copied(field arrow.Field, c *vector.Column) (arrow.Array, error) {
	b := array.NewBuilder(memory.DefaultAllocator, field.Type)
	defer b.Release()
	b.Reserve(c.Len())
	for row := range c.Len() {
		if c.IsNull(row) {
			b.AppendNull()
			continue
		}
		if hint := appendTo(b, c, row); hint != "" {
			return nil, &ValueError{Column: field.Name, Row: row, Value: c.Text(row), Type: field.Type, Hint: hint}
		}
	}
	return b.NewArray(), nil
}

// appendTo appends a value, or returns the reason that it does not fit.
func appendTo(b array.Builder, c *vector.Column, row int) (hint string) {
	const mismatch = "the engine declared another type than it sends"
	switch b := b.(type) {
	case *array.BooleanBuilder:
		if c.Type() != vector.Boolean {
			return mismatch
		}
		b.Append(c.Bool(row))
	case *array.Int32Builder:
		if c.Type() != vector.Integer && c.Type() != vector.Long {
			return mismatch
		}
		n := c.Int64(row)
		if n < math.MinInt32 || n > math.MaxInt32 {
			return mismatch
		}
		b.Append(int32(n))
	case *array.Int64Builder:
		if c.Type() != vector.Integer && c.Type() != vector.Long {
			return mismatch
		}
		b.Append(c.Int64(row))
	case *array.Float64Builder:
		if c.Type() != vector.Float && c.Type() != vector.Double {
			return mismatch
		}
		b.Append(c.Float64(row))
	case *array.BinaryBuilder:
		if c.Type() != vector.Binary && c.Type() != vector.String {
			return mismatch
		}
		b.Append([]byte(c.Str(row)))
	case *array.Date32Builder:
		if c.Type() != vector.Date {
			return mismatch
		}
		days := c.Date(row).Days
		if days < math.MinInt32 || days > math.MaxInt32 {
			return "read it as text"
		}
		b.Append(arrow.Date32(days))
	case *array.TimestampBuilder:
		if !isTime(c.Type()) {
			return mismatch
		}
		b.Append(arrow.Timestamp(c.Timestamp(row).Micros))
	case *array.Decimal128Builder:
		if c.Type() != vector.Decimal128 {
			return mismatch
		}
		n, ok := scaled(c.Decimal(row), b.Type().(*arrow.Decimal128Type))
		if !ok {
			return "the scale is that of the first value: use DecimalsAsText, or a cast in the statement"
		}
		b.Append(n)
	case *array.StringBuilder:
		text := c.Text(row)
		if !utf8.ValidString(text) {
			return "utf8 wants valid UTF-8: CAST it to BINARY in the statement"
		}
		b.Append(text)
	default:
		return mismatch
	}
	return ""
}

// scaled is a decimal with another scale, if it has no digits that get lost and not
// more than the type holds.
func scaled(d vector.Decimal, t *arrow.Decimal128Type) (decimal128.Num, bool) {
	n := d.Unscaled()
	shift := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(abs(t.Scale-d.Scale()))), nil)
	if t.Scale >= d.Scale() {
		n.Mul(n, shift)
	} else {
		var rest big.Int
		if n.QuoRem(n, shift, &rest); rest.Sign() != 0 {
			return decimal128.Num{}, false
		}
	}
	if n.BitLen() > 127 {
		return decimal128.Num{}, false
	}
	result := decimal128.FromBigInt(n)
	return result, result.FitsInPrecision(t.Precision)
}

func abs(n int32) int32 { return max(n, -n) }
