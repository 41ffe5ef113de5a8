package router_test

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/bubbles"
)

func sharing(s store.Store) func(*router.Config) {
	return func(cfg *router.Config) { cfg.Store = s }
}

func TestStore_RoutersShareAnnouncements(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var shared store.Memory
		a, b := newRig(t, sharing(&shared)), newRig(t, sharing(&shared))
		defer a.end()
		defer b.end()
		a.cluster.set(fsm.Green, errRefused)
		b.cluster.set(fsm.Green, errRefused)
		require.Equal(t, fsm.Blue, a.touch())
		require.Equal(t, fsm.Blue, b.touch())
		pass(time.Second)

		b.cluster.set(fsm.Green, nil)
		a.cutTo(fsm.Green)
		pass(time.Second)
		b.requireState("green")
		require.Equal(t, fsm.Green, b.touch())
		record, err := shared.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, fsm.Green, record.Side())
		pass(time.Hour / 2)
		again, err := shared.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, record.Version, again.Version, "the updates end")
	})
}

func TestStore_AnnouncementDoesNotReplaceTheMoveOfAnotherClient(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var shared store.Memory
		a := newRig(t, sharing(&shared))
		b := newRig(t, sharing(&silentStore{&shared}))
		defer a.end()
		defer b.end()
		require.Equal(t, fsm.Blue, a.touch())
		require.Equal(t, fsm.Blue, b.touch())
		pass(time.Second)
		for _, r := range []*rig{a, b} { // b moves after a, and has not received the record of a
			r.cutTo(fsm.Green)
			pass(time.Second)
			record, err := shared.Load(t.Context(), "c")
			require.NoError(t, err)
			require.Equal(t, fsm.Green, record.Active)
			require.EqualValues(t, 1, record.Epoch)
		}
	})
}

// silentStore is a store whose watches deliver nothing.
type silentStore struct{ store.Store }

func (u *silentStore) Watch(ctx context.Context, _ string, _ func(store.Record)) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestStore_FirstDetectionTriesTheSideOfTheRecordFirst(t *testing.T) {
	var shared store.Memory
	_, err := shared.CompareAndSwap(t.Context(), "c", 0, store.Record{Active: fsm.Green})
	require.NoError(t, err)
	bubbles.Test(t, func(t *testing.T) {
		r := newRig(t, sharing(&scriptedStore{load: func(ctx context.Context) (store.Record, error) { return shared.Load(ctx, "c") }}))
		defer r.end()
		require.Equal(t, fsm.Green, r.touch())
		require.Zero(t, r.cluster.logins(fsm.Blue))
	})
}

func TestStore_WrongRecordCostsOneLoginAndNoQuery(t *testing.T) {
	var watched atomic.Pointer[func(store.Record)]
	bubble(t, func(t *testing.T, r *rig) {
		require.Equal(t, fsm.Blue, r.touch())
		for i, f := range []store.Record{
			{Version: 7, Active: fsm.Green}, {Version: 3, Active: fsm.Green}, {Version: 8, Active: fsm.Side(9), Announced: fsm.Side(77)},
			{Version: 9}, {Version: math.MaxUint64, Active: fsm.Blue, Announced: fsm.Green},
		} {
			(*watched.Load())(f)
			for range 20 {
				pass(100 * time.Millisecond)
				require.Equal(t, fsm.Blue, r.touch(), "lie %d", i)
			}
		}
		pass(prepareTimeout)
		r.requireState("blue")
		require.EqualValues(t, 1, r.Stamp().Transition)
	}, sharing(&scriptedStore{watch: func(ctx context.Context, fn func(store.Record)) error {
		watched.Store(&fn)
		<-ctx.Done()
		return ctx.Err()
	}}))
}

func TestStore_RecordIsIgnoredIfItsSideAnnouncesTheOther(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var shared store.Memory
		r := newRig(t, sharing(&shared))
		defer r.end()
		require.Equal(t, fsm.Blue, r.touch())
		pass(time.Second)
		r.cluster.announceOnLogin(fsm.Green, fsm.Blue) // as during the grace period of green
		known, err := shared.Load(t.Context(), "c")
		require.NoError(t, err)
		_, err = shared.CompareAndSwap(t.Context(), "c", known.Version, store.Record{Active: fsm.Green, Writer: "a liar"})
		require.NoError(t, err)
		pass(time.Minute)
		require.Equal(t, []string{
			"detect detecting", "settle blue", "announce transitioning blue->green (preparing)", "abort blue",
		}, r.steps())
		require.Equal(t, 1, r.cluster.logins(fsm.Green), "it costs one authentication")

		// An announcement of the cluster is followed, unless its target is suppressed.
		p := r.pin()
		defer r.Unpin(p)
		r.cluster.set(fsm.Blue, errRefused)
		r.refuse(fsm.Blue, r.Stamp())
		require.Equal(t, fsm.Green, r.touch())
	})
}

