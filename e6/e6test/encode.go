package e6test

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf16"

	"github.com/e6data/e6data-go/e6/vector"
)

// The types of Thrift's binary protocol.
const (
	thriftStop   = 0
	thriftBool   = 2
	thriftByte   = 3
	thriftDouble = 4
	thriftI32    = 8
	thriftI64    = 10
	thriftString = 11
	thriftStruct = 12
	thriftList   = 15
)

// EncodeMetadata encodes the description of a result as the protocol has it:
// big endian, with the strings in Java's modified UTF-8. A string that takes more
// than 65,535 bytes is cut off, as its length has no more room.
func EncodeMetadata(rows int64, fields []vector.Field) []byte {
	out := binary.BigEndian.AppendUint64(nil, uint64(rows))
	out = binary.BigEndian.AppendUint32(out, uint32(len(fields)))
	for _, f := range fields {
		typeName := f.TypeName
		if typeName == "" {
			typeName = f.Type.String()
		}
		for _, s := range []string{f.Name, typeName, f.Zone, f.Format} {
			out = appendJava(out, s)
		}
	}
	return out
}

// appendJava appends a string as Java's writeUTF does: NUL as two bytes, and
// characters beyond the basic plane as two surrogates of three bytes each.
func appendJava(out []byte, s string) []byte {
	var body []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		if len(body) > math.MaxUint16-3 {
			break
		}
		switch {
		case unit != 0 && unit < 0x80:
			body = append(body, byte(unit))
		case unit < 0x800:
			body = append(body, 0xC0|byte(unit>>6), 0x80|byte(unit&0x3F))
		default:
			body = append(body, 0xE0|byte(unit>>12), 0x80|byte(unit>>6&0x3F), 0x80|byte(unit&0x3F))
		}
	}
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)))
	return append(out, body...)
}

// EncodeBatch encodes a batch as the protocol has it: a Thrift struct in the
// binary protocol. A column that does not fit its type, or the number of rows,
// is an error that names it.
func EncodeBatch(b Batch) ([]byte, error) {
	if b.Rows < 0 || b.Rows > math.MaxInt32 {
		return nil, fmt.Errorf("e6test: encode batch: a batch cannot have %d rows", b.Rows)
	}
	e := &encoder{}
	e.field(thriftI32, 1)
	e.i32(int32(b.Rows))
	e.field(thriftList, 2)
	e.list(thriftStruct, len(b.Columns))
	for i := range b.Columns {
		if err := e.vector(&b.Columns[i], b.Rows); err != nil {
			return nil, fmt.Errorf("e6test: encode batch: column %d (%s): %w", i, b.Columns[i].Type, err)
		}
	}
	e.stop()
	return e.out, nil
}

type encoder struct{ out []byte }

func (e *encoder) byte(b byte)      { e.out = append(e.out, b) }
func (e *encoder) stop()            { e.byte(thriftStop) }
func (e *encoder) i32(n int32)      { e.out = binary.BigEndian.AppendUint32(e.out, uint32(n)) }
func (e *encoder) i64(n int64)      { e.out = binary.BigEndian.AppendUint64(e.out, uint64(n)) }
func (e *encoder) double(f float64) { e.i64(int64(math.Float64bits(f))) }

func (e *encoder) field(kind byte, id int16) {
	e.byte(kind)
	e.out = binary.BigEndian.AppendUint16(e.out, uint16(id))
}

func (e *encoder) list(kind byte, n int) {
	e.byte(kind)
	e.i32(int32(n))
}

