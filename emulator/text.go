package emulator

import (
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/e6data/e6data-go/e6/vector"
)

// appendText appends the value of a row, which is not null, as DuckDB casts it
// to VARCHAR; of a BLOB the bytes themselves.
func appendText(dst []byte, v *view, row int) ([]byte, error) {
	switch v.t.id {
	case mapping.TypeEnum:
		return append(dst, v.t.names[v.small(v.t.stored, row)]...), nil
	case mapping.TypeUUID:
		return appendUUID(dst, at[hugeint](v, row)), nil
	case mapping.TypeTime:
		return appendClock(dst, at[int64](v, row)), nil
	case mapping.TypeTimeTZ:
		return appendTimeTZ(dst, at[uint64](v, row)), nil
	case mapping.TypeInterval:
		return appendInterval(dst, at[interval](v, row)), nil
	case mapping.TypeBit:
		return appendBits(dst, v.text(row)), nil
	}
	return append(dst, v.text(row)...), nil
}

// appendUUID appends a UUID, which DuckDB keeps with its first bit flipped so
// that it sorts as a signed integer.
func appendUUID(dst []byte, h hugeint) []byte {
	var raw [16]byte
	upper := h.upper ^ 1<<63
	for i := range 8 {
		raw[i] = byte(upper >> (56 - 8*i))
		raw[8+i] = byte(h.lower >> (56 - 8*i))
	}
	for i, part := range [...][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, raw[part[0]:part[1]])
	}
	return dst
}