func TestStore_BlockedAffectsNoQuery(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		block := func() { <-free }
		r := newRig(t, sharing(&scriptedStore{
			load:  func(context.Context) (store.Record, error) { block(); return store.Record{}, nil },
			watch: func(context.Context, func(store.Record)) error { block(); return nil },
			swap:  func() (store.Record, error) { block(); return store.Record{}, nil },
		}))
		r.cluster.set(fsm.Green, errRefused)
		began := time.Now()
		r.touch()
		require.Less(t, time.Since(began), 50*time.Millisecond)
		for _, side := range []fsm.Side{fsm.Green, fsm.Blue, fsm.Green} {
			r.cutTo(side)
			r.cluster.set(side.Other(), errRefused)
		}
		r.cluster.set(fsm.Green, errRefused)
		r.cluster.set(fsm.Blue, nil)
		r.refuse(fsm.Green, r.Stamp())
		began = time.Now()
		require.Equal(t, fsm.Blue, r.touch())
		require.LessOrEqual(t, time.Since(began), 2*latency, "after a refusal the store is not loaded")
		began = time.Now()
		r.end()
		require.LessOrEqual(t, time.Since(began), 200*time.Millisecond)
		close(free)
		synctest.Wait()
	})
}

func TestStore_PanicAffectsNoQuery(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		r.cutTo(fsm.Green)
		pass(time.Minute)
		require.Equal(t, fsm.Green, r.touch())
		ops := map[string]bool{}
		for _, f := range happened[events.StoreFailed](r) {
			ops[f.Op] = true
			require.Contains(t, f.Error, "panic")
		}
		require.Equal(t, map[string]bool{"watch": true, "compare-and-swap": true}, ops)
	}, sharing(&scriptedStore{
		load:  func(context.Context) (store.Record, error) { panic("load") },
		watch: func(context.Context, func(store.Record)) error { panic("watch") },
	}))
}

func TestStore_UpdateIsDroppedAfterRepeatedConflicts(t *testing.T) {
	var swaps atomic.Int64
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		pass(time.Hour / 2)
		require.EqualValues(t, 8, swaps.Load())
		require.Len(t, happened[events.StoreFailed](r), 1)
	}, sharing(&scriptedStore{swap: func() (store.Record, error) {
		swaps.Add(1)
		return store.Record{}, store.ErrConflict
	}}))
}

func TestStore_FailedWatchIsRetried(t *testing.T) {
	var calls atomic.Int64
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		pass(time.Minute)
		require.Greater(t, calls.Load(), int64(30))
		require.Less(t, calls.Load(), int64(1000))
	}, sharing(&scriptedStore{watch: func(context.Context, func(store.Record)) error {
		calls.Add(1)
		return errors.New("gone")
	}}))
}

// outage is a store in the process that can be out of reach of one client.
type outage struct {
	store.Memory
	on atomic.Bool
}

func (o *outage) Load(ctx context.Context, cluster string) (store.Record, error) {
	if o.on.Load() {
		return store.Record{}, errors.New("out of reach")
	}
	return o.Memory.Load(ctx, cluster)
}

func TestStore_UpdateIsPublishedAfterAnOutage(t *testing.T) {
	shared := &outage{}
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Green, errRefused)
		r.touch()
		pass(time.Second)
		shared.on.Store(true)
		r.cutTo(fsm.Green)
		pass(time.Hour)
		record, err := shared.Memory.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, fsm.Blue, record.Side())
		require.NotEmpty(t, happened[events.StoreFailed](r))
		shared.on.Store(false)
		pass(time.Minute)
		record, err = shared.Memory.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, fsm.Green, record.Side())
	}, sharing(shared))
}

func TestStore_UpdateIsReplacedByANewerOneDuringAnOutage(t *testing.T) {
	shared := &outage{}
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		pass(time.Second)
		shared.on.Store(true)
		r.cutTo(fsm.Green)
		pass(time.Second)
		r.cluster.set(fsm.Green, errRefused)
		r.refuse(fsm.Green, r.Stamp())
		require.Equal(t, fsm.Blue, r.touch(), "where the record of the store still is")
		pass(time.Second)
		shared.on.Store(false)
		pass(time.Hour / 2)
		record, err := shared.Memory.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, fsm.Blue, record.Side())
	}, sharing(shared))
}

