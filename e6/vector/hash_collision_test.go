package vector

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/internal/stress"
)

// sample is a column that can be changed: its rows are numbers, which stand for values.
type sample struct {
	typ   Type
	value func(i uint64) uint64 // the bits of the value of a row, for bulk of the types
}

// column makes the column of such values, with nulls where there are some.
func (s sample) column(values []uint64, nulls []bool) Column {
	c := Column{typ: s.typ, rows: len(values), nulls: nulls, hasNulls: slices.Contains(nulls, true)}
	var input []byte
	for _, v := range values {
		switch s.typ {
		case Boolean:
			c.bools = append(c.bools, v&1 == 1)
		case Integer:
			c.int32s = append(c.int32s, int32(v))
		case Double:
			c.floats = append(c.floats, math.Float64frombits(v))
		case Decimal128:
			c.decimals = append(c.decimals, Decimal{hi: int64(v >> 32), lo: v << 32, scale: 2})
		case String:
			text := fmt.Appendf(nil, "%x", v)
			if v == 0 {
				text = nil
			}
			input = binary.BigEndian.AppendUint32(input, uint32(len(text)))
			c.strings.begin = append(c.strings.begin, uint32(len(input)))
			input = append(input, text...)
		default:
			c.int64s = append(c.int64s, int64(v))
		}
	}
	if s.typ == String {
		c.strings.begin = append(c.strings.begin, uint32(len(input)+lengthBytes))
		c.strings.input = string(input)
	}
	return c
}

// samples are columns as results have them, and such as a weak hash confuses: their
// values differ in a few bits, which are all at one end of a word, or not at all.
var samples = map[string]sample{
	"flags":                 {Boolean, func(i uint64) uint64 { return i / 3 % 2 }},
	"no flag":               {Boolean, func(uint64) uint64 { return 0 }},
	"small INTEGER":         {Integer, func(i uint64) uint64 { return i % 5 }},
	"INTEGER of two signs":  {Integer, func(i uint64) uint64 { return i | i%2<<31 }},
	"keys":                  {Long, func(i uint64) uint64 { return i }},
	"small LONG":            {Long, func(i uint64) uint64 { return i % 7 }},
	"runs":                  {Long, func(i uint64) uint64 { return i / 50 }},
	"zeros":                 {Long, func(uint64) uint64 { return 0 }},
	"days":                  {Date, func(i uint64) uint64 { return i * microsPerDay }},
	"the highest bit":       {Long, func(i uint64) uint64 { return i % 2 << 63 }},
	"whole DOUBLE":          {Double, func(i uint64) uint64 { return math.Float64bits(float64(i % 9)) }},
	"DOUBLE of two signs":   {Double, func(i uint64) uint64 { return math.Float64bits(1 - 2*float64(i%2)) }},
	"decimals":              {Decimal128, func(i uint64) uint64 { return i % 4 }},
	"texts":                 {String, func(i uint64) uint64 { return i * i }},
	"texts, some are empty": {String, func(i uint64) uint64 { return i % 3 }},
	"empty texts":           {String, func(uint64) uint64 { return 0 }},
}

// visible is what a caller sees of the column.
func (s sample) visible(values []uint64, nulls []bool) string {
	var text []byte
	for i, v := range values {
		switch {
		case len(nulls) > 0 && nulls[i]:
			text = append(text, "null;"...)
			continue
		case s.typ == Boolean:
			v &= 1
		case s.typ == Integer:
			v &= math.MaxUint32
		}
		text = append(strconv.AppendUint(text, v, 16), ';')
	}
	return string(text)
}

// fingerprint is the state in which the hashes of two columns can differ.
type fingerprint struct {
	rows                int64
	nulls, bytes, kinds uint64
	sums                [lanes]uint64
	left                string
}

// fingerprintOf hashes the column in pieces of so many rows, and what is left.
func fingerprintOf(c Column, pieces ...int) fingerprint {
	b, h := &Batch{rows: c.rows, columns: []Column{c}}, new(Hash)
	for _, n := range append(pieces, c.rows) {
		n = min(n, b.rows)
		h.Add(b, n)
		b.Skip(n)
	}
	if h.rows == 0 {
		return fingerprint{}
	}
	one := &h.columns[0]
	left := one.values.buf[:one.values.n%blockBytes]
	return fingerprint{h.rows, one.nulls, one.values.n, one.kinds.total(), one.values.sums, string(left)}
}

