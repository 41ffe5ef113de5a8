package e6test

import "github.com/e6data/e6data-go/e6/vector"

// Batch is a result batch that is to be encoded.
type Batch struct {
	// Rows is the number of rows of every column.
	Rows int
	// Columns holds one column per field of the result.
	Columns []Column
}

// Column is one column of a Batch. Which slice holds the values follows from
// Type; it has one entry per row, or exactly one if Constant is set. A null
// row has an entry too, of any value; only a constant that is null may have none.
type Column struct {
	// Type is the vector's type on the wire.
	Type vector.Type
	// Nulls has true for every null row, or is empty if there are none.
	Nulls []bool
	// Constant makes the vector hold one value for all rows.
	Constant bool

	// Bools holds BOOLEAN.
	Bools []bool
	// Ints holds LONG and INTEGER; DATE in microseconds since 1970-01-01; and
	// DATETIME, TIMESTAMP and TIMESTAMP_TZ in microseconds since the epoch, UTC.
	Ints []int64
	// Floats holds DOUBLE and FLOAT.
	Floats []float64
	// Strings holds STRING, BINARY (any bytes), ARRAY, MAP and STRUCT.
	Strings []string
	// Decimals holds DECIMAL128: unscaled, two's complement, big endian, 1 to
	// 16 bytes each. See TwosComplement.
	Decimals [][]byte
	// Scale is the scale of Decimals; nil leaves it out, as older engines do,
	// whose Decimals may also be text.
	Scale *int32
	// Zones holds the zone of each row of a time column, or is empty.
	Zones []string

	// ZoneOffset and Format are fields 6 and 7 of the vector.
	ZoneOffset string
	Format     string
}