func TestStore_ActiveSideIsPublishedAfterAnAnnouncementOnANewerRecord(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		shared := &slowWatch{delay: time.Minute}
		r := newRig(t, sharing(shared))
		defer r.end()
		r.touch()
		pass(2 * time.Minute)
		// The record names green already, since before the cluster announced it.
		known, err := shared.Load(t.Context(), "c")
		require.NoError(t, err)
		r.cluster.set(fsm.Green, errRefused)
		_, err = shared.CompareAndSwap(t.Context(), "c", known.Version, store.Record{Active: fsm.Green, Writer: "another"})
		require.NoError(t, err)
		pass(time.Hour / 2)
		r.requireState("blue")
		r.cluster.set(fsm.Green, nil)
		r.cutTo(fsm.Green)
		pass(time.Hour / 2)
		record, err := shared.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, fsm.Green, record.Active)
		require.Equal(t, fsm.None, record.Announced)
	})
}

func TestStore_DelayedUpdateDoesNotReplaceANewerRecord(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var shared store.Memory
		var stuck atomic.Bool
		stuck.Store(true)
		back := make(chan struct{})
		r := newRig(t, sharing(&scriptedStore{load: func(ctx context.Context) (store.Record, error) {
			if stuck.Load() { // a call that the store does not answer
				<-back
			}
			return shared.Load(ctx, "c")
		}, swap: func() (store.Record, error) {
			now, err := shared.CompareAndSwap(t.Context(), "c", 1, store.Record{Active: fsm.Green, Writer: "late"})
			return now, err
		}}))
		defer r.end()
		r.touch()          // the publisher retries the update of this detection
		r.cutTo(fsm.Green) // and has a newer update
		pass(2 * time.Second)
		others, err := shared.CompareAndSwap(t.Context(), "c", 0, store.Record{Active: fsm.Blue, Writer: "another", At: time.Now()})
		require.NoError(t, err)
		stuck.Store(false)
		close(back)
		pass(time.Hour / 2)
		after, err := shared.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, others, after)
	})
}

func TestStore_UpdateReplacesAnOlderRecordThatWasNotRead(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var shared store.Memory
		_, err := shared.CompareAndSwap(t.Context(), "c", 0, store.Record{Active: fsm.Blue, Writer: "another", At: time.Now()})
		require.NoError(t, err)
		r := newRig(t, sharing(&silentStore{&shared}))
		defer r.end()
		r.touch()
		pass(time.Second)
		_, err = shared.CompareAndSwap(t.Context(), "c", 1, store.Record{Active: fsm.Green, Epoch: 1, Writer: "another", At: time.Now()})
		require.NoError(t, err)
		pass(time.Second)
		r.cutTo(fsm.Green)
		pass(time.Second)
		r.cutTo(fsm.Blue)
		pass(time.Second)
		after, err := shared.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, fsm.Blue, after.Active)
		require.Equal(t, fsm.None, after.Announced)
	})
}

// slowWatch is a store in the process whose watches deliver records late.
type slowWatch struct {
	store.Memory
	delay time.Duration
}

func (s *slowWatch) Watch(ctx context.Context, cluster string, fn func(store.Record)) error {
	return s.Memory.Watch(ctx, cluster, func(f store.Record) {
		late := time.NewTimer(s.delay)
		defer late.Stop()
		select {
		case <-late.C:
			fn(f)
		case <-ctx.Done():
		}
	})
}

func TestStore_OvertakenUpdateIsDropped(t *testing.T) {
	shared := &outage{}
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Green, errRefused)
		r.touch()
		pass(time.Second)
		shared.on.Store(true)
		r.cutTo(fsm.Green)
		r.cluster.set(fsm.Blue, errRefused)
		pass(time.Hour)
		before, err := shared.Memory.Load(t.Context(), "c")
		require.NoError(t, err)
		others, err := shared.CompareAndSwap(t.Context(), "c", before.Version, store.Record{Active: fsm.Blue, Epoch: 2, Writer: "another", At: time.Now()})
		require.NoError(t, err)
		shared.on.Store(false)
		pass(time.Hour)
		after, err := shared.Memory.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, others, after)
	}, sharing(shared))
}

// scriptedStore is a store with the functions of a test. By default it has no record.
type scriptedStore struct {
	load  func(context.Context) (store.Record, error)
	watch func(context.Context, func(store.Record)) error
	swap  func() (store.Record, error)
}

var _ store.Store = (*scriptedStore)(nil)

func (s *scriptedStore) Load(ctx context.Context, _ string) (store.Record, error) {
	if s.load == nil {
		return store.Record{}, nil
	}
	return s.load(ctx)
}

func (s *scriptedStore) CompareAndSwap(_ context.Context, _ string, _ uint64, next store.Record) (store.Record, error) {
	if s.swap == nil {
		return next, nil
	}
	return s.swap()
}

func (s *scriptedStore) Watch(ctx context.Context, _ string, fn func(store.Record)) error {
	if s.watch == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.watch(ctx, fn)
}
