package store_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/store"
)

func TestStore_CallsAfterCloseReturnErrClosed(t *testing.T) {
	f := openFile(t, t.TempDir())
	write(t, f, "w")
	ended := make(chan error, 1)
	watching := make(chan store.Record, 1)
	go func() { ended <- f.Watch(context.Background(), "a", func(f store.Record) { watching <- f }) }()
	<-watching
	require.NoError(t, f.Close())
	require.ErrorIs(t, <-ended, os.ErrClosed)

	_, err := f.Load(t.Context(), "a")
	require.ErrorIs(t, err, os.ErrClosed)
	_, err = f.CompareAndSwap(t.Context(), "a", 1, store.Record{})
	require.ErrorIs(t, err, os.ErrClosed)
	require.ErrorIs(t, f.Watch(t.Context(), "a", func(store.Record) {}), os.ErrClosed)
	_, err = f.Load(t.Context(), "b")
	require.ErrorIs(t, err, os.ErrClosed)
	require.ErrorIs(t, f.Close(), os.ErrClosed)
	require.FileExists(t, f.Path("a"))
}

func TestFile_CloseDuringCalls(t *testing.T) {
	dir := t.TempDir()
	for range 50 {
		f := openFile(t, dir)
		var wg sync.WaitGroup
		begun := make(chan struct{}, 3)
		use := func(call func() error) {
			wg.Go(func() {
				for n := 0; ; n++ {
					err := call()
					if n == 0 {
						begun <- struct{}{}
					}
					if errors.Is(err, os.ErrClosed) {
						return
					}
					if err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, context.Canceled) {
						t.Error(err)
						return
					}
				}
			})
		}
		use(func() error { _, err := f.Load(context.Background(), "a"); return err })
		use(func() error {
			_, err := f.CompareAndSwap(context.Background(), "a", loadVersion(f), store.Record{})
			return err
		})
		use(func() error {
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			return f.Watch(ctx, "a", func(store.Record) { stop() })
		})
		for range cap(begun) {
			<-begun
		}
		require.NoError(t, f.Close())
		wg.Wait()
	}
}

// loadVersion is the current version, and 0 if it cannot be read.
func loadVersion(s store.Store) uint64 {
	current, _ := s.Load(context.Background(), "a")
	return current.Version
}
