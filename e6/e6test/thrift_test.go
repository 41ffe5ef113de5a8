package e6test_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/proto/thrift/chunk"
)

// readThrift reads a batch with the code that Apache Thrift generated.
func readThrift(t require.TestingT, raw []byte) *chunk.Chunk {
	buffer := &thrift.TMemoryBuffer{Buffer: bytes.NewBuffer(raw)}
	c := chunk.NewChunk()
	require.NoError(t, c.Read(context.Background(), thrift.NewTBinaryProtocolConf(buffer, nil)))
	require.Zero(t, buffer.Len(), "bytes are left behind the batch")
	return c
}

// typeOf finds the type of a vector by the name that the protocol's file has.
func typeOf(t require.TestingT, v *chunk.Vector) vector.Type {
	typ := vector.ParseType(v.VectorType.String())
	require.NotEqual(t, vector.Other, typ)
	return typ
}

// batchOf turns what was read into a batch, member by member.
func batchOf(t require.TestingT, c *chunk.Chunk) e6test.Batch {
	b := e6test.Batch{Rows: int(c.Size)}
	for _, v := range c.Vectors {
		require.Equal(t, c.Size, v.Size)
		col := e6test.Column{
			Type: typeOf(t, v), Nulls: v.NullSet, Constant: v.IsConstantVector, ZoneOffset: v.ZoneOffset, Format: v.Format,
		}
		fill(t, &col, v.Data)
		b.Columns = append(b.Columns, col)
	}
	return b
}

func fill(t require.TestingT, col *e6test.Column, d *chunk.Data) {
	require.Equal(t, 1, d.CountSetFieldsData())
	switch {
	case d.BoolData != nil:
		col.Bools = d.BoolData.Data
	case d.BoolConstantData != nil:
		col.Bools = []bool{d.BoolConstantData.Data}
	case d.Int32Data != nil:
		for _, n := range d.Int32Data.Data {
			col.Ints = append(col.Ints, int64(n))
		}
	case d.Int64Data != nil:
		col.Ints = d.Int64Data.Data
	case d.NumericConstantData != nil:
		col.Ints = []int64{d.NumericConstantData.Data}
	case d.DateData != nil:
		col.Ints = d.DateData.Data
	case d.DateConstantData != nil:
		col.Ints = []int64{d.DateConstantData.Data}
	case d.Float32Data != nil:
		col.Floats = d.Float32Data.Data
	case d.Float64Data != nil:
		col.Floats = d.Float64Data.Data
	case d.NumericDecimalConstantData != nil:
		col.Floats = []float64{d.NumericDecimalConstantData.Data}
	case d.VarcharData != nil:
		col.Strings = d.VarcharData.Data
	case d.VarcharConstantData != nil:
		col.Strings = []string{d.VarcharConstantData.Data}
	case d.TimeData != nil:
		col.Ints, col.Zones = d.TimeData.Data, d.TimeData.ZoneData
	case d.TimeConstantData != nil:
		col.Ints = []int64{d.TimeConstantData.Data}
		if d.TimeConstantData.ZoneData != nil {
			col.Zones = []string{*d.TimeConstantData.ZoneData}
		}
	case d.Decimal128Data != nil:
		col.Decimals, col.Scale = d.Decimal128Data.Data, d.Decimal128Data.Scale
	case d.NumericDecimal128ConstantData != nil:
		col.Decimals, col.Scale = [][]byte{d.NumericDecimal128ConstantData.Data}, d.NumericDecimal128ConstantData.Scale
	default:
		require.NotNil(t, d.NullConstantData)
	}
}

func TestTheGoldenFilesAreEncodedByteForByte(t *testing.T) {
	files, err := filepath.Glob("../vector/testdata/*.json")
	require.NoError(t, err)
	require.Len(t, files, 15)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var golden struct{ Batch, Metadata string }
			require.NoError(t, json.Unmarshal(text, &golden))
			raw, err := hex.DecodeString(golden.Batch)
			require.NoError(t, err)
			encoded, err := e6test.EncodeBatch(batchOf(t, readThrift(t, raw)))
			require.NoError(t, err)
			require.Equal(t, golden.Batch, hex.EncodeToString(encoded))

			raw, err = hex.DecodeString(golden.Metadata)
			require.NoError(t, err)
			meta, err := vector.DecodeMetadata(raw)
			require.NoError(t, err)
			require.Equal(t, golden.Metadata, hex.EncodeToString(e6test.EncodeMetadata(meta.Rows, meta.Fields)))
		})
	}
}

