package vector

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/proto/thrift/chunk"
)

func decoded(t *testing.T, w *wire) *Column {
	t.Helper()
	b, err := Decode(w.b, nil)
	require.NoError(t, err)
	return b.Column(0)
}

func TestColumn_ConstantNullIgnoresItsData(t *testing.T) {
	for name, w := range map[string]*wire{
		"no data":             head(3, 1).vector(3, Long).nulls(1).constant().end(2),
		"a null constant":     head(3, 1).vector(3, Long).nulls(1).data(nullConstant, wireByte).raw(0).end(2).constant().end(2),
		"an interval":         head(3, 1).vector(3, Long).nulls(1).data(intervalConstant, wireByte).raw(0).end(2).constant().end(2),
		"another type's":      head(3, 1).vector(3, Long).nulls(1).data(varcharData, wireList).list(wireString, 1).text("x").end(2).constant().end(2),
		"an empty data union": head(3, 1).vector(3, Long).nulls(1).field(wireStruct, 4).end(1).constant().end(2),
	} {
		t.Run(name, func(t *testing.T) {
			c := decoded(t, w)
			require.True(t, c.Constant())
			require.True(t, c.HasNulls())
			require.Nil(t, c.Nulls())
			require.Equal(t, 3, c.Len())
			for row := range 3 {
				require.True(t, c.IsNull(row))
				require.Nil(t, c.Value(row))
				require.Zero(t, c.Int64(row))
			}
			require.Empty(t, c.Int64s())
			require.Zero(t, c.Str(0))
		})
	}
}

func TestColumn_NullVectorNeedsNoFlagsOrData(t *testing.T) {
	for name, w := range map[string]*wire{
		"no data, no flags":                   head(2, 1).vector(2, Null).end(2),
		"flags that contradict":               head(2, 1).vector(2, Null).nulls(0, 0).end(2),
		"a null constant without the flag":    head(2, 1).vector(2, Null).data(nullConstant, wireByte).raw(0).end(4),
		"a flagged constant of any data":      head(2, 1).vector(2, Null).nulls(1).data(int64Data, wireList).list(wireI64, 0).end(2).constant().end(2),
		"a constant with a null constant too": head(2, 1).vector(2, Null).nulls(0).data(nullConstant, wireByte).raw(0).end(2).constant().end(2),
	} {
		t.Run(name, func(t *testing.T) {
			c := decoded(t, w)
			require.Equal(t, Null, c.Type())
			require.True(t, c.HasNulls())
			require.True(t, c.IsNull(0))
			require.True(t, c.IsNull(1))
			require.Nil(t, c.Value(1))
			require.Empty(t, c.Text(1))
		})
	}
}

func TestColumn_WithoutNullFlagsHasNoNulls(t *testing.T) {
	for name, w := range map[string]*wire{
		"absent": longs(1, 2),
		"empty":  head(2, 1).vector(2, Long).nulls().data(int64Data, wireList).list(wireI64, 2).i64(1).i64(2).end(4),
		"false":  head(2, 1).vector(2, Long).nulls(0, 0).data(int64Data, wireList).list(wireI64, 2).i64(1).i64(2).end(4),
	} {
		t.Run(name, func(t *testing.T) {
			c := decoded(t, w)
			require.False(t, c.HasNulls())
			require.Nil(t, c.Nulls())
			require.False(t, c.IsNull(1))
			require.Equal(t, []int64{1, 2}, c.Int64s())
		})
	}
}

func TestDecode_FieldsInAnyOrder(t *testing.T) {
	w := new(wire).field(wireList, 2).list(wireStruct, 1)
	w.field(wireBool, 5).raw(0)
	w.field(wireStruct, 4).field(wireStruct, int16(decimalData)).field(wireI32, 2).i32(1)
	w.field(wireList, 1).list(wireString, 2).text("\x0f").text("").end(2)
	w.nulls(0, 1).field(wireI32, 2).i32(int32(Decimal128-Binary)).field(wireI32, 1).i32(2).end(1)
	w.field(wireI32, 1).i32(2).end(1)
	c := decoded(t, w)
	require.Equal(t, "1.5", c.Text(0))
	require.True(t, c.IsNull(1))
}

