package exec

import (
	"context"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6/vector"
	batches "github.com/e6data/e6data-go/proto/thrift/chunk"
)

// numbersMessage is a batch of one LONG column as it comes.
func numbersMessage(t require.TestingT, values ...int64) []byte {
	buffer := thrift.NewTMemoryBuffer()
	n := int32(len(values))
	c := &batches.Chunk{Size: n, Vectors: []*batches.Vector{{Size: n, VectorType: batches.VectorType_LONG,
		Data: &batches.Data{Int64Data: &batches.Int64Data{Data: values}}}}}
	require.NoError(t, c.Write(context.Background(), thrift.NewTBinaryProtocolConf(buffer, nil)))
	return buffer.Bytes()
}

// TestRecord_HashesTheRowsThatReachedTheCaller delivers batches of which the first rows
// were skipped or the last ones cut away, and compares the hash with that of one batch of
// the rows that are left: however much of them is kept, and however often they are asked for.
func TestRecord_HashesTheRowsThatReachedTheCaller(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &record{window: rapid.Int64Range(0, 1500).Draw(t, "window"), beyond: true}
		window, kept := r.window, int64(0)
		var rows []int64
		reused := new(vector.Batch)
		for range rapid.IntRange(1, 20).Draw(t, "batches") {
			values := rapid.SliceOfN(rapid.Int64Range(0, 3), 1, 40).Draw(t, "values")
			skip := rapid.IntRange(0, len(values)-1).Draw(t, "skip")
			end := rapid.IntRange(skip+1, len(values)).Draw(t, "end")
			message := numbersMessage(t, values...)
			require.NoError(t, reused.Decode(message, nil))
			reused.Head(end)
			reused.Skip(skip)
			require.True(t, r.add(reused, part{message: message, skipped: skip}))
			rows = append(rows, values[skip:end]...)
			if r.hash == nil {
				kept += int64(len(message))
			}
			if rapid.Bool().Draw(t, "cut off") {
				require.EqualValues(t, len(rows), r.sum().Rows())
			}
		}
		require.LessOrEqual(t, kept, window)
		require.Equal(t, r.hash != nil, r.kept == nil, "either a hash or messages")

		all, want := new(vector.Batch), new(vector.Hash)
		require.NoError(t, all.Decode(numbersMessage(t, rows...), nil))
		want.Add(all, len(rows))
		require.Equal(t, -1, want.Diff(r.sum()))
	})
}

func TestRecord_KeepsNoMoreThanTheWindow(t *testing.T) {
	message := numbersMessage(t, 1, 2, 3)
	batch, err := vector.Decode(message, nil)
	require.NoError(t, err)
	from := part{message: message}
	r := &record{window: int64(2*len(message) + 1)}
	require.True(t, r.keeps(0, message))
	require.True(t, r.keeps(len(message), message))
	require.False(t, r.keeps(2*len(message), message), "it is held while it waits for the caller")
	require.True(t, r.add(batch, from))
	require.True(t, r.add(batch, from))
	require.False(t, r.add(batch, from))
	require.False(t, (*record)(nil).keeps(0, message))

	r = &record{window: int64(len(message)), beyond: true}
	require.True(t, r.add(batch, from))
	require.True(t, r.add(batch, from))
	require.Nil(t, r.kept, "what is hashed is not kept")
	require.False(t, r.keeps(0, nil))
	require.True(t, r.add(batch, part{}), "without its message")
	require.EqualValues(t, 9, r.sum().Rows())
}

// TestRecord_FindsMemoryThatWasWrittenInto keeps a message that its owner destroys.
func TestRecord_FindsMemoryThatWasWrittenInto(t *testing.T) {
	message := numbersMessage(t, 1, 2, 3)
	batch, err := vector.Decode(message, nil)
	require.NoError(t, err)
	r, want := &record{window: 1000}, new(vector.Hash)
	want.Add(batch, 3)
	require.True(t, r.add(batch, part{message: message}))
	require.Equal(t, -1, want.Diff(r.sum()))
	clear(message)
	require.Equal(t, 0, want.Diff(r.sum()))
}
