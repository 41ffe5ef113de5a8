package vector

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/e6data/e6data-go/proto/thrift/chunk"
)

// entropy hands out the bytes of a fuzz input as decisions, and zeros after its
// end.
type entropy struct{ b []byte }

func (e *entropy) byte() byte {
	if len(e.b) == 0 {
		return 0
	}
	v := e.b[0]
	e.b = e.b[1:]
	return v
}

func (e *entropy) below(n int) int { return int(e.byte()) % n }

func (e *entropy) bool() bool { return e.byte()&1 == 1 }

func (e *entropy) i64() int64 {
	switch e.below(4) {
	case 0:
		return int64(int8(e.byte()))
	case 1:
		return math.MaxInt64 - int64(e.byte())
	case 2:
		return math.MinInt64 + int64(e.byte())
	}
	var raw [8]byte
	for i := range raw {
		raw[i] = e.byte()
	}
	return int64(binary.BigEndian.Uint64(raw[:]))
}

func (e *entropy) float() float64 { return math.Float64frombits(uint64(e.i64())) }

func (e *entropy) bytes(least, most int) []byte {
	b := make([]byte, least+e.below(most-least+1))
	for i := range b {
		b[i] = e.byte()
	}
	return b
}

func (e *entropy) zone() string {
	zones := []string{"", "Z", "UTC", "+05:30", "-08:00", "Europe/Berlin", "Mars/Base", "+99:99"}
	return zones[e.below(len(zones))]
}

func list[T any](n int, next func() T) []T {
	values := make([]T, n)
	for i := range values {
		values[i] = next()
	}
	return values
}

// chunk draws a batch that keeps every rule.
func (e *entropy) chunk() *chunk.Chunk {
	c := &chunk.Chunk{Size: int32(e.below(20))}
	for range 1 + e.below(6) {
		c.Vectors = append(c.Vectors, e.vector(c.Size))
	}
	return c
}

func (e *entropy) vector(size int32) *chunk.Vector {
	v := &chunk.Vector{
		Size: size, VectorType: chunk.VectorType(e.below(17)), IsConstantVector: e.bool(),
		ZoneOffset: e.zone(), Format: string(e.bytes(0, 3)),
	}
	n := int(size)
	if v.IsConstantVector {
		n = 1
	}
	if e.bool() {
		v.NullSet = list(n, e.bool)
	}
	v.Data = e.list(v.VectorType, n)
	if v.IsConstantVector {
		v.Data = e.constant(v.VectorType)
	}
	return v
}

func (e *entropy) constant(t chunk.VectorType) *chunk.Data {
	switch t {
	case chunk.VectorType_NULL:
		return &chunk.Data{NullConstantData: &chunk.NullConstantData{Data: int8(e.byte())}}
	case chunk.VectorType_BOOLEAN:
		return &chunk.Data{BoolConstantData: &chunk.BoolConstantData{Data: e.bool()}}
	case chunk.VectorType_LONG:
		return &chunk.Data{NumericConstantData: &chunk.NumericConstantData{Data: e.i64()}}
	case chunk.VectorType_INTEGER:
		return &chunk.Data{NumericConstantData: &chunk.NumericConstantData{Data: int64(int32(e.i64()))}}
	case chunk.VectorType_DOUBLE, chunk.VectorType_FLOAT:
		return &chunk.Data{NumericDecimalConstantData: &chunk.NumericDecimalConstantData{Data: e.float()}}
	case chunk.VectorType_DATE:
		return &chunk.Data{DateConstantData: &chunk.DateConstantData{Data: e.i64()}}
	case chunk.VectorType_DATETIME, chunk.VectorType_TIMESTAMP, chunk.VectorType_TIMESTAMP_TZ, chunk.VectorType_INT96:
		d := &chunk.TimeConstantData{Data: e.i64()}
		if e.bool() {
			zone := e.zone()
			d.ZoneData = &zone
		}
		return &chunk.Data{TimeConstantData: d}
	case chunk.VectorType_DECIMAL128:
		raw, scale := e.decimals(1)
		return &chunk.Data{NumericDecimal128ConstantData: &chunk.NumericDecimal128ConstantData{Data: raw[0], Scale: scale}}
	default:
		return &chunk.Data{VarcharConstantData: &chunk.VarcharConstantData{Data: string(e.bytes(0, 9))}}
	}
}

func (e *entropy) list(t chunk.VectorType, n int) *chunk.Data {
	switch t {
	case chunk.VectorType_NULL:
		return e.constant(t)
	case chunk.VectorType_BOOLEAN:
		return &chunk.Data{BoolData: &chunk.BoolData{Data: list(n, e.bool)}}
	case chunk.VectorType_LONG:
		return &chunk.Data{Int64Data: &chunk.Int64Data{Data: list(n, e.i64)}}
	case chunk.VectorType_INTEGER:
		return &chunk.Data{Int32Data: &chunk.Int32Data{Data: list(n, func() int32 { return int32(e.i64()) })}}
	case chunk.VectorType_DOUBLE:
		return &chunk.Data{Float64Data: &chunk.Float64Data{Data: list(n, e.float)}}
	case chunk.VectorType_FLOAT:
		return &chunk.Data{Float32Data: &chunk.Float32Data{Data: list(n, e.float)}}
	case chunk.VectorType_DATE:
		return &chunk.Data{DateData: &chunk.DateData{Data: list(n, e.i64)}}
	case chunk.VectorType_DATETIME, chunk.VectorType_TIMESTAMP, chunk.VectorType_TIMESTAMP_TZ, chunk.VectorType_INT96:
		d := &chunk.TimeData{Data: list(n, e.i64)}
		if e.bool() {
			d.ZoneData = list(n, e.zone)
		}
		return &chunk.Data{TimeData: d}
	case chunk.VectorType_DECIMAL128:
		raw, scale := e.decimals(n)
		return &chunk.Data{Decimal128Data: &chunk.Decimal128Data{Data: raw, Scale: scale}}
	default:
		return &chunk.Data{VarcharData: &chunk.VarcharData{Data: list(n, func() string { return string(e.bytes(0, 9)) })}}
	}
}

// decimals draws the three forms that engines send.
func (e *entropy) decimals(n int) ([][]byte, *int32) {
	switch e.below(3) {
	case 0:
		scale := int32(e.below(80)) - 40
		return list(n, func() []byte { return e.bytes(1, 16) }), &scale
	case 1:
		return list(n, func() []byte { return e.bytes(16, 16) }), nil
	default:
		return list(n, func() []byte { return fmt.Appendf(nil, "%d.%03d", int8(e.byte()), e.byte()) }), nil
	}
}
