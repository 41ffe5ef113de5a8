package vector

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/internal/stress"
	"github.com/e6data/e6data-go/proto/thrift/chunk"
)

// repeat is a list of one value.
func repeat[T any](n int, v T) []T { return list(n, func() T { return v }) }

// flattened is the same vector without the form of a constant.
func flattened(v *chunk.Vector) *chunk.Vector {
	if !v.IsConstantVector || v.VectorType == chunk.VectorType_NULL {
		return v
	}
	n, one, d := int(v.Size), v.Data, &chunk.Data{}
	switch {
	case one.BoolConstantData != nil:
		d.BoolData = &chunk.BoolData{Data: repeat(n, one.BoolConstantData.Data)}
	case one.NumericConstantData != nil && v.VectorType == chunk.VectorType_INTEGER:
		d.Int32Data = &chunk.Int32Data{Data: repeat(n, int32(one.NumericConstantData.Data))}
	case one.NumericConstantData != nil:
		d.Int64Data = &chunk.Int64Data{Data: repeat(n, one.NumericConstantData.Data)}
	case one.NumericDecimalConstantData != nil && v.VectorType == chunk.VectorType_FLOAT:
		d.Float32Data = &chunk.Float32Data{Data: repeat(n, one.NumericDecimalConstantData.Data)}
	case one.NumericDecimalConstantData != nil:
		d.Float64Data = &chunk.Float64Data{Data: repeat(n, one.NumericDecimalConstantData.Data)}
	case one.DateConstantData != nil:
		d.DateData = &chunk.DateData{Data: repeat(n, one.DateConstantData.Data)}
	case one.TimeConstantData != nil:
		d.TimeData = &chunk.TimeData{Data: repeat(n, one.TimeConstantData.Data)}
		if zone := one.TimeConstantData.ZoneData; zone != nil {
			d.TimeData.ZoneData = repeat(n, *zone)
		}
	case one.NumericDecimal128ConstantData != nil:
		dec := one.NumericDecimal128ConstantData
		d.Decimal128Data = &chunk.Decimal128Data{Data: repeat(n, dec.Data), Scale: dec.Scale}
	default:
		d.VarcharData = &chunk.VarcharData{Data: repeat(n, one.VarcharConstantData.Data)}
	}
	flat := &chunk.Vector{Size: v.Size, VectorType: v.VectorType, Data: d, ZoneOffset: v.ZoneOffset, Format: v.Format}
	if len(v.NullSet) > 0 {
		flat.NullSet = repeat(n, v.NullSet[0])
	}
	return flat
}

// rowsOf spells out the rows of every column, so that two columns have the same text
// exactly if a caller sees the same in them.
func rowsOf(b *Batch) []string {
	columns := make([]string, b.NumColumns())
	for i := range columns {
		c := b.Column(i)
		for row := range c.Len() {
			switch {
			case c.IsNull(row):
				columns[i] += "null;"
			case c.Type() == Double || c.Type() == Float:
				columns[i] += fmt.Sprintf("%v:%x;", c.Type(), math.Float64bits(c.Float64(row)))
			case c.Type() == Date: // its time of day is seen in Int64s
				columns[i] += fmt.Sprintf("%v:%d;", c.Type(), c.Int64(row))
			default:
				columns[i] += fmt.Sprintf("%v:%+q;", c.Type(), fmt.Sprintf("%#v", c.Value(row)))
			}
		}
	}
	return columns
}

// hashOf hashes a batch in pieces of drawn sizes.
func hashOf(t testing.TB, raw []byte, cut func(left int) int) *Hash {
	h, b := new(Hash), new(Batch)
	require.NoError(t, b.Decode(raw, nil))
	for b.Rows() > 0 {
		n := cut(b.Rows())
		h.Add(b, n)
		b.Skip(n)
	}
	return h
}

func whole(left int) int { return left }

// checkHash draws a batch and compares its hash with that of the same rows in another
// form, and with that of other rows.
func checkHash(t testing.TB, in []byte) {
	e := &entropy{b: in}
	drawn := e.chunk()
	raw := encodeThrift(t, drawn)
	b := new(Batch)
	require.NoError(t, b.Decode(raw, nil))
	h := hashOf(t, raw, whole)
	require.EqualValues(t, b.Rows(), h.Rows())

	cuts := func(left int) int { return e.below(left + 1) }
	limited := 0
	inPieces := hashOf(t, raw, func(left int) int {
		if limited++; limited > 100 {
			return left // there is no more entropy
		}
		return cuts(left)
	})
	require.Equal(t, -1, h.Diff(inPieces), "it depends on the boundaries of batches")

	flat := &chunk.Chunk{Size: drawn.Size}
	for _, v := range drawn.Vectors {
		flat.Vectors = append(flat.Vectors, flattened(v))
	}
	require.Equal(t, -1, h.Diff(hashOf(t, encodeThrift(t, flat), whole)), "it depends on whether a vector is constant")

	// One byte is changed, which may have no effect on the rows.
	raw = slices.Clone(raw)
	raw[(int(e.byte())<<8|int(e.byte()))%len(raw)] ^= e.byte()
	other := new(Batch)
	if other.Decode(raw, nil) != nil || other.NumColumns() != b.NumColumns() || other.Rows() != b.Rows() || b.Rows() == 0 {
		return
	}
	before, after, want := rowsOf(b), rowsOf(other), -1
	for i := range before {
		if before[i] != after[i] {
			want = i
			break
		}
	}
	require.Equal(t, want, h.Diff(hashOf(t, raw, whole)), "a changed byte")
}

