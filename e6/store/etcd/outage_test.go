package etcd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

func TestWatch_ResumesAfterEtcdRestarts(t *testing.T) {
	etcd := startEtcd(t)
	s := open(t, etcd.config())
	put(t, s, "a", 0, fsm.Blue)
	w := watch(t, s, "a")
	w.until(1)

	etcd.Kill()
	etcd.start()
	put(t, s, "a", 1, fsm.Green)
	require.Equal(t, fsm.Green, w.until(2).Active)
	require.Empty(t, w.fails, "it went on by itself")
}

func TestWatch_ReceivesTheLastRecordAfterAPartition(t *testing.T) {
	etcd := startEtcd(t)
	p := startProxy(t, etcd.addr)
	near, far := open(t, etcd.config()), openAt(t, p.addr())
	put(t, near, "a", 0, fsm.Blue)
	w := watch(t, far, "a")
	w.until(1)

	p.inject(networkFault{down: true})
	p.cut()
	for v := range uint64(5) {
		put(t, near, "a", v+1, fsm.Green)
	}
	p.inject(networkFault{})
	w.until(6)
	put(t, near, "a", 6, fsm.Blue)
	w.until(7)
}

func TestWatch_ReadsTheCurrentRecordWhenItsRevisionWasCompacted(t *testing.T) {
	etcd := startEtcd(t)
	p := startProxy(t, etcd.addr)
	near, far := open(t, etcd.config()), openAt(t, p.addr())
	put(t, near, "a", 0, fsm.Blue)
	w := watch(t, far, "a")
	w.until(1)

	p.inject(networkFault{down: true})
	p.cut()
	for v := range uint64(5) {
		put(t, near, "a", v+1, fsm.Green)
	}
	now, err := near.client.Get(within(t), "any")
	require.NoError(t, err)
	_, err = near.client.Compact(within(t), now.Header.Revision, clientv3.WithCompactPhysical())
	require.NoError(t, err)
	p.inject(networkFault{})
	w.until(6)
	put(t, near, "a", 6, fsm.Blue)
	w.until(7)
	require.Empty(t, w.fails, "it went on by itself")
}

func TestWatch_RefreshFindsWhatASilentStreamLost(t *testing.T) {
	etcd := startEtcd(t)
	p := startProxy(t, etcd.addr)
	near := open(t, etcd.config())
	far := openAt(t, p.addr(), WithRefresh(time.Second))
	put(t, near, "a", 0, fsm.Blue)
	// The stream of the watch is open and its events are lost.
	far.watch = silent{far.watch}
	w := watch(t, far, "a")
	w.until(1)
	put(t, near, "a", 1, fsm.Green)
	w.until(2)
	require.Empty(t, w.fails)
}

// silent is a watcher that receives only the end.
type silent struct{ clientv3.Watcher }

func (s silent) Watch(ctx context.Context, _ string, _ ...clientv3.OpOption) clientv3.WatchChan {
	answers := make(chan clientv3.WatchResponse)
	context.AfterFunc(ctx, func() { close(answers) })
	return answers
}

func TestCalls_EndWithTheirContextsWhenEtcdIsDown(t *testing.T) {
	etcd := startEtcd(t)
	s := open(t, etcd.config(), WithCallTimeout(300*time.Millisecond), WithRefresh(time.Second))
	put(t, s, "a", 0, fsm.Blue)
	w := watch(t, s, "a")
	w.until(1)
	etcd.Kill()
	endsWithItsContext(t, s)

	// A watch that cannot read returns an error, and another one resumes.
	select {
	case err := <-w.fails:
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, `watch the record of cluster "a"`)
	case <-within(t).Done():
		t.Fatal("the watch keeps silent")
	}
	etcd.start()
	require.Eventually(t, func() bool {
		_, err := s.CompareAndSwap(t.Context(), "a", 1, store.Record{Active: fsm.Green})
		return err == nil || errors.Is(err, store.ErrConflict)
	}, patience, time.Millisecond)
	w.until(2)
}

