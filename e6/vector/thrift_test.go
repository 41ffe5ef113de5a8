package vector

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/proto/thrift/chunk"
)

// encodeThrift writes a chunk with the code that Apache Thrift generated.
func encodeThrift(t testing.TB, c *chunk.Chunk) []byte {
	t.Helper()
	b, err := writeThrift(c)
	require.NoError(t, err)
	return b
}

func writeThrift(c *chunk.Chunk) ([]byte, error) {
	for _, v := range c.Vectors {
		// The generated code writes through the nil pointer.
		if v.Data == nil {
			return nil, errors.New("a vector without data cannot be written")
		}
	}
	buffer := thrift.NewTMemoryBuffer()
	if err := c.Write(context.Background(), thrift.NewTBinaryProtocolConf(buffer, nil)); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

// readThrift reads a chunk with the code that Apache Thrift generated, and
// returns how many bytes it left.
func readThrift(b []byte) (c *chunk.Chunk, left int, err error) {
	buffer := &thrift.TMemoryBuffer{Buffer: bytes.NewBuffer(b)}
	// Lengths beyond the input are refused there too, before memory is taken.
	conf := &thrift.TConfiguration{MaxMessageSize: int32(len(b) + 1), MaxContainerSize: int32(len(b) + 1)}
	c = chunk.NewChunk()
	err = c.Read(context.Background(), thrift.NewTBinaryProtocolConf(buffer, conf))
	return c, buffer.Len(), err
}

// valid restates the rules of a batch on the generated structs. It reports whether
// a chunk that was written from them is one.
func valid(c *chunk.Chunk) bool {
	if c.Size < 0 || c.Size > 0 && len(c.Vectors) == 0 {
		return false
	}
	for _, v := range c.Vectors {
		if v.Size != c.Size || v.VectorType < 0 || v.VectorType > 16 || !validVector(v) {
			return false
		}
	}
	return true
}

func validVector(v *chunk.Vector) bool {
	want := int(v.Size)
	if v.IsConstantVector {
		want = 1
	}
	if n := len(v.NullSet); n != 0 && n != want {
		return false
	}
	constantNull := v.IsConstantVector && len(v.NullSet) == 1 && v.NullSet[0]
	if constantNull {
		return true
	}
	if v.VectorType == chunk.VectorType_NULL {
		return v.Data.NullConstantData != nil
	}
	if v.IsConstantVector {
		return validConstant(v)
	}
	return validList(v, want)
}

func validConstant(v *chunk.Vector) bool {
	d := v.Data
	switch v.VectorType {
	case chunk.VectorType_BOOLEAN:
		return d.BoolConstantData != nil
	case chunk.VectorType_LONG:
		return d.NumericConstantData != nil
	case chunk.VectorType_INTEGER:
		return d.NumericConstantData != nil && d.NumericConstantData.Data == int64(int32(d.NumericConstantData.Data))
	case chunk.VectorType_DOUBLE, chunk.VectorType_FLOAT:
		return d.NumericDecimalConstantData != nil
	case chunk.VectorType_DATE:
		return d.DateConstantData != nil
	case chunk.VectorType_DATETIME, chunk.VectorType_TIMESTAMP_TZ:
		return d.TimeConstantData != nil
	case chunk.VectorType_TIMESTAMP, chunk.VectorType_INT96:
		return d.TimeConstantData != nil || d.NumericConstantData != nil
	case chunk.VectorType_DECIMAL128:
		n := d.NumericDecimal128ConstantData
		return n != nil && validDecimals([][]byte{n.Data}, nil, n.Scale)
	default:
		return d.VarcharConstantData != nil
	}
}

func validList(v *chunk.Vector, n int) bool {
	d := v.Data
	switch v.VectorType {
	case chunk.VectorType_BOOLEAN:
		return d.BoolData != nil && len(d.BoolData.Data) == n
	case chunk.VectorType_LONG:
		return d.Int64Data != nil && len(d.Int64Data.Data) == n
	case chunk.VectorType_INTEGER:
		return d.Int32Data != nil && len(d.Int32Data.Data) == n
	case chunk.VectorType_DOUBLE:
		return d.Float64Data != nil && len(d.Float64Data.Data) == n
	case chunk.VectorType_FLOAT:
		return d.Float32Data != nil && len(d.Float32Data.Data) == n
	case chunk.VectorType_DATE:
		return d.DateData != nil && len(d.DateData.Data) == n
	case chunk.VectorType_TIMESTAMP, chunk.VectorType_INT96:
		if d.Int64Data != nil {
			return len(d.Int64Data.Data) == n
		}
		return validTimes(d.TimeData, n)
	case chunk.VectorType_DATETIME, chunk.VectorType_TIMESTAMP_TZ:
		return validTimes(d.TimeData, n)
	case chunk.VectorType_DECIMAL128:
		l := d.Decimal128Data
		return l != nil && len(l.Data) == n && validDecimals(l.Data, v.NullSet, l.Scale)
	default:
		return d.VarcharData != nil && len(d.VarcharData.Data) == n
	}
}

func validTimes(d *chunk.TimeData, n int) bool {
	return d != nil && len(d.Data) == n && (len(d.ZoneData) == 0 || len(d.ZoneData) == n)
}

func validDecimals(raw [][]byte, nulls []bool, scale *int32) bool {
	if scale != nil && (*scale > 1000 || *scale < -1000) {
		return false
	}
	text := true
	sized := true
	for i, b := range raw {
		if len(nulls) > 0 && nulls[i] {
			continue
		}
		_, err := ParseDecimal(string(b))
		text = text && err == nil
		sized = sized && (len(b) == 16 || scale != nil && len(b) >= 1 && len(b) < 16)
	}
	return sized || scale == nil && text
}

// requireSame compares a decoded batch with what Thrift's code read of it.
func requireSame(t testing.TB, want *chunk.Chunk, got *Batch) {
	t.Helper()
	require.Equal(t, int(want.Size), got.Rows())
	require.Equal(t, len(want.Vectors), got.NumColumns())
	for i, v := range want.Vectors {
		c := got.Column(i)
		require.Equal(t, v.VectorType.String(), c.Type().String())
		require.Equal(t, int(v.Size), c.Len())
		require.Equal(t, v.IsConstantVector, c.Constant())
		// Constants may claim any number of rows, and all of those are alike.
		for row := range min(c.Len(), 64) {
			requireSameValue(t, v, c, row)
		}
	}
}

func requireSameValue(t testing.TB, v *chunk.Vector, c *Column, row int) {
	t.Helper()
	at := row
	if v.IsConstantVector {
		at = 0
	}
	null := v.VectorType == chunk.VectorType_NULL || len(v.NullSet) > 0 && v.NullSet[at]
	require.Equal(t, null, c.IsNull(row))
	if null {
		require.Nil(t, c.Value(row))
		return
	}
	d := v.Data
	switch {
	case d.BoolData != nil:
		require.Equal(t, d.BoolData.Data[at], c.Value(row))
	case d.Int32Data != nil:
		require.Equal(t, d.Int32Data.Data[at], c.Value(row))
		require.Equal(t, int64(d.Int32Data.Data[at]), c.Int64(row))
	case d.Int64Data != nil:
		require.Equal(t, d.Int64Data.Data[at], c.Int64(row))
	case d.DateData != nil:
		require.Equal(t, d.DateData.Data[at], c.Int64(row))
	case d.Float32Data != nil:
		require.Equal(t, math.Float64bits(d.Float32Data.Data[at]), math.Float64bits(c.Float64(row)))
	case d.Float64Data != nil:
		require.Equal(t, math.Float64bits(d.Float64Data.Data[at]), math.Float64bits(c.Float64(row)))
	case d.VarcharData != nil:
		require.Equal(t, d.VarcharData.Data[at], c.Str(row))
	case d.BoolConstantData != nil:
		require.Equal(t, d.BoolConstantData.Data, c.Bool(row))
	case d.DateConstantData != nil:
		require.Equal(t, d.DateConstantData.Data, c.Int64(row))
	case d.NumericConstantData != nil:
		require.Equal(t, d.NumericConstantData.Data, c.Int64(row))
	case d.NumericDecimalConstantData != nil:
		require.Equal(t, math.Float64bits(d.NumericDecimalConstantData.Data), math.Float64bits(c.Float64(row)))
	case d.TimeConstantData != nil:
		require.Equal(t, d.TimeConstantData.Data, c.Int64(row))
		requireSameZone(t, v, d.TimeConstantData.GetZoneData(), c, row)
	case d.VarcharConstantData != nil:
		require.Equal(t, d.VarcharConstantData.Data, c.Str(row))
	case d.TimeData != nil:
		require.Equal(t, d.TimeData.Data[at], c.Int64(row))
		zone := ""
		if len(d.TimeData.ZoneData) > 0 {
			zone = d.TimeData.ZoneData[at]
		}
		requireSameZone(t, v, zone, c, row)
	case d.Decimal128Data != nil:
		requireSameDecimal(t, d.Decimal128Data.Data, v.NullSet, at, d.Decimal128Data.Scale, c.Decimal(row))
	case d.NumericDecimal128ConstantData != nil:
		n := d.NumericDecimal128ConstantData
		requireSameDecimal(t, [][]byte{n.Data}, nil, 0, n.Scale, c.Decimal(row))
	default:
		require.Fail(t, "a value without data was handed out")
	}
}

func requireSameZone(t testing.TB, v *chunk.Vector, zone string, c *Column, row int) {
	t.Helper()
	if zone == "" {
		zone = v.ZoneOffset
	}
	require.Equal(t, zone, c.Zone(row))
}

func requireSameDecimal(t testing.TB, raw [][]byte, nulls []bool, at int, scale *int32, got Decimal) {
	t.Helper()
	if scale == nil {
		text := true
		for i, b := range raw {
			_, err := ParseDecimal(string(b))
			text = text && (err == nil || len(nulls) > 0 && nulls[i])
		}
		if text {
			want, ok := new(big.Rat).SetString(string(raw[at]))
			require.True(t, ok)
			require.Zero(t, want.Cmp(got.Rat()))
			return
		}
		scale = new(int32)
	}
	want := new(big.Int).SetBytes(raw[at])
	if raw[at][0]&0x80 != 0 {
		want.Sub(want, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw[at]))))
	}
	require.Zero(t, want.Cmp(got.Unscaled()))
	require.Equal(t, *scale, got.Scale())
}
