package exec

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/sqlvalue"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/internal/workers"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// rig is an Executor on a router, a transport and a publisher of the test.
type rig struct {
	*Executor
	route   *fakeRoutes
	cluster *fakeCluster
	bus     *fakeBus
	log     strings.Builder // of the Executor
}

// inBubble runs a test with a rig whose active side is blue. Every attempt must have left
// its side at the end. adjust may be nil.
func inBubble(t *testing.T, adjust func(*Settings), test func(t *testing.T, r *rig)) {
	bubbles.Test(t, func(t *testing.T) {
		settings := Settings{
			ProbeTimeout: 5 * time.Second, DetectionTimeout: 20 * time.Second, PrepareTimeout: time.Minute,
			ResumeTimeout: 10 * time.Second, ResumePoll: time.Second, CloseTimeout: 5 * time.Second,
			MaxAttempts: 4, Prefetch: 2, PrefetchBytes: 1 << 20, ContinueWindow: 1 << 20,
			FetchAfterMetadata: true, // so that the order of the calls is fixed
		}
		if adjust != nil {
			adjust(&settings)
		}
		r := &rig{route: &fakeRoutes{active: fsm.Blue}, cluster: &fakeCluster{}, bus: &fakeBus{}}
		pool := new(workers.Pool)
		r.Executor = newExecutor(Config{
			Settings: settings, Logger: slog.New(slog.NewTextHandler(&r.log, nil)), Workers: pool,
			Retry: backoff.Policy{Base: 100 * time.Millisecond, Max: time.Second},
			Hooks: noHooks{}, Failures: plainFailures{},
			Credentials: func(context.Context) (string, string, error) { return "user", "token", nil },
		}, r.bus)
		r.Executor.route, r.Executor.sessions, r.Executor.conn = r.route, fakeSessions{}, r.cluster
		test(t, r)
		synctest.Wait()
		require.Zero(t, r.Running(), "attempts that are still pinned")
		r.cancel(ErrClosed)
		pool.End()
	})
}

// fakeRoutes pins to the active side. A refusal makes the other side active.
type fakeRoutes struct {
	mu     sync.Mutex
	active fsm.Side
	closed bool
	pins   [1 + len(fsm.Sides)]int64
	idle   chan struct{} // of Drain; nil before
	failed []string      // the reports of unreachable sides
	counts []string      // the executions that count in the health of a side

	// awaitVerdict, if it is set, is called while a statement waits for the verdict on a side.
	awaitVerdict func(ctx context.Context, side fsm.Side) error
}

var _ routes = (*fakeRoutes)(nil)

func (r *fakeRoutes) PinBy(context.Context, router.Choose) (router.Pin, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return router.Pin{}, ErrClosed
	}
	r.pins[r.active]++
	return router.Pin{Side: r.active}, nil
}

func (r *fakeRoutes) PinAgain(ctx context.Context) (router.Pin, error) { return r.PinBy(ctx, nil) }

func (r *fakeRoutes) PinTo(side fsm.Side) router.Pin {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pins[side]++
	return router.Pin{Side: side}
}

func (r *fakeRoutes) Unpin(p router.Pin) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pins[p.Side]--
	r.endDrain()
}

// endDrain closes idle if no attempt is pinned. The caller holds the lock.
func (r *fakeRoutes) endDrain() {
	if r.idle != nil && r.pins[fsm.Blue]+r.pins[fsm.Green] == 0 {
		close(r.idle)
		r.idle = nil
	}
}

func (r *fakeRoutes) Routing() *router.Routing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &router.Routing{Snapshot: fsm.Snapshot{State: fsm.Settled(r.active), Active: r.active}, Closed: r.closed}
}

func (r *fakeRoutes) Refused(_ context.Context, side fsm.Side, _ router.Stamp) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active = side.Other()
	return nil
}

func (r *fakeRoutes) Failed(_ context.Context, side fsm.Side, _ router.Stamp, _ string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, side.String())
	return nil
}

