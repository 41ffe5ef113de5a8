package router_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestMain(m *testing.M) {
	// A flag of the command line, which is parsed later, wins.
	if err := flag.Set("rapid.checks", fmt.Sprint(stress.Count(15, 100))); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

const (
	probeTimeout     = time.Second
	detectionTimeout = 30 * time.Second
	prepareTimeout   = time.Minute
	sharedTimeout    = 30 * time.Minute
	drainTimeout     = 15 * time.Minute
	refreshInterval  = time.Hour
	latency          = time.Millisecond // of every call of the fake
)

// The errors of a side of the fake. Each stands for one verdict.
var (
	errRefused   = errors.New("456")
	errDead      = errors.New("connection refused")
	errSuspended = errors.New("503")
	errDenied    = errors.New("wrong credentials")
	errHangs     = errors.New("never answers")
)

// fakeCluster is two sides that a test opens and closes.
type fakeCluster struct {
	route func() *router.Router

	mu          sync.Mutex
	fails       [3]error    // the error of a side, or nil
	announces   [3]fsm.Side // the side that a login response of a side announces
	auths       [3]int
	pings       [3]int
	resumes     int
	resuming    time.Duration
	resumeError error // the error of Resume
}

func (f *fakeCluster) Authenticate(ctx context.Context, side fsm.Side) (string, error) {
	at := f.route().Stamp()
	if err := f.answer(ctx, side); err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.auths[side]++
		return "", err
	}
	f.mu.Lock()
	f.auths[side]++
	id, target := fmt.Sprintf("%s-%d", side, f.auths[side]), f.announces[side]
	f.mu.Unlock()
	if target.Valid() {
		f.route().Announced(ctx, side, at, target)
	}
	return id, nil
}

func (f *fakeCluster) Ping(ctx context.Context, side fsm.Side) error {
	err := f.answer(ctx, side)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pings[side]++
	return err
}

// answer waits for the latency and returns the error of the side.
func (f *fakeCluster) answer(ctx context.Context, side fsm.Side) error {
	select {
	case <-time.After(latency):
	case <-ctx.Done():
		return ctx.Err()
	}
	err := f.fault(side)
	if errors.Is(err, errHangs) {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (f *fakeCluster) Resume(ctx context.Context, _ fsm.Side, confirmed func()) error {
	confirmed()
	f.mu.Lock()
	f.resumes++
	resumeError, resuming := f.resumeError, f.resuming
	f.mu.Unlock()
	select {
	case <-time.After(resuming):
	case <-ctx.Done():
		return ctx.Err()
	}
	if resumeError == nil {
		f.set(fsm.Blue, nil)
		f.set(fsm.Green, errRefused)
	}
	return resumeError
}

// Reconnect implements router.Cluster.
func (f *fakeCluster) Reconnect() {}

func (f *fakeCluster) Classify(err error) router.Verdict {
	switch {
	case err == nil:
		return router.Accepts
	case errors.Is(err, errRefused):
		return router.Refuses
	case errors.Is(err, errSuspended):
		return router.Suspended
	case errors.Is(err, errDenied):
		return router.Denied
	}
	return router.Unreachable
}

func (f *fakeCluster) set(side fsm.Side, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails[side] = err
}

func (f *fakeCluster) fault(side fsm.Side) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fails[side]
}

// announceOnLogin lets a side announce target in every login response.
func (f *fakeCluster) announceOnLogin(side, target fsm.Side) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.announces[side] = target
}

func (f *fakeCluster) logins(side fsm.Side) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.auths[side]
}

func (f *fakeCluster) pinged(side fsm.Side) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pings[side]
}

// rig is a router with its fake cluster.
type rig struct {
	*router.Router
	t       testing.TB
	cluster *fakeCluster
	bus     *events.Bus
	tape    *tape
}

