package vector

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// wire builds input by hand, field by field, to break it.
type wire struct{ b []byte }

func (w *wire) raw(b ...byte) *wire { w.b = append(w.b, b...); return w }

func (w *wire) i32(v int32) *wire { w.b = binary.BigEndian.AppendUint32(w.b, uint32(v)); return w }

func (w *wire) i64(v int64) *wire { w.b = binary.BigEndian.AppendUint64(w.b, uint64(v)); return w }

func (w *wire) field(t byte, id int16) *wire {
	w.b = binary.BigEndian.AppendUint16(append(w.b, t), uint16(id))
	return w
}

func (w *wire) list(elem byte, n int32) *wire { return w.raw(elem).i32(n) }

func (w *wire) text(s string) *wire { w.i32(int32(len(s))); w.b = append(w.b, s...); return w }

// head begins a chunk of as many rows and vectors.
func head(rows, vectors int32) *wire {
	return new(wire).field(wireI32, 1).i32(rows).field(wireList, 2).list(wireStruct, vectors)
}

// vector begins a vector of that type.
func (w *wire) vector(rows int32, t Type) *wire {
	return w.field(wireI32, 1).i32(rows).field(wireI32, 2).i32(int32(t - Binary))
}

// nulls writes the null flags.
func (w *wire) nulls(flags ...byte) *wire {
	return w.field(wireList, 3).list(wireBool, int32(len(flags))).raw(flags...)
}

// data begins the data, the given member of it, and that one's field 1.
func (w *wire) data(k member, payload byte) *wire {
	return w.field(wireStruct, 4).field(wireStruct, int16(k)).field(payload, 1)
}

// end ends a number of structs.
func (w *wire) end(n int) *wire {
	for range n {
		w.raw(wireStop)
	}
	return w
}

func (w *wire) constant() *wire { return w.field(wireBool, 5).raw(1) }

// longs is a whole batch of one LONG column.
func longs(values ...int64) *wire {
	n := int32(len(values))
	w := head(n, 1).vector(n, Long).data(int64Data, wireList).list(wireI64, n)
	for _, v := range values {
		w.i64(v)
	}
	return w.end(4)
}