func TestDecode_EmptyBatchInEveryForm(t *testing.T) {
	fields := []Field{{Name: "a"}, {Name: "b"}}
	for name, w := range map[string]*wire{
		"no list of vectors":   new(wire).field(wireI32, 1).i32(0).end(1),
		"no vectors":           head(0, 0).end(1),
		"vectors without rows": head(0, 2).vector(0, Null).end(1).vector(0, Long).data(int64Data, wireList).list(wireI64, 0).end(4),
		"constants":            head(0, 2).vector(0, Null).constant().end(1).vector(0, Long).data(numericConstant, wireI64).i64(1).end(2).constant().end(2),
	} {
		t.Run(name, func(t *testing.T) {
			b, err := Decode(w.b, fields)
			require.NoError(t, err)
			require.Zero(t, b.Rows())
			for i := range b.NumColumns() {
				require.False(t, b.Column(i).HasNulls())
			}
		})
	}
}

func TestColumn_TimesAsTimeDataAndAsNumbers(t *testing.T) {
	for _, typ := range []Type{Timestamp, Int96} {
		for name, w := range map[string]*wire{
			"time data":           head(1, 1).vector(1, typ).data(timeData, wireList).list(wireI64, 1).i64(-1).end(4),
			"plain numbers":       head(1, 1).vector(1, typ).data(int64Data, wireList).list(wireI64, 1).i64(-1).end(4),
			"a constant time":     head(1, 1).vector(1, typ).data(timeConstant, wireI64).i64(-1).end(2).constant().end(2),
			"a constant number":   head(1, 1).vector(1, typ).data(numericConstant, wireI64).i64(-1).end(2).constant().end(2),
			"an empty zone list":  head(1, 1).vector(1, typ).data(timeData, wireList).list(wireI64, 1).i64(-1).field(wireList, 2).list(wireString, 0).end(4),
			"a zone that is none": head(1, 1).vector(1, typ).data(timeData, wireList).list(wireI64, 1).i64(-1).field(wireList, 2).list(wireString, 1).text("").end(4),
		} {
			t.Run(typ.String()+" as "+name, func(t *testing.T) {
				c := decoded(t, w)
				require.Equal(t, TimestampValue{Micros: -1}, c.Value(0))
				require.Equal(t, "1969-12-31T23:59:59.999999Z", c.Text(0))
				require.Equal(t, int64(-1), c.Int64(0))
				at, err := c.Time(0)
				require.NoError(t, err)
				require.Equal(t, time.UnixMicro(-1).UTC(), at)
			})
		}
	}
}

func TestColumn_ZoneOfTheRowComesFirst(t *testing.T) {
	rows := head(2, 1).vector(2, Datetime).data(timeData, wireList).list(wireI64, 2).i64(0).i64(0).
		field(wireList, 2).list(wireString, 2).text("+01:00").text("").end(2)
	plain := append([]byte(nil), rows.b...)
	rows.field(wireString, 6).text("+02:00").end(2)
	fields := []Field{{Name: "t", Zone: "+03:00"}}

	b, err := Decode(rows.b, fields)
	require.NoError(t, err)
	require.Equal(t, "1970-01-01T01:00:00.000000+01:00", b.Column(0).Text(0), "the row's own")
	require.Equal(t, "1970-01-01T02:00:00.000000+02:00", b.Column(0).Text(1), "the vector's")

	b, err = Decode(append(plain, 0, 0), fields)
	require.NoError(t, err)
	require.Equal(t, "1970-01-01T03:00:00.000000+03:00", b.Column(0).Text(1), "the metadata's")

	b, err = Decode(append(plain, 0, 0), nil)
	require.NoError(t, err)
	require.Equal(t, "1970-01-01T00:00:00.000000Z", b.Column(0).Text(1), "none")
}

