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
		fact, err := shared.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, fsm.Green, fact.Side())
		pass(time.Hour / 2)
		again, err := shared.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, fact.Version, again.Version, "the two do not answer each other for ever")
	})
}

func TestStore_AnnouncementDoesNotReplaceTheMoveOfAnotherClient(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var shared store.Memory
		a := newRig(t, sharing(&shared))
		b := newRig(t, sharing(&unheardStore{&shared}))
		defer a.end()
		defer b.end()
		require.Equal(t, fsm.Blue, a.touch())
		require.Equal(t, fsm.Blue, b.touch())
		pass(time.Second)
		for _, r := range []*rig{a, b} { // b goes after a has gone, and has not heard of it
			r.cutTo(fsm.Green)
			pass(time.Second)
			fact, err := shared.Load(t.Context(), "c")
			require.NoError(t, err)
			require.Equal(t, fsm.Green, fact.Active)
			require.EqualValues(t, 1, fact.Epoch)
		}
	})
}

// unheardStore is a store whose watches are silent.
type unheardStore struct{ store.Store }

func (u *unheardStore) Watch(ctx context.Context, _ string, _ func(store.Record)) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestStore_FirstDetectionTriesTheSideOfTheRecordFirst(t *testing.T) {
	var shared store.Memory
	_, err := shared.CompareAndSwap(t.Context(), "c", 0, store.Record{Active: fsm.Green})
	require.NoError(t, err)
	bubbles.Test(t, func(t *testing.T) {
		r := newRig(t, sharing(&scripted{load: func(ctx context.Context) (store.Record, error) { return shared.Load(ctx, "c") }}))
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
	}, sharing(&scripted{watch: func(ctx context.Context, fn func(store.Record)) error {
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
		r.cluster.updateStore(fsm.Green, fsm.Blue) // green is in its grace, say
		known, err := shared.Load(t.Context(), "c")
		require.NoError(t, err)
		_, err = shared.CompareAndSwap(t.Context(), "c", known.Version, store.Record{Active: fsm.Green, Writer: "a liar"})
		require.NoError(t, err)
		pass(time.Minute)
		require.Equal(t, []string{
			"detect detecting", "settle blue", "announce transitioning blue->green (preparing)", "abort blue",
		}, r.steps())
		require.Equal(t, 1, r.cluster.logins(fsm.Green), "it costs one authentication")

		// What the cluster says is another matter, and so is a side that is left alone.
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
		r := newRig(t, sharing(&scripted{
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
		require.LessOrEqual(t, time.Since(began), 2*latency, "after a refusal nobody asks the store")
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
	}, sharing(&scripted{
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
	}, sharing(&scripted{swap: func() (store.Record, error) {
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
	}, sharing(&scripted{watch: func(context.Context, func(store.Record)) error {
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
		fact, err := shared.Memory.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, fsm.Blue, fact.Side())
		require.NotEmpty(t, happened[events.StoreFailed](r))
		shared.on.Store(false)
		pass(time.Minute)
		fact, err = shared.Memory.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, fsm.Green, fact.Side())
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
		fact, err := shared.Memory.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, fsm.Blue, fact.Side())
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
		fact, err := shared.Load(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, fsm.Green, fact.Active)
		require.Equal(t, fsm.None, fact.Announced)
	})
}

func TestStore_DelayedUpdateDoesNotReplaceANewerRecord(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var shared store.Memory
		var stuck atomic.Bool
		stuck.Store(true)
		back := make(chan struct{})
		r := newRig(t, sharing(&scripted{load: func(ctx context.Context) (store.Record, error) {
			if stuck.Load() { // a call that the store does not answer
				<-back
			}
			return shared.Load(ctx, "c")
		}, swap: func() (store.Record, error) {
			now, err := shared.CompareAndSwap(t.Context(), "c", 1, store.Record{Active: fsm.Green, Writer: "late"})
			return now, err
		}}))
		defer r.end()
		r.touch()          // the publisher waits with what this detection found
		r.cutTo(fsm.Green) // and has something newer to say
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
		r := newRig(t, sharing(&unheardStore{&shared}))
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

// scripted is a store that does what a test says, and by default knows nothing.
type scripted struct {
	load  func(context.Context) (store.Record, error)
	watch func(context.Context, func(store.Record)) error
	swap  func() (store.Record, error)
}

var _ store.Store = (*scripted)(nil)

func (s *scripted) Load(ctx context.Context, _ string) (store.Record, error) {
	if s.load == nil {
		return store.Record{}, nil
	}
	return s.load(ctx)
}

func (s *scripted) CompareAndSwap(_ context.Context, _ string, _ uint64, next store.Record) (store.Record, error) {
	if s.swap == nil {
		return next, nil
	}
	return s.swap()
}

func (s *scripted) Watch(ctx context.Context, _ string, fn func(store.Record)) error {
	if s.watch == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.watch(ctx, fn)
}
