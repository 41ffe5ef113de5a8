package wire

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// Call is the address of calls.
type Call struct {
	// Side is the side that must serve the calls, for the header strategy.
	Side fsm.Side
	// PlannerIP is the planner that prepared the query, for the header
	// plannerip. Empty: the header is left out.
	PlannerIP string
	// Control sends every call over the control connection. Authenticate, healthCheck,
	// cancelQuery, clear, clearOrCancelQuery and the cluster service always use it.
	Control bool
}

// Conn holds the connections to one cluster: one for control calls, and a pool for
// statements. Each connects for its first call, and again after it is lost. All methods
// may be called concurrently.
type Conn struct {
	cfg      Config
	lines    lines
	observer Observer
	failure  func(*Error) error
	onCall   func(context.Context, CallRecord)

	cluster string
	// intercepted: there may be interceptors of the caller.
	intercepted bool

	cache stubCache // of the calls that no lease ties to a connection

	counts  [len(fsm.Sides) + 1]counts
	silence [len(fsm.Sides) + 1]silence

	names          *names
	query, control group
	alone          chan struct{} // semaphore of the leases of connections for one attempt
	aloneControl   chan struct{} // semaphore of the connections for one control call
	poison         poison
	perLink        int64        // calls on each connection from which another one is opened
	limits         string       // the service config of each connection
	lastLimit      atomic.Int64 // the last limit on streams that a server sent; 0 if none did
	timed          atomic.Bool  // Envoy adds the time of the engine to its responses
	accepted       atomic.Bool  // a call was accepted, on any side
	disagreed      atomic.Int64 // when connections last disagreed about a side, in nanoseconds; 0 if never
	warm           sync.Once    // connects the first query connection

	mu      sync.Mutex
	closed  bool
	open    map[*link]struct{} // all links that are not closed
	shrink  *time.Timer
	closers sync.WaitGroup

	closeOnce sync.Once
}

// counts are the calls of one side, on their own cache line.
type counts struct {
	calls, refused       atomic.Int64
	answered, unanswered atomic.Int64 // of the calls that have ended
	watched              atomic.Bool  // the timer of the silence runs
	_                    [28]byte
}

// Calls returns the number of calls to a side, and of those that its ingress refused
// with 456.
func (c *Conn) Calls(side fsm.Side) (calls, refused int64) {
	n := &c.counts[side]
	return n.calls.Load(), n.refused.Load()
}

