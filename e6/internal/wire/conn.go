package wire

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// Call addresses calls.
type Call struct {
	// Side is the side that must serve the calls, for the header strategy.
	Side fsm.Side
	// PlannerIP is the planner that prepared the query, for the header
	// plannerip. Empty: the header is left out.
	PlannerIP string
}

// Conn is a channel to one cluster. It connects when the first call is made,
// and again whenever the connection is lost. All methods may be called
// concurrently.
type Conn struct {
	grpc     *grpc.ClientConn
	observer Observer
	onCall   func(context.Context, CallRecord)

	cluster string
	// intercepted: there may be interceptors of the caller's.
	intercepted bool

	// The stubs of calls without a planner, and of those to the planner that each
	// side was asked for last: mostly there is one.
	sides [len(fsm.Sides) + 1]stubs
	last  [len(fsm.Sides) + 1]atomic.Pointer[stubs]

	counts [len(fsm.Sides) + 1]counts

	closeOnce sync.Once
	closeErr  error
}

// counts are the calls of one side. They lie on a cache line of their own.
type counts struct {
	calls, refused atomic.Int64
	_              [48]byte
}

// Calls is how many calls were made to a side, and how many of these its
// ingress refused with 456.
func (c *Conn) Calls(side fsm.Side) (calls, refused int64) {
	n := &c.counts[side]
	return n.calls.Load(), n.refused.Load()
}

// Dial makes a Conn. It does no I/O: an address that cannot be reached shows in
// the first call. It fails if cfg is wrong, with all that is wrong.
func Dial(cfg Config) (*Conn, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("e6: dial %q: %w", cfg.Target, err)
	}
	cc, err := grpc.NewClient(cfg.target(), cfg.options()...)
	if err != nil {
		return nil, fmt.Errorf("e6: dial %q: %w", cfg.Target, err)
	}
	c := &Conn{grpc: cc, observer: cfg.Observer, onCall: cfg.OnCall, cluster: cfg.ClusterName, intercepted: len(cfg.DialOptions) > 0}
	for _, side := range fsm.Sides {
		c.sides[side] = c.newStubs(Call{Side: side})
	}
	return c, nil
}

// stubs make the calls of one address.
type stubs struct {
	call    Call
	engine  e6xv1.QueryEngineServiceClient
	cluster e6xv1.ClusterServiceClient
}

func (c *Conn) newStubs(call Call) stubs {
	b := c.bind(call)
	return stubs{call, e6xv1.NewQueryEngineServiceClient(b), e6xv1.NewClusterServiceClient(b)}
}

// bind makes what sends calls as call says.
func (c *Conn) bind(call Call) *boundConn {
	return &boundConn{Conn: c, call: call, headers: newHeaders(c.cluster, call)}
}

// to returns the stubs for an address.
func (c *Conn) to(call Call) *stubs {
	if !call.Side.Valid() {
		s := c.newStubs(call) // whose calls fail
		return &s
	}
	if call.PlannerIP == "" {
		return &c.sides[call.Side]
	}
	last := &c.last[call.Side]
	if s := last.Load(); s != nil && s.call == call {
		return s
	}
	s := c.newStubs(call)
	last.Store(&s)
	return &s
}

// Engine returns the query service as call addresses it. A side that is not
// blue or green makes every call fail with ClassUnsent.
func (c *Conn) Engine(call Call) e6xv1.QueryEngineServiceClient { return c.to(call).engine }

// Cluster returns the cluster service as call addresses it. A side that is not
// blue or green makes every call fail with ClassUnsent.
func (c *Conn) Cluster(call Call) e6xv1.ClusterServiceClient { return c.to(call).cluster }

// Close ends the calls that are active and closes the connection. Calls made
// later fail with ClassCanceled. Closing again does nothing.
func (c *Conn) Close() error {
	c.closeOnce.Do(func() {
		c.closeErr = c.grpc.Close()
	})
	return c.closeErr
}
