package exec

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// routes selects the side of statements, and gets the evidence about the sides.
type routes interface {
	// PinBy, PinAgain and PinTo pin an attempt to a side; Unpin ends it.
	PinBy(ctx context.Context, choose router.Choose) (router.Pin, error)
	PinAgain(ctx context.Context) (router.Pin, error)
	PinTo(side fsm.Side) router.Pin
	Unpin(p router.Pin)
	Routing() *router.Routing

	// Stamp is the stamp of a call that is sent now.
	Stamp() router.Stamp
	Announced(ctx context.Context, source fsm.Side, at router.Stamp, target fsm.Side)
	Agreed(side fsm.Side, at router.Stamp)
	Refused(ctx context.Context, side fsm.Side, at router.Stamp) error
	Failed(ctx context.Context, side fsm.Side, at router.Stamp, reason string) error
	Silent(side fsm.Side, at router.Stamp, silent time.Duration)
	AwaitVerdict(ctx context.Context, side fsm.Side) error
	OnDead(side fsm.Side, f func()) (stop func())

	// Answered and Unanswered count an attempt in the health of its side.
	Answered(p router.Pin, latency time.Duration)
	Unanswered(p router.Pin)

	InFlight(side fsm.Side) int64
	Drain() <-chan struct{}
	Close(ctx context.Context) error
}

// sessions has one session for each side.
type sessions interface {
	Get(ctx context.Context, side fsm.Side) (router.Session, error)
	Expired(ctx context.Context, side fsm.Side, generation uint64)
	Renewed(side fsm.Side, generation uint64) bool
	Accepted(side fsm.Side, generation uint64)
	Adopt(side fsm.Side, generation uint64, id string)
}

// transport has the connections to the cluster.
type transport interface {
	Acquire(side fsm.Side, streams int) wire.Lease
	AcquireAlone(ctx context.Context) (wire.Lease, error)
	Engine(call wire.Call) e6xv1.QueryEngineServiceClient
	Cluster(call wire.Call) e6xv1.ClusterServiceClient
	Reconnect()
	Abort()
	Close() error
}

// publisher publishes events.
type publisher interface {
	Publish(cause fsm.Cause, d events.Data) events.Event
}

var (
	_ routes    = (*router.Router)(nil)
	_ sessions  = (*router.Sessions)(nil)
	_ transport = (*wire.Conn)(nil)
	_ publisher = (*events.Bus)(nil)
)