func TestDecode_BrokenBatchIsATypedErrorWithAPosition(t *testing.T) {
	two := []Field{{Name: "a"}, {Name: "b"}}
	for _, tt := range []struct {
		name   string
		in     *wire
		fields []Field
		want   error
		column int
	}{
		{"nothing at all", new(wire), nil, ErrTruncated, -1},
		{"an empty struct", new(wire).end(1), nil, ErrField, -1},
		{"a size that comes twice", new(wire).field(wireI32, 1).i32(0).field(wireI32, 1).i32(0).end(1), nil, ErrField, -1},
		{"a size of another wire type", new(wire).field(wireI64, 1).i64(0).end(1), nil, ErrType, -1},
		{"a negative size", new(wire).field(wireI32, 1).i32(-1).end(1), nil, ErrLength, -1},
		{"rows without columns", new(wire).field(wireI32, 1).i32(3).end(1), nil, ErrColumns, -1},
		{"bytes behind the end", longs(1).raw(0), nil, ErrTrailing, -1},
		{"fewer columns than the metadata", longs(1), two, ErrColumns, -1},
		{"vectors that are no structs", new(wire).field(wireI32, 1).i32(0).field(wireList, 2).list(wireI32, 0).end(1), nil, ErrType, -1},
		{"a negative number of vectors", head(0, -1), nil, ErrLength, -1},
		{"a vector without a size", head(1, 1).field(wireI32, 2).i32(6).data(int64Data, wireList).list(wireI64, 1).i64(1).end(4), nil, ErrField, 0},
		{"a vector without a type", head(1, 1).field(wireI32, 1).i32(1).data(int64Data, wireList).list(wireI64, 1).i64(1).end(4), nil, ErrField, 0},
		{"a vector without data", head(1, 1).vector(1, Long).end(2), nil, ErrField, 0},
		{"a vector of an unknown type", head(1, 1).field(wireI32, 1).i32(1).field(wireI32, 2).i32(17).end(2), nil, ErrType, 0},
		{"a vector of a negative type", head(1, 1).field(wireI32, 1).i32(1).field(wireI32, 2).i32(-1).end(2), nil, ErrType, 0},
		{"a vector longer than the chunk", head(1, 1).vector(2, Long).data(int64Data, wireList).list(wireI64, 2).i64(1).i64(2).end(4), nil, ErrRows, 0},
		{"fewer values than rows", head(2, 1).vector(2, Long).data(int64Data, wireList).list(wireI64, 1).i64(1).end(4), nil, ErrRows, 0},
		{"more values than rows", head(1, 1).vector(1, Long).data(int64Data, wireList).list(wireI64, 2).i64(1).i64(2).end(4), nil, ErrRows, 0},
		{"fewer null flags than rows", head(2, 1).vector(2, Long).nulls(0).data(int64Data, wireList).list(wireI64, 2).i64(1).i64(2).end(4), nil, ErrRows, 0},
		{"a null flag that is no boolean", head(1, 1).vector(1, Long).nulls(2).data(int64Data, wireList).list(wireI64, 1).i64(1).end(4), nil, ErrValue, 0},
		{"two null flags for a constant", head(2, 1).vector(2, Long).nulls(1, 1).data(numericConstant, wireI64).i64(1).end(2).constant().end(2), nil, ErrRows, 0},
		{"a boolean of 2 among many", head(9, 1).vector(9, Boolean).data(boolData, wireList).list(wireBool, 9).raw(0, 1, 0, 2, 0, 1, 0, 1, 0).end(4), nil, ErrValue, 0},
		{"a constant boolean of 2", head(1, 1).vector(1, Boolean).data(boolConstant, wireBool).raw(2).end(2).constant().end(2), nil, ErrValue, 0},
		{"a LONG with doubles", head(1, 1).vector(1, Long).data(float64Data, wireList).list(wireDouble, 1).i64(0).end(4), nil, ErrUnion, 0},
		{"a LONG with a constant but no constant flag", head(1, 1).vector(1, Long).data(numericConstant, wireI64).i64(1).end(4), nil, ErrUnion, 0},
		{"a constant LONG with a list", head(1, 1).vector(1, Long).data(int64Data, wireList).list(wireI64, 1).i64(1).end(2).constant().end(2), nil, ErrUnion, 0},
		{"a constant interval", head(1, 1).vector(1, Long).data(intervalConstant, wireByte).raw(1).end(2).constant().end(2), nil, ErrUnion, 0},
		{"data with two members", head(1, 1).vector(1, Long).data(int64Data, wireList).list(wireI64, 1).i64(1).end(1).field(wireStruct, 3).end(4), nil, ErrUnion, 0},
		{"data without a member", head(1, 1).vector(1, Long).field(wireStruct, 4).end(3), nil, ErrUnion, 0},
		{"data with a member that is not known", head(1, 1).vector(1, Long).field(wireStruct, 4).field(wireStruct, 19).end(4), nil, ErrUnion, 0},
		{"a member that is no struct", head(1, 1).vector(1, Long).field(wireStruct, 4).field(wireI32, 3).i32(1).end(3), nil, ErrType, 0},
		{"a member that is empty", head(0, 1).vector(0, Long).field(wireStruct, 4).field(wireStruct, 3).end(4), nil, ErrField, 0},
		{"a list of another element type", head(1, 1).vector(1, Long).data(int64Data, wireList).list(wireI32, 1).i32(1).end(4), nil, ErrType, 0},
		{"a list of booleans of type 1", head(1, 1).vector(1, Boolean).data(boolData, wireList).list(1, 1).raw(1).end(4), nil, ErrType, 0},
		{"an INTEGER constant beyond 32 bits", head(1, 1).vector(1, Integer).data(numericConstant, wireI64).i64(1 << 31).end(2).constant().end(2), nil, ErrValue, 0},
		{"fewer zones than rows", head(2, 1).vector(2, Datetime).data(timeData, wireList).list(wireI64, 2).i64(1).i64(2).field(wireList, 2).list(wireString, 1).text("Z").end(4), nil, ErrRows, 0},
		{"a string of negative length", head(1, 1).vector(1, String).data(varcharData, wireList).list(wireString, 1).i32(-1).end(4), nil, ErrLength, 0},
		{"a string longer than the input", head(1, 1).vector(1, String).data(varcharData, wireList).list(wireString, 1).i32(1 << 30).end(4), nil, ErrTruncated, 0},
		{"a scale that no decimal has", head(1, 1).vector(1, Decimal128).data(decimalData, wireList).list(wireString, 1).text("x").field(wireI32, 2).i32(1001).end(4), nil, ErrValue, 0},
		{"a decimal of 17 bytes", head(1, 1).vector(1, Decimal128).data(decimalData, wireList).list(wireString, 1).text("01234567890123456").field(wireI32, 2).i32(0).end(4), nil, ErrValue, 0},
		{"a decimal of no bytes", head(1, 1).vector(1, Decimal128).data(decimalData, wireList).list(wireString, 1).text("").field(wireI32, 2).i32(0).end(4), nil, ErrValue, 0},
		{"a decimal without scale that is neither text nor 16 bytes", head(1, 1).vector(1, Decimal128).data(decimalData, wireList).list(wireString, 1).text("12,5").end(4), nil, ErrValue, 0},
		{"an unknown field of a wire type that does not exist", longs().cut(1).field(9, 9).end(1), nil, ErrType, -1},
		{"an unknown list of elements that do not exist", longs().cut(1).field(wireList, 9).list(1, 3).end(1), nil, ErrType, -1},
		{"an unknown list of a negative size", longs().cut(1).field(wireList, 9).list(wireI32, -3).end(1), nil, ErrLength, -1},
		{"an unknown map larger than the input", longs().cut(1).field(wireMap, 9).raw(wireI64, wireI64).i32(1 << 30).end(1), nil, ErrTruncated, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := Decode(tt.in.b, tt.fields)
			require.Nil(t, b)
			requireDecodeError(t, err, "batch", len(tt.in.b))
			require.ErrorIs(t, err, tt.want)
			var e *DecodeError
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.column, e.Column, "%v", err)
		})
	}
}

