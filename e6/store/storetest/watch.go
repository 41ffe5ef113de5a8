package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e6data/e6data-go/e6/store"
)

// A watcher collects the records of one Watch, and checks what holds for every Watch.
type watcher struct {
	t       *testing.T
	records chan store.Record // room for all that a test writes
	stop    context.CancelFunc
	ended   chan error
}

// watch begins to watch a cluster. It ends with the test at the latest.
func watch(t *testing.T, s store.Store, cluster string, then func(store.Record)) *watcher {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	w := &watcher{t, make(chan store.Record, 4096), stop, make(chan error, 1)}
	var busy, over atomic.Bool
	var last uint64
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := s.Watch(ctx, cluster, func(f store.Record) {
			if !busy.CompareAndSwap(false, true) {
				t.Errorf("two calls of a watcher at once")
			}
			if over.Load() {
				t.Errorf("a watcher is called although Watch has returned")
			}
			if f.Version <= last {
				t.Errorf("a watcher receives version %d after version %d", f.Version, last)
			}
			last = f.Version
			w.records <- f
			if then != nil {
				then(f)
			}
			busy.Store(false)
		})
		over.Store(true)
		w.ended <- err
	}()
	t.Cleanup(func() {
		stop()
		select {
		case <-done:
		case <-time.After(patience):
			t.Errorf("Watch does not end with its context")
		}
	})
	return w
}

// next is the next record that the watcher receives.
func (w *watcher) next() store.Record {
	w.t.Helper()
	select {
	case f := <-w.records:
		return f
	case err := <-w.ended:
		w.t.Fatalf("Watch has returned: %v", err)
	case <-within(w.t).Done():
		w.t.Fatalf("the watcher receives nothing")
	}
	return store.Record{}
}

// until skips records up to a version, which must come.
func (w *watcher) until(version uint64) store.Record {
	w.t.Helper()
	for {
		if f := w.next(); f.Version >= version {
			return f
		}
	}
}

// end stops the watcher and waits until Watch returns.
func (w *watcher) end() error {
	w.t.Helper()
	w.stop()
	select {
	case err := <-w.ended:
		return err
	case <-within(w.t).Done():
		w.t.Fatalf("Watch does not end with its context")
		return nil
	}
}

func presentFirst(t *testing.T, open Opener) {
	a, b := open(t), open(t)
	put(t, a, "a", 0, sample("first"))
	second := put(t, a, "a", 1, sample("second"))
	for _, s := range []store.Store{a, b} {
		w := watch(t, s, "a", nil)
		equal(t, second, w.next())
	}
	w := watch(t, b, "a", nil)
	equal(t, second, w.next())
	for v := range uint64(10) {
		written := put(t, a, "a", v+2, sample(fmt.Sprint("later ", v)))
		equal(t, written, w.next())
	}
}

func firstRecordAwaited(t *testing.T, open Opener) {
	a, b := open(t), open(t)
	own, other := watch(t, a, "a", nil), watch(t, b, "a", nil)
	equal(t, store.Record{}, load(t, b, "a"))
	first := put(t, a, "a", 0, sample("first"))
	equal(t, first, own.next())
	equal(t, first, other.next())
}

func watchersIndependent(t *testing.T, open Opener) {
	a, b := open(t), open(t)
	left, right := watch(t, b, "left", nil), watch(t, b, "right", nil)
	for v := range uint64(20) {
		put(t, a, "left", v, sample("left"))
		put(t, a, "right", v, sample("right"))
	}
	for v := uint64(0); v < 20; {
		f := left.next()
		if v = f.Version; f.Writer != "left" {
			t.Fatalf("the watcher of one cluster receives %+v of the other", f)
		}
	}
	equal(t, load(t, a, "right"), right.until(20))
}

func lastNeverLost(t *testing.T, open Opener) {
	const rounds, burst, watchers = 10, 10, 4
	stores := []store.Store{open(t), open(t)}
	var all []*watcher
	for i := range watchers {
		all = append(all, watch(t, stores[i%2], "a", nil))
	}
	for r := range uint64(rounds) {
		var last store.Record
		for i := range uint64(burst) {
			v := r*burst + i
			last = put(t, stores[v%2], "a", v, sample(fmt.Sprint("version ", v+1)))
		}
		for _, w := range all {
			equal(t, last, w.until(last.Version))
		}
	}
}

func slowWatcher(t *testing.T, open Opener) {
	const last = 30
	a, b := open(t), open(t)
	free := make(chan struct{})
	release := sync.OnceFunc(func() { close(free) })
	w := watch(t, b, "a", func(store.Record) { <-free })
	t.Cleanup(release)
	put(t, a, "a", 0, sample("w"))
	equal(t, load(t, a, "a"), w.next())
	for v := uint64(1); v < last; v++ {
		put(t, a, "a", v, sample("w"))
	}
	release()
	equal(t, load(t, a, "a"), w.until(last))
}

func watcherCallsStore(t *testing.T, open Opener) {
	s := open(t)
	ctx := within(t)
	w := watch(t, s, "a", func(f store.Record) {
		if f.Version > 1 {
			return
		}
		current, err := s.Load(ctx, "a")
		if err == nil {
			_, err = s.CompareAndSwap(ctx, "a", current.Version, sample("from the watcher"))
		}
		if err != nil {
			t.Errorf("in a watcher: %v", err)
		}
	})
	put(t, s, "a", 0, sample("w"))
	if f := w.until(2); f.Writer != "from the watcher" {
		t.Fatalf("version 2 is %+v", f)
	}
}

func watchEnds(t *testing.T, open Opener) {
	a, b := open(t), open(t)
	put(t, a, "a", 0, sample("w"))
	ending, staying, silent := watch(t, b, "a", nil), watch(t, b, "a", nil), watch(t, b, "unknown", nil)
	ending.next()
	for _, w := range []*watcher{ending, silent} {
		if err := w.end(); !errors.Is(err, context.Canceled) {
			t.Fatalf("Watch with a canceled context: %v", err)
		}
	}
	// A call after the end fails the test in the watcher itself; meanwhile the
	// one that stays goes on.
	for v := uint64(1); v < 10; v++ {
		put(t, a, "a", v, sample("w"))
	}
	put(t, a, "unknown", 0, sample("w"))
	staying.until(10)
	if len(ending.records)+len(silent.records) != 0 {
		t.Fatalf("a watch that has ended received later records")
	}
}

func everythingAtOnce(t *testing.T, open Opener) {
	const clusters, goroutines, rounds = 3, 4, 25
	stores := []store.Store{open(t), open(t)}
	ctx := within(t)
	var wg sync.WaitGroup
	for g := range goroutines {
		s := stores[g%len(stores)]
		for c := range clusters {
			cluster := fmt.Sprint("cluster ", c)
			wg.Go(func() {
				var seen uint64
				for range rounds {
					f, err := s.Load(ctx, cluster)
					if err != nil || f.Version < seen || f.Version > 0 && f.Writer != cluster {
						t.Errorf("%s: %+v after version %d: %v", cluster, f, seen, err)
						return
					}
					f, err = s.CompareAndSwap(ctx, cluster, f.Version, store.Record{Writer: cluster})
					if err != nil && !errors.Is(err, store.ErrConflict) {
						t.Errorf("%s: %v", cluster, err)
						return
					}
					seen = f.Version
				}
			})
			wg.Go(func() {
				short, stop := context.WithCancel(ctx)
				defer stop()
				if err := s.Watch(short, cluster, func(store.Record) { stop() }); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: Watch: %v", cluster, err)
				}
			})
		}
	}
	wg.Wait()
}
