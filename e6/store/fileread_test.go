package store_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

func TestFile_LoadAllocatesNothing(t *testing.T) {
	f := openFile(t, t.TempDir())
	for range 3 {
		written := write(t, f, "w")
		read := func() {
			if record, err := f.Load(context.Background(), "a"); err != nil || record.Version != written.Version || record.Writer != written.Writer {
				t.Errorf("%+v: %v", record, err)
			}
		}
		require.Zero(t, testing.AllocsPerRun(100, read), "at version %d", written.Version)
	}
}

func TestFile_AReaderNeverSeesAnOlderVersion(t *testing.T) {
	f := openFile(t, t.TempDir())
	first := write(t, f, signature("w", 1))
	file, err := os.OpenFile(f.Path("a"), os.O_WRONLY, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	_, free := store.ParseFile(readFile(t, f.Path("a")))

	var whole atomic.Uint64 // the last version that was written to its end
	whole.Store(first.Version)
	var readers sync.WaitGroup
	var over atomic.Bool
	for range 2 {
		readers.Go(func() {
			for !over.Load() {
				least := whole.Load()
				record, err := f.Load(context.Background(), "a")
				if err != nil || record.Version < least || record.Writer != signature("w", record.Version) {
					t.Errorf("%+v after version %d: %v", record, least, err)
					return
				}
			}
		})
	}
	// A system may copy what is written in pieces, in any order.
	const piece = 16
	for v := first.Version + 1; v <= 3000 && !t.Failed(); v++ {
		slot, _, err := store.EncodeSlot(store.Record{Version: v, Active: fsm.Green, Writer: signature("w", v)})
		require.NoError(t, err)
		var pieces []int
		for at := 0; at < len(slot); at += piece {
			pieces = append(pieces, at)
		}
		if v%3 == 0 {
			slices.Reverse(pieces)
		}
		for _, at := range pieces {
			_, err := file.WriteAt(slot[at:min(at+piece, len(slot))], int64(free*store.SlotSize+at))
			require.NoError(t, err)
		}
		whole.Store(v)
		free = 1 - free
	}
	over.Store(true)
	readers.Wait()
	require.EqualValues(t, 3000, load(t, f).Version)
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	return image
}

func BenchmarkFileLoad(b *testing.B) {
	f := openFile(b, b.TempDir())
	write(b, f, "w")
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Load(ctx, "a"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFileCompareAndSwap(b *testing.B) {
	f := openFile(b, b.TempDir())
	var current store.Record
	for b.Loop() {
		var err error
		if current, err = f.CompareAndSwap(context.Background(), "a", current.Version, store.Record{Active: fsm.Blue, Writer: "w"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFileFromWriterToWatcher measures from before a write through one handle until the
// watcher of another receives it.
func BenchmarkFileFromWriterToWatcher(b *testing.B) {
	dir := b.TempDir()
	from, to := openFile(b, dir), openFile(b, dir)
	lastSeen := watch(b, to)
	for i := 0; b.Loop(); i++ {
		written := write(b, from, fmt.Sprint(i))
		for next(b, lastSeen).Version != written.Version {
		}
	}
}