// Dial creates a Conn. It does no I/O: an unreachable address is an error of the first
// call. If cfg is invalid, the error lists all problems.
func Dial(cfg Config) (*Conn, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("e6: dial %q: %w", cfg.Target, err)
	}
	most := orDefault(cfg.MaxConnections, DefaultMaxConnections)
	c := &Conn{
		cfg: cfg, observer: cfg.Observer, failure: cfg.Failure, onCall: cfg.OnCall, cluster: cfg.ClusterName, intercepted: len(cfg.DialOptions) > 0,
		names: newNames(cfg.Lookup), alone: make(chan struct{}, most), aloneControl: make(chan struct{}, maxControl), open: make(map[*link]struct{}),
		perLink: int64(orDefault(cfg.StreamsPerConnection, DefaultStreamsPerConnection)),
		limits:  serviceConfig(orLargest(cfg.MaxReceiveBytes), orLargest(cfg.MaxSendBytes)),
	}
	newQueue := func() queue { return queue{freed: make(chan struct{}, 1)} }
	c.query = group{conn: c, use: UseQuery, max: most, first: newQueue(), cleanup: newQueue()}
	c.control = group{conn: c, use: UseControl, max: maxControl, first: newQueue(), cleanup: newQueue()}
	c.shrink = time.AfterFunc(shrinkEvery, c.check)
	c.shrink.Stop()
	for _, side := range fsm.Sides {
		c.silence[side] = silence{counts: &c.counts[side], side: side, stamp: cfg.Observer.Stamp, report: cfg.OnSilence}
		if cfg.OnSilence != nil {
			c.silence[side].limit = cfg.SilenceAfter
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, g := range []*group{&c.control, &c.query} {
		l, err := c.newLink(g.use, g)
		if err != nil {
			for l := range c.open {
				_ = l.grpc.Close()
			}
			return nil, fmt.Errorf("e6: dial %q: %w", cfg.Target, err)
		}
		l.first = true
		g.set([]*link{l})
	}
	return c, nil
}

func (c *Conn) newStubs(call Call) stubs { return c.stubs(call, nil) }

// stubs returns the stubs of calls over a connection, or over any one if l is nil.
func (c *Conn) stubs(call Call, l *link) stubs {
	b := &boundConn{Conn: c, link: l, call: call, headers: newHeaders(c.cluster, call)}
	return stubs{call, e6xv1.NewQueryEngineServiceClient(b), e6xv1.NewClusterServiceClient(b)}
}

// bind returns the boundConn of an address.
func (c *Conn) bind(call Call) *boundConn {
	return &boundConn{Conn: c, call: call, headers: newHeaders(c.cluster, call)}
}

// to returns the stubs for an address.
func (c *Conn) to(call Call) *stubs { return c.cache.get(call, c.newStubs) }

// Engine returns the query service for an address. Each call uses the connection with the
// most free streams; the calls of one query need a Lease. A side that is not
// blue or green makes every call fail with ClassUnsent.
func (c *Conn) Engine(call Call) e6xv1.QueryEngineServiceClient { return c.to(call).engine }

// Cluster returns the cluster service for an address. A side that is not
// blue or green makes every call fail with ClassUnsent.
func (c *Conn) Cluster(call Call) e6xv1.ClusterServiceClient { return c.to(call).cluster }

// route selects the connection of a call without a lease, and reserves a stream on it.
// Cleanup calls leave streams free for probes: with all streams taken by cleanup calls to
// a side that hangs, the client could not probe the other side.
//
// If no connection has a free stream, the call waits here. In gRPC it would wait for one
// connection, whose calls may hang. waited: the context ended before there was a stream.
func (c *Conn) route(ctx context.Context, side fsm.Side, of methodUse) (l *link, waited bool) {
	g, cleanup := &c.query, false
	switch of {
	case usesProbe:
		c.warm.Do(func() { c.query.all()[0].grpc.Connect() })
		g = &c.control
	case usesCleanup:
		g, cleanup = &c.control, true
	}
	l, ok := g.tryRoute(side, cleanup)
	if ok {
		return l, false
	}
	return g.awaitRoute(ctx, l, side, cleanup)
}

// tryRoute selects the connection of a call, and reserves a stream on it. ok: the call has
// the stream.
func (g *group) tryRoute(side fsm.Side, cleanup bool) (l *link, ok bool) {
	l = g.acquire(side, 1, cleanup)
	if l.refuses(side) {
		if other, _ := g.conn.elsewhere(side); other != nil {
			l.release(1)
			return other, true
		}
	}
	if !l.enter(cleanup) {
		return l, false
	}
	g.passOn(side, cleanup)
	return l, true
}

// awaitRoute is route for a call for which the connection has no free stream.
func (g *group) awaitRoute(ctx context.Context, full *link, side fsm.Side, cleanup bool) (_ *link, waited bool) {
	g.beginWait(cleanup)
	defer g.endWait(cleanup)
	for {
		full.release(1)
		inTime := g.await(ctx, side, cleanup)
		l, ok := g.tryRoute(side, cleanup)
		switch {
		case ok:
			return l, false
		case !inTime:
			l.calls.Add(1) // gRPC returns the error of the context
			return l, true
		}
		full = l
	}
}

// Reconnect is called when a client has found no side that accepts: the address of the
// cluster may have changed. The name is looked up again. Connections that answered with
// plain HTTP, without a service, are replaced, and all connections if that was a control
// connection. Calls in flight on a replaced connection may finish.
func (c *Conn) Reconnect() {
	c.names.renew()
	all := slices.ContainsFunc(c.control.all(), func(l *link) bool { return l.unserved.Load() })
	for _, g := range []*group{&c.control, &c.query} {
		for _, l := range g.all() {
			if all || l.unserved.Load() {
				g.replace(l, true)
			}
		}
	}
}

// check closes surplus connections.
func (c *Conn) check() {
	again := c.query.check()
	if again = c.control.check() || again; again {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.closed {
			c.shrink.Reset(shrinkEvery)
		}
	}
}

// Links describes the open connections: first those of control calls, then those of
// statements, then those for one attempt.
func (c *Conn) Links() (links []LinkInfo) {
	for _, g := range []*group{&c.control, &c.query} {
		for _, l := range g.all() {
			links = append(links, l.info())
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for l := range c.open {
		if l.use == UseAlone {
			links = append(links, l.info())
		}
	}
	return links
}

// Waiting is the number of calls that wait for a stream, because every connection has as
// many calls as its server allows.
func (c *Conn) Waiting() int64 {
	return c.query.first.waiting.Load() + c.control.first.waiting.Load() + c.control.cleanup.waiting.Load()
}

// Close cancels the calls in flight and closes the connections. Later calls fail with
// ClassCanceled. A second Close does nothing. The error is always nil. Close may take
// seconds if a peer does not read: Abort ends that wait.
func (c *Conn) Close() error {
	c.closeOnce.Do(func() {
		c.mu.Lock()
		c.closed = true
		c.shrink.Stop()
		open := slices.Collect(maps.Keys(c.open))
		c.mu.Unlock()
		for _, side := range fsm.Sides {
			c.silence[side].close()
		}
		c.names.close()
		for _, l := range open {
			l.close()
		}
		c.closers.Wait()
	})
	return nil
}
