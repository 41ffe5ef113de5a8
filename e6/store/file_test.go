package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/e6/store/storetest"
	"github.com/e6data/e6data-go/internal/stress"
)

// openFile opens a handle on the files of one directory.
func openFile(t testing.TB, dir string) *store.File {
	t.Helper()
	f, err := store.OpenFile(store.FileOptions{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// within bounds a test's own waiting, so that a hang is a failure.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), max(d, stress.Patience))
	t.Cleanup(cancel)
	return ctx
}

// write replaces the current record, of any version.
func write(t testing.TB, s store.Store, writer string) store.Record {
	t.Helper()
	ctx := within(t, 30*time.Second)
	current, err := s.Load(ctx, "a")
	require.NoError(t, err)
	for {
		now, err := s.CompareAndSwap(ctx, "a", current.Version, store.Record{Active: fsm.Blue, Writer: writer})
		if current = now; !errors.Is(err, store.ErrConflict) {
			require.NoError(t, err)
			return now
		}
	}
}

func load(t testing.TB, s store.Store) store.Record {
	t.Helper()
	record, err := s.Load(within(t, 30*time.Second), "a")
	require.NoError(t, err)
	return record
}

// watch returns the records of a watcher. It ends with the test.
func watch(t testing.TB, s store.Store) <-chan store.Record {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	records, ended := make(chan store.Record, 1<<16), make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Watch(ctx, "a", func(f store.Record) { records <- f }); !errors.Is(err, context.Canceled) {
			t.Errorf("Watch: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return records
}

// next is the next record that a watcher receives.
func next(t testing.TB, records <-chan store.Record) store.Record {
	t.Helper()
	select {
	case f := <-records:
		return f
	case <-within(t, 30*time.Second).Done():
		require.Fail(t, "the watcher receives nothing")
		return store.Record{}
	}
}

func TestFile_IsAConformingStore(t *testing.T) {
	t.Run("with two handles", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) storetest.Opener {
			dir := t.TempDir()
			return func(t *testing.T) store.Store { return openFile(t, dir) }
		})
	})
	t.Run("with one", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) storetest.Opener {
			f := openFile(t, t.TempDir())
			return func(*testing.T) store.Store { return f }
		})
	})
}
