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

// share is what a router knows of the store. Its fact and its two counts belong
// to the writer.
type share struct {
	writer    string
	fact      store.Fact
	number    uint64      // of the last saying
	published uint64      // the saying that the publisher has dealt with last
	said      chan saying // the last thing that the cluster told us, to be published
	ended     chan struct{}
	hint      atomic.Bool // a first look into the store is under way
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
func (c *Router) startSharing() {
	if c.cfg.Store == nil {
		return
	}
	c.share.writer = rand.Text()
	c.share.said = make(chan saying, 1)
	c.share.ended = make(chan struct{})
	var loops sync.WaitGroup
	loops.Go(c.watchStore)
	loops.Go(c.publishFacts)
	loops.Go(c.bePresent)
	go func() {
		loops.Wait()
		close(c.share.ended)
	}()
}

// leaveStore waits until nothing of ours is in the store any more. One that
// does not honour its context is left behind, as it would hold up the end.
func (c *Router) leaveStore() {
	if c.cfg.Store == nil {
		return
	}
	patience := time.NewTimer(leaveTimeout)
	defer patience.Stop()
	select {
	case <-c.share.ended:
	case <-patience.C:
		c.cfg.Logger.Warn("e6: a call of the store goes on although its context has ended")
	}
}

// watchStore listens until the client ends. A store that fails is asked again.
func (c *Router) watchStore() {
	for n := 0; ; n++ {
		err := c.guarded(func() error {
			return c.cfg.Store.Watch(c.ctx, c.cfg.Key, func(f store.Fact) { c.post(func() { c.onFact(f) }) })
		})
		if c.ctx.Err() != nil {
			return
		}
		c.storeFailed("watch", err)
		if c.cfg.Retry.Wait(c.ctx, n, nil) != nil {
			return
		}
	}
}

// onFact hears what another client learnt. It begins a transition, no more:
// the side must still accept.
func (c *Router) onFact(f store.Fact) {
	if f.Version <= c.share.fact.Version {
		return
	}
	before := c.share.fact
	c.share.fact = f
	c.onVetoes(before, f)
	s := c.machine.Snapshot()
	if later := s.Active.Other(); f.Announced != later || c.isHerald(later) {
		c.goNow(later)
	}
	if f.Writer == c.share.writer && !c.isHerald(s.Active.Other()) || c.closing || !c.settled() || !f.Side().Valid() || f.Side() == s.Active {
		return
	}
	if c.retreat != nil {
		return // the other side is being asked already, to leave this one for longer
	}
	c.follow(announcement{
		speaker: s.Active, at: Stamp{s.Epoch, s.Transition}, target: f.Side(),
		cause: fsm.Cause{Reason: fsm.ReasonStore, Detail: fmt.Sprintf("version %d", f.Version)},
	})
}

// hint is the side that the store would try first, if it answers quickly.
func (c *Router) hint(ctx context.Context) fsm.Side {
	if c.cfg.Store == nil || !c.share.hint.CompareAndSwap(false, true) {
		return fsm.None
	}
	ctx, cancel := context.WithTimeout(ctx, hintTimeout)
	defer cancel()
	answer := make(chan fsm.Side, 1) // buffered: a store that ignores ctx is left behind
	go func() {
		defer c.share.hint.Store(false)
		var fact store.Fact
		_ = c.guarded(func() (err error) {
			fact, err = c.cfg.Store.Load(ctx, c.cfg.Key)
			return err
		})
		side := fact.Side()
		if side.Valid() && c.sentenceOn(side, fact).clients > 0 {
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

// publishFacts brings to the store what the cluster told this client. What cannot be
// brought there now is kept until it can, or there is something newer to say.
func (c *Router) publishFacts() {
	for {
		select {
		case s := <-c.share.said:
			c.publishAtLast(s)
		case <-c.ctx.Done():
			return
		}
	}
}

// publishAgain are the pauses between attempts to publish.
var publishAgain = backoff.Policy{Base: time.Second, Max: time.Minute}

func (c *Router) publishAtLast(s saying) {
	for n := 0; ; n++ {
		var present store.Fact
		err := c.guarded(func() (err error) {
			present, err = c.publishFact(s)
			return err
		})
		if c.ctx.Err() != nil {
			return
		}
		if err != nil {
			c.storeFailed("compare-and-swap", err)
		}
		if err == nil || errors.Is(err, store.ErrConflict) { // others publish all the time
			c.post(func() { c.onPublished(s.number, present) })
			return
		}
		pause := time.NewTimer(publishAgain.Pause(n))
		select {
		case <-pause.C:
		case newer := <-c.share.said:
			s, n = newer.after(s), -1
		case <-c.ctx.Done():
		}
		pause.Stop()
	}
}

// onPublished notes that the publisher has dealt with a saying, and the record that
// the store held then. The watch may deliver that record later, or an older one.
func (c *Router) onPublished(number uint64, present store.Fact) {
	c.share.published = number
	c.onFact(present)
}

// publishFact puts a saying on top of whatever the store holds, unless that leads to
// the same side, and returns what the store holds then. Of two clients that swap at
// once, one finds a conflict, looks again, and mostly finds its own news told.
func (c *Router) publishFact(s saying) (store.Fact, error) {
	ctx, cancel := context.WithTimeout(c.ctx, storeTimeout)
	defer cancel()
	present, err := c.cfg.Store.Load(ctx, c.cfg.Key)
	for n := 0; err == nil; n++ {
		next, news := s.onTopOf(present)
		if !news {
			return present, nil
		}
		if n == swapAttempts {
			return present, store.ErrConflict
		}
		if n > 0 {
			if err := c.cfg.Retry.Wait(ctx, n-1, nil); err != nil {
				return present, err
			}
		}
		var now store.Fact
		now, err = c.cfg.Store.CompareAndSwap(ctx, c.cfg.Key, present.Version, next)
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

func (c *Router) storeFailed(op string, err error) {
	text := "the store ended the call without an error"
	if err != nil {
		text = err.Error()
	}
	c.cfg.Events.Publish(fsm.Cause{Reason: fsm.ReasonStore}, events.StoreFailed{Op: op, Error: text})
}

// guarded turns a panic of somebody else's store into an error, and hands its stack
// on.
func (c *Router) guarded(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if c.cfg.OnPanic != nil {
				c.cfg.OnPanic(p, debug.Stack())
			}
			err = fmt.Errorf("panic in the store: %v", p)
		}
	}()
	return call()
}
