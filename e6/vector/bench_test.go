package vector

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/e6data/e6data-go/proto/thrift/chunk"
)

const benchRows = 50_000

func benchLongs() *chunk.Vector {
	n := int64(0)
	return &chunk.Vector{Size: benchRows, VectorType: chunk.VectorType_LONG, NullSet: make([]bool, benchRows),
		Data: &chunk.Data{Int64Data: &chunk.Int64Data{Data: list(benchRows, func() int64 { n++; return n * 1_000_003 })}}}
}

// benchMixed is a batch of LONG, STRING, DOUBLE and DATE.
func benchMixed(b *testing.B) []byte {
	n := 0
	vector := func(t chunk.VectorType, d *chunk.Data) *chunk.Vector {
		return &chunk.Vector{Size: benchRows, VectorType: t, NullSet: make([]bool, benchRows), Data: d}
	}
	return encodeThrift(b, &chunk.Chunk{Size: benchRows, Vectors: []*chunk.Vector{
		benchLongs(),
		vector(chunk.VectorType_STRING, &chunk.Data{VarcharData: &chunk.VarcharData{
			Data: list(benchRows, func() string { n++; return fmt.Sprintf("customer %07d", n) })}}),
		vector(chunk.VectorType_DOUBLE, &chunk.Data{Float64Data: &chunk.Float64Data{
			Data: list(benchRows, func() float64 { n++; return float64(n) / 7 })}}),
		vector(chunk.VectorType_DATE, &chunk.Data{DateData: &chunk.DateData{
			Data: list(benchRows, func() int64 { n++; return int64(n) * microsPerDay })}}),
	}})
}

func BenchmarkMixedColumns(b *testing.B) {
	raw := benchMixed(b)
	b.Run("reused batch", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		batch := new(Batch)
		for b.Loop() {
			if err := batch.Decode(raw, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("fresh batch", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Decode(raw, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("apache thrift", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := readThrift(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkLongs compares a column of LONG with the least that any decoder must
// do for it: swap its bytes, and look at its null flags not at all.
func BenchmarkLongs(b *testing.B) {
	raw := encodeThrift(b, &chunk.Chunk{Size: benchRows, Vectors: []*chunk.Vector{benchLongs()}})
	b.Run("reused batch", func(b *testing.B) {
		b.SetBytes(8 * benchRows)
		b.ReportAllocs()
		batch := new(Batch)
		for b.Loop() {
			if err := batch.Decode(raw, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("byte swap loop", func(b *testing.B) {
		b.SetBytes(8 * benchRows)
		src, dst := raw[len(raw)-8*benchRows:], make([]int64, benchRows)
		for b.Loop() {
			for i := range dst {
				dst[i] = int64(binary.BigEndian.Uint64(src[8*i:]))
			}
		}
	})
}

// BenchmarkHash compares the hash of the mixed batch with decoding it, in turn, so that
// other load on the machine meets both.
func BenchmarkHash(b *testing.B) {
	raw := benchMixed(b)
	batch := new(Batch)
	var decode, hash time.Duration
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	var h Hash
	for b.Loop() {
		began := time.Now()
		if err := batch.Decode(raw, nil); err != nil {
			b.Fatal(err)
		}
		decoded := time.Now()
		h.Reset()
		h.Add(batch, batch.Rows())
		decode, hash = decode+decoded.Sub(began), hash+time.Since(decoded)
	}
	b.ReportMetric(float64(hash)/float64(decode), "of-decode")
}
