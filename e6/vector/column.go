package vector

import "slices"

// Column is one column of a Batch. Its values are read one by one, or those of a
// fixed width in bulk, from the slice that belongs to its type.
//
// A constant column holds one value for all of its rows: its slice has one
// entry, and none if that value is null. The accessors with a row handle that; code
// that reads a slice must check Constant first. The entry of a null row in a slice
// has no meaning.
//
// Accessors that take a row panic, as indexing a slice does, if the column has
// no such row or its values are of another kind.
type Column struct {
	number int
	field  *Field
	at     int // where the vector begins in the input, for errors

	typ      Type
	rows     int
	constant bool
	hasNulls bool
	allNull  bool
	zone     string
	format   string
	scale    int32 // of decimals, if scaled
	scaled   bool

	nulls    []bool
	bools    []bool
	int32s   []int32
	int64s   []int64
	floats   []float64
	strings  texts
	zones    texts
	decimals []Decimal
}

// Field returns the field of the column in the metadata. Without metadata, its name
// is the number of the column and its type that of the vector.
func (c *Column) Field() Field {
	if c.field != nil {
		return *c.field
	}
	return Field{Name: numberName(c.number), Type: c.typ, TypeName: c.typ.String(), Zone: c.zone, Format: c.format}
}

// Type returns the type that the vector itself carries, one of Binary to
// Decimal128. It decides which of the accessors apply.
func (c *Column) Type() Type { return c.typ }

// Len returns the number of rows.
func (c *Column) Len() int { return c.rows }

// Constant reports whether the column holds one value for all of its rows.
func (c *Column) Constant() bool { return c.constant }

// HasNulls reports whether any row is null.
func (c *Column) HasNulls() bool { return c.hasNulls && c.rows > 0 }

// IsNull reports whether a row, counted from 0, is null.
func (c *Column) IsNull(row int) bool {
	c.check(row)
	return c.allNull || c.hasNulls && c.nulls[row]
}

// Nulls returns one flag per row, true for a null one. It is nil if no row is
// null, if the column is constant, and if its type is Null: in the last two cases,
// IsNull is the same for every row.
func (c *Column) Nulls() []bool {
	if c.allNull || !c.hasNulls {
		return nil
	}
	return c.nulls
}

// check panics if there is no such row. Without it, a constant column would return
// a value for rows that do not exist.
func (c *Column) check(row int) {
	if row < 0 || row >= c.rows {
		panic("vector: row out of range")
	}
}

// index returns the index of the value of a row in the column's slice.
func (c *Column) index(row int) int {
	if c.constant {
		return 0
	}
	return row
}

// Bools returns the values of a BOOLEAN column, empty for any other.
func (c *Column) Bools() []bool { return c.bools }

// Int32s returns the values of an INTEGER column, empty for any other.
func (c *Column) Int32s() []int32 { return c.int32s }

// Int64s returns the values of a LONG column; those of a DATE column in
// microseconds since 1970-01-01; those of a DATETIME, TIMESTAMP, TIMESTAMP_TZ
// and INT96 column in microseconds since the epoch, UTC; and is empty for any other.
func (c *Column) Int64s() []int64 { return c.int64s }

// Float64s returns the values of a DOUBLE or FLOAT column, empty for any other.
func (c *Column) Float64s() []float64 { return c.floats }

// Decimals returns the values of a DECIMAL128 column, empty for any other.
func (c *Column) Decimals() []Decimal { return c.decimals }

// Bool returns the value of a row of a BOOLEAN column, false if it is null.
func (c *Column) Bool(row int) bool {
	if c.IsNull(row) {
		return false
	}
	return c.bools[c.index(row)]
}

// Int32 returns the value of a row of an INTEGER column, 0 if it is null.
func (c *Column) Int32(row int) int32 {
	if c.IsNull(row) {
		return 0
	}
	return c.int32s[c.index(row)]
}

// Int64 returns the value of a row of any column that has Int64s, or of an
// INTEGER column, 0 if it is null.
func (c *Column) Int64(row int) int64 {
	if c.IsNull(row) {
		return 0
	}
	if c.typ == Integer {
		return int64(c.int32s[c.index(row)])
	}
	return c.int64s[c.index(row)]
}

// Float64 returns the value of a row of a DOUBLE or FLOAT column, 0 if it is
// null.
func (c *Column) Float64(row int) float64 {
	if c.IsNull(row) {
		return 0
	}
	return c.floats[c.index(row)]
}

// Str returns the value of a row of a STRING, BINARY, ARRAY, MAP or STRUCT column,
// empty if it is null. It is the engine's bytes as they came, a view of the input:
// those of a BINARY are any bytes, and even a STRING need not be valid UTF-8. There is
// no slice of them, as it would take more than all else that decoding does.
func (c *Column) Str(row int) string {
	if c.IsNull(row) {
		return ""
	}
	return c.strings.at(c.index(row))
}

// Decimal returns the value of a row of a DECIMAL128 column, 0 if it is null.
func (c *Column) Decimal(row int) Decimal {
	if c.IsNull(row) {
		return Decimal{}
	}
	return c.decimals[c.index(row)]
}

// head keeps the first n rows.
func (c *Column) head(n int) {
	c.rows = n
	if c.constant {
		return
	}
	c.nulls = firstOf(c.nulls, n)
	c.hasNulls = c.allNull || slices.Contains(c.nulls, true)
	c.bools, c.int32s, c.int64s = firstOf(c.bools, n), firstOf(c.int32s, n), firstOf(c.int64s, n)
	c.floats, c.decimals = firstOf(c.floats, n), firstOf(c.decimals, n)
	c.strings.head(n)
	c.zones.head(n)
}

// firstOf returns the first n values of a slice, or none of an empty one.
func firstOf[T any](values []T, n int) []T { return values[:min(n, len(values))] }

// skip drops the first n rows.
func (c *Column) skip(n int) {
	c.rows -= n
	if c.constant {
		return
	}
	c.nulls = behind(c.nulls, n)
	c.hasNulls = c.allNull || slices.Contains(c.nulls, true)
	c.bools, c.int32s, c.int64s = behind(c.bools, n), behind(c.int32s, n), behind(c.int64s, n)
	c.floats, c.decimals = behind(c.floats, n), behind(c.decimals, n)
	c.strings.begin, c.zones.begin = behind(c.strings.begin, n), behind(c.zones.begin, n)
}

// behind returns what follows the first n values of a slice, and nothing of an empty one.
func behind[T any](values []T, n int) []T { return values[min(n, len(values)):] }

// release drops the references to inputs, and keeps the memory.
func (c *Column) release() {
	c.field = nil
	c.empty()
}

// empty drops the values of an earlier batch.
func (c *Column) empty() {
	c.typ, c.rows, c.constant, c.hasNulls, c.allNull = Other, 0, false, false, false
	c.zone, c.format, c.scale, c.scaled = "", "", 0, false
	c.nulls = c.nulls[:0]
	c.emptyData()
}

func (c *Column) emptyData() {
	c.bools, c.int32s, c.int64s = c.bools[:0], c.int32s[:0], c.int64s[:0]
	c.floats, c.decimals = c.floats[:0], c.decimals[:0]
	c.strings.empty()
	c.zones.empty()
}