// drawColumn makes a column of any type and shape that has a meaning.
func drawColumn(t *rapid.T, rows int) e6test.Column {
	c := e6test.Column{Type: vector.Type(rapid.IntRange(int(vector.Binary), int(vector.Decimal128)).Draw(t, "type")), Constant: rapid.Bool().Draw(t, "constant")}
	n := rows
	if c.Constant {
		n = 1
	}
	if rapid.Bool().Draw(t, "nulls") {
		c.Nulls = some(t, rapid.Bool(), n)
	}
	if rapid.Bool().Draw(t, "format") {
		c.ZoneOffset, c.Format = rapid.String().Draw(t, "zone"), rapid.String().Draw(t, "format")
	}
	if c.Constant && len(c.Nulls) == 1 && c.Nulls[0] && rapid.Bool().Draw(t, "without a value") {
		return c
	}
	switch c.Type {
	case vector.Null:
	case vector.Boolean:
		c.Bools = some(t, rapid.Bool(), n)
	case vector.Integer:
		c.Ints = some(t, rapid.Map(rapid.Int32(), func(n int32) int64 { return int64(n) }), n)
	case vector.Long, vector.Date:
		c.Ints = some(t, rapid.Int64(), n)
	case vector.Double, vector.Float:
		c.Floats = some(t, rapid.Float64(), n)
	case vector.Datetime, vector.Timestamp, vector.TimestampTZ, vector.Int96:
		c.Ints = some(t, rapid.Int64(), n)
		if rapid.Bool().Draw(t, "zones") {
			c.Zones = some(t, rapid.SampledFrom([]string{"", "Z", "+05:30", "Europe/Berlin"}), n)
		}
	case vector.Decimal128:
		if rapid.Bool().Draw(t, "old") { // an engine that leaves the scale out
			c.Decimals = some(t, rapid.Just(e6test.TwosComplement(big.NewInt(-7))), n)
			break
		}
		scale := rapid.Int32Range(0, 38).Draw(t, "scale")
		c.Decimals, c.Scale = some(t, rapid.SliceOfN(rapid.Byte(), 1, 16), n), &scale
	default:
		c.Strings = some(t, rapid.String(), n)
	}
	return c
}

func some[T any](t *rapid.T, g *rapid.Generator[T], n int) []T {
	return rapid.SliceOfN(g, n, n).Draw(t, "values")
}

func TestEncodeBatch_AnyBatchIsDecodedByThrift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := e6test.Batch{Rows: rapid.IntRange(1, 20).Draw(t, "rows")}
		for range rapid.IntRange(1, 6).Draw(t, "columns") {
			want.Columns = append(want.Columns, drawColumn(t, want.Rows))
		}
		raw, err := e6test.EncodeBatch(want)
		require.NoError(t, err)
		got := batchOf(t, readThrift(t, raw))
		for i := range got.Columns {
			if len(got.Columns[i].Nulls) == 0 {
				got.Columns[i].Nulls = nil
			}
		}
		require.Equal(t, want, got)
		_, err = vector.Decode(raw, nil)
		require.NoError(t, err)
	})
}

func TestEncodeMetadata_IsDecodedByThrift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "\x00", "é", "€", "🚀", "a\x00🚀b"}))
		fields := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) vector.Field {
			typ := vector.Type(rapid.IntRange(int(vector.Binary), int(vector.Char)).Draw(t, "type"))
			return vector.Field{Name: name.Draw(t, "name"), Type: typ, TypeName: typ.String(), Zone: name.Draw(t, "zone"), Format: name.Draw(t, "format")}
		}), 1, 5).Draw(t, "fields")
		rows := rapid.Int64().Draw(t, "rows")
		got, err := vector.DecodeMetadata(e6test.EncodeMetadata(rows, fields))
		require.NoError(t, err)
		require.Equal(t, &vector.Metadata{Rows: rows, Fields: fields}, got)
	})
}

