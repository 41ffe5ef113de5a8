package emulator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

const (
	microsPerDay = 86_400_000_000
	// maxDays is the last day whose microseconds fit into 64 bits, in the year
	// 294247. DuckDB's dates go on to the year 5881580.
	maxDays = math.MaxInt64 / microsPerDay
)

// builder collects one column of a batch from the chunks of a result.
type builder struct {
	t    *valueType
	zone string
	col  e6test.Column
	rows int
	// text holds the strings of the batch one after the other and ends where
	// each of them ends: one allocation per batch instead of one per string.
	text []byte
	ends []int
}

// newBuilder returns a builder for a batch of up to rows rows.
func newBuilder(t *valueType, zone string, rows int) *builder {
	b := &builder{t: t, zone: zone}
	b.col.Type = t.wire()
	// The flags are there even if nothing is null: the public Python connector
	// looks at the flag of every row and fails without one.
	b.col.Nulls = make([]bool, 0, rows)
	switch b.col.Type {
	case vector.Null:
		b.col.Constant, b.col.Nulls = true, []bool{true}
	case vector.Boolean:
		b.col.Bools = make([]bool, 0, rows)
	case vector.Float, vector.Double:
		b.col.Floats = make([]float64, 0, rows)
	case vector.Decimal128:
		scale := int32(t.scale)
		b.col.Scale = &scale
		b.col.Decimals = make([][]byte, 0, rows)
	case vector.String, vector.Binary, vector.Array, vector.Map, vector.Struct:
		b.ends = make([]int, 0, rows)
	default:
		b.col.Ints = make([]int64, 0, rows)
	}
	return b
}

// rowError names the row of the batch at which a value cannot be sent.
type rowError struct {
	row int
	err error
}

func (e *rowError) Error() string { return e.err.Error() }

func (e *rowError) Unwrap() error { return e.err }

// add appends the rows from..to of a chunk. Its error is a *rowError.
func (b *builder) add(v *view, from, to int) error {
	if b.col.Type == vector.Null {
		b.rows += to - from
		return nil
	}
	for r := from; r < to; r++ {
		b.col.Nulls = append(b.col.Nulls, v.null(r))
	}
	switch b.col.Type {
	case vector.Boolean:
		for r := from; r < to; r++ {
			b.col.Bools = append(b.col.Bools, !v.null(r) && at[uint8](v, r) != 0)
		}
	case vector.Float:
		b.col.Floats = appendNumbers[float32](b.col.Floats, v, from, to)
	case vector.Double:
		b.col.Floats = appendNumbers[float64](b.col.Floats, v, from, to)
	case vector.Integer, vector.Long:
		b.addIntegers(v, from, to)
	default:
		for r := from; r < to; r++ {
			if err := b.addValue(v, r); err != nil {
				return &rowError{b.rows + r - from, err}
			}
		}
	}
	b.clearNulls()
	b.rows += to - from
	return nil
}

// clearNulls zeroes the numbers of null rows, which DuckDB does not initialise.
func (b *builder) clearNulls() {
	for i := b.rows; i < len(b.col.Nulls); i++ {
		if b.col.Nulls[i] && i < len(b.col.Ints) {
			b.col.Ints[i] = 0
		}
		if b.col.Nulls[i] && i < len(b.col.Floats) {
			b.col.Floats[i] = 0
		}
	}
}

// appendNumbers appends the rows from..to, those of nulls included.
func appendNumbers[T int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | float32 | float64, U int64 | float64](dst []U, v *view, from, to int) []U {
	for _, n := range unsafe.Slice((*T)(v.data), to)[from:] {
		dst = append(dst, U(n))
	}
	return dst
}

func (b *builder) addIntegers(v *view, from, to int) {
	switch b.t.id {
	case mapping.TypeTinyInt:
		b.col.Ints = appendNumbers[int8](b.col.Ints, v, from, to)
	case mapping.TypeUTinyInt:
		b.col.Ints = appendNumbers[uint8](b.col.Ints, v, from, to)
	case mapping.TypeSmallInt:
		b.col.Ints = appendNumbers[int16](b.col.Ints, v, from, to)
	case mapping.TypeUSmallInt:
		b.col.Ints = appendNumbers[uint16](b.col.Ints, v, from, to)
	case mapping.TypeInteger:
		b.col.Ints = appendNumbers[int32](b.col.Ints, v, from, to)
	case mapping.TypeUInteger:
		b.col.Ints = appendNumbers[uint32](b.col.Ints, v, from, to)
	default:
		b.col.Ints = appendNumbers[int64](b.col.Ints, v, from, to)
	}
}

