package output

import (
	"bytes"
	"fmt"
	"math/big"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// shown is a value of a Parquet file as vector.Column.Text writes it.
func shown(t *testing.T, f parquet.Field, v parquet.Value) string {
	t.Helper()
	logical := f.Type().LogicalType()
	if logical == nil {
		if f.Type().Kind() == parquet.ByteArray {
			return fmt.Sprintf("%x", v.ByteArray())
		}
		return v.String()
	}
	switch of := logical.Value.(type) {
	case *format.DecimalType:
		n := new(big.Int).SetBytes(v.ByteArray())
		if v.ByteArray()[0] >= 0x80 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 128))
		}
		d, err := vector.NewDecimal(n, of.Scale)
		require.NoError(t, err)
		return d.String()
	case *format.DateType:
		return vector.DateValue{Days: int64(v.Int32())}.String()
	case *format.TimestampType:
		return vector.TimestampValue{Micros: v.Int64()}.String()
	}
	return v.String()
}

func TestAParquetFileHoldsEveryTypeInOrder(t *testing.T) {
	cluster, err := e6test.Start()
	require.NoError(t, err)
	defer cluster.Close()
	client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me", Token: "t"})
	require.NoError(t, err)
	defer client.Close()
	result, err := client.QueryAll(t.Context(), "SELECT * FROM everything(2500)")
	require.NoError(t, err)

	var out bytes.Buffer
	w := New(Parquet, &out, Options{})
	require.NoError(t, w.Begin(result.Fields))
	for _, b := range result.Batches {
		require.NoError(t, w.Batch(b))
	}
	require.NoError(t, w.End(false))

	file, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
	require.NoError(t, err)
	require.EqualValues(t, 2500, file.NumRows())
	fields := file.Schema().Fields()
	for i, f := range fields {
		require.Equal(t, result.Fields[i].Name, f.Name(), "the order of the columns is kept")
	}
	reader := parquet.NewReader(file)
	defer reader.Close()
	rows := make([]parquet.Row, 1)
	at, batch := 0, 0
	for range 2500 {
		n, _ := reader.ReadRows(rows)
		require.Equal(t, 1, n)
		if at == result.Batches[batch].Rows() {
			at, batch = 0, batch+1
		}
		for i, v := range rows[0] {
			c := result.Batches[batch].Column(i)
			require.Equal(t, c.IsNull(at), v.IsNull(), fields[i].Name())
			if v.IsNull() {
				continue
			}
			want := c.Text(at)
			if c.Type() == vector.TimestampTZ {
				want = vector.TimestampValue{Micros: c.Timestamp(at).Micros}.String()
			}
			require.Equal(t, want, shown(t, fields[i], v), "%s, row %d", fields[i].Name(), at)
		}
		at++
	}
}

func TestADecimalThatWouldLoseADigitIsNoParquet(t *testing.T) {
	column := func(scale int32, unscaled int64) *vector.Batch {
		raw, err := e6test.EncodeBatch(e6test.Batch{Rows: 1, Columns: []e6test.Column{
			{Type: vector.Decimal128, Scale: &scale, Decimals: [][]byte{e6test.TwosComplement(big.NewInt(unscaled))}}}})
		require.NoError(t, err)
		b, err := vector.Decode(raw, nil)
		require.NoError(t, err)
		return b
	}
	var out bytes.Buffer
	w := New(Parquet, &out, Options{})
	require.NoError(t, w.Begin([]vector.Field{{Name: "d", Type: vector.Decimal128}}))
	require.NoError(t, w.Batch(column(2, -150)))
	require.NoError(t, w.Batch(column(3, 1500)))
	require.ErrorContains(t, w.Batch(column(3, 1501)), "column d: 1.501: it does not fit a decimal of 38 digits, of which 2 behind the point")
}

func TestAnEmptyResultIsAParquetFileToo(t *testing.T) {
	var out bytes.Buffer
	w := New(Parquet, &out, Options{})
	require.NoError(t, w.Begin([]vector.Field{{Name: "b", Type: vector.Long}, {Name: "a", Type: vector.Other}, {Name: "a", Type: vector.Decimal128}}))
	require.NoError(t, w.End(false))
	file, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
	require.NoError(t, err)
	require.Zero(t, file.NumRows())
	require.Equal(t, "a_2", file.Schema().Fields()[2].Name())
	require.ErrorContains(t, New(Parquet, &out, Options{}).Begin(nil), "no columns")
}

// cells writes batches as Parquet and returns the schema of the only column and its
// values as text, of which nulls are "null".
func cells(t *testing.T, f vector.Field, columns ...e6test.Column) (typ string, values []string) {
	t.Helper()
	var out bytes.Buffer
	w := New(Parquet, &out, Options{})
	require.NoError(t, w.Begin([]vector.Field{f}))
	for _, c := range columns {
		n := max(len(c.Decimals), len(c.Ints), len(c.Strings), len(c.Bools), len(c.Floats))
		if c.Type == vector.Null || c.Constant {
			n = 2
		}
		raw, err := e6test.EncodeBatch(e6test.Batch{Rows: n, Columns: []e6test.Column{c}})
		require.NoError(t, err)
		b, err := vector.Decode(raw, []vector.Field{f})
		require.NoError(t, err)
		require.NoError(t, w.Batch(b))
	}
	require.NoError(t, w.End(false))
	file, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
	require.NoError(t, err)
	field := file.Schema().Fields()[0]
	reader := parquet.NewReader(file)
	defer reader.Close()
	rows := make([]parquet.Row, 1)
	for range file.NumRows() {
		n, _ := reader.ReadRows(rows)
		require.Equal(t, 1, n)
		if rows[0][0].IsNull() {
			values = append(values, "null")
		} else {
			values = append(values, shown(t, field, rows[0][0]))
		}
	}
	return field.Type().String(), values
}

