package store_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/bubbles"
)

const drainGrace = 20 * time.Second

// gate is a call of Drained for blue that runs in a bubble.
type gate struct {
	t      *testing.T
	shared *flakyStore
	began  time.Time
	done   chan struct{}
	status store.DrainStatus
	err    error
}

// flakyStore is a Memory whose list cannot be read while it is down.
type flakyStore struct {
	store.Memory
	down atomic.Bool
}

func (f *flakyStore) Clients(ctx context.Context, cluster string) ([]store.Client, error) {
	if f.down.Load() {
		return nil, errors.New("down")
	}
	return f.Memory.Clients(ctx, cluster)
}

// onGreen is a store whose record has green as active.
func onGreen(t *testing.T) *flakyStore {
	s := &flakyStore{}
	put(t, s, store.Record{Active: fsm.Blue})
	put(t, s, store.Record{Active: fsm.Green, Epoch: 1})
	return s
}

// put replaces the record.
func put(t *testing.T, s store.Store, next store.Record) uint64 {
	t.Helper()
	now, err := s.Load(t.Context(), "c")
	require.NoError(t, err)
	now, err = s.CompareAndSwap(t.Context(), "c", now.Version, next)
	require.NoError(t, err)
	return now.Version
}

func client(t *testing.T, s store.Presence, id string, status store.Status) store.Member {
	t.Helper()
	m, err := s.Join("c", store.Client{ID: id, Host: "h", Program: "p", Version: "v1", Since: time.Unix(0, 0)})
	require.NoError(t, err)
	m.Show(status)
	return m
}

// left is the report of a client that has left blue, and knows that version of the record.
func left(version uint64) store.Status {
	return store.Status{Side: fsm.Green, State: fsm.StateGreen, Seen: version}
}

func startGate(t *testing.T, s *flakyStore, grace time.Duration) *gate {
	g := &gate{t: t, shared: s, began: time.Now(), done: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	go func() {
		defer close(g.done)
		defer cancel()
		g.status, g.err = store.Drained(ctx, s, "c", fsm.Blue, store.DrainOptions{Grace: grace})
	}()
	synctest.Wait()
	return g
}

// waits checks that the gate does not succeed within d.
func (g *gate) waits(d time.Duration, reason string) {
	g.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	select {
	case <-g.done:
		require.FailNow(g.t, "the gate does not wait", "%s: %+v, error %v", reason, g.status, g.err)
	default:
	}
}

// opens checks that the gate succeeds within d.
func (g *gate) opens(d time.Duration) {
	g.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	select {
	case <-g.done:
		require.NoError(g.t, g.err)
		require.True(g.t, g.status.Drained)
		require.Empty(g.t, g.status.Missing)
	default:
		require.FailNow(g.t, "the gate waits")
	}
}

func TestDrained_WaitsForEachReport(t *testing.T) {
	for name, test := range map[string]struct {
		status store.Status
		reason store.DrainReason // "": it has left
	}{
		"it left":                          {left(2), ""},
		"it was never used":                {store.Status{Seen: 2}, ""},
		"it is on blue":                    {store.Status{Side: fsm.Blue, State: fsm.StateBlue, Seen: 2}, store.DrainActive},
		"it prepares green":                {store.Status{Side: fsm.Blue, State: fsm.StateTransitioning, Seen: 2}, store.DrainActive},
		"it drains blue, or prepares blue": {store.Status{Side: fsm.Green, State: fsm.StateTransitioning, Seen: 2}, store.DrainActive},
		"it detects its side":              {store.Status{State: fsm.StateDetecting, Seen: 2}, store.DrainActive},
		"queries run on blue":              {store.Status{Side: fsm.Green, State: fsm.StateGreen, InFlight: 3, Seen: 2}, store.DrainInFlight},
		"it knows an older record":         {left(1), store.DrainUnconfirmed},
		"it knows a record that was lost":  {left(7), store.DrainUnconfirmed},
		"it reports no record":             {left(0), store.DrainSilent},
	} {
		t.Run(name, func(t *testing.T) {
			bubbles.Test(t, func(t *testing.T) {
				s := onGreen(t)
				client(t, s, "other", left(2))
				m := client(t, s, "one", test.status)
				g := startGate(t, s, -1)
				if test.reason == "" {
					g.opens(0)
					require.Equal(t, 2, g.status.Clients)
					return
				}
				g.waits(time.Minute, name)
				m.Show(left(2))
				g.opens(time.Second)

				m.Show(test.status)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				status, err := store.Drained(ctx, s, "c", fsm.Blue, store.DrainOptions{Grace: -1})
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.ErrorContains(t, err, "1 clients are missing: p on h (one): ")
				drain, ok := errors.AsType[*store.DrainError](err)
				require.True(t, ok)
				require.Equal(t, status, drain.Status)
				require.Len(t, status.Missing, 1)
				require.Equal(t, test.reason, status.Missing[0].Reason)
				require.False(t, status.Drained)
			})
		})
	}
}

func TestDrained_WaitsForTheRecord(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		s := &flakyStore{}
		m := client(t, s, "one", left(0))
		g := startGate(t, s, -1)
		follow := func(next store.Record) { m.Show(left(put(t, s, next))) }
		g.waits(time.Minute, "there is no record")
		follow(store.Record{Active: fsm.Blue})
		g.waits(time.Minute, "blue is active")
		follow(store.Record{Active: fsm.Blue, Announced: fsm.Green})
		g.waits(time.Minute, "green is announced only")
		follow(store.Record{Active: fsm.Green, Announced: fsm.Blue, Epoch: 1})
		g.waits(time.Minute, "blue is announced again")
		put(t, s, store.Record{Active: fsm.Green, Epoch: 1})
		g.waits(time.Minute, "the client has not confirmed it")
		m.Show(left(4))
		g.opens(time.Second)
	})
}

