package wire

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/connectivity"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// Defaults and limits of the connections.
const (
	// DefaultMaxConnections is how many connections carry statements at the most.
	DefaultMaxConnections = 16
	// DefaultStreamsPerConnection is from how many calls on each connection another
	// one is opened. Ingresses allow 100 (HAProxy, Envoy as it is mostly deployed),
	// 128 (nginx) or 250 (net/http of Go).
	DefaultStreamsPerConnection = 64
	// maxControl is how many connections carry control calls at the most. One is
	// enough, unless an ingress allows very few streams or a side holds them.
	maxControl = 4
	// shrinkEvery is how often it is checked whether there are too many connections,
	// and shrinkAfter in how many checks in a row there must have been.
	shrinkEvery = 10 * time.Second
	shrinkAfter = 3
	// replaceEvery limits how often a connection without a service is replaced.
	replaceEvery = time.Second
	// lookAgain is how often a call that waits for a stream looks for one without being
	// told. Room comes with time alone, when a refusal of a side has expired; and who is
	// told of a stream may be a call to a side that is refused there.
	lookAgain = time.Second
)

// group is the connections of one use. Readers take no lock: the list is replaced as a
// whole, under Conn.mu.
type group struct {
	conn  *Conn
	use   Use
	max   int
	links atomic.Pointer[[]*link]

	// Those that free something on the server wait in a queue of their own, as there may
	// be room for others and none for them.
	first, cleanup queue

	idle     int       // checks in a row that found too many; the check alone uses it
	replaced time.Time // under Conn.mu
}

func (g *group) all() []*link { return *g.links.Load() }

// acquire reserves streams on the connection that has the most room, and opens another
// one if all are busy. cleanup leaves room for others, as link.limit says.
func (g *group) acquire(side fsm.Side, streams int64, cleanup bool) *link {
	for {
		links := g.all()
		best, seen, enough := choose(links, side, streams, cleanup)
		if best.unserved.Load() && g.replace(best, false) {
			continue
		}
		if !enough && g.grow(len(links)) {
			continue
		}
		if best.reserved.CompareAndSwap(seen, seen+streams) {
			return best
		}
	}
}

// The order in which connections are chosen. Within a rank it is the least loaded one.
const (
	rankFree     = iota // connected, with room
	rankBusy            // connected: the next call would wait for a stream before long
	rankComing          // not connected yet, with room
	rankPromised        // with room, which leases may want
	rankResting         // to be closed
	rankFull            // calls wait for a stream
	rankRefuses         // the side was refused on it
	rankFailed          // no connection could be made, or no service is behind it
)

// choose picks a connection. seen is its number of reserved streams. enough says that
// no other connection is wanted: one with room is there, or on its way.
func choose(links []*link, side fsm.Side, streams int64, cleanup bool) (best *link, seen int64, enough bool) {
	least := int64(math.MaxInt64)
	failed, full := false, false
	for _, l := range links {
		reserved := l.reserved.Load()
		if reserved >= retired && best != nil {
			continue
		}
		hard, soft, ready, calls := l.limit(cleanup), l.soft(), l.ready.Load(), l.calls.Load()
		fits := func(limit int64) bool { return reserved == 0 || reserved+streams <= limit }
		rank := int64(rankFull)
		switch {
		case l.unserved.Load(), l.failed.Load():
			rank, failed = rankFailed, true
		case calls >= hard:
			reserved, full = calls, true // calls that hang fill it for good: of two, the one with fewer calls
		case l.resting.Load():
			rank = rankResting
		case l.refuses(side):
			rank = rankRefuses
			enough = enough || !l.conn.disagree()
		case ready && fits(min(soft, hard)):
			rank, enough = rankFree, true
		case !ready && fits(hard):
			rank = rankComing
			enough = enough || fits(soft)
		case fits(hard):
			rank = rankBusy
		default:
			rank, reserved = rankPromised, calls
		}
		if score := rank<<48 + reserved; score < least {
			best, seen, least = l, l.reserved.Load(), score
		}
	}
	// Where a connection has failed, another one would hardly fare better, unless there
	// are some, and all of them are full.
	return best, seen, enough || failed && !(full && least >= rankFull<<48)
}

// queue is the calls that wait, as no connection has a stream for them.
type queue struct {
	waiting atomic.Int64
	freed   chan struct{} // one of them may look again
}

// queue returns where calls wait.
func (g *group) queue(cleanup bool) *queue {
	if cleanup {
		return &g.cleanup
	}
	return &g.first
}

