package ring_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6/internal/ring"
)

// A reader that reads often enough gets every record once and in order, and one that does not
// gets those that Parse gets, also if another process continues.
func TestReader_ReturnsEachRecordOnce(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(dir, "r")
		_ = os.Remove(path)
		r, err := ring.Open(path, 4*ring.BlockSize, 1)
		require.NoError(t, err)
		defer func() { require.NoError(t, r.Close()) }()
		file, err := os.Open(path)
		require.NoError(t, err)
		defer file.Close()
		reader, err := ring.NewReader(file, math.MaxInt64)
		require.NoError(t, err)
		written, read := 0, 0
		for range rapid.IntRange(1, 10).Draw(t, "turns") {
			if rapid.IntRange(0, 4).Draw(t, "restart") == 0 {
				require.NoError(t, r.Close())
				r, err = ring.Open(path, 4*ring.BlockSize, 1)
				require.NoError(t, err)
			}
			for range rapid.IntRange(0, 300).Draw(t, "appended") {
				written++
				require.NoError(t, r.Append(0, record(written)))
			}
			lanes, damaged, err := reader.Next()
			require.NoError(t, err)
			require.Zero(t, damaged)
			if got := lanes[0]; len(got) > 0 {
				requireLast(t, got, written)
				require.EqualValues(t, written, got[len(got)-1].Seq)
				lost := int(got[0].Seq) - read - 1
				require.GreaterOrEqual(t, lost, 0, "a record is read once")
				if lost > 0 { // a whole round later
					image, err := os.ReadFile(path)
					require.NoError(t, err)
					parsed, _, err := ring.Parse(image)
					require.NoError(t, err)
					require.Equal(t, parsed[0], got)
				}
			}
			read = written
		}
	})
}

// counted counts the bytes that are read.
type counted struct {
	*bytes.Reader
	read int
}

func (c *counted) ReadAt(p []byte, at int64) (int, error) {
	c.read += len(p)
	return c.Reader.ReadAt(p, at)
}

func TestReader_ReadsOnlyTheBlockThatChanges(t *testing.T) {
	r, err := ring.NewMemory(64*ring.BlockSize, 1)
	require.NoError(t, err)
	for n := range 3000 {
		require.NoError(t, r.Append(0, record(n)))
	}
	image, err := r.Bytes()
	require.NoError(t, err)
	file := &counted{Reader: bytes.NewReader(image)}
	reader, err := ring.NewReader(file, int64(len(image)))
	require.NoError(t, err)
	lanes, _, err := reader.Next()
	require.NoError(t, err)
	require.Len(t, lanes[0], 3000)
	file.read = 0
	lanes, _, err = reader.Next()
	require.NoError(t, err)
	require.Empty(t, lanes[0])
	require.Less(t, file.read, 2*ring.BlockSize)
}

// A record that is being written is read when it is whole, and counted as damaged when another
// block has begun.
func TestReader_WaitsForARecordUnderWay(t *testing.T) {
	r, err := ring.NewMemory(4*ring.BlockSize, 1)
	require.NoError(t, err)
	require.NoError(t, r.Append(0, record(1)))
	require.NoError(t, r.Append(0, record(2)))
	image, err := r.Bytes()
	require.NoError(t, err)
	torn := bytes.LastIndex(image, record(2)[8:])
	image[torn]++
	reader, err := ring.NewReader(bytes.NewReader(image), int64(len(image)))
	require.NoError(t, err)
	next := func() (seqs []uint64, damaged int) {
		lanes, damaged, err := reader.Next()
		require.NoError(t, err)
		for _, record := range lanes[0] {
			seqs = append(seqs, record.Seq)
		}
		return seqs, damaged
	}
	seqs, damaged := next()
	require.Equal(t, []uint64{1}, seqs)
	require.Zero(t, damaged)
	image[torn]--
	seqs, _ = next()
	require.Equal(t, []uint64{2}, seqs)
}

func TestNewReader_RefusesAnotherFile(t *testing.T) {
	for _, content := range []string{"", "no recording, but a longer text than the header of a file is: it has 40 bytes"} {
		_, err := ring.NewReader(bytes.NewReader([]byte(content)), int64(len(content)))
		require.ErrorIs(t, err, ring.ErrFormat)
	}
	r, err := ring.NewMemory(4*ring.BlockSize, 1)
	require.NoError(t, err)
	image, err := r.Bytes()
	require.NoError(t, err)
	_, err = ring.NewReader(bytes.NewReader(image), int64(len(image)-1))
	require.ErrorContains(t, err, "it is cut off")
}
