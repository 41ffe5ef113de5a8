package router

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/health"
	"github.com/e6data/e6data-go/e6/store"
)

// Config is what a Router needs. Durations must be positive.
type Config struct {
	// Cluster is asked for sessions and signs of life.
	Cluster Cluster
	// Events receives everything that happens.
	Events *events.Bus
	// Logger receives what no event covers.
	Logger *slog.Logger
	// OnPanic is called with what the store panicked with, and the stack. Nil: the
	// panic is only a StoreFailed event.
	OnPanic func(value any, stack []byte)
	// Describe says an error as events have it: without the server's own words,
	// which may be anything. Default: its Error method.
	Describe func(error) string
	// Key names the cluster in the store: its address and name.
	Key string
	// Store is where clients share what they know; nil keeps it private.
	Store store.Store
	// Hopeless reports whether an error of a login is one that waiting cannot help,
	// such as a name that does not exist. The detection of a client that has never
	// settled ends after a round of them; one that has settled keeps trying. Nil:
	// no error is.
	Hopeless func(error) bool
	// Prefer is the side that the first detection asks first.
	Prefer fsm.Side
	// ProbeTimeout limits one call to a side.
	ProbeTimeout time.Duration
	// DetectionTimeout limits the search for a side that accepts.
	DetectionTimeout time.Duration
	// PrepareTimeout limits how long an announced side may stay unusable.
	PrepareTimeout time.Duration
	// SharedTimeout limits how long both sides take new queries.
	SharedTimeout time.Duration
	// DrainTimeout limits how long a transition waits for the origin's queries.
	DrainTimeout time.Duration
	// RefreshInterval is how old the knowledge about the active side may get.
	RefreshInterval time.Duration
	// Retry spaces out repeated probes.
	Retry backoff.Policy
	// HealthWindow is how far back the health of a side looks.
	HealthWindow time.Duration
	// Fleet is how clients that share the store go through a cutover together.
	Fleet Fleet
	// Policy is when the client goes back by itself.
	Policy Policy
	// Hooks are what others have to say.
	Hooks Hooks
}

// Stamp says when a call was sent: in which epoch and transition. What its
// answer says is evidence about that moment and no other.
type Stamp struct {
	Epoch      uint64
	Transition uint64
}

// Router moves a client between the sides of its cluster. Its methods may
// be called by any goroutine. A Router must be closed.
type Router struct {
	cfg      Config
	sessions *Sessions

	// Read by everyone.
	routing   atomic.Pointer[Routing]
	pins      pins
	moved     atomic.Uint64 // how often a query has started over
	lastProbe atomic.Pointer[error]
	windows   [1 + len(fsm.Sides)]*health.Window
	probation atomic.Pointer[probation]
	alive     [1 + len(fsm.Sides)]atomic.Pointer[alive]

	// To the writer.
	inbox         chan envelope
	announcements [1 + len(fsm.Sides)]atomic.Pointer[announcement] // by source: the newest that the writer has not taken
	announced     chan struct{}                                    // there is one
	drained       chan struct{}                                    // a query has left a side that takes no new ones

	// Everything that the router started ends with ctx.
	ctx    context.Context
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup
	ended  chan struct{} // closed when the writer and its tasks have ended
	idle   chan struct{} // closed when it is closing and no query is left

	publisher publisher
}

// New starts a Router. It makes no call: the first Pin does.
func New(cfg Config) (*Router, error) {
	machine, err := fsm.New()
	if err != nil {
		return nil, err
	}
	rt := &Router{
		cfg:       cfg,
		inbox:     make(chan envelope, 64),
		announced: make(chan struct{}, 1),
		drained:   make(chan struct{}, 1),
		ended:     make(chan struct{}),
		idle:      make(chan struct{}),
	}
	if rt.cfg.Describe == nil {
		rt.cfg.Describe = error.Error
	}
	rt.ctx, rt.cancel = context.WithCancelCause(context.Background())
	rt.sessions = newSessions(rt)
	for _, side := range fsm.Sides {
		rt.windows[side] = health.NewWindow(cfg.HealthWindow)
		rt.alive[side].Store(newAlive())
	}
	rt.routing.Store(&Routing{Snapshot: machine.Snapshot(), changed: make(chan struct{})})
	rt.startSharing()
	w := newWriter(rt, machine)
	rt.tasks.Go(w.run)
	go func() {
		rt.tasks.Wait()
		rt.leaveStore()
		close(rt.ended)
	}()
	return rt, nil
}

// Sessions returns the sessions of the two sides.
func (rt *Router) Sessions() *Sessions { return rt.sessions }

// Stamp is taken when a call is sent.
func (rt *Router) Stamp() Stamp {
	r := rt.routing.Load()
	return Stamp{Epoch: r.Epoch, Transition: r.Transition}
}

// probe makes one call to a side within a time limit and remembers its error for
// callers that wait.
func (rt *Router) probe(ctx context.Context, limit time.Duration, call func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := call(limited)
	switch {
	case err == nil:
		rt.lastProbe.Store(nil)
	case ctx.Err() == nil: // a probe that was abandoned explains nothing
		rt.lastProbe.Store(&err)
	}
	return err
}

// failed reports a probe that its side did not take.
func (rt *Router) failed(purpose string, side fsm.Side, attempt int, cause fsm.Cause, err error) {
	rt.cfg.Events.Publish(cause, events.ProbeFailed{Side: side, Attempt: attempt, Error: rt.cfg.Describe(err), Purpose: purpose})
}

// repeated reports probes of one purpose that fail again and again: the first,
// those with another error than the one before, and of the rest fewer and fewer,
// so that a side which stays closed does not push everything else out of the
// history.
type repeated struct {
	rt       *Router
	purpose  string
	reported [1 + len(fsm.Sides)]string
}

func (r *repeated) failed(side fsm.Side, attempt int, cause fsm.Cause, err error) {
	text := r.rt.cfg.Describe(err)
	if powerOfTwo := attempt&(attempt-1) == 0; powerOfTwo || text != r.reported[side] {
		r.reported[side] = text
		r.rt.failed(r.purpose, side, attempt, cause, err)
	}
}

// Close stops the router and waits, within ctx, until everything that it
// started has ended. Callers that wait for a side get ErrClosed. A second call
// waits like the first.
func (rt *Router) Close(ctx context.Context) error {
	rt.Drain()
	rt.cancel(ErrClosed)
	select {
	case <-rt.ended:
		return nil
	case <-ctx.Done():
		return ctxerr.Cause(ctx)
	}
}

// Drain stops taking new queries. The returned channel is closed when no query
// is left on either side; queries that run are left alone.
func (rt *Router) Drain() <-chan struct{} {
	_ = rt.call(rt.ctx, closeRequested{})
	return rt.idle
}

// noneLeft reports whether no query is on either side. A query that starts over
// is counted on the new side before it leaves the old one. If it does both while
// the sum is being made, it may be seen on neither: on the new side too early, on
// the old one too late. It tells of the move in between, and the sum is made anew.
func (rt *Router) noneLeft() bool {
	for {
		moved := rt.moved.Load()
		if rt.pins.sum(fsm.Blue)+rt.pins.sum(fsm.Green) != 0 {
			return false
		}
		if rt.moved.Load() == moved {
			return true
		}
	}
}

// causeOf builds a cause from the context of the call that is behind it.
func causeOf(ctx context.Context, reason fsm.Reason, detail string) fsm.Cause {
	return fsm.Cause{Reason: reason, Detail: detail, Trace: trace.SpanContextFromContext(ctx)}
}
