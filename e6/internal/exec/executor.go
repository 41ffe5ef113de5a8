package exec

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/internal/workers"
)

// Settings are the settings of an Executor. Each has the meaning of the field of e6.Config
// with the same name. Durations are positive.
type Settings struct {
	ProbeTimeout     time.Duration
	DetectionTimeout time.Duration
	PrepareTimeout   time.Duration
	ResumeTimeout    time.Duration
	ResumePoll       time.Duration
	CloseTimeout     time.Duration

	MaxAttempts    int
	MaxInFlight    int // 0: no limit
	Prefetch       int
	PrefetchBytes  int
	ContinueWindow int

	Admission          bool
	NoAutoResume       bool
	FetchAfterMetadata bool
	TrustRowCount      bool

	// WithoutSessions: calls have a bearer token, and no session.
	WithoutSessions bool
	// Comment selects the SQL comment that is sent with each statement.
	Comment Comment
}

// Hooks are the hooks that statements call. The methods are called concurrently.
type Hooks interface {
	// Query calls the hooks for the start of a statement. It returns the context in which
	// the statement runs, and the function that calls them for its end.
	Query(ctx context.Context, start hook.QueryStart) (context.Context, func(hook.QueryEnd))
	// Choose returns the function that picks the side of a statement in a shared phase.
	// Nil: the target takes it.
	Choose(ctx context.Context, st *Statement) router.Choose
	// Step runs a step of an attempt, and calls the hooks for its start and its end.
	Step(ctx context.Context, s *ObservedStep) error
}

// Config configures an Executor. All fields are required.
type Config struct {
	Settings
	// Router and Wire configure the router and the transport. New sets Cluster, Events,
	// Logger, Describe, Failure and Hopeless of the former, and Observer, Failure, OnSilence,
	// SilenceAfter and OnStreamWait of the latter, which connect the two.
	Router router.Config
	Wire   wire.Config
	// Events is the bus to which every event is published.
	Events *events.Bus
	// Logger logs what no event covers.
	Logger *slog.Logger
	// Workers runs background work. The caller ends it after Close.
	Workers *workers.Pool
	// Retry is the backoff between attempts that got no response.
	Retry backoff.Policy
	// Hooks are the hooks of the client.
	Hooks Hooks
	// Failures makes the errors of statements, calls and detections.
	Failures Failures
	// Credentials returns the credentials of a login. It returns within ctx.
	Credentials func(ctx context.Context) (user, token string, err error)
}

// Executor runs the statements and the catalog calls of one client. Its methods may be
// called concurrently. It must be closed.
type Executor struct {
	Settings
	route       routes
	sessions    sessions
	conn        transport
	bus         publisher
	log         *slog.Logger
	workers     *workers.Pool
	retry       backoff.Policy
	hooks       Hooks
	failures    Failures
	credentials func(context.Context) (user, token string, err error)

	semaphore chan struct{} // held by the statements that run; nil without a limit
	resumer   resumer
	submitted submissions
	counters  counters

	lastInvalid atomic.Pointer[invalidAnnouncement]
	// noAdmission has the sides whose engines do not implement admission.
	noAdmission sync.Map // fsm.Side -> true
	// newFetch caches which engines have getNextResultBatchV2.
	newFetch capabilities

	// All work for callers ends with ctx.
	ctx    context.Context
	cancel context.CancelCauseFunc
	cut    atomic.Int64 // statements that ended because of Close

	// The router and the connections that New has made, for the client.
	router *router.Router
	wire   *wire.Conn
}

// New returns an Executor with a router and connections. It makes no call to the cluster.
func New(cfg Config) (*Executor, error) {
	x := newExecutor(cfg, cfg.Events)
	r := cfg.Router
	r.Cluster, r.Events, r.Logger, r.Describe, r.Hopeless = (*clusterAdapter)(x), cfg.Events, x.log, Brief, wire.IsHopeless
	r.Failure = x.failures.Detection
	var err error
	if x.router, err = router.New(r); err != nil {
		return nil, err
	}
	x.route, x.sessions = x.router, x.router.Sessions()
	w := cfg.Wire
	w.Failure = x.failures.Call
	w.Observer, w.OnSilence, w.SilenceAfter = (*observer)(x), (*observer)(x).silent, x.ProbeTimeout
	w.OnStreamWait = (*observer)(x).streamsExhausted
	if x.wire, err = wire.Dial(w); err != nil {
		_ = x.route.Close(x.ctx)
		return nil, err
	}
	x.conn = x.wire
	return x, nil
}

// newExecutor returns an Executor without routes, sessions and a transport.
func newExecutor(cfg Config, bus publisher) *Executor {
	x := &Executor{
		Settings: cfg.Settings, bus: bus, log: cfg.Logger, workers: cfg.Workers, retry: cfg.Retry,
		hooks: cfg.Hooks, failures: cfg.Failures, credentials: cfg.Credentials,
	}
	x.resumer.x = x
	x.ctx, x.cancel = context.WithCancelCause(context.Background())
	if x.MaxInFlight > 0 {
		x.semaphore = make(chan struct{}, x.MaxInFlight)
	}
	return x
}

// Router returns the router of the client.
func (x *Executor) Router() *router.Router { return x.router }

// Transport returns the connections of the client.
func (x *Executor) Transport() *wire.Conn { return x.wire }

// bind ends a call's context, with ErrClosed, when the client is closed.
func (x *Executor) bind(ctx context.Context) (bound context.Context, unbind func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	unlink := context.AfterFunc(x.ctx, func() { cancel(ErrClosed) })
	return ctx, func() {
		unlink()
		cancel(nil)
	}
}

// freeTime is the maximum time for repetitions that do not count as attempts: a detection
// and a resume may be needed before a call succeeds.
func (x *Executor) freeTime() time.Duration { return x.DetectionTimeout + x.ResumeTimeout }

// counters count the outcomes of statements.
type counters struct {
	retried, replayed, continued, lost, abandoned, waiting atomic.Int64

	batches, bytes [1 + len(fsm.Sides)]atomic.Int64 // decoded, by side
}

// Stats are the outcomes of statements since New. The fields have the meaning of those of
// e6.Stats; Batches and Bytes have an element for each side.
type Stats struct {
	Waiting, Retried, Replayed, Continued, Lost, Abandoned int64

	Batches, Bytes [1 + len(fsm.Sides)]int64
}

// Stats returns the counters.
func (x *Executor) Stats() Stats {
	c := &x.counters
	s := Stats{
		Waiting: c.waiting.Load(), Retried: c.retried.Load(), Replayed: c.replayed.Load(),
		Continued: c.continued.Load(), Lost: c.lost.Load(), Abandoned: c.abandoned.Load(),
	}
	for _, side := range fsm.Sides {
		s.Batches[side], s.Bytes[side] = c.batches[side].Load(), c.bytes[side].Load()
	}
	return s
}