func (r *fakeRoutes) AwaitVerdict(ctx context.Context, side fsm.Side) error {
	if r.awaitVerdict != nil {
		return r.awaitVerdict(ctx, side)
	}
	return nil
}

func (r *fakeRoutes) count(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts = append(r.counts, fmt.Sprintf(format, args...))
}

func (r *fakeRoutes) Answered(p router.Pin, _ time.Duration) { r.count("%s answered", p.Side) }
func (r *fakeRoutes) Unanswered(p router.Pin)                { r.count("%s unanswered", p.Side) }

func (r *fakeRoutes) InFlight(side fsm.Side) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pins[side]
}

func (r *fakeRoutes) Drain() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	idle := make(chan struct{})
	r.idle = idle
	r.endDrain()
	return idle
}

func (*fakeRoutes) Close(context.Context) error                                 { return nil }
func (*fakeRoutes) Stamp() router.Stamp                                         { return router.Stamp{} }
func (*fakeRoutes) Announced(context.Context, fsm.Side, router.Stamp, fsm.Side) {}
func (*fakeRoutes) Agreed(fsm.Side, router.Stamp)                               {}
func (*fakeRoutes) Silent(fsm.Side, router.Stamp, time.Duration)                {}
func (*fakeRoutes) OnDead(fsm.Side, func()) func()                              { return func() {} }

// fakeSessions has a session for each side.
type fakeSessions struct{}

var _ sessions = fakeSessions{}

func (fakeSessions) Get(_ context.Context, side fsm.Side) (router.Session, error) {
	return router.Session{ID: side.String(), Generation: 1}, nil
}
func (fakeSessions) Expired(context.Context, fsm.Side, uint64) {}
func (fakeSessions) Renewed(fsm.Side, uint64) bool             { return false }
func (fakeSessions) Accepted(fsm.Side, uint64)                 {}
func (fakeSessions) Adopt(fsm.Side, uint64, string)            {}

// fakeBus collects events.
type fakeBus struct {
	mu  sync.Mutex
	all []events.Data
}

var _ publisher = (*fakeBus)(nil)

func (b *fakeBus) Publish(_ fsm.Cause, d events.Data) events.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, d)
	return events.Event{Data: d}
}

// published returns the events of one kind.
func published[E events.Data](b *fakeBus) (found []E) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.all {
		if e, ok := d.(E); ok {
			found = append(found, e)
		}
	}
	return found
}

// noHooks has no hooks.
type noHooks struct{}

func (noHooks) Query(ctx context.Context, _ hook.QueryStart) (context.Context, func(hook.QueryEnd)) {
	return ctx, func(hook.QueryEnd) {}
}
func (noHooks) Choose(context.Context, *Statement) router.Choose { return nil }
func (noHooks) Step(ctx context.Context, s *ObservedStep) error  { return s.Run(ctx) }

// plainFailures makes errors that have their description.
type plainFailures struct{}

type (
	queryFailed struct{ Failure }
	queryLost   struct{ Loss }
	callFailed  struct{ failed *wire.Error }
)

func (e *queryFailed) Error() string   { return e.Op + ": " + e.Message }
func (e *queryFailed) Unwrap() error   { return e.Err }
func (e *queryLost) Error() string     { return "lost: " + string(e.Reason) }
func (e *queryLost) Is(err error) bool { return err == ErrQueryLost }
func (e *queryLost) Unwrap() error     { return e.Err }
func (e *callFailed) Error() string    { return e.failed.Error() }
func (e *callFailed) Unwrap() error    { return e.failed }

func (plainFailures) Query(f Failure) error                         { return &queryFailed{f} }
func (plainFailures) Lost(l Loss) error                             { return &queryLost{l} }
func (plainFailures) Call(failed *wire.Error) error                 { return &callFailed{failed} }
func (plainFailures) Detection(failed *router.DetectionError) error { return failed }
func (plainFailures) Argument(err *sqlvalue.BindError) error        { return err }