func (e *encoder) bool(b bool) {
	if b {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

func (e *encoder) string(s string) {
	e.i32(int32(len(s)))
	e.out = append(e.out, s...)
}

// vectorTypes are the numbers of the types on the wire.
var vectorTypes = map[vector.Type]int32{
	vector.Binary: 0, vector.Boolean: 1, vector.Double: 2, vector.Float: 3, vector.Int96: 4, vector.Integer: 5,
	vector.Long: 6, vector.String: 7, vector.Date: 8, vector.Datetime: 9, vector.Timestamp: 10, vector.Struct: 11,
	vector.Map: 12, vector.Array: 13, vector.Null: 14, vector.TimestampTZ: 15, vector.Decimal128: 16,
}

func (e *encoder) vector(c *Column, rows int) error {
	number, ok := vectorTypes[c.Type]
	if !ok {
		return fmt.Errorf("a batch has no such type")
	}
	if n := len(c.Nulls); n != 0 && n != rows && !(c.Constant && n == 1) {
		return fmt.Errorf("%d null flags for %d rows", n, rows)
	}
	e.field(thriftI32, 1)
	e.i32(int32(rows))
	e.field(thriftI32, 2)
	e.i32(number)
	e.field(thriftList, 3)
	e.list(thriftBool, len(c.Nulls))
	for _, null := range c.Nulls {
		e.bool(null)
	}
	e.field(thriftStruct, 4)
	if err := e.data(c, rows); err != nil {
		return err
	}
	e.stop()
	e.field(thriftBool, 5)
	e.bool(c.Constant)
	e.field(thriftString, 6)
	e.string(c.ZoneOffset)
	e.field(thriftString, 7)
	e.string(c.Format)
	e.stop()
	return nil
}

// data writes the member of the union that belongs to the column's type.
func (e *encoder) data(c *Column, rows int) error {
	want := rows
	if c.Constant {
		want = 1
	}
	count := func(n int) error {
		if n != want {
			return fmt.Errorf("%d values for %d", n, want)
		}
		return nil
	}
	if c.Type == vector.Null || c.Constant && c.isNull(0) && c.hasNoValues() {
		e.member(10, func() {
			e.field(thriftByte, 1)
			e.byte(0)
		})
		return nil
	}
	switch c.Type {
	case vector.Boolean:
		write(e, c, 1, 8, thriftBool, c.Bools, e.bool)
		return count(len(c.Bools))
	case vector.Integer:
		for row, n := range c.Ints {
			if n != int64(int32(n)) && !c.isNull(row) {
				return fmt.Errorf("row %d: %d has more than 32 bits", row, n)
			}
		}
		if c.Constant {
			write(e, c, 2, 11, thriftI64, c.Ints, e.i64)
		} else {
			write(e, c, 2, 11, thriftI32, c.Ints, func(n int64) { e.i32(int32(n)) })
		}
		return count(len(c.Ints))
	case vector.Long:
		write(e, c, 3, 11, thriftI64, c.Ints, e.i64)
		return count(len(c.Ints))
	case vector.Date:
		write(e, c, 4, 9, thriftI64, c.Ints, e.i64)
		return count(len(c.Ints))
	case vector.Float:
		write(e, c, 5, 12, thriftDouble, c.Floats, e.double)
		return count(len(c.Floats))
	case vector.Double:
		write(e, c, 6, 12, thriftDouble, c.Floats, e.double)
		return count(len(c.Floats))
	case vector.Datetime, vector.Timestamp, vector.TimestampTZ, vector.Int96:
		if n := len(c.Zones); n != 0 && n != want {
			return fmt.Errorf("%d zones for %d rows", n, want)
		}
		e.times(c)
		return count(len(c.Ints))
	case vector.Decimal128:
		for row, b := range c.Decimals {
			if !c.isNull(row) && (len(b) == 0 || c.Scale != nil && len(b) > 16) {
				return fmt.Errorf("row %d: %d bytes, where a decimal has 1 to 16", row, len(b))
			}
		}
		e.decimals(c)
		return count(len(c.Decimals))
	}
	write(e, c, 7, 15, thriftString, c.Strings, e.string)
	return count(len(c.Strings))
}

func (c *Column) isNull(row int) bool { return row < len(c.Nulls) && c.Nulls[row] }

func (c *Column) hasNoValues() bool {
	return len(c.Bools)+len(c.Ints)+len(c.Floats)+len(c.Strings)+len(c.Decimals) == 0
}

// member writes one member of the union, which is a struct.
func (e *encoder) member(id int16, body func()) {
	e.field(thriftStruct, id)
	body()
	e.stop()
}

// write writes the member with the values of a column: a list, or one value of
// a constant.
func write[T any](e *encoder, c *Column, list, constant int16, kind byte, values []T, one func(T)) {
	id := list
	if c.Constant {
		id = constant
	}
	e.member(id, func() { values1(e, c, kind, values, one) })
}

// values1 writes field 1 of a member: the values.
func values1[T any](e *encoder, c *Column, kind byte, values []T, one func(T)) {
	if c.Constant {
		e.field(kind, 1)
		for _, v := range values[:min(1, len(values))] {
			one(v)
		}
		return
	}
	e.field(thriftList, 1)
	e.list(kind, len(values))
	for _, v := range values {
		one(v)
	}
}

func (e *encoder) times(c *Column) {
	id := int16(16)
	if c.Constant {
		id = 14
	}
	e.member(id, func() {
		values1(e, c, thriftI64, c.Ints, e.i64)
		if len(c.Zones) == 0 {
			return
		}
		if c.Constant {
			e.field(thriftString, 2)
			e.string(c.Zones[0])
			return
		}
		e.field(thriftList, 2)
		e.list(thriftString, len(c.Zones))
		for _, z := range c.Zones {
			e.string(z)
		}
	})
}

func (e *encoder) decimals(c *Column) {
	id := int16(17)
	if c.Constant {
		id = 18
	}
	e.member(id, func() {
		values1(e, c, thriftString, c.Decimals, func(b []byte) { e.string(string(b)) })
		if c.Scale != nil {
			e.field(thriftI32, 2)
			e.i32(*c.Scale)
		}
	})
}
