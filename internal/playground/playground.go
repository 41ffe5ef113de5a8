package playground

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

// recordingBytes is the size of the flight recording: some minutes of the load.
const recordingBytes = 1 << 20

// Playground is a cluster and a client. Its methods may be called by any goroutine.
type Playground struct {
	changed  chan struct{}
	commands sync.Mutex // held by Do and Close. The demo runs between commands only
	demo     demo

	mu      sync.Mutex
	world   *world
	problem string // of the last command
}

// Open starts a cluster with blue open and a client of it. No query runs yet.
func Open(ctx context.Context) (*Playground, error) {
	p := &Playground{changed: make(chan struct{}, 1)}
	w, err := newWorld(ctx, p.notify)
	if err != nil {
		return nil, err
	}
	p.world = w
	return p, nil
}

// Close ends the demo and the load, and closes the client and the cluster.
func (p *Playground) Close() error {
	p.commands.Lock()
	defer p.commands.Unlock()
	p.demo.stop()
	return p.current().close()
}

// Changed delivers a value when the strategy has changed since the last value.
func (p *Playground) Changed() <-chan struct{} { return p.changed }

func (p *Playground) notify() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *Playground) current() *world {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.world
}

// reset replaces the cluster and the client by new ones.
func (p *Playground) reset(ctx context.Context) error {
	if err := p.current().close(); err != nil {
		return err
	}
	w, err := newWorld(ctx, p.notify)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.world = w
	return nil
}

// world is a cluster with its client and its load.
type world struct {
	cluster  *e6test.Cluster
	client   *e6.Client
	recorder *recorder.Recorder
	queries  *queries
	load     *load
	used     bool // by a command; only commands and the demo, which do not overlap, access it

	mu        sync.Mutex
	announced fsm.Side
	faults    map[fsm.Side][]*e6test.Injection // of an unhealthy side
	changes   []Change
	cutovers  int
	step      Step
}

// newWorld opens a client whose times fit a visitor who looks on: a rollback needs seconds
// of failures, and a bad side can be tried again soon.
func newWorld(ctx context.Context, notify func()) (*world, error) {
	cluster, err := e6test.Start(e6test.InMemory(), e6test.WithClusterName("playground"), e6test.WithBatchRows(batchRows), e6test.WithChunks(1))
	if err != nil {
		return nil, fmt.Errorf("start the cluster of the playground: %w", err)
	}
	w := &world{cluster: cluster, queries: newQueries(), faults: map[fsm.Side][]*e6test.Injection{}, recorder: recorder.Memory(recorder.Size(recordingBytes))}
	w.client, err = e6.Open(ctx, e6.Config{
		Address: cluster.Addr(), ClusterName: "playground", ApplicationName: "playground", User: "visitor@example.com", Token: "playground",
		HealthWindow: 5 * time.Second, ReadyTimeout: 30 * time.Second, Prefetch: 1,
	},
		e6.WithDialer(cluster.Dialer()), e6.WithRecorder(w.recorder), e6.WithQueryHook(w.queries), e6.WithStepHook(w.queries),
		e6.WithRollback(e6.RollbackPolicy{MinRequests: 5, ErrorRate: 0.1, Probation: 2 * time.Minute, CoolDown: 10 * time.Second}))
	if err != nil {
		_ = cluster.Close() // always nil
		return nil, fmt.Errorf("open the client of the playground: %w", err)
	}
	w.client.Subscribe(func(e events.Event) {
		w.note(e)
		notify()
	}, events.History(256))
	w.load = newLoad(w.client, w.queries)
	return w, nil
}

func (w *world) close() error {
	w.load.stop()
	err := w.client.Close()
	return errors.Join(err, w.cluster.Close())
}

// note keeps the changes of the active side, and the last step of the machine.
func (w *world) note(e events.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch d := e.Data.(type) {
	case events.Transition:
		w.step = Step{From: d.From(), To: d.To(), Event: d.Event, At: e.Time}
	case events.StrategyChanged:
		if d.From.Valid() && d.To.Valid() {
			w.cutovers++
		}
		w.changes = append(w.changes, Change{At: e.Time, From: d.From, To: d.To, Kind: d.Change, Cause: e.Cause.String(), Took: ms(d.Took), InFlight: d.InFlight})
		w.changes = slices.Delete(w.changes, 0, max(0, len(w.changes)-shownChanges))
	}
}
