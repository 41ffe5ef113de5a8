package router_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/store"
)

// A scope is the set of steps that are possible in a world, in any order.
type scope struct {
	name      string
	queries   int
	warm      bool     // blue is known to serve before the first step
	closed    bool     // green is closed at first, and opens at some moment
	announce  bool     // at some moment blue begins to announce green in every response
	withdraw  bool     // at some later moment blue names itself again
	refuse    []string // one of these sides closes at some moment
	reopen    bool     // and opens again at some later moment
	reset     bool     // the caller resets the client, once
	fail      []string // a call to one of these sides gets no response, once
	storeSide fsm.Side // at some moment the store delivers a record with this side
	guard     bool     // there is a guard, which may be slow
	veto      bool     // and may veto
	torn      bool     // the first query reads the routing some time before it counts itself in
	late      bool     // cancelled calls end some time later
	limits    int      // how often a time limit may pass
}

// Durations of a world. A pause between probes is over within the first, and
// the others pass only in a step of the schedule.
const (
	pauseOfModel = time.Microsecond
	limitOfModel = time.Hour // of preparing, draining and detecting
	neverInModel = 10000 * time.Hour
)

// A gate is a point at which a goroutine waits for the schedule.
type gate struct {
	name  string        // what waits: "query 1", or the call and its side
	what  string        // what comes next
	print func() string // the state that decides what happens next; nil for a query, which has its own
	live  func() bool   // its context has not ended
	probe bool          // the work of a detection, or of the preparing phase
	open  chan verdict  // receives the decision of the schedule
}

func (g *gate) label() string {
	if g.print == nil {
		return g.name + ": " + g.what
	}
	return g.name + ": " + g.what + " (" + g.print() + ")"
}

// A verdict is the decision of the schedule about a gate.
type verdict struct {
	err  error // no answer
	veto bool
}

// world is a router, the code that ships, between two sides, a store and
// some queries that move only in a step of the schedule.
type world struct {
	*router.Router
	scope scope
	bus   *events.Bus

	mu       sync.Mutex
	gates    []*gate
	queries  []*modelQuery
	open     [3]bool
	closed   fsm.Side // the side that refused at some moment
	naming   fsm.Side // what blue's answers announce
	accepted [3]int   // how many probes each side has taken
	watch    func(store.Record)
	record   store.Record
	used     map[string]bool // what happens only once
	limits   int
	wrong    []string
	monitor  monitor

	end    chan struct{}
	cancel context.CancelFunc
	left   sync.WaitGroup
}

func (w *world) blame(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

func newWorld(s scope) (*world, error) {
	w := &world{scope: s, bus: events.NewBus(events.Options{History: 128}), used: map[string]bool{}, limits: s.limits, end: make(chan struct{})}
	w.open[fsm.Blue], w.open[fsm.Green] = true, !s.closed
	cfg := router.Config{
		Cluster: modelCluster{w}, Events: w.bus, Logger: slog.New(modelLog{slog.DiscardHandler, w}), Key: "c", Prefer: fsm.Blue,
		ProbeTimeout: neverInModel, DetectionTimeout: limitOfModel, PrepareTimeout: limitOfModel, SharedTimeout: limitOfModel,
		DrainTimeout: limitOfModel, RefreshInterval: neverInModel, HealthWindow: time.Minute,
		Retry: backoff.Policy{Base: pauseOfModel, Max: pauseOfModel},
	}
	cfg.Hooks.Session = func(ctx context.Context, s hook.SessionStart) (context.Context, func(hook.SessionEnd)) {
		// The messages that caused this call are in the inbox already. Inside waits
		// until the writer has handled them: otherwise the same schedule could run
		// with and without this call.
		_ = w.router().Inside()
		return context.WithValue(ctx, purposeKey{}, s.Purpose), func(hook.SessionEnd) {}
	}
	if s.guard {
		cfg.Hooks.Guard = w.guard
	}
	if s.storeSide != fsm.None {
		cfg.Store = modelStore{w}
	}
	var err error
	w.mu.Lock() // a call of the cluster waits until there is a router
	w.Router, err = router.New(cfg)
	w.mu.Unlock()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	synctest.Wait()
	if s.warm {
		w.warmUp()
	}
	for i := range s.queries {
		q := &modelQuery{w: w, name: fmt.Sprintf("query %d", i+1), torn: s.torn && i == 0}
		w.queries = append(w.queries, q)
		w.left.Go(func() { q.run(ctx) })
	}
	synctest.Wait()
	return w, nil
}

// modelLog takes the log: the router logs only errors of its own.
type modelLog struct {
	slog.Handler
	w *world
}

func (c modelLog) Enabled(context.Context, slog.Level) bool { return true }

func (c modelLog) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		c.w.blame("logged: %s: %s", r.Message, a.Value)
		return true
	})
	return nil
}

// router is for calls that may be made before New has returned.
func (w *world) router() *router.Router {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Router
}

// warmUp lets a detection find blue.
func (w *world) warmUp() {
	go func() {
		if p, err := w.Pin(context.Background()); err == nil {
			w.Unpin(p)
		}
	}()
	synctest.Wait()
	w.monitor.look(w)
	for _, g := range w.waiting() {
		g.open <- verdict{}
		synctest.Wait()
	}
	w.monitor.look(w)
}

