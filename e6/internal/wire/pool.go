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
	// DefaultMaxConnections is the maximum number of connections for statements.
	DefaultMaxConnections = 16
	// DefaultStreamsPerConnection is the number of calls on each connection from which
	// another one is opened. Ingresses allow 100 (HAProxy, most deployments of Envoy),
	// 128 (nginx) or 250 (net/http of Go).
	DefaultStreamsPerConnection = 64
	// maxControl is the maximum number of control connections. One is enough, unless an
	// ingress allows very few streams or a side holds them.
	maxControl = 4
	// shrinkEvery is the interval of the check for surplus connections, and shrinkAfter
	// the number of checks in a row after which one is closed.
	shrinkEvery = 10 * time.Second
	shrinkAfter = 3
	// replaceEvery is the shortest time between two replacements of connections without a
	// service.
	replaceEvery = time.Second
	// recheckEvery is the interval in which a waiting call checks for a stream without a
	// wake-up. A stream may become usable without one, when a refusal of a side expires;
	// and a wake-up may go to a call whose side is refused on that connection.
	recheckEvery = time.Second
)

// group holds the connections of one use. Readers take no lock: the list is immutable and
// replaced as a whole, under Conn.mu.
type group struct {
	conn  *Conn
	use   Use
	max   int
	links atomic.Pointer[[]*link]

	// Cleanup calls have their own queue: there may be streams for other calls and none
	// for them.
	first, cleanup queue

	idle     int       // checks in a row that found too many; the check alone uses it
	replaced time.Time // under Conn.mu
}

func (g *group) all() []*link { return *g.links.Load() }

// acquire reserves streams on the connection with the most free streams, and opens another
// one if all are busy. A cleanup call leaves streams for others (link.limit).
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

// The order in which connections are chosen. Within a rank, the least loaded one is first.
const (
	rankFree     = iota // connected, with room
	rankBusy            // connected, nearly full
	rankComing          // connecting, with room
	rankPromised        // with room that is reserved for leases
	rankResting         // about to be closed
	rankFull            // calls wait for a stream
	rankRefuses         // the side was refused on it
	rankFailed          // no connection could be made, or no service is behind it
)

// choose selects a connection. seen is its number of reserved streams. enough: there is,
// or will be, a connection with room, so no other one is opened.
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
	// If a connection has failed, another one would probably fail too, unless there are
	// connected ones and all of them are full.
	return best, seen, enough || failed && !(full && least >= rankFull<<48)
}

// queue holds the calls that wait because no connection has a stream for them.
type queue struct {
	waiting atomic.Int64
	freed   chan struct{} // a token wakes one of them
	episode episode       // the time for which calls wait
}

// queue returns the queue of calls of that kind.
func (g *group) queue(cleanup bool) *queue {
	if cleanup {
		return &g.cleanup
	}
	return &g.first
}

// await waits within ctx until a connection may have a stream. It reports false when ctx
// ends. The caller encloses all waits of a call in beginWait and endWait.
func (g *group) await(ctx context.Context, side fsm.Side, cleanup bool) bool {
	q := g.queue(cleanup)
	q.waiting.Add(1)
	defer q.waiting.Add(-1)
	// Check after waiting was raised. Otherwise a wake-up could be lost:
	//  1. This call finds no stream.
	//  2. leave frees one and finds waiting 0, so it sends no token.
	//  3. This call waits although there is a stream.
	if g.room(side, cleanup) {
		return true
	}
	again := time.NewTimer(recheckEvery)
	defer again.Stop()
	defer g.checkWait(cleanup)
	select {
	case <-q.freed:
		return true
	case <-again.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// room reports whether the connection that a call gets has a stream. It must check that
// connection only: with a stream on another one, await would return at once, the call
// would not get the stream, and the two would loop.
func (g *group) room(side fsm.Side, cleanup bool) bool {
	l, _, _ := choose(g.all(), side, 1, cleanup)
	return l.calls.Load() < l.limit(cleanup) && !l.isRetired()
}

// wake wakes one of the waiting calls of each queue.
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
	default: // a call is about to take the token, and passOn wakes the next one
	}
}

// passOn wakes the next waiting call, if there is a stream for it too: freed holds one token,
// so when two streams become free at the same time, only one call is woken.
func (g *group) passOn(side fsm.Side, cleanup bool) {
	if q := g.queue(cleanup); q.waiting.Load() > 0 && g.room(side, cleanup) {
		q.wake()
	}
}

// grow opens another connection, if there are than connections and more are allowed. It
// reports whether to choose again.
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
	// A resting connection is used again before a new one is opened.
	for _, l := range links {
		if l.resting.CompareAndSwap(true, false) {
			return true
		}
	}
	l, err := c.newLink(g.use, g)
	if err != nil {
		return false // not expected: the options are those of the other connections
	}
	l.grpc.Connect()
	g.set(append(slices.Clone(links), l))
	return true
}

// replace replaces a connection by a new one and reports whether it did. Without must, it
// does so at most once in replaceEvery.
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
	defer c.closers.Go(old.retire) // on its own goroutine, as it takes c.mu
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

// check closes surplus connections, one at a time: those that the server has closed, and
// those without which the others would have enough streams. It reports whether to check
// again.
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
	g.wake() // a waiting call may open another connection
	return len(kept) > 1
}

// Lease holds a connection for one attempt of a statement. The zero Lease holds none:
// each of its calls uses the connection with the most free streams.
type Lease struct {
	conn    *Conn
	link    *link
	streams int64
	limit   chan struct{} // semaphore of connections for one attempt; nil for those of the pool
}

// Acquire leases a connection with room for 1 or 2 concurrent calls to a side, on which
// the side is accepted, as far as is known. It does not block. Release must be called once.
func (c *Conn) Acquire(side fsm.Side, streams int) Lease {
	n := int64(streams)
	return Lease{c, c.query.acquire(side, n, false), n, nil}
}

// AcquireAlone leases a connection for one attempt only: for a replay after a response that
// broke its connection (Outcome.Poison). There are at most Config.MaxConnections of them;
// it waits for one within ctx.
func (c *Conn) AcquireAlone(ctx context.Context) (Lease, error) { return c.acquireAlone(ctx, c.alone) }

// acquireAlone holds a slot of the semaphore limit as long as the lease is held.
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
		return Lease{}, nil // its calls fail with ClassCanceled
	}
	l, err := c.newLink(UseAlone, nil)
	if err != nil {
		<-limit
		return Lease{}, err
	}
	l.reserved.Store(1)
	return Lease{c, l, 1, limit}, nil
}

// Alone reports whether the connection is for one attempt only.
func (l *Lease) Alone() bool { return l.link != nil && l.link.use == UseAlone }

// Release returns the connection. Later calls of the lease use any connection.
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

// Engine returns the query service for an address, over the leased connection. If that
// has no working service any more, the calls use another one.
func (l *Lease) Engine(call Call) e6xv1.QueryEngineServiceClient { return l.link.to(call).engine }

// Held reports whether the lease holds a connection.
func (l *Lease) Held() bool { return l.link != nil }