func TestEncodeMetadata_EqualsJavasBytes(t *testing.T) {
	raw := e6test.EncodeMetadata(-1, []vector.Field{{Name: "\x00€🚀", Type: vector.Other, TypeName: "GEO"}})
	require.Equal(t, "ffffffffffffffff"+"00000001"+"000b"+"c080"+"e282ac"+"eda0bdedba80"+"0003"+"47454f"+"0000"+"0000", hex.EncodeToString(raw))

	long := string(bytes.Repeat([]byte("é"), 40_000))
	meta, err := vector.DecodeMetadata(e6test.EncodeMetadata(1, []vector.Field{{Name: long, Type: vector.Long}, {Name: "next", Type: vector.Long}}))
	require.NoError(t, err)
	require.Equal(t, long[:len(meta.Fields[0].Name)], meta.Fields[0].Name)
	require.Equal(t, "next", meta.Fields[1].Name)
}

func TestEncodeBatch_ErrorNamesTheColumnThatDoesNotFit(t *testing.T) {
	scale := int32(2)
	fine := e6test.Column{Type: vector.Null}
	for text, b := range map[string]e6test.Batch{
		"a batch cannot have -1 rows":                             {Rows: -1},
		"column 1 (LONG): 1 values for 2":                         {Rows: 2, Columns: []e6test.Column{fine, {Type: vector.Long, Ints: []int64{1}}}},
		"column 0 (STRING): 2 values for 1":                       {Rows: 2, Columns: []e6test.Column{{Type: vector.String, Constant: true, Strings: []string{"a", "b"}}}},
		"column 0 (CHAR): a batch has no such type":               {Rows: 1, Columns: []e6test.Column{{Type: vector.Char, Strings: []string{"x"}}}},
		"column 0 (LONG): 1 null flags for 2 rows":                {Rows: 2, Columns: []e6test.Column{{Type: vector.Long, Ints: []int64{1, 2}, Nulls: []bool{true}}}},
		"column 0 (DATETIME): 1 zones for 2":                      {Rows: 2, Columns: []e6test.Column{{Type: vector.Datetime, Ints: []int64{1, 2}, Zones: []string{"Z"}}}},
		"column 0 (INTEGER): row 0: 2147483648 has more":          {Rows: 1, Columns: []e6test.Column{{Type: vector.Integer, Ints: []int64{1 << 31}}}},
		"column 0 (DECIMAL128): row 1: 17 bytes":                  {Rows: 2, Columns: []e6test.Column{{Type: vector.Decimal128, Decimals: [][]byte{{1}, make([]byte, 17)}, Scale: &scale}}},
		"column 0 (DECIMAL128): row 0: 0 bytes, where a decimal ": {Rows: 1, Columns: []e6test.Column{{Type: vector.Decimal128, Decimals: [][]byte{{}}}}},
	} {
		_, err := e6test.EncodeBatch(b)
		require.ErrorContains(t, err, text)
	}
	for name, b := range map[string]e6test.Batch{
		"a null of more than 32 bits":  {Rows: 1, Columns: []e6test.Column{{Type: vector.Integer, Ints: []int64{1 << 40}, Nulls: []bool{true}}}},
		"a null decimal without bytes": {Rows: 1, Columns: []e6test.Column{{Type: vector.Decimal128, Decimals: [][]byte{nil}, Nulls: []bool{true}, Scale: &scale}}},
		"a long decimal as text":       {Rows: 1, Columns: []e6test.Column{{Type: vector.Decimal128, Decimals: [][]byte{[]byte("-12345678901234567890.5")}}}},
	} {
		_, err := e6test.EncodeBatch(b)
		require.NoError(t, err, name)
	}
}

func TestTwosComplementIsReadBackByTheDecoder(t *testing.T) {
	scale := int32(3)
	rapid.Check(t, func(t *rapid.T) {
		n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 15).Draw(t, "digits"))
		if rapid.Bool().Draw(t, "negative") {
			n.Neg(n)
		}
		raw, err := e6test.EncodeBatch(e6test.Batch{Rows: 1, Columns: []e6test.Column{
			{Type: vector.Decimal128, Decimals: [][]byte{e6test.TwosComplement(n)}, Scale: &scale},
		}})
		require.NoError(t, err)
		b, err := vector.Decode(raw, nil)
		require.NoError(t, err)
		require.Zero(t, n.Cmp(b.Column(0).Decimal(0).Unscaled()))
	})
	require.Equal(t, "00000000000000000000000000256680", hex.EncodeToString(e6test.TwosComplement(big.NewInt(2451072))))
	require.Equal(t, "ffffffffffffffffffffffffffffffff", hex.EncodeToString(e6test.TwosComplement(big.NewInt(-1))))
}