func FuzzHash(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.batch)
	}
	f.Fuzz(func(t *testing.T, in []byte) { checkHash(t, in) })
}

func TestHash_DependsOnRowsAndNotOnTheirForm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range stress.Count(200, 3000) {
		in := make([]byte, r.IntN(600))
		for i := range in {
			in[i] = byte(r.Uint32())
		}
		checkHash(t, in)
	}
}

// stringsOf is a column of texts.
func stringsOf(values ...string) *chunk.Vector {
	return &chunk.Vector{Size: int32(len(values)), VectorType: chunk.VectorType_STRING,
		Data: &chunk.Data{VarcharData: &chunk.VarcharData{Data: values}}}
}

func longsOf(nulls []bool, values ...int64) *chunk.Vector {
	return &chunk.Vector{Size: int32(len(values)), VectorType: chunk.VectorType_LONG, NullSet: nulls,
		Data: &chunk.Data{Int64Data: &chunk.Int64Data{Data: values}}}
}

func doublesOf(values ...float64) *chunk.Vector {
	return &chunk.Vector{Size: int32(len(values)), VectorType: chunk.VectorType_DOUBLE,
		Data: &chunk.Data{Float64Data: &chunk.Float64Data{Data: values}}}
}

func decimalsOf(scale int32, values ...[]byte) *chunk.Vector {
	return &chunk.Vector{Size: int32(len(values)), VectorType: chunk.VectorType_DECIMAL128,
		Data: &chunk.Data{Decimal128Data: &chunk.Decimal128Data{Data: values, Scale: &scale}}}
}

func timesOf(vectorZone string, zones []string, values ...int64) *chunk.Vector {
	return &chunk.Vector{Size: int32(len(values)), VectorType: chunk.VectorType_TIMESTAMP_TZ, ZoneOffset: vectorZone,
		Data: &chunk.Data{TimeData: &chunk.TimeData{Data: values, ZoneData: zones}}}
}

func TestHash_DistinguishesRows(t *testing.T) {
	null := []bool{false, true}
	nan := func(bits uint64) float64 { return math.Float64frombits(0x7ff8_0000_0000_0000 | bits) }
	for name, test := range map[string]struct {
		a, b *chunk.Vector
		same bool
	}{
		"another order":                   {longsOf(nil, 1, 2), longsOf(nil, 2, 1), false},
		"another value":                   {longsOf(nil, 1, 2), longsOf(nil, 1, 3), false},
		"two signs":                       {doublesOf(1, -1), doublesOf(-1, 1), false},
		"the same text, cut elsewhere":    {stringsOf("a", "bc"), stringsOf("ab", "c"), false},
		"an empty text at another place":  {stringsOf("", "a"), stringsOf("a", ""), false},
		"null and 0":                      {longsOf(null, 1, 0), longsOf(nil, 1, 0), false},
		"null at another place":           {longsOf([]bool{true, false}, 0, 1), longsOf(null, 1, 0), false},
		"what stands where a null is":     {longsOf(null, 1, 0), longsOf(null, 1, 99), true},
		"no flags and flags that are off": {longsOf(nil, 1, 2), longsOf([]bool{false, false}, 1, 2), true},
		"NaN and the same NaN":            {doublesOf(nan(1)), doublesOf(nan(1)), true},
		"NaN and another NaN":             {doublesOf(nan(1)), doublesOf(nan(2)), false},
		"0 and -0":                        {doublesOf(0), doublesOf(math.Copysign(0, -1)), false},
		"a decimal of another scale":      {decimalsOf(1, []byte{10}), decimalsOf(2, []byte{100}), false},
		"a decimal of more bytes":         {decimalsOf(1, []byte{10}), decimalsOf(1, []byte{0, 0, 10}), true},
		"the zone of a row or a vector":   {timesOf("Z", nil, 1, 2), timesOf("", []string{"Z", "Z"}, 1, 2), true},
		"another zone":                    {timesOf("Z", nil, 1, 2), timesOf("", []string{"Z", "UTC"}, 1, 2), false},
		"another type":                    {longsOf(nil, 1), doublesOf(math.Float64frombits(1)), false},
	} {
		t.Run(name, func(t *testing.T) {
			hash := func(v *chunk.Vector) *Hash {
				return hashOf(t, encodeThrift(t, &chunk.Chunk{Size: v.Size, Vectors: []*chunk.Vector{longsOf(nil, make([]int64, v.Size)...), v}}), whole)
			}
			want := 1 // the column
			if test.same {
				want = -1
			}
			require.Equal(t, want, hash(test.a).Diff(hash(test.b)))
		})
	}
}

func TestHash_MemoryDoesNotDependOnRows(t *testing.T) {
	raw := encodeThrift(t, &chunk.Chunk{Size: 1000, Vectors: []*chunk.Vector{longsOf(nil, make([]int64, 1000)...), stringsOf(repeat(1000, "text")...)}})
	b, h := new(Batch), new(Hash)
	require.NoError(t, b.Decode(raw, nil))
	h.Add(b, 1)
	require.Zero(t, testing.AllocsPerRun(100, func() { h.Add(b, 1000) }))
}
