package e6test

import (
	"math/big"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/vector"
)

// ColumnValues is a column of Rows: a name, a type and the values. It is made by Longs,
// Texts and their like, and does not change afterwards.
type ColumnValues struct {
	field  vector.Field
	column Column
}

// Longs is a column of type LONG.
func Longs(name string, values ...int64) ColumnValues {
	return column(name, vector.Long, Column{Ints: values})
}

// Doubles is a column of type DOUBLE.
func Doubles(name string, values ...float64) ColumnValues {
	return column(name, vector.Double, Column{Floats: values})
}

// Bools is a column of type BOOLEAN.
func Bools(name string, values ...bool) ColumnValues {
	return column(name, vector.Boolean, Column{Bools: values})
}

// Texts is a column of type STRING.
func Texts(name string, values ...string) ColumnValues {
	return column(name, vector.String, Column{Strings: values})
}

// Binaries is a column of type BINARY.
func Binaries(name string, values ...[]byte) ColumnValues {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return column(name, vector.Binary, Column{Strings: texts})
}

// Decimals is a column of type DECIMAL128 with that scale, of decimal numbers such as
// "-12.50". It panics if a value is no number, or has more digits after the point than
// the scale.
func Decimals(name string, scale int32, values ...string) ColumnValues {
	c := Column{Scale: &scale}
	for _, v := range values {
		whole, fraction, _ := strings.Cut(v, ".")
		missing := int(scale) - len(fraction)
		unscaled, ok := new(big.Int).SetString(whole+fraction+strings.Repeat("0", max(missing, 0)), 10)
		if !ok || missing < 0 {
			panic("e6test: decimals: column " + name + ": " + v + " is no decimal number of that scale")
		}
		c.Decimals = append(c.Decimals, TwosComplement(unscaled))
	}
	return column(name, vector.Decimal128, c)
}

// Dates is a column of type DATE. The time of day does not count, nor does the zone.
func Dates(name string, values ...time.Time) ColumnValues {
	c := Column{}
	for _, v := range values {
		c.Ints = append(c.Ints, time.Date(v.Year(), v.Month(), v.Day(), 0, 0, 0, 0, time.UTC).UnixMicro())
	}
	return column(name, vector.Date, c)
}

// Timestamps is a column of type TIMESTAMP, in microseconds.
func Timestamps(name string, values ...time.Time) ColumnValues {
	c := Column{}
	for _, v := range values {
		c.Ints = append(c.Ints, v.UnixMicro())
	}
	return column(name, vector.Timestamp, c)
}

// WithNulls returns the column with nulls in these rows, counted from 0, in place of their
// values. It panics if there is no such row.
func (c ColumnValues) WithNulls(rows ...int) ColumnValues {
	nulls := make([]bool, c.rows())
	copy(nulls, c.column.Nulls)
	for _, row := range rows {
		nulls[row] = true
	}
	c.column.Nulls = nulls
	return c
}

func column(name string, t vector.Type, c Column) ColumnValues {
	c.Type = t
	return ColumnValues{field: vector.Field{Name: name, Type: t}, column: c}
}

// rows is the number of values.
func (c ColumnValues) rows() int {
	d := &c.column
	return max(len(d.Ints), len(d.Floats), len(d.Bools), len(d.Strings), len(d.Decimals))
}