// appendTwo appends a number with at least two digits.
func appendTwo(dst []byte, n int64) []byte {
	if n < 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendClock appends a time of day, or a duration of any length, that is not
// negative. A fraction is written without the zeros at its end.
func appendClock(dst []byte, micros int64) []byte {
	seconds, fraction := micros/1_000_000, micros%1_000_000
	dst = appendTwo(dst, seconds/3600)
	dst = appendTwo(append(dst, ':'), seconds/60%60)
	dst = appendTwo(append(dst, ':'), seconds%60)
	if fraction != 0 {
		digits := strconv.FormatInt(1_000_000+fraction, 10)[1:]
		dst = append(append(dst, '.'), strings.TrimRight(digits, "0")...)
	}
	return dst
}

// appendTimeTZ appends a time of day with its offset: 40 bits of microseconds,
// then 24 bits that hold what the offset in seconds lacks to just below 16 h.
func appendTimeTZ(dst []byte, bits uint64) []byte {
	const greatest = 16*60*60 - 1
	dst = appendClock(dst, int64(bits>>24))
	offset := greatest - int64(bits&(1<<24-1))
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = appendTwo(append(dst, sign), offset/3600)
	if offset%3600 != 0 {
		dst = appendTwo(append(dst, ':'), offset/60%60)
	}
	if offset%60 != 0 {
		dst = appendTwo(append(dst, ':'), offset%60)
	}
	return dst
}

func appendInterval(dst []byte, iv interval) []byte {
	begin := len(dst)
	unit := func(n int32, name string) {
		if n == 0 {
			return
		}
		if len(dst) > begin {
			dst = append(dst, ' ')
		}
		dst = strconv.AppendInt(dst, int64(n), 10)
		dst = append(append(dst, ' '), name...)
		if n != 1 && n != -1 {
			dst = append(dst, 's')
		}
	}
	unit(iv.months/12, "year")
	unit(iv.months%12, "month")
	unit(iv.days, "day")
	if iv.micros == 0 && len(dst) > begin {
		return dst
	}
	if len(dst) > begin {
		dst = append(dst, ' ')
	}
	if iv.micros < 0 {
		dst = append(dst, '-')
		iv.micros = -iv.micros
	}
	return appendClock(dst, iv.micros)
}

// appendBits appends a bit string. Its first byte is the number of bits at the
// beginning of the second one are padding.
func appendBits(dst []byte, raw string) []byte {
	if raw == "" {
		return dst
	}
	for i := int(raw[0]); i < (len(raw)-1)*8; i++ {
		dst = append(dst, '0'+raw[1+i/8]>>(7-i%8)&1)
	}
	return dst
}

// appendJSON appends a value as it stands within a nested one: JSON, with
// numbers of any size bare, times as text, binary values in hexadecimal digits,
// and NaN and the infinities as strings.
func appendJSON(dst []byte, v *view, row int) ([]byte, error) {
	if v.null(row) {
		return append(dst, "null"...), nil
	}
	switch v.t.wire() {
	case vector.Null:
		return append(dst, "null"...), nil
	case vector.Boolean:
		return strconv.AppendBool(dst, at[uint8](v, row) != 0), nil
	case vector.Integer, vector.Long:
		return strconv.AppendInt(dst, v.small(v.t.id, row), 10), nil
	case vector.Float:
		return appendFloat(dst, float64(at[float32](v, row)), 32), nil
	case vector.Double:
		return appendFloat(dst, at[float64](v, row), 64), nil
	case vector.Decimal128:
		return appendDecimal(dst, v, row), nil
	case vector.Date, vector.Datetime, vector.TimestampTZ:
		micros, err := v.micros(row)
		if err != nil {
			return dst, err
		}
		dst = append(dst, '"')
		dst = appendTimestamp(dst, micros, v.t)
		return append(dst, '"'), nil
	case vector.Binary:
		dst = hex.AppendEncode(append(dst, '"'), []byte(v.text(row)))
		return append(dst, '"'), nil
	case vector.Array:
		return appendArray(dst, v, row)
	case vector.Map:
		return appendMap(dst, v, row)
	case vector.Struct:
		return appendStruct(dst, v, row)
	}
	if v.t.json {
		return append(dst, v.text(row)...), nil
	}
	text, err := appendText(nil, v, row)
	return appendQuoted(dst, string(text)), err
}

func appendArray(dst []byte, v *view, row int) ([]byte, error) {
	span := listEntry{offset: uint64(row * v.t.length), length: uint64(v.t.length)}
	if v.t.id == mapping.TypeList {
		span = at[listEntry](v, row)
	}
	var err error
	dst = append(dst, '[')
	for i := range span.length {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSON(dst, &v.children[0], int(span.offset+i)); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// appendMap appends an object. A key that is no string is written as one.
func appendMap(dst []byte, v *view, row int) ([]byte, error) {
	span := at[listEntry](v, row)
	dst = append(dst, '{')
	for i := range span.length {
		if i > 0 {
			dst = append(dst, ',')
		}
		key, err := appendJSON(nil, &v.children[0], int(span.offset+i))
		if err != nil {
			return dst, err
		}
		if key[0] == '"' {
			dst = append(dst, key...)
		} else {
			dst = appendQuoted(dst, string(key))
		}
		if dst, err = appendJSON(append(dst, ':'), &v.children[1], int(span.offset+i)); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendStruct appends an object with all the fields of a STRUCT, or with the
// one member that is set of a UNION.
func appendStruct(dst []byte, v *view, row int) ([]byte, error) {
	first, end := 0, len(v.children)
	if v.tags != nil {
		first = int(at[uint8](v.tags, row))
		end = first + 1
	}
	var err error
	dst = append(dst, '{')
	for i := first; i < end; i++ {
		if i > first {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, v.t.names[i]), ':')
		if dst, err = appendJSON(dst, &v.children[i], row); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func appendFloat(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return appendQuoted(dst, strconv.FormatFloat(f, 'g', -1, bits))
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits)
}

// appendDecimal appends all the digits of a decimal or an integer of any size.
func appendDecimal(dst []byte, v *view, row int) []byte {
	id := v.t.id
	if id == mapping.TypeDecimal {
		id = v.t.stored
	}
	h, _ := v.big(id, row)
	if id != mapping.TypeUHugeInt && h.negative() {
		dst = append(dst, '-')
		h = h.magnitude()
	}
	n := new(big.Int).SetUint64(h.upper)
	digits := n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(h.lower)).String()
	if short := v.t.scale + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	point := len(digits) - v.t.scale
	dst = append(dst, digits[:point]...)
	if v.t.scale > 0 {
		dst = append(append(dst, '.'), digits[point:]...)
	}
	return dst
}

// appendTimestamp appends a date or a timestamp, with a sign before years that
// have more than four digits or lie before the year 0, and with Z if it is a
// point in time.
func appendTimestamp(dst []byte, micros int64, t *valueType) []byte {
	at := time.UnixMicro(micros).UTC()
	year := int64(at.Year())
	switch {
	case year < 0:
		dst, year = append(dst, '-'), -year
	case year > 9999:
		dst = append(dst, '+')
	}
	for limit := int64(1000); limit > 1 && year < limit; limit /= 10 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendInt(dst, year, 10)
	dst = appendTwo(append(dst, '-'), int64(at.Month()))
	dst = appendTwo(append(dst, '-'), int64(at.Day()))
	if t.id == mapping.TypeDate {
		return dst
	}
	ofDay := micros - floorDiv(micros, microsPerDay)*microsPerDay
	dst = appendClock(append(dst, ' '), ofDay)
	if t.id == mapping.TypeTimestampTZ {
		dst = append(dst, 'Z')
	}
	return dst
}

// appendQuoted appends a JSON string.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < 0x20:
			dst = append(dst, `\u00`...)
			dst = hex.AppendEncode(dst, []byte{c})
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
