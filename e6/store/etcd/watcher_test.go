package etcd

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// A watcher watches as a client of e6 does: it calls Watch again after an error.
type watcher struct {
	t       testing.TB
	records chan store.Record
	fails   chan error // the errors of Watch, as far as there is room
}

func watch(t testing.TB, s *Store, cluster string) *watcher {
	w := &watcher{t: t, records: make(chan store.Record, 1024), fails: make(chan error, 1024)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; ctx.Err() == nil; n++ {
			err := s.Watch(ctx, cluster, func(f store.Record) { w.records <- f })
			if ctx.Err() != nil {
				return
			}
			select {
			case w.fails <- err:
			default:
			}
			_ = wait(ctx, 0)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return w
}

// until waits for a version, and sees to it that versions only grow.
func (w *watcher) until(version uint64) store.Record {
	w.t.Helper()
	ctx := within(w.t)
	for last := uint64(0); ; {
		select {
		case f := <-w.records:
			require.GreaterOrEqual(w.t, f.Version, last)
			if last = f.Version; last == version {
				return f
			}
		case <-ctx.Done():
			w.t.Fatalf("the watcher did not see version %d, only %d", version, last)
		}
	}
}

func put(t testing.TB, s *Store, cluster string, old uint64, side fsm.Side) {
	t.Helper()
	f, err := s.CompareAndSwap(within(t), cluster, old, store.Record{Active: side, Writer: "w"})
	require.NoError(t, err)
	require.Equal(t, old+1, f.Version)
}
