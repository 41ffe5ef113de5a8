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
