package cutover

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// share is what a coordinator knows of the store. Its fact belongs to the writer.
type share struct {
	writer string
	fact   store.Fact
	said   chan saying // the last thing that the cluster told us, to be published
	ended  chan struct{}
	hint   atomic.Bool // a first look into the store is under way
}

// A saying is a fact to be published.
type saying struct {
	store.Fact
	first bool // only if the store knows nothing yet
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
func (c *Coordinator) startSharing() {
	if c.cfg.Store == nil {
		return
	}
	c.share.writer = rand.Text()
	c.share.said = make(chan saying, 1)
	c.share.ended = make(chan struct{})
	var loops sync.WaitGroup
	loops.Go(c.watchStore)
	loops.Go(c.publishFacts)
	go func() {
		loops.Wait()
		close(c.share.ended)
	}()
}

// leaveStore waits until nothing of ours is in the store any more. One that
// does not honour its context is left behind, as it would hold up the end.
func (c *Coordinator) leaveStore() {
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
func (c *Coordinator) watchStore() {
	for n := 0; ; n++ {
		err := guarded(func() error {
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
func (c *Coordinator) onFact(f store.Fact) {
	if f.Version <= c.share.fact.Version {
		return
	}
	c.share.fact = f
	s := c.machine.Snapshot()
	if f.Writer == c.share.writer || c.closing || !c.settled() || !f.Side().Valid() || f.Side() == s.Active {
		return
	}
	c.follow(announcement{
		speaker: s.Active, at: Stamp{s.Epoch, s.Transition}, target: f.Side(),
		cause: fsm.Cause{Reason: fsm.ReasonStore, Detail: fmt.Sprintf("version %d", f.Version)},
	})
}

// hint is the side that the store would try first, if it answers quickly.
func (c *Coordinator) hint(ctx context.Context) fsm.Side {
	if c.cfg.Store == nil || !c.share.hint.CompareAndSwap(false, true) {
		return fsm.None
	}
	ctx, cancel := context.WithTimeout(ctx, hintTimeout)
	defer cancel()
	answer := make(chan fsm.Side, 1) // buffered: a store that ignores ctx is left behind
	go func() {
		defer c.share.hint.Store(false)
		var fact store.Fact
		_ = guarded(func() (err error) {
			fact, err = c.cfg.Store.Load(ctx, c.cfg.Key)
			return err
		})
		answer <- fact.Side()
	}()
	select {
	case side := <-answer:
		return side
	case <-ctx.Done():
		return fsm.None
	}
}

// tellSettled publishes the side of a detection if the store knew nothing, or
// if the side that it names has just refused.
func (c *Coordinator) tellSettled(side fsm.Side, otherRefused bool) {
	c.say(saying{store.Fact{Active: side}, !otherRefused})
}

// tellActive publishes that a side has accepted and is active now.
func (c *Coordinator) tellActive(side fsm.Side) { c.say(saying{Fact: store.Fact{Active: side}}) }

// tellAnnounced publishes what the cluster announced; what the store itself
// said is not news to it.
func (c *Coordinator) tellAnnounced(a announcement) {
	if a.cause.Reason == fsm.ReasonAnnouncement {
		c.say(saying{Fact: store.Fact{Active: a.speaker, Announced: a.target}})
	}
}

// say leaves a fact for the publisher, instead of an older one that it has not
// taken yet. It never waits.
func (c *Coordinator) say(s saying) {
	if c.cfg.Store == nil {
		return
	}
	s.Writer, s.At = c.share.writer, time.Now()
	select {
	case <-c.share.said:
	default:
	}
	c.share.said <- s // the writer is the only sender, so there is room
}

// publishFacts brings to the store what the cluster told this client.
func (c *Coordinator) publishFacts() {
	for {
		select {
		case s := <-c.share.said:
			if err := guarded(func() error { return c.publishFact(s) }); err != nil && c.ctx.Err() == nil {
				c.storeFailed("compare-and-swap", err)
			}
		case <-c.ctx.Done():
			return
		}
	}
}

// publishFact puts a saying on top of whatever the store holds, unless that leads to
// the same side. Of two clients that swap at once, one finds a conflict, looks
// again, and mostly finds its own news told.
func (c *Coordinator) publishFact(s saying) error {
	ctx, cancel := context.WithTimeout(c.ctx, storeTimeout)
	defer cancel()
	present, err := c.cfg.Store.Load(ctx, c.cfg.Key)
	for n := 0; err == nil && s.changes(present); n++ {
		if n == swapAttempts {
			return store.ErrConflict
		}
		if n > 0 {
			if err := c.cfg.Retry.Wait(ctx, n-1, nil); err != nil {
				return err
			}
		}
		var now store.Fact
		now, err = c.cfg.Store.CompareAndSwap(ctx, c.cfg.Key, present.Version, s.Fact)
		if err == nil {
			return nil
		}
		if errors.Is(err, store.ErrConflict) {
			present, err = now, nil
		}
	}
	return err
}

// changes reports whether the saying is news to a store that holds present.
func (s saying) changes(present store.Fact) bool {
	if present.Version == 0 {
		return true
	}
	return !s.first && (present.Active != s.Active || present.Announced != s.Announced)
}

func (c *Coordinator) storeFailed(op string, err error) {
	text := "the store ended the call without an error"
	if err != nil {
		text = err.Error()
	}
	c.cfg.Events.Publish(fsm.Cause{Reason: fsm.ReasonStore}, events.StoreFailed{Op: op, Error: text})
}

// guarded turns a panic of somebody else's store into an error.
func guarded(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in the store: %v", p)
		}
	}()
	return call()
}