// cut takes the last n bytes away again.
func (w *wire) cut(n int) *wire { w.b = w.b[:len(w.b)-n]; return w }

func TestDecodeError_NamesTheColumnAndTheOffset(t *testing.T) {
	w := head(1, 2).vector(1, Long).data(int64Data, wireList).list(wireI64, 1).i64(1).end(3).vector(1, Boolean)
	w.data(boolData, wireList).list(wireBool, 1)
	at := len(w.b)
	w.raw(7).end(4)
	_, err := Decode(w.b, []Field{{Name: "id"}, {Name: "paid"}})
	require.Equal(t, &DecodeError{
		Op: "batch", Column: 1, Name: "paid", Offset: at, Err: ErrValue,
		Detail: "row 0 of boolData is the byte 7, and a boolean is 0 or 1",
	}, err)
	require.Contains(t, err.Error(), `vector: decode batch: column 1 "paid", byte `)
}

// TestDecode_WrongSizesAllocateNothing gives every length of the protocol a value that
// the input does not hold: the largest there is, and one that could be real.
func TestDecode_WrongSizesAllocateNothing(t *testing.T) {
	for _, size := range []int32{1<<31 - 1, 1 << 20} {
		for name, in := range lies(size) {
			t.Run(fmt.Sprint(name, " of ", size), func(t *testing.T) {
				require.Less(t, allocated(func() { _, _ = Decode(in, nil) }), uint64(16<<10))
			})
		}
		meta := new(wire).i64(0).i32(size).b
		require.Less(t, allocated(func() { _, _ = DecodeMetadata(meta) }), uint64(16<<10))
	}
}

func lies(size int32) map[string][]byte {
	attacks := map[string][]byte{
		"vectors":       head(size, size).b,
		"null flags":    head(size, 1).vector(size, Long).field(wireList, 3).list(wireBool, size).b,
		"zones":         head(size, 1).vector(size, Datetime).data(timeData, wireList).list(wireI64, 0).field(wireList, 2).list(wireString, size).b,
		"a string":      head(1, 1).vector(1, String).data(varcharConstant, wireString).i32(size).b,
		"unknown list":  new(wire).field(wireList, 9).list(wireStruct, size).b,
		"unknown text":  new(wire).field(wireString, 9).i32(size).b,
		"unknown map":   new(wire).field(wireMap, 9).raw(wireString, wireI64).i32(size).b,
		"rows of nulls": head(size, 1).vector(size, Null).end(2).b,
	}
	for k := boolData; k <= lastMember; k++ {
		if payloadWires[members[k].payload] != wireList {
			continue
		}
		for _, elem := range []byte{wireBool, wireI32, wireI64, wireDouble, wireString} {
			attacks[fmt.Sprint(k, " with elements ", elem)] = head(size, 1).vector(size, Long).data(k, wireList).list(elem, size).b
		}
	}
	return attacks
}

