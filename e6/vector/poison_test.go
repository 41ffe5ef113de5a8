package vector

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// poison overwrites everything that a batch owns and that the next Decode may.
func (b *Batch) poison() {
	for i := range b.columns {
		c := &b.columns[i]
		fill(c.nulls, true)
		fill(c.bools, true)
		fill(c.int32s, math.MinInt32)
		fill(c.int64s, math.MinInt64)
		fill(c.floats, math.Inf(-1))
		fill(c.strings.begin, math.MaxUint32)
		fill(c.zones.begin, math.MaxUint32)
		fill(c.decimals, Decimal{})
	}
}

func fill[T any](s []T, v T) {
	s = s[:cap(s)]
	for i := range s {
		s[i] = v
	}
}

func TestBatch_ValuesOutliveIt(t *testing.T) {
	const rows = 40
	b := new(Batch)
	require.NoError(t, b.Decode(encodeThrift(t, allTypes(rows)), nil))
	var values []any
	var before []string
	for i := range b.NumColumns() {
		c := b.Column(i)
		for row := range rows {
			taken := []any{c.Value(row), c.Text(row), c.IsNull(row)}
			if c.isTime() {
				at, err := c.Time(row)
				taken = append(taken, at, err, c.Zone(row), c.Date(row), c.Timestamp(row))
			}
			values, before = append(values, taken), append(before, fmt.Sprint(taken))
		}
	}
	b.poison()
	for i, v := range values {
		require.Equal(t, before[i], fmt.Sprint(v), "value %d", i)
	}
}

func TestBatch_ReusedAfterPoisonDecodesAsNew(t *testing.T) {
	raw := encodeThrift(t, allTypes(25))
	fresh, err := Decode(raw, nil)
	require.NoError(t, err)
	reused := new(Batch)
	require.NoError(t, reused.Decode(encodeThrift(t, allTypes(60)), nil))
	reused.poison()
	require.NoError(t, reused.Decode(raw, nil))
	for i := range fresh.NumColumns() {
		for row := range fresh.Rows() {
			require.Equal(t, fresh.Column(i).Value(row), reused.Column(i).Value(row), "column %d, row %d", i, row)
		}
	}
}
