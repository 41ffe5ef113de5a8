package e6

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// scanBenchRows is how many rows one iteration of BenchmarkScan reads.
const scanBenchRows = 1000

func scanBenchBatch(b *testing.B) ([]vector.Field, *vector.Batch) {
	fields := []vector.Field{
		{Name: "id", Type: vector.Long}, {Name: "name", Type: vector.String}, {Name: "price", Type: vector.Double},
		{Name: "total", Type: vector.Decimal128}, {Name: "note", Type: vector.Long}, {Name: "code", Type: vector.Long},
	}
	scale := int32(2)
	c := make([]e6test.Column, len(fields))
	for i, f := range fields {
		c[i].Type = f.Type
	}
	c[3].Scale = &scale
	for i := range scanBenchRows {
		c[0].Ints = append(c[0].Ints, int64(i))
		c[1].Strings = append(c[1].Strings, fmt.Sprintf("customer %07d", i))
		c[2].Floats = append(c[2].Floats, float64(i)/7)
		c[3].Decimals = append(c[3].Decimals, []byte{byte(i >> 8 & 0x7f), byte(i)})
		c[4].Ints, c[4].Nulls = append(c[4].Ints, int64(i)), append(c[4].Nulls, i%3 == 0)
		c[5].Ints, c[5].Nulls = append(c[5].Ints, int64(i)), append(c[5].Nulls, i%3 == 0)
	}
	raw, err := e6test.EncodeBatch(e6test.Batch{Rows: scanBenchRows, Columns: c})
	require.NoError(b, err)
	batch, err := vector.Decode(raw, fields)
	require.NoError(b, err)
	return fields, batch
}

// BenchmarkScan reads 1,000 rows of six columns in each of the ways that there are.
func BenchmarkScan(b *testing.B) {
	fields, batch := scanBenchBatch(b)
	b.Run("Rows.Scan", func(b *testing.B) {
		b.ReportAllocs()
		r := &Rows{batch: batch}
		var id int64
		var name string
		var price float64
		var total vector.Decimal
		var note *int64
		var code sql.Null[int64]
		for b.Loop() {
			for r.row = range scanBenchRows {
				if err := r.Scan(&id, &name, &price, &total, &note, &code); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("Rows.DriverRow", func(b *testing.B) {
		b.ReportAllocs()
		r := &Rows{batch: batch}
		dest := make([]driver.Value, len(fields))
		for b.Loop() {
			for r.row = range scanBenchRows {
				if err := r.DriverRow(dest); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("struct", func(b *testing.B) {
		b.ReportAllocs()
		type item struct {
			ID    int64
			Name  string
			Price float64
			Total vector.Decimal
			Note  *int64
			Code  sql.Null[int64]
		}
		result := &Result{Fields: fields, Batches: []*vector.Batch{batch}}
		for b.Loop() {
			if _, err := CollectResult[item](result); err != nil {
				b.Fatal(err)
			}
		}
	})
}
