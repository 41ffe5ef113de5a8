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

	// To the writer.
	inbox   chan func()
	drained chan struct{} // a query has left a side that takes no new ones

	// Everything that the router started ends with ctx.
	ctx    context.Context
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup
	ended  chan struct{} // closed when the writer and its tasks have ended
	idle   chan struct{} // closed when it is closing and no query is left

	// Below here only the writer reads and writes.
	machine    *fsm.Machine
	held       bool
	closing    bool
	failures   uint64
	failure    error
	lastKnown  fsm.Side
	served     fsm.Side   // the side of the last StrategyChanged event
	suspicion  *suspicion // of the active side, if there is one
	hasSettled bool       // a detection has found a side
	detection  *detection
	transition *transition
	check      *check
	retreat    *retreat
	later      *retreat                  // one that is tried again after a pause
	upcoming   *probation                // that of the epoch which begins next
	rolledBack time.Time                 // when the client last went back by itself
	heard      map[fsm.Side]announcement // by its speaker, until that side is active
	stale      map[fsm.Side]announcement // by its speaker: the last one that was ignored
	declined   map[fsm.Side]*decision    // by the target
	damping    damping
	agreed     *atomic.Int32 // calls that the active side answered in this epoch without naming the other one
	stage      *stage
	share      share
	refresh    *time.Timer
}