func TestDrained_GracePeriodOfALostClient(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		s := onGreen(t)
		lost := client(t, s, "lost", store.Status{Side: fsm.Blue, State: fsm.StateBlue, Seen: 2})
		gone := client(t, s, "gone", left(2))
		g := startGate(t, s, drainGrace)
		g.waits(time.Minute, "one is on blue")
		require.NoError(t, gone.Leave(t.Context()))
		require.NoError(t, lost.Leave(t.Context()))
		g.waits(drainGrace, "it may still use blue")
		back := client(t, s, "lost", store.Status{Side: fsm.Blue, State: fsm.StateBlue, Seen: 2})
		g.waits(time.Minute, "it is back, on blue")
		require.NoError(t, back.Leave(t.Context()))
		g.waits(drainGrace, "the grace period begins again")
		g.opens(2 * time.Second)
		require.Len(t, g.status.Expired, 1)
		require.Equal(t, "lost", g.status.Expired[0].ID)
	})
}

func TestDrained_GracePeriodOfClientsThatWereLostBefore(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		s := onGreen(t)
		client(t, s, "one", left(2))
		s.down.Store(true)
		g := startGate(t, s, drainGrace)
		g.waits(time.Minute, "nothing was read")
		s.down.Store(false)
		g.waits(drainGrace, "a lease may have expired just before")
		g.opens(2 * time.Second)
	})
}

func TestDrained_AReportOfAnEarlierEpochProvesNothing(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		s := onGreen(t)
		m := client(t, s, "one", left(2)) // and its next reports are lost
		put(t, s, store.Record{Active: fsm.Blue, Epoch: 2})
		put(t, s, store.Record{Active: fsm.Green, Epoch: 3})
		g := startGate(t, s, drainGrace)
		g.waits(time.Minute, "it may have followed to blue")
		require.NoError(t, m.Leave(t.Context()))
		g.waits(drainGrace, "nor does its disappearance")
		g.opens(2 * time.Second)
	})
}

func TestDrained_ReportsItsStatus(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		s := onGreen(t)
		m := client(t, s, "one", store.Status{Side: fsm.Green, State: fsm.StateGreen, InFlight: 2, Seen: 2})
		var all []store.DrainStatus
		time.AfterFunc(time.Minute, func() { s.down.Store(true) })
		time.AfterFunc(2*time.Minute, func() { s.down.Store(false); m.Show(left(2)) })
		_, err := store.Drained(t.Context(), s, "c", fsm.Blue, store.DrainOptions{Grace: -1, OnStatus: func(now store.DrainStatus) { all = append(all, now) }})
		require.NoError(t, err)
		require.Len(t, all, 3, "one for each change")
		require.Equal(t, store.DrainInFlight, all[0].Missing[0].Reason)
		require.Equal(t, "down", all[1].Error)
		require.False(t, all[1].Drained)
		require.True(t, all[2].Drained)
	})
}

func TestDrained_NeedsASideAndAList(t *testing.T) {
	_, err := store.Drained(t.Context(), &store.Memory{}, "c", fsm.None, store.DrainOptions{})
	require.ErrorContains(t, err, "want blue or green")
	_, err = store.Drained(t.Context(), struct{ store.Store }{&store.Memory{}}, "c", fsm.Blue, store.DrainOptions{})
	require.ErrorIs(t, err, store.ErrNoPresence)
}