func newRig(t testing.TB, change ...func(*router.Config)) *rig {
	r := &rig{t: t, cluster: &fakeCluster{}, tape: &tape{}, bus: events.NewBus(events.Options{History: 1 << 14})}
	var made sync.WaitGroup
	made.Add(1)
	r.cluster.route = func() *router.Router { made.Wait(); return r.Router }
	cfg := router.Config{
		Cluster: r.cluster, Events: r.bus, Logger: slog.New(slog.DiscardHandler), Key: "c", Prefer: fsm.Blue,
		ProbeTimeout: probeTimeout, DetectionTimeout: detectionTimeout, PrepareTimeout: prepareTimeout,
		SharedTimeout: sharedTimeout, DrainTimeout: drainTimeout, RefreshInterval: refreshInterval, HealthWindow: time.Minute,
		Retry:    backoff.Policy{Base: 10 * time.Millisecond, Max: time.Second},
		Recorder: r.tape,
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	r.Router, err = router.New(cfg)
	require.NoError(t, err)
	made.Done()
	return r
}

// end closes the router and checks that no goroutine and no pin is left, and that a replay
// of what happened decides the same.
func (r *rig) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(r.t, r.Close(ctx))
	r.bus.Close()
	require.NoError(r.t, r.bus.Wait(ctx))
	r.tape.requireEqualReplay(r.t)
}

// bubble runs a test in a bubble, with green closed and blue open.
func bubble(t *testing.T, test func(t *testing.T, r *rig), change ...func(*router.Config)) {
	bubbles.Test(t, func(t *testing.T) {
		r := newRig(t, change...)
		r.cluster.set(fsm.Green, errRefused)
		defer r.end()
		test(t, r)
	})
}

// pass lets time pass and waits until every goroutine blocks.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// pin pins a query that must not have to wait for longer than a second.
func (r *rig) pin() router.Pin {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	p, err := r.Pin(ctx)
	require.NoError(r.t, err)
	return p
}

// touch pins and unpins, and returns the side.
func (r *rig) touch() fsm.Side {
	r.t.Helper()
	p := r.pin()
	r.Unpin(p)
	synctest.Wait() // the routing is published before its event
	return p.Side
}

// cutTo moves new queries to a side by an announcement of the other one.
func (r *rig) cutTo(side fsm.Side) {
	r.t.Helper()
	r.cluster.set(side, nil)
	r.announce(side.Other(), r.Stamp(), side)
	pass(5 * latency)
	require.Equal(r.t, side, r.Routing().Active)
}

func (r *rig) announce(source fsm.Side, at router.Stamp, target fsm.Side) {
	r.Announced(context.Background(), source, at, target)
	synctest.Wait()
}

func (r *rig) refuse(side fsm.Side, at router.Stamp) {
	r.t.Helper()
	require.NoError(r.t, r.Refused(context.Background(), side, at))
}

func (r *rig) fail(side fsm.Side, at router.Stamp) {
	r.t.Helper()
	require.NoError(r.t, r.Failed(context.Background(), side, at, errDead.Error()))
}

func (r *rig) requireState(want string) {
	r.t.Helper()
	require.Equal(r.t, want, r.Routing().Snapshot.String())
}

// waiter is a Pin under way.
type waiter struct {
	pin  router.Pin
	err  error
	done chan struct{}
}

func (r *rig) startPin(ctx context.Context) *waiter {
	w := &waiter{done: make(chan struct{})}
	go func() {
		defer close(w.done)
		if w.pin, w.err = r.Pin(ctx); w.err == nil {
			r.Unpin(w.pin)
		}
	}()
	synctest.Wait()
	return w
}

func (w *waiter) waits() bool {
	select {
	case <-w.done:
		return false
	default:
		return true
	}
}

// happened lists the events of one type.
func happened[D events.Data](r *rig) (all []D) {
	for _, e := range r.bus.History() {
		if d, ok := e.Data.(D); ok {
			all = append(all, d)
		}
	}
	return all
}

// steps lists the machine's events so far.
func (r *rig) steps() (all []string) {
	for _, s := range happened[events.Transition](r) {
		all = append(all, s.Event.String()+" "+s.After.String())
	}
	return all
}

// drains lists the results of the drains so far.
func (r *rig) drains() (all []string) {
	for _, d := range happened[events.DrainEnded](r) {
		all = append(all, d.Side.String()+" "+d.Result)
	}
	return all
}

// openAndAnnounce opens a side and announces it, wherever that leads.
func (r *rig) openAndAnnounce(side fsm.Side) {
	r.cluster.set(side, nil)
	r.announce(side.Other(), r.Stamp(), side)
}

// slowCluster delays each login by the milliseconds that late holds when it is sent.
// Its result is that of the side at its end.
type slowCluster struct {
	*fakeCluster
	late *atomic.Int64
}

func (s slowCluster) Authenticate(ctx context.Context, side fsm.Side) (string, error) {
	select {
	case <-time.After(time.Duration(s.late.Load()) * time.Millisecond):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return s.fakeCluster.Authenticate(ctx, side)
}
