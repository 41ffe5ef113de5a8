package ring_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6/internal/ring"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const small = 8 * ring.BlockSize

// record is a record with a number, of a size that depends on it.
func record(n int) []byte {
	b := make([]byte, 8+n%977)
	binary.LittleEndian.PutUint64(b, uint64(n))
	for i := 8; i < len(b); i++ {
		b[i] = byte(n + i)
	}
	return b
}

// requireLast checks that a lane has an unbroken sequence of records up to last.
func requireLast(t require.TestingT, lane []ring.Record, last int) {

	require.NotEmpty(t, lane)
	first := last - len(lane) + 1
	for i, r := range lane {
		require.Equal(t, record(first+i), r.Content, "record %d of %d", i, len(lane))
	}
}

func TestRing_KeepsTheNewestRecordsOfEachLane(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	file, err := ring.Open(path, small, 1, 1)
	require.NoError(t, err)
	memory, err := ring.NewMemory(small, 1, 1)
	require.NoError(t, err)
	require.NoError(t, file.Append(1, record(1)))
	require.NoError(t, memory.Append(1, record(1)))
	for n := 1; n <= 5000; n++ {
		require.NoError(t, file.Append(0, record(n)))
		require.NoError(t, memory.Append(0, record(n)))
		if n%1009 != 0 {
			continue
		}
		image, err := os.ReadFile(path) // while it is open
		require.NoError(t, err)
		lanes, damaged, err := ring.Parse(image)
		require.NoError(t, err)
		require.Zero(t, damaged)
		requireLast(t, lanes[0], n)
		requireLast(t, lanes[1], 1)
		require.Greater(t, len(lanes[0])*490, ring.BlockSize, "a lane loses one block at a time")
	}
	inFile, err := file.Bytes()
	require.NoError(t, err)
	inMemory, err := memory.Bytes()
	require.NoError(t, err)
	require.True(t, bytes.Equal(inFile, inMemory))
	require.NoError(t, file.Close())
	require.NoError(t, file.Close())
	require.ErrorIs(t, file.Append(0, nil), ring.ErrClosed)
	require.ErrorIs(t, memory.Append(0, make([]byte, ring.MaxRecord+1)), ring.ErrTooLong)
	require.NoError(t, memory.Append(0, make([]byte, ring.MaxRecord)))
}

func TestOpen_ContinuesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	for process := range 40 { // more than there are blocks: each process starts a block
		r, err := ring.Open(path, small, 1)
		require.NoError(t, err)
		_, err = ring.Open(path, small, 1)
		require.ErrorIs(t, err, ring.ErrInUse)
		require.NoError(t, r.Append(0, record(process)))
		image, err := r.Bytes()
		require.NoError(t, err)
		require.NoError(t, r.Close())
		lanes, _, err := ring.Parse(image)
		require.NoError(t, err)
		requireLast(t, lanes[0], process)
	}
	if runtime.GOOS != "windows" {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

func TestOpen_RenamesARecordingOfAnotherSizeAndRefusesAnotherFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	r, err := ring.Open(path, small, 1)
	require.NoError(t, err)
	require.NoError(t, r.Append(0, record(7)))
	require.NoError(t, r.Close())
	r, err = ring.Open(path, 2*small, 1)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	old, err := os.ReadFile(path + ".old")
	require.NoError(t, err)
	lanes, _, err := ring.Parse(old)
	require.NoError(t, err)
	requireLast(t, lanes[0], 7)

	require.NoError(t, os.WriteFile(path, []byte("a file of the user, which is no recording"), 0o600))
	_, err = ring.Open(path, small, 1)
	require.ErrorIs(t, err, ring.ErrFormat)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "a file of the user, which is no recording", string(text))
	_, err = ring.Open(path, ring.BlockSize, 1)
	require.ErrorContains(t, err, fmt.Sprint(ring.MinSize([]int{1})))
	least, err := ring.NewMemory(ring.MinSize([]int{2, 1, 1}), 2, 1, 1)
	require.NoError(t, err)
	require.Equal(t, 2*ring.BlockSize, least.LaneSize(1))
}

// A killed process leaves any prefix of the bytes of its last write, in any order of the
// parts: the reader returns all records before it.
func TestParse_ATornRecordIsLeftOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 400).Draw(t, "records")
		r, err := ring.NewMemory(4*ring.BlockSize, 1)
		require.NoError(t, err)
		for n := range count {
			require.NoError(t, r.Append(0, record(n)))
		}
		before, err := r.Bytes()
		require.NoError(t, err)
		require.NoError(t, r.Append(0, record(count)))
		after, err := r.Bytes()
		require.NoError(t, err)
		var changed []int
		for i := range before {
			if before[i] != after[i] {
				changed = append(changed, i)
			}
		}
		torn := bytes.Clone(before)
		written := rapid.SliceOfNDistinct(rapid.IntRange(0, len(changed)-1), 0, len(changed)-1, rapid.ID[int]).Draw(t, "written")
		for _, i := range written {
			torn[changed[i]] = after[changed[i]]
		}
		lanes, _, err := ring.Parse(torn)
		require.NoError(t, err)
		if len(lanes[0]) == 0 {
			return // the block that is taken into use was the only one that was whole
		}
		last := int(binary.LittleEndian.Uint64(lanes[0][len(lanes[0])-1].Content))
		require.Contains(t, []int{count - 1, count}, last)
		requireLast(t, lanes[0], last)
	})
}

func TestRing_ConcurrentAppendsAndReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	r, err := ring.Open(path, small, 1, 1)
	require.NoError(t, err)
	var all sync.WaitGroup
	for lane := range 2 {
		all.Go(func() {
			for n := range 3000 {
				if r.Append(lane, record(n)) != nil {
					return // closed
				}
			}
		})
	}
	for range 20 {
		image, err := r.Bytes()
		require.NoError(t, err)
		_, damaged, err := ring.Parse(image)
		require.NoError(t, err)
		require.Zero(t, damaged)
	}
	require.NoError(t, r.Close())
	all.Wait()
}

func TestRing_AFileThatIsCutOffIsAnErrorAndNoCrash(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not cut off a mapped file")
	}
	path := filepath.Join(t.TempDir(), "r")
	r, err := ring.Open(path, small, 1)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 0))
	require.Error(t, r.Append(0, record(1)))
	require.Error(t, r.Append(0, record(1)))
	require.NoError(t, r.Close())
}

func FuzzParse(f *testing.F) {
	r, err := ring.NewMemory(ring.MinSize([]int{1}), 1)
	require.NoError(f, err)
	require.NoError(f, r.Append(0, record(1)))
	image, err := r.Bytes()
	require.NoError(f, err)
	f.Add(image[:ring.BlockSize+64])
	f.Fuzz(func(t *testing.T, head []byte) {
		damaged := bytes.Clone(image)
		copy(damaged, head)
		_, _, _ = ring.Parse(damaged)
		_, _, _ = ring.Parse(head)
	})
}
