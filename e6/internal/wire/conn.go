package wire

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

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

	// headers are those of a call without a planner, by side. They are shared by
	// all calls and never written again.
	headers [len(fsm.Sides) + 1]headers
	// Most calls carry no planner, so their stubs are built once.
	engines  [len(fsm.Sides)]e6xv1.QueryEngineServiceClient
	clusters [len(fsm.Sides)]e6xv1.ClusterServiceClient

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
	c := &Conn{grpc: cc, observer: cfg.Observer, onCall: cfg.OnCall}
	for i, side := range fsm.Sides {
		pairs := []string{"strategy", side.String()}
		if cfg.ClusterName != "" {
			pairs = append(pairs, "cluster-name", strings.ToLower(cfg.ClusterName))
		}
		c.headers[side] = headers{pairs: pairs, alone: metadata.Pairs(pairs...)}
		ch := &boundConn{Conn: c, call: Call{Side: side}}
		c.engines[i] = e6xv1.NewQueryEngineServiceClient(ch)
		c.clusters[i] = e6xv1.NewClusterServiceClient(ch)
	}
	return c, nil
}

// Engine returns the query service as call addresses it. A side that is not
// blue or green makes every call fail with ClassUnsent.
func (c *Conn) Engine(call Call) e6xv1.QueryEngineServiceClient {
	if i, ok := common(call); ok {
		return c.engines[i]
	}
	return e6xv1.NewQueryEngineServiceClient(&boundConn{Conn: c, call: call})
}

// Cluster returns the cluster service as call addresses it. A side that is not
// blue or green makes every call fail with ClassUnsent.
func (c *Conn) Cluster(call Call) e6xv1.ClusterServiceClient {
	if i, ok := common(call); ok {
		return c.clusters[i]
	}
	return e6xv1.NewClusterServiceClient(&boundConn{Conn: c, call: call})
}

// common returns the index of the stubs that were built in advance for call.
func common(call Call) (int, bool) {
	if call.PlannerIP != "" {
		return 0, false
	}
	for i, side := range fsm.Sides {
		if side == call.Side {
			return i, true
		}
	}
	return 0, false
}

// Close ends the calls that are active and closes the connection. Calls made
// later fail with ClassCanceled. Closing again does nothing.
func (c *Conn) Close() error {
	c.closeOnce.Do(func() {
		c.closeErr = c.grpc.Close()
	})
	return c.closeErr
}