func TestColumn_DecimalsWithoutScaleAreTextIfAllParse(t *testing.T) {
	decimals := func(values ...string) []string {
		v := &chunk.Vector{Size: int32(len(values)), VectorType: chunk.VectorType_DECIMAL128}
		raw := make([][]byte, len(values))
		for i, s := range values {
			raw[i] = []byte(s)
			v.NullSet = append(v.NullSet, s == "")
		}
		v.Data = &chunk.Data{Decimal128Data: &chunk.Decimal128Data{Data: raw}}
		b, err := Decode(encodeThrift(t, &chunk.Chunk{Size: v.Size, Vectors: []*chunk.Vector{v}}), nil)
		require.NoError(t, err)
		var texts []string
		for row := range b.Rows() {
			texts = append(texts, b.Column(0).Text(row))
		}
		require.Zero(t, b.Column(0).strings.len())
		return texts
	}
	sample := "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x25\x66\x80"
	for _, tt := range []struct {
		name string
		in   []string
		want []string
	}{
		{"text of any length", []string{"-12.50", "0", "1E+3"}, []string{"-12.50", "0", "1000"}},
		{"text of 16 digits", []string{"1234567890123456"}, []string{"1234567890123456"}},
		{"text of 16 characters with a point", []string{"-12345678901.234"}, []string{"-12345678901.234"}},
		{"an unscaled value", []string{sample}, []string{"2451072"}},
		{"16 digits beside an unscaled value are bytes too", []string{"1234567890123456", sample},
			[]string{"65392825175610104412735799271089255734", "2451072"}},
		{"nulls are ignored", []string{"", "7", ""}, []string{"", "7", ""}},
		{"nulls are ignored among bytes", []string{"", sample}, []string{"", "2451072"}},
		{"nothing but nulls", []string{"", ""}, []string{"", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, decimals(tt.in...)) })
	}
}

func TestColumn_AccessorsOfConstantsCheckTheRow(t *testing.T) {
	c := decoded(t, head(3, 1).vector(3, Integer).data(numericConstant, wireI64).i64(-5).end(2).constant().end(2))
	require.Equal(t, []int32{-5}, c.Int32s())
	require.Empty(t, c.Int64s())
	require.Equal(t, int32(-5), c.Int32(2))
	require.Equal(t, int64(-5), c.Int64(2))
	require.Equal(t, int32(-5), c.Value(2))
	require.Empty(t, c.Zone(2))
	require.Panics(t, func() { c.IsNull(3) })
	require.Panics(t, func() { c.Int32(-1) })
	require.Panics(t, func() { c.Str(0) })

	c = decoded(t, head(2, 1).vector(2, Boolean).nulls(1, 0).data(boolData, wireList).list(wireBool, 2).raw(1, 1).end(4))
	require.False(t, c.Bool(0))
	require.True(t, c.Bool(1))
	require.Equal(t, []bool{true, false}, c.Nulls())

	c = decoded(t, head(2, 1).vector(2, String).nulls(1, 0).data(varcharData, wireList).list(wireString, 2).text("x").text("\xff").end(4))
	require.Empty(t, c.Str(0))
	require.Equal(t, "\xff", c.Str(1), "a STRING is handed out even if it is no UTF-8")

	c = decoded(t, head(2, 1).vector(2, Date).nulls(1, 0).data(dateData, wireList).list(wireI64, 2).i64(9).i64(-1).end(4))
	at, err := c.Time(0)
	require.NoError(t, err)
	require.True(t, at.IsZero())
	at, err = c.Time(1)
	require.NoError(t, err)
	require.Equal(t, time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), at)
	require.Equal(t, DateValue{Days: -1}, c.Value(1))
	require.Zero(t, c.Date(0))
	require.Zero(t, c.Float64(0))
	require.Zero(t, c.Decimal(0))
	require.Zero(t, c.Timestamp(0))
}

func TestColumn_WithoutAFieldIsNamedByNumber(t *testing.T) {
	b, err := Decode(head(0, 2).vector(0, Null).end(1).vector(0, Binary).data(varcharData, wireList).list(wireString, 0).
		end(2).field(wireString, 7).text("fmt").end(2).b, nil)
	require.NoError(t, err)
	require.Equal(t, Field{Name: "1", Type: Binary, TypeName: "BINARY", Format: "fmt"}, b.Column(1).Field())
}

func TestColumn_BinaryValuesAreCopies(t *testing.T) {
	in := head(1, 1).vector(1, Binary).data(varcharData, wireList).list(wireString, 1).text("ab").end(4).b
	b, err := Decode(in, nil)
	require.NoError(t, err)
	value := b.Column(0).Value(0).([]byte)
	value[0] = 'x'
	require.Equal(t, "ab", b.Column(0).Str(0))
}