func TestCallsEndWithTheirContextsWhenEtcdDoesNotAnswer(t *testing.T) {
	etcd := startEtcd(t)
	p := startProxy(t, etcd.addr)
	s := openAt(t, p.addr(), WithCallTimeout(300*time.Millisecond))
	put(t, s, "a", 0, fsm.Blue)
	w := watch(t, s, "a")
	w.until(1)
	p.inject(networkFault{stalled: true})
	endsWithItsContext(t, s)
	p.inject(networkFault{})
	put(t, open(t, etcd.config()), "a", 1, fsm.Green)
	w.until(2)
}

// endsWithItsContext sees every call end with the error of its context, be it
// ended by the caller or by the call timeout.
func endsWithItsContext(t *testing.T, s *Store) {
	t.Helper()
	for name, call := range map[string]func(context.Context) error{
		"load": func(ctx context.Context) error { _, err := s.Load(ctx, "a"); return err },
		"swap": func(ctx context.Context) error {
			_, err := s.CompareAndSwap(ctx, "a", 7, store.Record{})
			return err
		},
		"clients": func(ctx context.Context) error { _, err := s.Clients(ctx, "a"); return err },
		"watch": func(ctx context.Context) error {
			return s.Watch(ctx, "a", func(store.Record) {})
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		require.ErrorIs(t, call(ctx), context.DeadlineExceeded, name)
		cancel()
		ctx, cancel = context.WithCancel(t.Context())
		timer := time.AfterFunc(20*time.Millisecond, cancel)
		require.ErrorIs(t, call(ctx), context.Canceled, name)
		timer.Stop()
		require.ErrorIs(t, call(t.Context()), context.DeadlineExceeded, name)
	}
}

func TestCalls_WaitForASlowEtcd(t *testing.T) {
	etcd := startEtcd(t)
	p := startProxy(t, etcd.addr)
	s := openAt(t, p.addr())
	w := watch(t, s, "a")
	p.inject(networkFault{delay: 100 * time.Millisecond})
	for v := range uint64(3) {
		put(t, s, "a", v, fsm.Blue)
	}
	w.until(3)
	require.Empty(t, w.fails)
}

func TestCompareAndSwap_SucceedsWhenItsResponseIsLost(t *testing.T) {
	swapped := store.Record{Version: 1, Active: fsm.Green, Writer: "far"}
	for name, c := range map[string]struct {
		meanwhile func(t *testing.T, near *Store) // after the swap, and before it is known
		want      store.Record
		err       error
	}{
		"and nothing has happened since": {func(*testing.T, *Store) {}, swapped, nil},
		"and others have written since": {func(t *testing.T, near *Store) {
			for v := range uint64(3) {
				put(t, near, "a", 1+v, fsm.Blue)
			}
		}, swapped, nil},
		"and etcd has forgotten it": {func(t *testing.T, near *Store) {
			put(t, near, "a", 1, fsm.Blue)
			now, err := near.client.Get(within(t), "any")
			require.NoError(t, err)
			_, err = near.client.Compact(within(t), now.Header.Revision, clientv3.WithCompactPhysical())
			require.NoError(t, err)
		}, store.Record{Version: 2, Active: fsm.Blue, Writer: "w"}, store.ErrConflict},
		"and the record was deleted and created again": {func(t *testing.T, near *Store) {
			_, err := near.client.Delete(within(t), recordKey("a"))
			require.NoError(t, err)
			put(t, near, "a", 0, fsm.Blue)
		}, store.Record{Version: 1, Active: fsm.Blue, Writer: "w"}, store.ErrConflict},
	} {
		t.Run(name, func(t *testing.T) {
			etcd := startEtcd(t)
			p := startProxy(t, etcd.addr)
			near, far := open(t, etcd.config()), openAt(t, p.addr())
			_, err := far.Load(within(t), "a") // it is connected
			require.NoError(t, err)

			p.inject(networkFault{dropResponses: true})
			type result struct {
				record store.Record
				err    error
			}
			done := make(chan result, 1)
			go func() {
				f, err := far.CompareAndSwap(context.Background(), "a", 0, store.Record{Active: fsm.Green, Writer: "far"})
				done <- result{f, err}
			}()
			require.Eventually(t, func() bool {
				f, err := near.Load(t.Context(), "a")
				return err == nil && f.Version == 1
			}, patience, time.Millisecond)
			c.meanwhile(t, near)
			p.inject(networkFault{})
			p.cut()
			r := <-done
			require.ErrorIs(t, r.err, c.err)
			r.record.At = time.Time{}
			require.Equal(t, c.want, r.record)
		})
	}
}

func TestCompareAndSwap_IsNeitherDoubledNorLostWhileConnectionsBreak(t *testing.T) {
	etcd := startEtcd(t)
	p := startProxy(t, etcd.addr)
	const clients, wins = 3, 20
	var mu sync.Mutex
	winner := make(map[uint64]string)
	var all sync.WaitGroup
	for c := range clients {
		name := fmt.Sprint("client ", c)
		s := openAt(t, p.addr(), WithCallTimeout(patience))
		all.Go(func() {
			var current store.Record
			for won := 0; won < wins; {
				now, err := s.CompareAndSwap(t.Context(), "a", current.Version, store.Record{Writer: name})
				if err != nil && !errors.Is(err, store.ErrConflict) {
					t.Errorf("%s: %v", name, err)
					return
				}
				current = now
				if err != nil {
					continue
				}
				won++
				mu.Lock()
				if other, taken := winner[now.Version]; taken {
					t.Errorf("version %d was won by %s and %s", now.Version, other, name)
				}
				winner[now.Version] = name
				if len(winner)%6 == 0 {
					p.cut()
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	last, err := open(t, etcd.config()).Load(within(t), "a")
	require.NoError(t, err)
	require.EqualValues(t, clients*wins, last.Version)
	require.Len(t, winner, clients*wins)
}

func TestStore_CallsAfterCloseReturnErrClosed(t *testing.T) {
	etcd := startEtcd(t)
	s, err := Open(etcd.config())
	require.NoError(t, err)
	put(t, s, "a", 0, fsm.Blue)
	lastSeen, ended := make(chan store.Record, 1), make(chan error, 1)
	go func() { ended <- s.Watch(context.Background(), "a", func(f store.Record) { lastSeen <- f }) }()
	<-lastSeen
	member, err := s.Join("a", store.Client{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-ended, ErrClosed)
	require.NoError(t, member.Leave(within(t)))
	_, err = s.Load(t.Context(), "a")
	require.ErrorIs(t, err, ErrClosed)
	_, err = s.Join("a", store.Client{})
	require.ErrorIs(t, err, ErrClosed)
}

func TestValueError_AnUnreadableRecordIsNotOverwritten(t *testing.T) {
	s := open(t, startEtcd(t).config())
	put(t, s, "a/b", 0, fsm.Blue)
	w := watch(t, s, "a/b")
	w.until(1)
	_, err := s.client.Put(within(t), recordKey("a/b"), `{"format":2}`)
	require.NoError(t, err)
	_, err = s.Load(t.Context(), "a/b")
	require.ErrorIs(t, err, ErrNewerFormat)
	_, err = s.CompareAndSwap(t.Context(), "a/b", 1, store.Record{})
	require.ErrorIs(t, err, ErrNewerFormat)
	select {
	case err := <-w.fails:
		require.ErrorIs(t, err, ErrNewerFormat)
	case <-within(t).Done():
		t.Fatal("the watch keeps silent")
	}
	// Once it can be read again, the watch goes on.
	value, err := encodeRecord(store.Record{Active: fsm.Green}, "")
	require.NoError(t, err)
	_, err = s.client.Put(within(t), recordKey("a/b"), string(value))
	require.NoError(t, err)
	require.Equal(t, fsm.Green, w.until(3).Active)
}
