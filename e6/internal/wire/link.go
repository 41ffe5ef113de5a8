package wire

import (
	"context"
	"math"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// Use is what a connection is for.
type Use uint8

// The uses.
const (
	// UseQuery: the calls of statements.
	UseQuery Use = iota
	// UseControl: authenticate, health probes, cancel, clear and the cluster service.
	UseControl
	// UseAlone: one attempt of a statement, or one call, whose response may break its
	// connection.
	UseAlone
)

// String returns "query", "control" or "alone".
func (u Use) String() string {
	return [...]string{"query", "control", "alone"}[u]
}

// link is one HTTP/2 connection to the ingress. It connects when it is first used, and
// again after the connection is lost. A retired link takes no new calls and is closed when
// its last lease and call have ended.
type link struct {
	conn  *Conn
	grpc  *grpc.ClientConn
	use   Use
	group *group // nil for a connection that carries one attempt
	first bool   // of its group

	cache stubCache

	// refusals is the time of the last refusal of each side on the current connection,
	// in nanoseconds; 0 if the side was accepted after that.
	refusals [len(fsm.Sides) + 1]atomic.Int64

	closing sync.Once

	_ [64]byte // what follows is written by every call
	// reserved is the number of streams that leases and calls may use at the same time.
	// A retired link has at least the constant retired in it.
	reserved atomic.Int64
	// calls is the number of calls in flight.
	calls atomic.Int64

	_ [48]byte
	// streams is the limit of the server on streams of the connection, and 0 while it
	// is not known.
	streams atomic.Int64
	// ready: there is a connection, as far as is known. failed: the last attempt to
	// connect failed. resting: it gets no new leases, because there are more connections
	// than needed. unserved: the last response was plain HTTP, so there is no gRPC
	// service behind the connection.
	ready, failed, resting, unserved atomic.Bool
	// current is the current connection; nil while there is none, or it is not known.
	current atomic.Pointer[watchedConn]
}

// retired is added to the reservations of a link that is retired.
const retired = int64(1) << 40

// unlimited stands for a server that sets no limit on streams.
const unlimited = int64(math.MaxInt32)

// newLink creates a link. The caller holds c.mu.
func (c *Conn) newLink(use Use, g *group) (*link, error) {
	l := &link{conn: c, use: use, group: g}
	cc, err := grpc.NewClient(c.cfg.target(), c.cfg.options(l, c.names.builder(len(c.open)))...)
	if err != nil {
		return nil, err
	}
	l.grpc = cc
	c.open[l] = struct{}{}
	return l, nil
}

func (l *link) newStubs(call Call) stubs { return l.conn.stubs(call, l) }

// to returns the stubs for calls on this connection.
func (l *link) to(call Call) *stubs { return l.cache.get(call, l.newStubs) }

// hard is the number of calls at which further calls wait for a stream.
func (l *link) hard() int64 {
	if n := l.streams.Load(); n > 0 {
		return n
	}
	if n := l.conn.lastLimit.Load(); n > 0 {
		return n
	}
	return unlimited
}

// limit is the number of calls at which a call of that kind waits for a stream: the limit
// of the server, or less for a cleanup call, which leaves streams for others. If the
// server allows very few streams, cleanup calls do not use the first connection at all.
func (l *link) limit(cleanup bool) int64 {
	hard := l.hard()
	switch keep := hard / 4; {
	case !cleanup:
		return hard
	case keep > 0:
		return hard - keep
	case l.first:
		return 0
	}
	return hard
}

// soft is the number of streams from which another connection is opened. It leaves
// streams for the calls that come before the new connection is ready.
func (l *link) soft() int64 {
	hard := l.hard()
	return max(1, min(l.conn.perLink, hard-hard/4))
}

// isRetired reports whether the link is retired.
func (l *link) isRetired() bool { return l.reserved.Load() >= retired }

// enter begins a call, if the link has a stream for a call of its kind. A call on a
// connection for one attempt always waits for that connection.
func (l *link) enter(cleanup bool) bool {
	for {
		n := l.calls.Load()
		if l.use != UseAlone && (n >= l.limit(cleanup) || l.isRetired()) {
			return false
		}
		if l.calls.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// leave ends a call.
func (l *link) leave() {
	l.calls.Add(-1)
	if l.group != nil {
		l.group.wake()
	}
}

// release gives reserved streams back.
func (l *link) release(streams int64) {
	if l.reserved.Add(-streams) == retired {
		l.close()
	}
}

// retire stops new calls. Calls in flight may finish.
func (l *link) retire() {
	if l.isRetired() {
		return
	}
	if l.reserved.Add(retired) == retired {
		l.close()
	}
}

// close closes the connection and ends its calls. It does so on its own goroutine:
// grpc.ClientConn.Close waits for the goroutines of gRPC, and those may be in a call of
// this package that waits for c.mu.
func (l *link) close() {
	l.closing.Do(func() {
		c := l.conn
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.open, l)
		c.closers.Go(func() { _ = l.grpc.Close() }) // Conn.Close waits for it
	})
}

// settings stores the limit of the server on streams.
func (l *link) settings(streams int64) {
	l.streams.Store(streams)
	l.conn.lastLimit.Store(streams)
	if l.group != nil {
		l.group.wake()
	}
}

// connected and lost are called when a connection is made and when it ends.
func (l *link) connected() {
	for side := range l.refusals {
		l.refusals[side].Store(0) // it may lead to another replica of the ingress
	}
	if !l.ready.Swap(true) {
		l.conn.reachable()
	}
	l.unserved.Store(false)
}

func (l *link) lost() {
	l.ready.Store(false)
	l.streams.Store(0)
}

// fail records that no connection could be made.
func (l *link) fail() {
	c := l.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	l.ready.Store(false)
	if !c.closed && l.failed.CompareAndSwap(false, true) {
		c.closers.Go(l.recover)
	}
}

// recover clears failed when gRPC is ready. The SETTINGS frame of the server is no proof:
// it arrives before that, and a call that begins in between still fails at once with the
// error of the last attempt.
func (l *link) recover() {
	for {
		switch state := l.grpc.GetState(); state {
		case connectivity.Ready:
			l.failed.Store(false)
			l.connected()
			if l.group != nil {
				l.group.wake() // waiting calls could not use it before
			}
			return
		case connectivity.Shutdown:
			return
		default:
			l.grpc.WaitForStateChange(context.Background(), state)
		}
	}
}

// reachable ends the backoff of all failed connections, because another one was made. Until
// then their calls would fail with the error of an earlier attempt.
func (c *Conn) reachable() {
	var failed []*link
	c.mu.Lock()
	for l := range c.open {
		if l.failed.Load() {
			failed = append(failed, l)
		}
	}
	c.mu.Unlock()
	for _, l := range failed {
		l.grpc.ResetConnectBackoff()
	}
}

// answered records that a call to a side succeeded. With transport credentials of the
// caller, this is the first sign of a connection.
func (l *link) answered(side fsm.Side) {
	if l.refusals[side].Load() != 0 {
		l.refusals[side].Store(0)
	}
	if !l.ready.Load() {
		l.connected()
	}
	if l.unserved.Load() {
		l.unserved.Store(false)
	}
	if !l.conn.accepted.Load() {
		l.conn.accepted.Store(true)
	}
}

// note records the state of the connection that follows from a failed call.
func (l *link) note(e *Error, seen callOutcome) {
	switch status := e.HTTPStatus(); {
	case !seen.sent:
		if e.Class == ClassUnreachable {
			l.fail()
		}
		if e.Class == ClassUnreachable || e.Class == ClassTimeout && !l.ready.Load() {
			l.conn.names.resolve() // the address may have changed
		}
	case seen.answered, status == httpStatusWrongSide, status == httpStatusSuspended:
		l.unserved.Store(false)
	case status != 0:
		l.unserved.Store(true)
	}
}

const (
	httpStatusWrongSide = 456
	httpStatusSuspended = 503
)

// LinkInfo describes a connection.
type LinkInfo struct {
	// Use is the purpose of the connection.
	Use Use
	// State is gRPC's connectivity state, in lower case: idle, connecting, ready,
	// transient_failure or shutdown.
	State string
	// Calls is the number of calls in flight on it, and Limit the limit of the server:
	// 0 if it is not known, or if there is none.
	Calls, Limit int64
}

func (l *link) info() LinkInfo {
	i := LinkInfo{Use: l.use, State: strings.ToLower(l.grpc.GetState().String()), Calls: l.calls.Load()}
	if n := l.streams.Load(); n > 0 && n < unlimited {
		i.Limit = n
	}
	return i
}

// stubs make the calls of one address.
type stubs struct {
	call    Call
	engine  e6xv1.QueryEngineServiceClient
	cluster e6xv1.ClusterServiceClient
}

// stubCache holds the stubs that were used last for each side, without a planner and with
// one: mostly there is one planner.
type stubCache [len(fsm.Sides) + 1]struct{ plain, planned atomic.Pointer[stubs] }

// get returns the stubs for an address, from the cache if possible.
func (c *stubCache) get(call Call, make func(Call) stubs) *stubs {
	if !call.Side.Valid() || call.Control {
		s := make(call) // without a side, every call fails
		return &s
	}
	slot := &c[call.Side].plain
	if call.PlannerIP != "" {
		slot = &c[call.Side].planned
	}
	if s := slot.Load(); s != nil && s.call == call {
		return s
	}
	s := make(call)
	slot.Store(&s)
	return &s
}