// New starts a Router. It makes no call: the first Pin does.
func New(cfg Config) (*Router, error) {
	machine, err := fsm.New()
	if err != nil {
		return nil, err
	}
	c := &Router{
		cfg:       cfg,
		machine:   machine,
		lastKnown: cfg.Prefer,
		inbox:     make(chan func(), 64),
		drained:   make(chan struct{}, 1),
		ended:     make(chan struct{}),
		idle:      make(chan struct{}),
		heard:     make(map[fsm.Side]announcement),
		stale:     make(map[fsm.Side]announcement),
		declined:  make(map[fsm.Side]*decision),
		agreed:    new(atomic.Int32),
	}
	if c.cfg.Describe == nil {
		c.cfg.Describe = error.Error
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.sessions = newSessions(c)
	for _, side := range fsm.Sides {
		c.windows[side] = health.NewWindow(cfg.HealthWindow)
	}
	c.routing.Store(&Routing{Snapshot: machine.Snapshot(), changed: make(chan struct{})})
	c.startSharing()
	c.tasks.Go(c.write)
	go func() {
		c.tasks.Wait()
		c.leaveStore()
		close(c.ended)
	}()
	return c, nil
}

// Sessions returns the sessions of the two sides.
func (c *Router) Sessions() *Sessions { return c.sessions }

// Stamp is taken when a call is sent.
func (c *Router) Stamp() Stamp {
	r := c.routing.Load()
	return Stamp{Epoch: r.Epoch, Transition: r.Transition}
}

// write is the writer: the only goroutine that fires the machine and replaces
// the routing. It never blocks on anything but its inbox.
func (c *Router) write() {
	defer c.stopTimers()
	for {
		select {
		case decide := <-c.inbox:
			decide()
		case <-c.drained:
			c.onDrained()
		case <-c.ctx.Done():
			return
		}
	}
}

// post hands a decision to the writer. It is dropped once the writer has ended.
func (c *Router) post(decide func()) bool {
	select {
	case c.inbox <- decide:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// call hands a decision to the writer and waits until it has been made.
func (c *Router) call(ctx context.Context, decide func()) error {
	made := make(chan struct{})
	if !c.post(func() { decide(); close(made) }) {
		return ErrClosed
	}
	select {
	case <-made:
		return nil
	case <-ctx.Done():
		return ctxerr.Why(ctx)
	case <-c.ctx.Done():
		return ErrClosed
	}
}

// fire moves the machine, publishes the new routing and tells the world, in
// this order: a query that is pinned because of an event finds it published.
func (c *Router) fire(t fsm.Trigger) bool {
	before := c.machine.Snapshot()
	sign := c.signOf(t)
	moved, err := c.machine.Fire(t)
	if err != nil {
		// The rules in this package fire only what the table allows.
		c.cfg.Logger.Error("e6: a rule of the cutover contradicts the machine's table", "error", err)
		return false
	}
	if moved.After.Epoch != before.Epoch {
		c.newEpoch(moved.After)
	}
	c.publish()
	c.changed(moved, sign)
	c.cfg.Events.Publish(moved.Cause, events.Transition{Transition: moved, InFlight: c.pins.sum(before.Active)})
	return true
}

// newEpoch forgets what was decided on the evidence of the epoch before.
func (c *Router) newEpoch(now fsm.Snapshot) {
	c.held, c.suspicion = false, nil
	c.agreed = new(atomic.Int32)
	c.endStage("left", now.Cause)
	c.probation.Store(c.upcoming) // before the routing is published, so that no query is missed
	c.upcoming = nil
	if now.Active.Valid() {
		c.lastKnown = now.Active
	}
}

// hold makes new queries wait, or lets them go on.
func (c *Router) hold(on bool) {
	if c.held != on {
		c.held = on
		c.publish()
	}
}

// settled reports whether a side serves and nothing is changing.
func (c *Router) settled() bool {
	s := c.machine.Snapshot().State
	return s == fsm.StateBlue || s == fsm.StateGreen
}

// probe makes one call to a side within a time limit and remembers its error for
// callers that wait.
func (c *Router) probe(ctx context.Context, limit time.Duration, call func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := call(limited)
	switch {
	case err == nil:
		c.lastProbe.Store(nil)
	case ctx.Err() == nil: // a probe that was abandoned explains nothing
		c.lastProbe.Store(&err)
	}
	return err
}

// failed reports a probe that its side did not take.
func (c *Router) failed(purpose string, side fsm.Side, attempt int, cause fsm.Cause, err error) {
	c.cfg.Events.Publish(cause, events.ProbeFailed{Side: side, Attempt: attempt, Error: c.cfg.Describe(err), Purpose: purpose})
}

// repeated reports probes of one purpose that fail again and again: the first,
// those with another error than the one before, and of the rest fewer and fewer,
// so that a side which stays closed does not push everything else out of the
// history.
type repeated struct {
	c       *Router
	purpose string
	told    [1 + len(fsm.Sides)]string
}

func (r *repeated) failed(side fsm.Side, attempt int, cause fsm.Cause, err error) {
	text := r.c.cfg.Describe(err)
	if powerOfTwo := attempt&(attempt-1) == 0; powerOfTwo || text != r.told[side] {
		r.told[side] = text
		r.c.failed(r.purpose, side, attempt, cause, err)
	}
}

// Close stops the router and waits, within ctx, until everything that it
// started has ended. Callers that wait for a side get ErrClosed. A second call
// waits like the first.
func (c *Router) Close(ctx context.Context) error {
	c.Drain()
	c.cancel(ErrClosed)
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return ctxerr.Why(ctx)
	}
}

// Drain stops taking new queries. The returned channel is closed when no query
// is left on either side; queries that run are left alone.
func (c *Router) Drain() <-chan struct{} {
	_ = c.call(c.ctx, func() {
		if !c.closing {
			c.closing = true
			c.publish()
			c.onDrained()
		}
	})
	return c.idle
}

// onDrained runs on the writer after a query has left a side that takes no new
// ones.
func (c *Router) onDrained() {
	if c.closing && c.noneLeft() {
		select {
		case <-c.idle:
		default:
			close(c.idle)
		}
	}
	c.commitIfDrained()
	c.releaseSessions()
}

// noneLeft reports whether no query is on either side. A query that starts over
// is counted on the new side before it leaves the old one. If it does both while
// the sum is being made, it may be seen on neither: on the new side too early, on
// the old one too late. It tells of the move in between, and the sum is made anew.
func (c *Router) noneLeft() bool {
	for {
		moved := c.moved.Load()
		if c.pins.sum(fsm.Blue)+c.pins.sum(fsm.Green) != 0 {
			return false
		}
		if c.moved.Load() == moved {
			return true
		}
	}
}

// stopTimers runs when the writer ends, and leaves no timer behind.
func (c *Router) stopTimers() {
	if c.refresh != nil {
		c.refresh.Stop()
	}
	if c.stage != nil {
		c.stage.timer.Stop()
	}
	if c.transition != nil {
		c.abandon(fsm.Cause{Reason: fsm.ReasonCaller, Detail: "the client is closed"}, ErrClosed)
	}
}

// causeOf builds a cause from the context of the call that is behind it.
func causeOf(ctx context.Context, reason fsm.Reason, detail string) fsm.Cause {
	return fsm.Cause{Reason: reason, Detail: detail, Trace: trace.SpanContextFromContext(ctx)}
}
