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

// A publisher brings to the store what the writer has to say.
type publisher struct {
	id      string           // of this client, as the writer of records
	updates chan storeUpdate // the last one, not taken yet
	ended   chan struct{}    // closed when nothing of ours is in the store any more
	hint    atomic.Bool      // a first look into the store is under way
}

const (
	// storeTimeout limits one call to the store.
	storeTimeout = 5 * time.Second
	// hintTimeout limits how long the first detection waits for the store.
	hintTimeout = 20 * time.Millisecond
	// leaveTimeout limits how long the end waits for the store to notice it.
	leaveTimeout = 100 * time.Millisecond
	// swapAttempts limits how often one fact is put on top of a changed one.
	swapAttempts = 8
)

// startSharing begins to listen to the store, and to speak to it.
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

// leaveStore waits until nothing of ours is in the store any more. One that
// does not honour its context is left behind, as it would hold up the end.
func (rt *Router) leaveStore() {
	if rt.cfg.Store == nil {
		return
	}
	patience := time.NewTimer(leaveTimeout)
	defer patience.Stop()
	select {
	case <-rt.publisher.ended:
	case <-patience.C:
		rt.cfg.Logger.Warn("e6: a call of the store goes on although its context has ended")
	}
}

// watchStore listens until the client ends. A store that fails is asked again.
func (rt *Router) watchStore() {
	for n := 0; ; n++ {
		err := rt.guarded(func() error {
			return rt.cfg.Store.Watch(rt.ctx, rt.cfg.Key, func(f store.Record) { rt.post(recordRead{f}) })
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

// onRecord hears what another client learnt. It begins a transition, no more:
// the side must still accept.
func (w *writer) onRecord(f store.Record) {
	if f.Version <= w.record.Version {
		return
	}
	before := w.record
	w.record = f
	w.onVetoes(before, f)
	s := w.machine.Snapshot()
	if later := s.Active.Other(); f.Announced != later || w.isAnnouncer(later) {
		w.endDeferral(later)
	}
	if f.Writer == w.publisher.id && !w.isAnnouncer(s.Active.Other()) || w.closing || !w.settled() || !f.Side().Valid() || f.Side() == s.Active {
		return
	}
	if w.rollback != nil {
		return // the other side is being asked already, to leave this one for longer
	}
	w.follow(announcement{
		source: s.Active, at: Stamp{s.Epoch, s.Transition}, target: f.Side(),
		cause: fsm.Cause{Reason: fsm.ReasonStore, Detail: fmt.Sprintf("version %d", f.Version)},
	})
}

// hint is the side that the store would try first, if it answers quickly.
func (rt *Router) hint(ctx context.Context) fsm.Side {
	if rt.cfg.Store == nil || !rt.publisher.hint.CompareAndSwap(false, true) {
		return fsm.None
	}
	ctx, cancel := context.WithTimeout(ctx, hintTimeout)
	defer cancel()
	answer := make(chan fsm.Side, 1) // buffered: a store that ignores ctx is left behind
	go func() {
		defer rt.publisher.hint.Store(false)
		var fact store.Record
		_ = rt.guarded(func() (err error) {
			fact, err = rt.cfg.Store.Load(ctx, rt.cfg.Key)
			return err
		})
		side := fact.Side()
		if side.Valid() && rt.vetoSummaryOf(side, fact).clients > 0 {
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

// publishRecords brings to the store what the cluster told this client. What cannot be
// brought there now is kept until it can, or there is something newer to say.
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

// publishAgain are the pauses between attempts to publish.
var publishAgain = backoff.Policy{Base: time.Second, Max: time.Minute}

func (rt *Router) publishUntilStored(s storeUpdate) {
	for n := 0; ; n++ {
		var present store.Record
		err := rt.guarded(func() (err error) {
			present, err = rt.publishRecord(s)
			return err
		})
		if rt.ctx.Err() != nil {
			return
		}
		if err != nil {
			rt.storeFailed("compare-and-swap", err)
		}
		if err == nil || errors.Is(err, store.ErrConflict) { // others publish all the time
			rt.post(recordPublished{s.number, present})
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

// onPublished notes that the publisher has dealt with a saying, and the record that
// the store held then. The watch may deliver that record later, or an older one.
func (w *writer) onPublished(number uint64, present store.Record) {
	w.published = number
	w.onRecord(present)
}

// publishRecord puts a saying on top of whatever the store holds, unless that leads to
// the same side, and returns what the store holds then. Of two clients that swap at
// once, one finds a conflict, looks again, and mostly finds its own news told.
func (rt *Router) publishRecord(s storeUpdate) (store.Record, error) {
	ctx, cancel := context.WithTimeout(rt.ctx, storeTimeout)
	defer cancel()
	present, err := rt.cfg.Store.Load(ctx, rt.cfg.Key)
	for n := 0; err == nil; n++ {
		next, news := s.onTopOf(present)
		if !news {
			return present, nil
		}
		if n == swapAttempts {
			return present, store.ErrConflict
		}
		if n > 0 {
			if err := rt.cfg.Retry.Wait(ctx, n-1, nil); err != nil {
				return present, err
			}
		}
		var now store.Record
		now, err = rt.cfg.Store.CompareAndSwap(ctx, rt.cfg.Key, present.Version, next)
		if err == nil || errors.Is(err, store.ErrConflict) {
			present = now
		}
		if err == nil {
			return present, nil
		}
		if errors.Is(err, store.ErrConflict) {
			err = nil
		}
	}
	return present, err
}

func (rt *Router) storeFailed(op string, err error) {
	text := "the store ended the call without an error"
	if err != nil {
		text = err.Error()
	}
	rt.cfg.Events.Publish(fsm.Cause{Reason: fsm.ReasonStore}, events.StoreFailed{Op: op, Error: text})
}

// guarded turns a panic of somebody else's store into an error, and hands its stack
// on.
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