// await waits within ctx until a connection may have a stream. It reports false when ctx
// ends.
func (g *group) await(ctx context.Context, side fsm.Side, cleanup bool) bool {
	q := g.queue(cleanup)
	q.waiting.Add(1)
	defer q.waiting.Add(-1)
	if g.room(side, cleanup) { // a stream was freed before we counted
		return true
	}
	again := time.NewTimer(lookAgain)
	defer again.Stop()
	select {
	case <-q.freed:
		return true
	case <-again.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// room reports whether the connection that a call gets has a stream. It must not look at
// others: a call that is told of room which it does not get looks again without an end.
func (g *group) room(side fsm.Side, cleanup bool) bool {
	l, _, _ := choose(g.all(), side, 1, cleanup)
	return l.calls.Load() < l.limit(cleanup) && !l.gone()
}

// wake lets one of the calls that wait look again.
func (g *group) wake() {
	g.first.wake()
	g.cleanup.wake()
}

func (q *queue) wake() {
	if q.waiting.Load() == 0 {
		return
	}
	select {
	case q.freed <- struct{}{}:
	default: // one is about to look, and wakes the next one
	}
}

// passOn wakes the next call that waits, if there is room for it too: a token that finds
// another one in freed is lost.
func (g *group) passOn(side fsm.Side, cleanup bool) {
	if q := g.queue(cleanup); q.waiting.Load() > 0 && g.room(side, cleanup) {
		q.wake()
	}
}

// grow opens another connection, if there may be one more than so many. It reports
// whether to look again.
func (g *group) grow(than int) bool {
	if than >= g.max {
		return false
	}
	c := g.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	links := g.all()
	if c.closed || len(links) != than {
		return !c.closed
	}
	// One that is to be closed, because there were too many, is as good as new.
	for _, l := range links {
		if l.resting.CompareAndSwap(true, false) {
			return true
		}
	}
	l, err := c.newLink(g.use, g)
	if err != nil {
		return false // the same options have made the others
	}
	l.grpc.Connect()
	g.set(append(slices.Clone(links), l))
	return true
}

// replace puts a new connection in the place of one. Unless it must, it does so once
// in a while only. It reports whether it did.
func (g *group) replace(old *link, must bool) bool {
	c := g.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	links := g.all()
	i := slices.Index(links, old)
	if c.closed || i < 0 || !must && time.Since(g.replaced) < replaceEvery {
		return false
	}
	l, err := c.newLink(g.use, g)
	if err != nil {
		return false
	}
	g.replaced = time.Now()
	l.first = i == 0
	links = slices.Clone(links)
	links[i] = l
	g.set(links)
	defer c.closers.Go(old.retire) // it takes the lock
	return true
}

// set publishes the list. The caller holds Conn.mu.
func (g *group) set(links []*link) {
	g.links.Store(&links)
	g.wake()
	if len(links) > 1 && !g.conn.closed {
		g.conn.shrink.Reset(shrinkEvery)
	}
}

// check closes connections that are not needed, one at a time: those that the server
// has closed, and those without which the calls would have room. It reports whether to
// check again.
func (g *group) check() bool {
	c := g.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	links := g.all()
	reserved, active := int64(0), 0
	for _, l := range links {
		reserved += l.reserved.Load()
		if !l.resting.Load() {
			active++
		}
	}
	if g.idle++; active < 2 || reserved > int64(active-1)*links[0].soft()*3/4 {
		g.idle = 0
	}
	if g.idle >= shrinkAfter {
		g.idle = 0
		for _, l := range slices.Backward(links) {
			if l.resting.CompareAndSwap(false, true) {
				break
			}
		}
	}
	kept := make([]*link, 0, len(links))
	for i, l := range links {
		surplus := i > 0 && (l.resting.Load() || l.unserved.Load() || l.grpc.GetState() == connectivity.Idle)
		if surplus && l.reserved.CompareAndSwap(0, retired) {
			c.closers.Go(l.close)
			continue
		}
		kept = append(kept, l)
	}
	g.links.Store(&kept)
	g.wake() // there may be room for another connection
	return len(kept) > 1
}

// Lease holds a connection for one attempt of a statement. The zero Lease holds none:
// each of its calls goes over the connection that has the most room.
type Lease struct {
	conn    *Conn
	link    *link
	streams int64
	limit   chan struct{} // of connections that carry nothing else; nil for those of the pool
}

// Acquire leases a connection that has room for so many calls to a side at once, 1 or 2,
// and on which the side is accepted, as far as is known. It does not block. Release must
// be called once.
func (c *Conn) Acquire(side fsm.Side, streams int) Lease {
	n := int64(streams)
	return Lease{c, c.query.acquire(side, n, false), n, nil}
}

// AcquireAlone leases a connection that carries nothing else: for an attempt after one
// whose response broke its connection (see Outcome.Poison). There are as many as
// Config.MaxConnections; it waits for one within ctx.
func (c *Conn) AcquireAlone(ctx context.Context) (Lease, error) { return c.acquireAlone(ctx, c.alone) }

// acquireAlone takes a place in limit for as long as the lease is held.
func (c *Conn) acquireAlone(ctx context.Context, limit chan struct{}) (Lease, error) {
	select {
	case limit <- struct{}{}:
	case <-ctx.Done():
		return Lease{}, fmt.Errorf("e6: waiting for a connection of its own: %w", ctxerr.Cause(ctx))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		<-limit
		return Lease{}, nil // whose calls say that the Conn is closed
	}
	l, err := c.newLink(UseAlone, nil)
	if err != nil {
		<-limit
		return Lease{}, err
	}
	l.reserved.Store(1)
	return Lease{c, l, 1, limit}, nil
}

// Alone reports whether the connection carries nothing else.
func (l *Lease) Alone() bool { return l.link != nil && l.link.use == UseAlone }

// Release gives the connection back. Later calls go over any connection.
func (l *Lease) Release() {
	if l.link == nil {
		return
	}
	if l.limit != nil {
		l.link.retire()
		<-l.limit
	}
	l.link.release(l.streams)
	l.link = nil
}

// Engine returns the query service as call addresses it, over the leased connection.
// If that one has no working service behind it any more, the calls go over another one.
func (l *Lease) Engine(call Call) e6xv1.QueryEngineServiceClient { return l.link.to(call).engine }

// Held reports whether the lease holds a connection.
func (l *Lease) Held() bool { return l.link != nil }