// addValue appends one value of a type that needs a conversion.
func (b *builder) addValue(v *view, row int) error {
	null := v.null(row)
	var err error
	switch b.col.Type {
	case vector.Decimal128:
		unscaled := make([]byte, 16)
		if !null {
			err = putBig(unscaled, v, row)
		}
		b.col.Decimals = append(b.col.Decimals, unscaled)
	case vector.Date, vector.Datetime, vector.TimestampTZ:
		var micros int64
		if !null {
			micros, err = v.micros(row)
		}
		b.col.Ints = append(b.col.Ints, micros)
		if b.col.Type == vector.TimestampTZ {
			b.col.Zones = append(b.col.Zones, b.zone)
		}
	case vector.Array, vector.Map, vector.Struct:
		if !null {
			b.text, err = appendJSON(b.text, v, row)
		}
		b.ends = append(b.ends, len(b.text))
	default:
		if !null {
			b.text, err = appendText(b.text, v, row)
		}
		b.ends = append(b.ends, len(b.text))
	}
	return err
}

// column returns what was collected. The builder must not be used any more.
func (b *builder) column() e6test.Column {
	if b.ends != nil {
		all, begin := string(b.text), 0
		b.col.Strings = make([]string, len(b.ends))
		for i, end := range b.ends {
			b.col.Strings[i] = all[begin:end]
			begin = end
		}
	}
	return b.col
}

// tenTo38 is the first integer with 39 digits, more than a decimal may have.
var tenTo38 = hugeint{upper: 0x4B3B4CA85A86C47A, lower: 0x098A224000000000}

var errTooBig = errors.New("an integer of more than 38 digits does not fit into a decimal: cast it to VARCHAR")

// putBig writes the unscaled value of a decimal or big integer, big endian.
func putBig(dst []byte, v *view, row int) error {
	id := v.t.id
	if id == mapping.TypeDecimal {
		id = v.t.stored
	}
	h, ok := v.big(id, row)
	if !ok {
		return errTooBig
	}
	if m := h.magnitude(); m.upper > tenTo38.upper || m.upper == tenTo38.upper && m.lower >= tenTo38.lower {
		return errTooBig
	}
	binary.BigEndian.PutUint64(dst, h.upper)
	binary.BigEndian.PutUint64(dst[8:], h.lower)
	return nil
}

// negative reports whether h, taken as two's complement, is below zero.
func (h hugeint) negative() bool { return h.upper>>63 == 1 }

// magnitude returns the absolute value, which is unsigned.
func (h hugeint) magnitude() hugeint {
	if !h.negative() {
		return h
	}
	m := hugeint{lower: -h.lower, upper: ^h.upper}
	if h.lower == 0 {
		m.upper++
	}
	return m
}

var (
	errInfinite = errors.New("infinity is no date or time in the protocol: filter it with isfinite() or cast it to VARCHAR")
	errTooFar   = errors.New("it is too far from 1970 for 64 bits of microseconds: cast it to VARCHAR")
)

// micros reads a date or a timestamp as microseconds since 1970-01-01 UTC.
func (v *view) micros(row int) (int64, error) {
	if v.t.id == mapping.TypeDate {
		days := int64(at[int32](v, row))
		switch {
		case days == math.MaxInt32 || days == -math.MaxInt32:
			return 0, errInfinite
		case days > maxDays || days < -maxDays:
			return 0, errTooFar
		}
		return days * microsPerDay, nil
	}
	n := at[int64](v, row)
	if n == math.MaxInt64 || n == -math.MaxInt64 {
		return 0, errInfinite
	}
	switch v.t.id {
	case mapping.TypeTimestampS:
		return scaleUp(n, 1_000_000)
	case mapping.TypeTimestampMS:
		return scaleUp(n, 1_000)
	case mapping.TypeTimestampNS:
		return floorDiv(n, 1_000), nil
	}
	return n, nil
}

// scaleUp multiplies by a positive factor.
func scaleUp(n, factor int64) (int64, error) {
	if n > math.MaxInt64/factor || n < math.MinInt64/factor {
		return 0, errTooFar
	}
	return n * factor, nil
}

// floorDiv divides by a positive divisor and rounds down, so that what is
// before 1970 does not move towards it.
func floorDiv(n, by int64) int64 {
	q := n / by
	if n%by < 0 {
		q--
	}
	return q
}

// located adds the place in the result to an error about one of its values.
func located(err error, column int, name string, row int64) error {
	return fmt.Errorf("column %d (%s), row %d: %w", column+1, name, row+1, err)
}