func TestParquet_AColumnWhoseFirstBatchIsNullKeepsItsTypeAndItsValues(t *testing.T) {
	scale := int32(2)
	both := []bool{true, true}
	decimals := func(raw ...[]byte) e6test.Column { return e6test.Column{Type: vector.Decimal128, Decimals: raw} }
	scaled := func(c e6test.Column) e6test.Column { c.Scale = &scale; return c }
	null := func(c e6test.Column) e6test.Column { c.Nulls = both; return c }
	nothing := null(decimals(nil, nil))
	constant := e6test.Column{Type: vector.Decimal128, Constant: true, Nulls: []bool{true}, Decimals: [][]byte{nil}}
	nulls := e6test.Column{Type: vector.Null, Constant: true}
	amount := e6test.TwosComplement(big.NewInt(150))
	for name, test := range map[string]struct {
		field   vector.Field
		columns []e6test.Column
		typ     string
		want    []string
	}{
		"decimals, scale of the vector":      {vector.Field{Type: vector.Decimal128}, []e6test.Column{scaled(nothing), scaled(decimals(amount))}, "DECIMAL(38,2)", []string{"null", "null", "1.50"}},
		"decimals, constant null first":      {vector.Field{Type: vector.Decimal128}, []e6test.Column{constant, scaled(decimals(amount))}, "DECIMAL(38,2)", []string{"null", "null", "1.50"}},
		"decimals, NULL vectors first":       {vector.Field{Type: vector.Decimal128}, []e6test.Column{nulls, nulls, scaled(decimals(amount))}, "DECIMAL(38,2)", []string{"null", "null", "null", "null", "1.50"}},
		"decimals as text":                   {vector.Field{Type: vector.Decimal128}, []e6test.Column{nothing, nothing, decimals([]byte("1.500"))}, "DECIMAL(38,3)", []string{"null", "null", "null", "null", "1.500"}},
		"decimals of a declared scale":       {vector.Field{Type: vector.ParseType("DECIMAL(10,2)"), TypeName: "DECIMAL(10,2)"}, []e6test.Column{nothing, decimals([]byte("1.5"))}, "DECIMAL(38,2)", []string{"null", "null", "1.50"}},
		"decimals, nulls alone with a scale": {vector.Field{Type: vector.Decimal128}, []e6test.Column{scaled(nothing)}, "DECIMAL(38,2)", []string{"null", "null"}},
		"decimals without any value":         {vector.Field{Type: vector.Decimal128}, []e6test.Column{nothing}, "DECIMAL(38,0)", []string{"null", "null"}},
		"a type that is not known, NULL":     {vector.Field{Type: vector.Other}, []e6test.Column{nulls, {Type: vector.Long, Ints: []int64{5}}}, "STRING", []string{"null", "null", "5"}},
		"a declared NULL with values":        {vector.Field{Type: vector.Null}, []e6test.Column{nulls, {Type: vector.String, Strings: []string{"x"}}}, "STRING", []string{"null", "null", "x"}},
		"dates":                              {vector.Field{Type: vector.Date}, []e6test.Column{nulls, {Type: vector.Date, Ints: []int64{0}}}, "DATE", []string{"null", "null", "1970-01-01"}},
		"timestamps":                         {vector.Field{Type: vector.TimestampTZ}, []e6test.Column{nulls, {Type: vector.TimestampTZ, Ints: []int64{1}, Zones: []string{"+05:30"}}}, "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)", []string{"null", "null", "1970-01-01T00:00:00.000001Z"}},
		"numbers":                            {vector.Field{Type: vector.Long}, []e6test.Column{nulls, {Type: vector.Long, Ints: []int64{5}}}, "INT(64,true)", []string{"null", "null", "5"}},
		"arrays":                             {vector.Field{Type: vector.Array}, []e6test.Column{nulls, {Type: vector.Array, Strings: []string{"[1]"}}}, "JSON", []string{"null", "null", "[1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.field.Name = "c"
			typ, values := cells(t, test.field, test.columns...)
			require.Equal(t, test.typ, typ)
			require.Equal(t, test.want, values)
		})
	}
}

func TestParquet_AColumnOfDecimalsThatHasNoValueForLongIsText(t *testing.T) {
	long := e6test.Column{Type: vector.Decimal128, Decimals: make([][]byte, rowGroup), Nulls: make([]bool, rowGroup)}
	for i := range long.Nulls {
		long.Nulls[i] = true
	}
	typ, values := cells(t, vector.Field{Name: "c", Type: vector.Decimal128}, long, e6test.Column{Type: vector.Decimal128, Decimals: [][]byte{[]byte("1.50")}})
	require.Equal(t, "STRING", typ)
	require.Len(t, values, rowGroup+1)
	require.Equal(t, "1.50", values[rowGroup])
}
