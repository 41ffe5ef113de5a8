package router

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/store"
)

// A publisher stores the updates of the writer.
type publisher struct {
	id      string           // of this client, as the writer of records
	updates chan storeUpdate // holds the update that was not taken yet
	ended   chan struct{}    // closed when no call to the store is in flight any more
	hint    atomic.Bool      // a Load for a hint is in flight
}

const (
	// storeTimeout limits one call to the store.
	storeTimeout = 5 * time.Second
	// hintTimeout limits how long the first detection waits for a hint of the store.
	hintTimeout = 20 * time.Millisecond
	// leaveTimeout limits how long Close waits for calls to the store that are in flight.
	leaveTimeout = 100 * time.Millisecond
	// swapAttempts limits the compare-and-swap calls for one update.
	swapAttempts = 8
)

// startSharing starts the goroutines that watch the store and publish to it.
func (rt *Router) startSharing() {
	if rt.cfg.Store == nil {
		return
	}
	rt.publisher.id = rand.Text()
	rt.publisher.updates = make(chan storeUpdate, 1)
	rt.publisher.ended = make(chan struct{})
	var loops sync.WaitGroup
	loops.Go(rt.watchStore)
	loops.Go(rt.publishRecords)
	loops.Go(rt.registerPresence)
	go func() {
		loops.Wait()
		close(rt.publisher.ended)
	}()
}

// leaveStore waits until no call to the store is in flight. It gives up after
// leaveTimeout, so that a store that ignores its context does not block Close.
func (rt *Router) leaveStore() {
	if rt.cfg.Store == nil {
		return
	}
	timeout := time.NewTimer(leaveTimeout)
	defer timeout.Stop()
	select {
	case <-rt.publisher.ended:
	case <-timeout.C:
		rt.cfg.Logger.Warn("store call in flight after its context ended", "component", events.ComponentStore)
	}
}

// watchStore watches the store until the client ends, and retries when the watch fails.
func (rt *Router) watchStore() {
	for n := 0; ; n++ {
		err := rt.guarded(func() error {
			return rt.cfg.Store.Watch(rt.ctx, rt.cfg.Key, func(f store.Record) { rt.post(&recordRead{f}) })
		})
		if rt.ctx.Err() != nil {
			return
		}
		rt.storeFailed("watch", err)
		if rt.cfg.Retry.Wait(rt.ctx, n, nil) != nil {
			return
		}
	}
}

// onRecord handles a record of the store. If the record names another side, a
// transition begins; its target must accept as after an announcement.
func (w *writer) onRecord(f store.Record) {
	if f.Version <= w.record.Version {
		return
	}
	before := w.record
	w.record = f
	defer func() { // a status with this version is later than what this record starts
		w.presence.seen.Store(f.Version)
		w.presence.notify()
	}()
	w.onVetoes(before, f)
	s := w.machine.Snapshot()
	if later := s.Active.Other(); f.Announced != later || w.isAnnouncer(later) {
		w.endDeferral(later)
	}
	if f.Writer == w.publisher.id && !w.isAnnouncer(s.Active.Other()) || w.closing || !w.settled() || !f.Side().Valid() || f.Side() == s.Active {
		return
	}
	if w.rollback != nil {
		return // the other side is probed for a rollback already
	}
	w.follow(announcement{
		source: s.Active, at: Stamp{s.Epoch, s.Transition}, target: f.Side(),
		cause: fsm.Cause{Reason: fsm.ReasonStore, Detail: fmt.Sprintf("version %d", f.Version)},
	})
}

