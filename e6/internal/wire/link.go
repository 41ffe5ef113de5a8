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
// again after the connection is lost. A link that is retired takes no new calls and is
// closed when nothing holds it any more.
type link struct {
	conn  *Conn
	grpc  *grpc.ClientConn
	use   Use
	group *group // nil for a connection that carries one attempt
	first bool   // of its group

	// The stubs of calls without a planner, and of those to the planner that each
	// side was asked for last: mostly there is one.
	sides [len(fsm.Sides) + 1]stubs
	last  [len(fsm.Sides) + 1]atomic.Pointer[stubs]

	// refusals is when each side was last refused on the present connection, in
	// nanoseconds; 0 if it was accepted since.
	refusals [len(fsm.Sides) + 1]atomic.Int64

	closing sync.Once

	_ [64]byte // what follows is written by every call
	// reserved is the number of streams that leases and calls may use at once. It is
	// retired or more once the link is retired.
	reserved atomic.Int64
	// calls is the number of calls in flight.
	calls atomic.Int64

	_ [48]byte
	// streams is how many streams the server allows on the connection, and 0 while
	// that is not known.
	streams atomic.Int64
	// ready: there is a connection, as far as is known. failed: the last attempt to
	// connect was in vain. resting: it gets no new leases, as there are more
	// connections than needed. unserved: the last answer was a page of plain HTTP, so
	// that no service is behind the connection.
	ready, failed, resting, unserved atomic.Bool
	// current is the present connection; nil while there is none, or it is not known.
	current atomic.Pointer[watchedConn]
}

// retired is added to the reservations of a link that is retired.
const retired = int64(1) << 40

// unlimited stands for a server that sets no limit on streams.
const unlimited = int64(math.MaxInt32)

// newLink makes a link. The caller holds c.mu.
func (c *Conn) newLink(use Use, g *group) (*link, error) {
	l := &link{conn: c, use: use, group: g}
	cc, err := grpc.NewClient(c.cfg.target(), c.cfg.options(l, c.names.builder(len(c.open)))...)
	if err != nil {
		return nil, err
	}
	l.grpc = cc
	for _, side := range fsm.Sides {
		l.sides[side] = l.newStubs(Call{Side: side})
	}
	c.open[l] = struct{}{}
	return l, nil
}

func (l *link) newStubs(call Call) stubs { return l.conn.stubs(call, l) }

// to returns the stubs for calls on this connection.
func (l *link) to(call Call) *stubs { return cached(&l.sides, &l.last, call, l.newStubs) }

// hard is how many calls the connection takes before others wait for a stream.
func (l *link) hard() int64 {
	if n := l.streams.Load(); n > 0 {
		return n
	}
	if n := l.conn.learned.Load(); n > 0 {
		return n
	}
	return unlimited
}

// limit is how many calls the connection takes before one waits for a stream: all that the
// server allows, or, if it frees something on the server, so many that others have room.
// Of a server that allows very few, the first connection is left to the others.
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

// soft is the number of streams from which another connection is wanted. It leaves
// room for the calls that come before that one is ready.
func (l *link) soft() int64 {
	hard := l.hard()
	return max(1, min(l.conn.perLink, hard-hard/4))
}

// gone reports whether the link is retired.
func (l *link) gone() bool { return l.reserved.Load() >= retired }

// enter begins a call, if there is room for one of its kind. A call of an attempt that is
// alone waits for its connection.
func (l *link) enter(cleanup bool) bool {
	for {
		n := l.calls.Load()
		if l.use != UseAlone && (n >= l.limit(cleanup) || l.gone()) {
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

// release gives back what was reserved.
func (l *link) release(streams int64) {
	if l.reserved.Add(-streams) == retired {
		l.close()
	}
}

// retire keeps new calls away. What runs on the connection may end.
func (l *link) retire() {
	if l.gone() {
		return
	}
	if l.reserved.Add(retired) == retired {
		l.close()
	}
}

// close ends the connection with all of its calls. gRPC waits for its own goroutines,
// and those may be in the middle of a call of ours.
func (l *link) close() {
	l.closing.Do(func() {
		c := l.conn
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.open, l)
		c.closers.Go(func() { _ = l.grpc.Close() }) // Conn.Close waits for it
	})
}

// settings takes what the server has said about its streams.
func (l *link) settings(streams int64) {
	l.streams.Store(streams)
	l.conn.learned.Store(streams)
	if l.group != nil {
		l.group.wake()
	}
}

// connected and lost follow the life of a connection.
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

// fail notes that no connection could be made.
func (l *link) fail() {
	c := l.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	l.ready.Store(false)
	if !c.closed && l.failed.CompareAndSwap(false, true) {
		c.closers.Go(l.recover)
	}
}

// recover waits until gRPC has made a connection. The settings of the server come before:
// a call that begins then still fails at once with the error of the last attempt.
func (l *link) recover() {
	for {
		switch state := l.grpc.GetState(); state {
		case connectivity.Ready:
			l.failed.Store(false)
			l.connected()
			if l.group != nil {
				l.group.wake() // it was no connection for calls that wait
			}
			return
		case connectivity.Shutdown:
			return
		default:
			l.grpc.WaitForStateChange(context.Background(), state)
		}
	}
}

// reachable makes the connections that could not be made try again now, and not when their
// pause is over: another one was made. Until then their calls fail with an error of the past.
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

// answered notes that a call to a side succeeded. With transport credentials of the caller's own
// this is the first that is seen of a connection.
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
}

// note takes what a failed call says about its connection.
func (l *link) note(e *Error, seen evidence) {
	switch status := e.HTTPStatus(); {
	case !seen.sent:
		if e.Class == ClassUnreachable {
			l.fail()
		}
		if e.Class == ClassUnreachable || e.Class == ClassTimeout && !l.ready.Load() {
			l.conn.names.resolve() // the address may be an old one
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
	// Use is what the connection is for.
	Use Use
	// State is gRPC's connectivity state, in lower case: idle, connecting, ready,
	// transient_failure or shutdown.
	State string
	// Calls is the number of calls in flight on it, and Limit how many the server
	// allows: 0 if that is not known, or if there is no limit.
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

// cached returns the stubs for an address, mostly those that were made before.
func cached(sides *[len(fsm.Sides) + 1]stubs, last *[len(fsm.Sides) + 1]atomic.Pointer[stubs], call Call, make func(Call) stubs) *stubs {
	switch {
	case !call.Side.Valid() || call.Control:
		s := make(call) // an address without a side makes calls that fail
		return &s
	case call.PlannerIP == "":
		return &sides[call.Side]
	}
	if s := last[call.Side].Load(); s != nil && s.call == call {
		return s
	}
	s := make(call)
	last[call.Side].Store(&s)
	return &s
}