// TestHash_DetectsEveryChangeOfAColumn changes a column in every way in which a run may
// differ, one change at a time, and wants another hash for every other column that comes
// out of it.
func TestHash_DetectsEveryChangeOfAColumn(t *testing.T) {
	rows := stress.Count(70, 150) // more than the longest distance
	for name, s := range samples {
		t.Run(name, func(t *testing.T) {
			values := make([]uint64, rows)
			for i := range values {
				values[i] = s.value(uint64(i))
			}
			seen := map[fingerprint]string{}
			check := func(values []uint64, nulls []bool, what string, at ...any) {
				text := s.visible(values, nulls)
				hash := fingerprintOf(s.column(values, nulls), len(values)/3, len(values)/5)
				if other, there := seen[hash]; there && other != text {
					t.Fatalf("another column has the same hash: "+what, at...)
				}
				seen[hash] = text
			}
			check(values, nil, "as it is")

			for i := range values {
				for _, bit := range []uint64{1, 1 << 15, 1 << 31, 1 << 32, 1 << 52, 1 << 63} {
					other := slices.Clone(values)
					other[i] ^= bit
					check(other, nil, "row %d has a changed value", i)
				}
				nulls := make([]bool, rows)
				nulls[i] = true
				check(values, nulls, "row %d is null", i)
				check(slices.Delete(slices.Clone(values), i, i+1), nil, "row %d is missing", i)
				check(slices.Insert(slices.Clone(values), i, values[i]), nil, "row %d comes twice", i)
				check(values[:i], nil, "only %d rows", i)
				other := slices.Clone(values)
				slices.Reverse(other[:i])
				check(other, nil, "the first %d rows are reversed", i)
			}
			for _, distance := range []int{1, 2, 8, 16, 64} {
				for i := range rows - distance {
					j := i + distance
					other := slices.Clone(values)
					other[i], other[j] = other[j], other[i]
					check(other, nil, "rows %d and %d are swapped", i, j)

					other = slices.Insert(slices.Delete(slices.Clone(values), i, i+1), j, values[i])
					check(other, nil, "row %d has moved to %d", i, j)

					other = slices.Clone(values)
					other[i]++
					other[j]--
					check(other, nil, "rows %d and %d have changed, their sum has not", i, j)

					other = slices.Clone(values)
					other[i] ^= 1 << 63
					other[j] ^= 1 << 63
					check(other, nil, "rows %d and %d have another sign", i, j)

					if n := min(distance, rows-j); n > 1 {
						other = slices.Clone(values)
						copy(other[i:], values[j:j+n])
						copy(other[j:j+n], values[i:i+n])
						check(other, nil, "%d rows from %d and from %d are swapped", n, i, j)
					}
				}
			}
			require.Greater(t, len(seen), rows, "the changes make no difference")
		})
	}
}

func TestHash_DistinguishesLongConstantColumns(t *testing.T) {
	for name, s := range samples {
		seen := map[fingerprint]bool{}
		for rows := range 300 {
			values := make([]uint64, rows)
			seen[fingerprintOf(s.column(values, nil))] = true
			seen[fingerprintOf(s.column(values, slices.Repeat([]bool{true}, rows)))] = true
		}
		// Without rows there are no nulls either.
		require.Len(t, seen, 2*300-1, name)
	}
}

func TestHash_DetectsSwappedColumns(t *testing.T) {
	a, b := samples["keys"].column([]uint64{1, 2, 3}, nil), samples["keys"].column([]uint64{1, 2, 4}, nil)
	one, other := new(Hash), new(Hash)
	one.Add(&Batch{rows: 3, columns: []Column{a, b}}, 3)
	other.Add(&Batch{rows: 3, columns: []Column{b, a}}, 3)
	require.Equal(t, 0, one.Diff(other))
	other.Reset()
	other.Add(&Batch{rows: 3, columns: []Column{a, a}}, 3)
	require.Equal(t, 1, one.Diff(other))
}
