//go:build darwin || dragonfly || freebsd || linux || netbsd

package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/stress"
)

// damages are kinds of damage to a file, and whether a record is still in it.
var damages = map[string]struct {
	do     func(t *testing.T, path string)
	stands bool
}{
	"it is removed":            {func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }, false},
	"its directory is removed": {func(t *testing.T, path string) { require.NoError(t, os.RemoveAll(filepath.Dir(path))) }, false},
	"it is moved away":         {func(t *testing.T, path string) { require.NoError(t, os.Rename(path, path+".old")) }, false},
	"another takes its place": {func(t *testing.T, path string) {
		require.NoError(t, os.Rename(path, path+".old"))
		require.NoError(t, os.WriteFile(path, make([]byte, store.FileSize), 0o600))
	}, false},
	"it is cut off to nothing":    {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 0)) }, false},
	"it is cut off in a head":     {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 17)) }, false},
	"it is cut off in a text":     {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 50)) }, false},
	"its second slot is cut off":  {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, store.SlotSize+40)) }, false},
	"it is a byte too short":      {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, store.FileSize-1)) }, false},
	"it is too long":              {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 1<<20)) }, false},
	"it is filled with zeros":     {fill(func(b []byte) { clear(b) }), false},
	"it is filled with ones":      {fill(func(b []byte) { copy(b, bytes.Repeat([]byte{0xff}, len(b))) }), false},
	"it is filled with noise":     {fill(func(b []byte) { _, _ = rand.Read(b) }), false},
	"it is filled with text":      {fill(func(b []byte) { copy(b, bytes.Repeat([]byte("notes of a user\n"), len(b)/16)) }), false},
	"it has another format":       {fill(func(b []byte) { b[6], b[store.SlotSize+6] = 2, 2 }), false},
	"a bit of each text flips":    {fill(func(b []byte) { b[60] ^= 1; b[store.SlotSize+60] ^= 1 }), false},
	"a bit of each writer flips":  {fill(func(b []byte) { b[92] ^= 1; b[store.SlotSize+92] ^= 1 }), false},
	"a bit of one version flips":  {fill(func(b []byte) { b[8] ^= 1 }), true},
	"a length is beyond the slot": {fill(func(b []byte) { b[19], b[store.SlotSize+19] = 0xff, 0xff }), false},
}

// fill changes the bytes of a file where they are.
func fill(change func([]byte)) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		image, err := os.ReadFile(path)
		require.NoError(t, err)
		change(image)
		overwrite(t, path, image, 0)
	}
}

func overwrite(t testing.TB, path string, data []byte, at int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteAt(data, at)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func TestFile_DamagedFileIsEmptyAndTheNextWriteRepairsIt(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "files")
			a, b := openFile(t, dir), openFile(t, dir)
			lastSeen := watch(t, b)
			for i := range 5 {
				written := write(t, a, fmt.Sprint("before ", i))
				for next(t, lastSeen).Version != written.Version {
				}
			}
			damage.do(t, a.Path("a"))

			// A process that has not read the file before.
			fresh := openFile(t, dir)
			read := load(t, fresh)
			if damage.stands {
				require.Contains(t, []string{"before 3", "before 4"}, read.Writer)
			} else {
				require.Zero(t, read)
			}
			repaired := write(t, a, "after")
			require.EqualValues(t, 6, repaired.Version, "versions go on growing while a process knows the last one")
			for next(t, lastSeen).Version != repaired.Version {
			}
			for _, s := range []store.Store{a, b, fresh, openFile(t, dir)} {
				require.Equal(t, repaired, load(t, s))
			}
			info, err := os.Stat(a.Path("a"))
			require.NoError(t, err)
			require.EqualValues(t, store.FileSize, info.Size())
		})
	}
}

func TestAReaderNoticesThatItsFileWasRemoved(t *testing.T) {
	f := openFile(t, t.TempDir())
	write(t, f, "w")
	require.NoError(t, os.Remove(f.Path("a")))
	require.Eventually(t, func() bool { return load(t, f).Version == 0 }, stress.Patience, 10*time.Millisecond)
}