// close ends everything, wherever it is.
func (w *world) close() {
	close(w.end)
	w.cancel()
	if err := w.Close(context.Background()); err != nil {
		w.blame("close: %v", err)
	}
	w.left.Wait()
	w.bus.Close()
	if n := w.InFlight(fsm.Blue) + w.InFlight(fsm.Green); n != 0 {
		w.blame("%d pins are left after the end", n)
	}
}

// pass waits at a gate. It reports false if the schedule ends first.
func (w *world) pass(ctx context.Context, name, what string, print func() string) (verdict, bool) {
	g := &gate{name: name, what: what, print: print, open: make(chan verdict), live: func() bool { return ctx.Err() == nil }}
	g.probe = strings.HasPrefix(name, "login (detect)") || strings.HasPrefix(name, "login (prepare)") || what == "decide"
	w.mu.Lock()
	w.gates = append(w.gates, g)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for i, other := range w.gates {
			if other == g {
				w.gates = append(w.gates[:i:i], w.gates[i+1:]...)
				return
			}
		}
	}()
	gone := ctx.Done()
	if w.scope.late {
		gone = nil
	}
	select {
	case d := <-g.open:
		return d, true
	case <-gone:
		return verdict{err: ctx.Err()}, true
	case <-w.end:
		return verdict{err: context.Canceled}, false
	}
}

func (w *world) waiting() []*gate {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*gate(nil), w.gates...)
}

// calls reports whether a call to a side is under way.
func (w *world) calls(side fsm.Side) bool {
	for _, g := range w.waiting() {
		if g.print != nil && strings.HasSuffix(g.name, " "+side.String()) {
			return true
		}
	}
	return false
}

// print is the state that decides what happens next in a world.
func (w *world) print() string {
	lines := []string{fmt.Sprintf("%s | open=%t,%t naming=%s limits=%d %s", w.Router.Print(), w.open[fsm.Blue], w.open[fsm.Green], w.naming, w.limits, w.monitor.print())}
	for key := range w.used {
		lines = append(lines, key)
	}
	for _, q := range w.queries {
		lines = append(lines, q.print())
	}
	for _, g := range w.waiting() {
		if g.print != nil {
			lines = append(lines, g.name+" "+g.what+" "+g.print())
		}
	}
	sort.Strings(lines[1:]) // which of the queries is where makes no difference
	return strings.Join(lines, "\n")
}

type purposeKey struct{}

// modelCluster ends each call in a step of the schedule, with the state of the side then.
type modelCluster struct{ w *world }

func (m modelCluster) call(ctx context.Context, what string, side fsm.Side) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	route := m.w.router()
	at, held := route.Stamp(), route.Routing().Held
	name := what + " on " + side.String()
	d, ok := m.w.pass(ctx, name, "answer", func() string { return fmt.Sprintf("%s %t %t", route.Ago(at), held, ctx.Err() != nil) })
	if !ok || d.err != nil {
		return d.err
	}
	m.w.mu.Lock()
	open, naming := m.w.open[side], m.w.naming
	if open {
		m.w.accepted[side]++
	}
	m.w.mu.Unlock()
	if !open {
		return &refusal{side, at}
	}
	if side == fsm.Blue && naming.Valid() {
		route.Announced(ctx, side, at, naming)
	}
	return nil
}

// refusal is the error of a closed side.
type refusal struct {
	side fsm.Side
	at   router.Stamp
}

func (r *refusal) Error() string { return "456" }

func (m modelCluster) Authenticate(ctx context.Context, side fsm.Side) (string, error) {
	purpose, _ := ctx.Value(purposeKey{}).(string)
	return side.String(), m.call(ctx, "login ("+purpose+")", side)
}

func (m modelCluster) Ping(ctx context.Context, side fsm.Side) error {
	return m.call(ctx, "ping", side)
}

func (m modelCluster) Resume(context.Context, fsm.Side, func()) error { return errSuspended }

func (m modelCluster) Reconnect() {}

func (m modelCluster) Classify(err error) router.Verdict {
	var r *refusal
	switch {
	case err == nil:
		return router.Accepts
	case errors.As(err, &r):
		return router.Refuses
	}
	return router.Unreachable
}

// guard lets the schedule decide about a transition.
func (w *world) guard(ctx context.Context, p hook.Proposal) hook.Decision {
	d, _ := w.pass(ctx, "guard of "+p.To.String(), "decide", func() string { return fmt.Sprint(ctx.Err() != nil) })
	return hook.Decision{Veto: d.veto, By: "model"}
}

// modelStore delivers one record, once.
type modelStore struct{ w *world }

func (m modelStore) Load(context.Context, string) (store.Record, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	return m.w.record, nil
}

func (m modelStore) CompareAndSwap(_ context.Context, _ string, old uint64, next store.Record) (store.Record, error) {
	next.Version = old + 1
	return next, nil
}

func (m modelStore) Watch(ctx context.Context, _ string, fn func(store.Record)) error {
	m.w.mu.Lock()
	m.w.watch = fn
	m.w.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}
