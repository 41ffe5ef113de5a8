package vector_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

func TestBatch_HeadAndSkipDivideEveryKindOfColumn(t *testing.T) {
	scale := int32(2)
	in := e6test.Batch{Rows: 3, Columns: []e6test.Column{
		{Type: vector.Long, Nulls: []bool{false, false, true}, Ints: []int64{1, 2, 0}},
		{Type: vector.Integer, Ints: []int64{1, 2, 3}},
		{Type: vector.Boolean, Bools: []bool{true, false, true}},
		{Type: vector.Double, Floats: []float64{1, 2, 3}},
		{Type: vector.String, Strings: []string{"a", "b", "c"}},
		{Type: vector.Decimal128, Decimals: [][]byte{{1}, {2}, {3}}, Scale: &scale},
		{Type: vector.TimestampTZ, Ints: []int64{1, 2, 3}, Zones: []string{"Z", "+01:00", "Z"}},
		{Type: vector.Long, Constant: true, Nulls: []bool{false}, Ints: []int64{7}},
		{Type: vector.String, Constant: true, Nulls: []bool{true}},
	}}
	encoded, err := e6test.EncodeBatch(in)
	require.NoError(t, err)
	for n := range 4 {
		whole, err := vector.Decode(encoded, nil)
		require.NoError(t, err)
		b, err := vector.Decode(encoded, nil)
		require.NoError(t, err)
		b.Head(n)
		require.Equal(t, n, b.Rows())
		for i := range b.NumColumns() {
			col := b.Column(i)
			require.Equal(t, n, col.Len())
			for row := range n {
				require.Equal(t, whole.Column(i).Value(row), col.Value(row), "column %d, row %d of %d", i, row, n)
			}
			require.Panics(t, func() { col.Value(n) })
		}
		require.Equal(t, n == 3, b.Column(0).HasNulls(), "the null is in the last row")
		require.Panics(t, func() { b.Head(n + 1) })

		rest, err := vector.Decode(encoded, nil)
		require.NoError(t, err)
		rest.Skip(n)
		require.Equal(t, 3-n, rest.Rows())
		for i := range rest.NumColumns() {
			col := rest.Column(i)
			require.Equal(t, 3-n, col.Len())
			for row := range 3 - n {
				require.Equal(t, whole.Column(i).Value(n+row), col.Value(row), "column %d, row %d behind %d", i, row, n)
			}
			require.Panics(t, func() { col.Value(3 - n) })
		}
		require.Equal(t, n < 3, rest.Column(0).HasNulls(), "the null is in the last row")
		require.Panics(t, func() { rest.Skip(4 - n) })
	}
}