// hint returns the side of the record in the store, and None if the store does not
// respond within hintTimeout.
func (rt *Router) hint(ctx context.Context) fsm.Side {
	if rt.cfg.Store == nil || !rt.publisher.hint.CompareAndSwap(false, true) {
		return fsm.None
	}
	ctx, cancel := context.WithTimeout(ctx, hintTimeout)
	defer cancel()
	answer := make(chan fsm.Side, 1) // buffered: if the store ignores ctx, hint does not receive
	go func() {
		defer rt.publisher.hint.Store(false)
		var record store.Record
		_ = rt.guarded(func() (err error) {
			record, err = rt.cfg.Store.Load(ctx, rt.cfg.Key)
			return err
		})
		side := record.Side()
		if side.Valid() && rt.vetoSummaryOf(side, record, systemClock{}).clients > 0 {
			side = side.Other()
		}
		answer <- side
	}()
	select {
	case side := <-answer:
		return side
	case <-ctx.Done():
		return fsm.None
	}
}

// publishRecords stores the updates of the writer. An update that fails is retried until
// it is stored, or is merged into a newer one.
func (rt *Router) publishRecords() {
	for {
		select {
		case s := <-rt.publisher.updates:
			rt.publishUntilStored(s)
		case <-rt.ctx.Done():
			return
		}
	}
}

// publishAgain is the backoff between attempts to publish.
var publishAgain = backoff.Policy{Base: time.Second, Max: time.Minute}

func (rt *Router) publishUntilStored(s storeUpdate) {
	for n := 0; ; n++ {
		var current store.Record
		err := rt.guarded(func() (err error) {
			current, err = rt.publishRecord(s)
			return err
		})
		if rt.ctx.Err() != nil {
			return
		}
		if err != nil {
			rt.storeFailed("compare-and-swap", err)
		}
		if err == nil || errors.Is(err, store.ErrConflict) { // other clients keep publishing: their record is newer
			rt.post(&recordPublished{s.number, current})
			return
		}
		pause := time.NewTimer(publishAgain.Pause(n))
		select {
		case <-pause.C:
		case newer := <-rt.publisher.updates:
			s, n = newer.after(s), -1
		case <-rt.ctx.Done():
		}
		pause.Stop()
	}
}

// onPublished handles the result of an update: its number, and the record that the store
// held after it. The watch may deliver that record, or an older one, later.
func (w *writer) onPublished(number uint64, current store.Record) {
	w.published = number
	w.onRecord(current)
}

// publishRecord applies an update to the record in the store and returns the record that
// the store holds after that. An update that changes nothing is not stored. Of two clients
// that swap at the same time, one gets a conflict and loads the record again; mostly that
// contains its update already.
func (rt *Router) publishRecord(s storeUpdate) (store.Record, error) {
	ctx, cancel := context.WithTimeout(rt.ctx, storeTimeout)
	defer cancel()
	current, err := rt.cfg.Store.Load(ctx, rt.cfg.Key)
	for n := 0; err == nil; n++ {
		next, changed := s.onTopOf(current)
		if !changed {
			return current, nil
		}
		if n == swapAttempts {
			return current, store.ErrConflict
		}
		if n > 0 {
			if err := rt.cfg.Retry.Wait(ctx, n-1, nil); err != nil {
				return current, err
			}
		}
		var now store.Record
		now, err = rt.cfg.Store.CompareAndSwap(ctx, rt.cfg.Key, current.Version, next)
		if err == nil || errors.Is(err, store.ErrConflict) {
			current = now
		}
		if err == nil {
			return current, nil
		}
		if errors.Is(err, store.ErrConflict) {
			err = nil
		}
	}
	return current, err
}

func (rt *Router) storeFailed(op string, err error) {
	text := "the watch ended without an error"
	if err != nil {
		text = err.Error()
	}
	rt.cfg.Events.Publish(fsm.Cause{Reason: fsm.ReasonStore}, events.StoreFailed{Op: op, Error: text})
}

// guarded turns a panic in the store into an error, and passes its stack to OnPanic.
func (rt *Router) guarded(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if rt.cfg.OnPanic != nil {
				rt.cfg.OnPanic(p, debug.Stack())
			}
			err = fmt.Errorf("panic in the store: %v", p)
		}
	}()
	return call()
}
