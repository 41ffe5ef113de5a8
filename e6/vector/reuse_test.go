package vector

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/proto/thrift/chunk"
)

// allTypes is a batch with a column of every type, in lists with nulls and
// zones, and one constant.
func allTypes(rows int) *chunk.Chunk {
	e := &entropy{}
	c := &chunk.Chunk{Size: int32(rows)}
	for typ := range chunk.VectorType(17) {
		v := &chunk.Vector{Size: int32(rows), VectorType: typ, Data: e.list(typ, rows), NullSet: make([]bool, rows)}
		for i := range v.NullSet {
			v.NullSet[i] = i%3 == 0
		}
		if v.Data.TimeData != nil {
			v.Data.TimeData.ZoneData = list(rows, func() string { return "+01:00" })
		}
		if v.Data.VarcharData != nil {
			n := 0
			v.Data.VarcharData.Data = list(rows, func() string { n++; return fmt.Sprint("text ", n) })
		}
		c.Vectors = append(c.Vectors, v)
	}
	zone := "+02:00"
	c.Vectors = append(c.Vectors, &chunk.Vector{
		Size: int32(rows), VectorType: chunk.VectorType_TIMESTAMP_TZ, IsConstantVector: true,
		Data: &chunk.Data{TimeConstantData: &chunk.TimeConstantData{Data: 1, ZoneData: &zone}},
	})
	return c
}

func TestBatch_ReuseAllocatesNothing(t *testing.T) {
	raw := encodeThrift(t, allTypes(500))
	fields := make([]Field, 18)
	b := new(Batch)
	require.NoError(t, b.Decode(raw, fields))
	require.Zero(t, testing.AllocsPerRun(50, func() {
		if err := b.Decode(raw, fields); err != nil {
			panic(err)
		}
	}))
}

func TestBatch_AllocationsDependOnColumnsOnly(t *testing.T) {
	for _, rows := range []int{10, 5000} {
		raw := encodeThrift(t, allTypes(rows))
		allocs := testing.AllocsPerRun(5, func() {
			if _, err := Decode(raw, nil); err != nil {
				panic(err)
			}
		})
		require.LessOrEqual(t, allocs, float64(3*18+3))
	}
}

func TestBatch_ReuseKeepsNoOldValues(t *testing.T) {
	big, small := allTypes(40), allTypes(3)
	b := new(Batch)
	for range 3 {
		require.NoError(t, b.Decode(encodeThrift(t, big), nil))
		requireSame(t, big, b)
		require.NoError(t, b.Decode(encodeThrift(t, small), nil))
		requireSame(t, small, b)
		require.NoError(t, b.Decode(longs(1, 2).b, nil))
		require.Equal(t, 1, b.NumColumns())
		require.Panics(t, func() { b.Column(0).Str(0) })
		require.Error(t, b.Decode([]byte{wireI32}, nil))
		require.Zero(t, b.Rows())
		require.Zero(t, b.NumColumns())
	}
}

func TestBatch_StringsOutliveIt(t *testing.T) {
	one := head(1, 1).vector(1, String).data(varcharData, wireList).list(wireString, 1).text("first").end(4).b
	two := head(1, 1).vector(1, String).data(varcharData, wireList).list(wireString, 1).text("other").end(4).b
	b := new(Batch)
	require.NoError(t, b.Decode(one, nil))
	kept := b.Column(0).Str(0)
	require.NoError(t, b.Decode(two, nil))
	require.Equal(t, "first", kept)
	require.Equal(t, "other", b.Column(0).Str(0))
}

// TestBatch_ReleasesOldInputs watches the inputs die: a batch
// that is reused for hours must not keep its largest input alive.
func TestBatch_ReleasesOldInputs(t *testing.T) {
	for name, next := range map[string]func(*Batch){
		"a reset":                  (*Batch).Reset,
		"a smaller batch":          func(b *Batch) { require.NoError(t, b.Decode(encodeThrift(t, allTypes(1)), nil)) },
		"a batch of fewer columns": func(b *Batch) { require.NoError(t, b.Decode(longs(1).b, nil)) },
		"a batch of constant nulls": func(b *Batch) {
			w := head(1, 8)
			for range 8 {
				w.vector(1, String).nulls(1).constant().end(1)
			}
			require.NoError(t, b.Decode(w.end(1).b, nil))
		},
		"a broken batch": func(b *Batch) {
			raw := encodeThrift(t, allTypes(100))
			require.Error(t, b.Decode(raw[:len(raw)/2], nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := new(Batch)
			input := decodeWatched(t, b, encodeThrift(t, allTypes(100)))
			next(b)
			runtime.GC()
			require.Nil(t, input.Value())
			runtime.KeepAlive(b)
		})
	}
}

// decodeWatched decodes a copy of the input to which there is no other reference.
//
//go:noinline
func decodeWatched(t *testing.T, b *Batch, in []byte) weak.Pointer[byte] {
	in = append([]byte(nil), in...)
	require.NoError(t, b.Decode(in, nil))
	w := weak.Make(&in[0])
	runtime.GC()
	require.NotNil(t, w.Value(), "the batch shows views of it")
	return w
}

func TestBatch_ConcurrentReads(t *testing.T) {
	b, err := Decode(encodeThrift(t, allTypes(100)), nil)
	require.NoError(t, err)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() { touch(b) })
	}
	readers.Wait()
}