func TestFile_DamagedBeforeItIsOpenedIsRepaired(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "files")
			a := openFile(t, dir)
			write(t, a, "first")
			write(t, a, "second")
			require.NoError(t, a.Close())
			damage.do(t, a.Path("a"))
			b := openFile(t, dir)
			lastSeen := watch(t, b)
			repaired := write(t, b, "after")
			require.NotZero(t, repaired.Version)
			for next(t, lastSeen).Version != repaired.Version {
			}
			require.Equal(t, repaired, load(t, openFile(t, dir)))
		})
	}
}

func TestFileStore_InterruptedWriteKeepsTheOldRecord(t *testing.T) {
	a := openFile(t, t.TempDir())
	write(t, a, "first")
	old := write(t, a, "the old record")
	before, err := os.ReadFile(a.Path("a"))
	require.NoError(t, err)
	written := write(t, a, "the new record")
	after, err := os.ReadFile(a.Path("a"))
	require.NoError(t, err)
	begin, end := 0, store.FileSize
	for before[begin] == after[begin] {
		begin++
	}
	for before[end-1] == after[end-1] {
		end--
	}
	require.Equal(t, begin/store.SlotSize, (end-1)/store.SlotSize, "one slot is written")
	cut := func(reader store.Store, mixed []byte) {
		t.Helper()
		want := old
		if bytes.Equal(mixed, after) {
			want = written
		}
		overwrite(t, a.Path("a"), mixed, 0)
		require.Equal(t, want, load(t, reader))
		require.Equal(t, want, load(t, openFile(t, a.Dir())))
	}
	// From either end of the file, also for a process that reads during that.
	forwards, backwards := openFile(t, a.Dir()), openFile(t, a.Dir())
	for n := begin; n <= end; n++ {
		cut(forwards, append(bytes.Clone(after[:n]), before[n:]...))
	}
	for n := end; n >= begin; n-- {
		cut(backwards, append(bytes.Clone(before[:n]), after[n:]...))
	}
}

func TestFileStore_OlderRecordGetsAVersionAboveTheWatched(t *testing.T) {
	dir := t.TempDir()
	a := openFile(t, dir)
	for range 5 {
		write(t, a, "before")
	}
	lastSeen := watch(t, a)
	require.EqualValues(t, 5, next(t, lastSeen).Version)
	// The repair by a process that does not know the version.
	other := filepath.Join(t.TempDir(), "other")
	b := openFile(t, other)
	repair := write(t, b, "repair")
	require.EqualValues(t, 1, repair.Version)
	require.NoError(t, b.Close())
	require.NoError(t, os.Rename(b.Path("a"), a.Path("a")))

	lifted := next(t, lastSeen)
	require.EqualValues(t, 6, lifted.Version)
	require.Equal(t, "repair", lifted.Writer)
	require.Equal(t, lifted, load(t, openFile(t, dir)))
}

func TestFile_TruncatedWhileItIsReadHarmsNoReader(t *testing.T) {
	dir := t.TempDir()
	a := openFile(t, dir)
	write(t, a, "w")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := a.Load(context.Background(), "a"); err != nil {
					t.Errorf("Load: %v", err)
					return
				}
				runtime.Gosched()
			}
		})
	}
	for range 300 {
		require.NoError(t, os.Truncate(a.Path("a"), 0))
		write(t, a, "w")
	}
	stop()
	wg.Wait()
	require.EqualValues(t, 301, load(t, a).Version)
}

func TestARecordThatDoesNotFitIsRefused(t *testing.T) {
	a := openFile(t, t.TempDir())
	first := write(t, a, "w")
	for _, f := range []store.Record{
		{Writer: string(make([]byte, store.SlotSize))},
		{Active: fsm.Side(9)},
		{At: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		_, err := a.CompareAndSwap(t.Context(), "a", 1, f)
		require.ErrorContains(t, err, "store: ")
		require.NotErrorIs(t, err, store.ErrConflict)
		require.Equal(t, first, load(t, a))
	}
}