// TestDecode_MemoryIsBoundedByTheInput decodes the valid input that takes the most
// memory for its length: the shortest vectors, and empty strings.
func TestDecode_MemoryIsBoundedByTheInput(t *testing.T) {
	const n = 20_000
	nulls := head(0, n)
	for range n {
		nulls.vector(0, Null).end(1)
	}
	nulls.end(1)
	texts := head(n, 1).vector(n, Decimal128).nulls(make([]byte, n)...)
	texts.data(decimalData, wireList).list(wireString, n)
	for range n {
		texts.text("1")
	}
	texts.end(4)
	for name, in := range map[string][]byte{"columns": nulls.b, "values": texts.b} {
		t.Run(name, func(t *testing.T) {
			took := allocated(func() {
				_, err := Decode(in, nil)
				require.NoError(t, err)
			})
			require.Less(t, took, uint64(32*len(in)))
		})
	}
}

// allocated returns the bytes that f takes from the heap.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestDecode_SkipsUnknownFields(t *testing.T) {
	// One value of every wire type, nested.
	unknown := func(w *wire) *wire {
		w.field(wireBool, 100).raw(1).field(wireByte, -1).raw(9).field(wireI16, 101).raw(0, 1)
		w.field(wireI32, 102).i32(1).field(wireI64, 103).i64(1).field(wireDouble, 104).i64(1)
		w.field(wireString, 105).text("skipped").field(wireUUID, 106).i64(1).i64(2)
		w.field(wireStruct, 107).field(wireList, 1).list(wireStruct, 2).end(3)
		w.field(wireSet, 108).list(wireString, 1).text("x")
		w.field(wireMap, 109).raw(wireI32, wireList).i32(1).i32(7).list(wireBool, 2).raw(0, 1)
		w.field(wireMap, 110).raw(wireI32, wireI64).i32(2).i32(7).i64(1).i32(8).i64(2)
		return w
	}
	w := unknown(new(wire)).field(wireI32, 1).i32(1).field(wireList, 2).list(wireStruct, 1)
	w = unknown(w).vector(1, Long).field(wireStruct, 4)
	w = unknown(w).field(wireStruct, int16(int64Data))
	w = unknown(w).field(wireList, 1).list(wireI64, 1).i64(42)
	// Field 2 belongs to times and decimals only.
	w.field(wireString, 2).text("not ours")
	w = unknown(w).end(1)
	w = unknown(w).end(1)
	w = unknown(w).end(1)
	w = unknown(w).end(1)
	b, err := Decode(w.b, nil)
	require.NoError(t, err)
	require.Equal(t, []int64{42}, b.Column(0).Int64s())
	for n := range w.b {
		_, err := Decode(w.b[:n], nil)
		require.ErrorIs(t, err, ErrTruncated)
	}
}

func TestDecode_RefusesDeeplyNestedUnknownFields(t *testing.T) {
	nested := func(depth int, open, shut []byte) []byte {
		w := new(wire)
		for range depth {
			w.raw(open...)
		}
		for range depth {
			w.raw(shut...)
		}
		return w.b
	}
	structs := []byte{wireStruct, 0, 100}
	lists := []byte{wireList, 0, 0, 0, 1}
	maps := []byte{wireMap, wireMap, 0, 0, 0, 1}
	shallow := longs(1).cut(1).raw(nested(maxSkipDepth, structs, []byte{wireStop})...).end(1)
	_, err := Decode(shallow.b, nil)
	require.NoError(t, err)
	for name, bomb := range map[string][]byte{
		"one struct too many": nested(maxSkipDepth+1, structs, []byte{wireStop}),
		"a million structs":   nested(1_000_000, structs, []byte{wireStop}),
		"a million lists":     append([]byte{wireList, 0, 100}, nested(1_000_000, lists, nil)...),
		"a million maps":      append([]byte{wireMap, 0, 100}, nested(1_000_000, maps, nil)...),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(longs(1).cut(1).raw(bomb...).end(1).b, nil)
			require.ErrorIs(t, err, ErrDepth)
		})
	}
}
