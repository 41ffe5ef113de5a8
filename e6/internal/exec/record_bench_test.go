package exec

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/vector"
	batches "github.com/e6data/e6data-go/proto/thrift/chunk"
)

// BenchmarkRecord compares what a batch of LONG, STRING, DOUBLE and DATE costs when it
// reaches the caller with decoding it.
func BenchmarkRecord(b *testing.B) {
	const rows, day = 50_000, 86_400_000_000
	numbers, texts, floats, days := make([]int64, rows), make([]string, rows), make([]float64, rows), make([]int64, rows)
	for i := range rows {
		numbers[i], texts[i], floats[i], days[i] = int64(i)*1_000_003, fmt.Sprintf("customer %07d", i), float64(i)/7, int64(i)*day
	}
	column := func(t batches.VectorType, d *batches.Data) *batches.Vector {
		return &batches.Vector{Size: rows, VectorType: t, NullSet: make([]bool, rows), Data: d}
	}
	buffer := thrift.NewTMemoryBuffer()
	mixed := &batches.Chunk{Size: rows, Vectors: []*batches.Vector{
		column(batches.VectorType_LONG, &batches.Data{Int64Data: &batches.Int64Data{Data: numbers}}),
		column(batches.VectorType_STRING, &batches.Data{VarcharData: &batches.VarcharData{Data: texts}}),
		column(batches.VectorType_DOUBLE, &batches.Data{Float64Data: &batches.Float64Data{Data: floats}}),
		column(batches.VectorType_DATE, &batches.Data{DateData: &batches.DateData{Data: days}}),
	}}
	require.NoError(b, mixed.Write(context.Background(), thrift.NewTBinaryProtocolConf(buffer, nil)))
	message, batch := buffer.Bytes(), new(vector.Batch)
	require.NoError(b, batch.Decode(message, nil))
	from := part{message: message, size: len(message)}

	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if err := batch.Decode(message, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("within the window", func(b *testing.B) {
		for b.Loop() {
			r := &record{window: math.MaxInt64}
			r.add(batch, from)
		}
	})
	b.Run("beyond the window", func(b *testing.B) {
		r := &record{beyond: true}
		for b.Loop() {
			r.add(batch, from)
		}
	})
}
