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
	// Cluster opens sessions and runs health probes.
	Cluster Cluster
	// Events is the bus to which every event is published.
	Events *events.Bus
	// Logger logs what no event covers.
	Logger *slog.Logger
	// OnPanic is called with the value and the stack of a panic in the store. If it is
	// nil, the panic is only a StoreFailed event.
	OnPanic func(value any, stack []byte)
	// Describe returns the text of an error for events. It leaves out text that came
	// from the server, which may hold anything. Default: the Error method.
	Describe func(error) string
	// Key is the key of the cluster in the store: its address and name.
	Key string
	// Store holds the record that clients share. Nil: nothing is shared.
	Store store.Store
	// Failure, if it is set, returns the error of a failed detection. Nil: it is the
	// *DetectionError, which is not changed afterwards.
	Failure func(*DetectionError) error
	// Hopeless reports whether a retry cannot fix an error of a login, such as a name
	// that does not exist. The first detection of a client ends after a round in which
	// both sides failed with such errors; later detections retry. Nil: every error is
	// retried.
	Hopeless func(error) bool
	// Prefer is the side that the first detection tries first.
	Prefer fsm.Side
	// ProbeTimeout limits one call to a side.
	ProbeTimeout time.Duration
	// DetectionTimeout limits a detection.
	DetectionTimeout time.Duration
	// PrepareTimeout limits how long an announced side may stay unusable.
	PrepareTimeout time.Duration
	// SharedTimeout limits how long both sides take new queries.
	SharedTimeout time.Duration
	// DrainTimeout limits how long a transition waits for the origin's queries.
	DrainTimeout time.Duration
	// RefreshInterval is the time between two health probes of the active side.
	RefreshInterval time.Duration
	// Retry is the backoff between the attempts of a probe.
	Retry backoff.Policy
	// HealthWindow is the length of the sliding window of a side's health.
	HealthWindow time.Duration
	// Fleet coordinates the cutovers of the clients that share the store.
	Fleet Fleet
	// Policy is the policy of automatic rollbacks.
	Policy Policy
	// Hooks are the callbacks of the layer above.
	Hooks Hooks
	// Recorder stores the messages and the decisions. Nil: nothing is recorded.
	Recorder Recorder
}

// Stamp is the epoch and the transition in which a call was sent. The result of
// the call counts for that epoch only.
type Stamp struct {
	Epoch      uint64
	Transition uint64
}

// Router moves a client between the sides of its cluster. Its methods may
// be called by any goroutine. A Router must be closed.
type Router struct {
	cfg      Config
	sessions *Sessions

	// Read by every goroutine.
	routing   atomic.Pointer[Routing]
	pins      pins
	moved     atomic.Uint64 // number of replays that were pinned
	lastProbe atomic.Pointer[error]
	windows   [1 + len(fsm.Sides)]*health.Window
	probation atomic.Pointer[probation]
	dead      [1 + len(fsm.Sides)]deathWatch

	// To the writer.
	inbox         chan envelope
	announcements [1 + len(fsm.Sides)]atomic.Pointer[announcement] // by source: the newest one that the writer has not read
	announced     chan struct{}                                    // has a value if there may be one
	drained       chan struct{}                                    // has a value if a query was unpinned from a side that takes no new ones

	// Every goroutine of the router ends with ctx.
	ctx    context.Context
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup
	ended  chan struct{} // closed when the writer and its tasks have ended
	idle   chan struct{} // closed when the router is closing and no query is in flight

	publisher publisher
	presence  presence
}

// New starts a Router. It makes no call to the cluster: the first Pin starts a
// detection.
func New(cfg Config) (*Router, error) {
	rt, w, err := newRouter(cfg)
	if err != nil {
		return nil, err
	}
	rt.startSharing()
	if cfg.Recorder != nil {
		w.recording = &recording{to: cfg.Recorder}
		w.now = time.Now()
		cfg.Recorder.Record(RecordStart, w.checkpoint())
	}
	rt.tasks.Go(w.run)
	go func() {
		rt.tasks.Wait()
		rt.leaveStore()
		close(rt.ended)
	}()
	return rt, nil
}

// newRouter returns a router that does not run yet, and its writer.
func newRouter(cfg Config) (*Router, *writer, error) {
	machine, err := fsm.New()
	if err != nil {
		return nil, nil, err
	}
	rt := &Router{
		cfg:       cfg,
		inbox:     make(chan envelope, 16),
		announced: make(chan struct{}, 1),
		drained:   make(chan struct{}, 1),
		ended:     make(chan struct{}),
		idle:      make(chan struct{}),
		presence:  presence{changed: make(chan struct{}, 1)},
	}
	if rt.cfg.Describe == nil {
		rt.cfg.Describe = error.Error
	}
	rt.ctx, rt.cancel = context.WithCancelCause(context.Background())
	rt.sessions = newSessions(rt)
	for _, side := range fsm.Sides {
		rt.windows[side] = health.NewWindow(cfg.HealthWindow)
	}
	rt.routing.Store(&Routing{Snapshot: machine.Snapshot(), changed: make(chan struct{})})
	return rt, newWriter(rt, machine), nil
}

// Sessions returns the sessions of the two sides.
func (rt *Router) Sessions() *Sessions { return rt.sessions }

// Stamp returns the current epoch and transition. The caller takes it when it
// sends a call.
func (rt *Router) Stamp() Stamp {
	r := rt.routing.Load()
	return Stamp{Epoch: r.Epoch, Transition: r.Transition}
}

// probe makes one call to a side within a time limit and stores its error, which
// the errors of waiting callers include.
func (rt *Router) probe(ctx context.Context, limit time.Duration, call func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := call(limited)
	switch {
	case err == nil:
		rt.lastProbe.Store(nil)
	case ctx.Err() == nil: // the error of a cancelled probe has no cause in the cluster
		rt.lastProbe.Store(&err)
	}
	return err
}

// failed publishes a ProbeFailed event.
func (rt *Router) failed(purpose string, side fsm.Side, attempt int, cause fsm.Cause, err error) {
	rt.cfg.Events.Publish(cause, events.ProbeFailed{Side: side, Attempt: attempt, Error: rt.cfg.Describe(err), Purpose: purpose})
}

// repeated publishes the failed attempts of one probe: every attempt with a new
// error, and otherwise attempts 1, 2, 4, 8 and so on. So a side that keeps refusing
// does not push all other events out of the history.
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

// Close stops the router and waits, within ctx, until all its goroutines have
// ended. Callers that wait for a side get ErrClosed. A second call waits like
// the first.
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
// is in flight on either side. Drain cancels no query.
func (rt *Router) Drain() <-chan struct{} {
	_ = rt.call(rt.ctx, &closeRequested{})
	return rt.idle
}

// noneLeft reports whether no query is in flight on either side.
//
// A replay pins the new side first, then adds to moved, then unpins the old side.
// Without moved, this sequence would miss it:
//  1. noneLeft sums the new side: 0.
//  2. The replay pins the new side, then unpins the old side.
//  3. noneLeft sums the old side: 0, although the query is in flight.
//
// If moved has changed since step 1, noneLeft sums both sides again.
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

// causeOf returns a cause with the trace of the caller's context.
func causeOf(ctx context.Context, reason fsm.Reason, detail string) fsm.Cause {
	return fsm.Cause{Reason: reason, Detail: detail, Trace: trace.SpanContextFromContext(ctx)}
}
