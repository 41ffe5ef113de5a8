package main

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/proto/thrift/chunk"
)

// rows is how many a batch has.
const rows = 50_000

// list makes a list of values.
func list[T any](value func(i int) T) []T {
	l := make([]T, rows)
	for i := range l {
		l[i] = value(i)
	}
	return l
}

func column(t chunk.VectorType, d *chunk.Data) *chunk.Vector {
	return &chunk.Vector{Size: rows, VectorType: t, NullSet: make([]bool, rows), Data: d}
}

func longs() *chunk.Vector {
	return column(chunk.VectorType_LONG, &chunk.Data{Int64Data: &chunk.Int64Data{Data: list(func(i int) int64 { return int64(i) * 1_000_003 })}})
}

func texts() *chunk.Vector {
	return column(chunk.VectorType_STRING, &chunk.Data{VarcharData: &chunk.VarcharData{Data: list(func(i int) string { return fmt.Sprintf("customer %07d", i) })}})
}

// mixed is a column each of LONG, STRING, DOUBLE and DATE.
func mixed() []*chunk.Vector {
	const day = 86_400_000_000
	return []*chunk.Vector{
		longs(),
		texts(),
		column(chunk.VectorType_DOUBLE, &chunk.Data{Float64Data: &chunk.Float64Data{Data: list(func(i int) float64 { return float64(i) / 7 })}}),
		column(chunk.VectorType_DATE, &chunk.Data{DateData: &chunk.DateData{Data: list(func(i int) int64 { return int64(i) * day })}}),
	}
}

// encoded is a batch as the engine sends it.
func encoded(vectors ...*chunk.Vector) ([]byte, error) {
	buffer := thrift.NewTMemoryBuffer()
	c := &chunk.Chunk{Size: rows, Vectors: vectors}
	if err := c.Write(context.Background(), thrift.NewTBinaryProtocolConf(buffer, nil)); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

// byThrift decodes a batch with the code that Thrift generates.
func byThrift(raw []byte) error {
	buffer := &thrift.TMemoryBuffer{Buffer: nil}
	*buffer = *thrift.NewTMemoryBufferLen(0)
	if _, err := buffer.Write(raw); err != nil {
		return err
	}
	return new(chunk.Chunk).Read(context.Background(), thrift.NewTBinaryProtocolConf(buffer, nil))
}

// must ends the program if what cannot fail has failed.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

const (
	byThriftsCode = "Thrift's generated code on the same bytes"
	fourColumns   = "a batch of 50,000 rows of LONG, STRING, DOUBLE and DATE"
)

// decoding compares a way to decode the mixed batch with Thrift's.
func decoding(name, reason string, decode func(raw []byte) error) comparison {
	return comparison{
		name: name, against: byThriftsCode, goal: 15, more: true, unit: ofSpeed, reason: reason,
		begin: func(size) (trial, func(), error) {
			raw, err := encoded(mixed()...)
			return alternate(repeated(func() { must(decode(raw)) }), repeated(func() { must(byThrift(raw)) }), ofSpeed), func() {}, err
		},
	}
}

// repeated is work that does one thing again and again.
func repeated(one func()) work {
	return func(n int) {
		for range n {
			one()
		}
	}
}

var (
	reused       vector.Batch
	decodeReused = decoding("decode "+fourColumns+" into one that was read before", "", func(raw []byte) error { return reused.Decode(raw, nil) })
	decodeFresh  = decoding("decode the same into a new batch",
		"what it takes beyond the row above goes into the 1.4 MB of the columns: the runtime clears them before they are filled, and frees them later",
		func(raw []byte) error {
			_, err := vector.Decode(raw, nil)
			return err
		})
)

// hashing compares the hash of the mixed batch with a way to decode it.
func hashing(name, against, reason string, decode func(raw []byte) error) comparison {
	return comparison{
		name: name, against: against, goal: 0.1, unit: ofTime, reason: reason,
		begin: func(size) (trial, func(), error) {
			raw, err := encoded(mixed()...)
			if err != nil {
				return nil, nil, err
			}
			decoded := new(vector.Batch)
			var h vector.Hash
			hash := func() {
				h.Reset()
				h.Add(decoded, decoded.Rows())
			}
			return alternate(repeated(hash), repeated(func() { must(decode(raw)) }), ofTime), func() {}, decoded.Decode(raw, nil)
		},
	}
}

var (
	hashOfFresh = hashing("hash "+fourColumns+", for `ReplayContinue` beyond the window", "decoding it into a new batch", "",
		func(raw []byte) error {
			_, err := vector.Decode(raw, nil)
			return err
		})
	hashOfReused = hashing("hash the same", "decoding it into a batch that was read before",
		"the hash reads every byte of the values, and a loop that does nothing but load them takes 0.2 of this time; so a result is not hashed while it is read, unless `ReplayContinue` is set and more than `Config.ContinueWindow` of it was read, and otherwise when it is cut off",
		func(raw []byte) error { return reused.Decode(raw, nil) })
)

var decodeLongs = comparison{
	name: "decode a batch of 50,000 LONG", against: "a loop that swaps the same bytes", goal: 0.8, more: true, unit: ofSpeed,
	begin: func(size) (trial, func(), error) {
		raw, err := encoded(longs())
		batch := new(vector.Batch)
		into := make([]int64, rows)
		values := raw[len(raw)-8*rows:]
		swap := func() {
			for i := range into {
				into[i] = int64(binary.BigEndian.Uint64(values[8*i:]))
			}
		}
		return alternate(repeated(func() { must(batch.Decode(raw, nil)) }), repeated(swap), ofSpeed), func() {}, err
	},
}
