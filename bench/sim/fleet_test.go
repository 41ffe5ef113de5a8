package sim

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// A scenario is a fleet, and what happens to it, one thing after the other.
type scenario struct {
	name   string
	shares bool            // the clients share a store
	fleet  *e6.FleetPolicy // and are a fleet
	health *e6.RollbackPolicy
	phases []phase
}

// A phase is one thing that happens, and the time until the next one.
type phase struct {
	name    string
	happens func(f *fleet)
	lasts   time.Duration
	// stays is set if all clients are to be where they were in the end.
	stays bool
}

// A client of the simulation runs a query about every twenty seconds, over a link of 1 to
// 20 ms in each direction.
const (
	everySoOften = 20 * time.Second
	storeDelay   = 3 * time.Millisecond
)

// fleet is the clients of one run.
type fleet struct {
	t       *testing.T
	r       *rand.Rand
	s       scenario
	cluster *e6test.Cluster
	shared  *farStore
	side    fsm.Side // where the clients are

	mu      sync.Mutex
	began   time.Time // of the phase
	members []*member
	all     sync.WaitGroup
	failed  atomic.Int64
	late    atomic.Int64 // queries that began on the old side in this phase
	begun   atomic.Int64 // queries that began in this phase
}

// member is one client.
type member struct {
	*e6.Client
	store *handle
	quit  context.CancelFunc
	gone  bool
}

// outcome is what became of a phase.
type outcome struct {
	name    string
	clients int
	// half, most and all are when so many clients had gone to the other side: 50 %, 99 %
	// and 100 % of those that were there at the end; below 0 if they had not.
	half, most, all time.Duration
	// logins are authentications that were tried, per client; peak and sharpest the most
	// of them within one second and a tenth of one.
	logins         float64
	peak, sharpest int
	// refused are calls that a side refused, and late queries that began on the old side.
	refused    int
	late       int64
	queries    int64
	failed     int64
	storeCalls float64 // per client
	storePeak  int     // within one second
	swaps      int
}

// run plays a scenario with that many clients.
func run(t *testing.T, s scenario, clients int, seed uint64) (all []outcome) {
	bubbles.Test(t, func(t *testing.T) {
		cluster, err := e6test.Start(e6test.InMemory())
		require.NoError(t, err)
		defer cluster.Close()
		f := &fleet{
			t: t, s: s, r: rand.New(rand.NewPCG(seed, uint64(clients))), cluster: cluster,
			shared: &farStore{delay: storeDelay}, side: fsm.Blue,
		}
		for range clients {
			f.join(time.Duration(f.r.Int64N(int64(everySoOften))))
		}
		time.Sleep(3 * everySoOften / 2)
		synctest.Wait()
		for _, p := range s.phases {
			all = append(all, f.play(p))
		}
		for _, m := range f.members {
			m.quit()
		}
		f.all.Wait()
		synctest.Wait()
		require.Empty(t, cluster.Stats().Violations)
	})
	return all
}

// play plays one phase.
func (f *fleet) play(p phase) outcome {
	before, swaps := f.cluster.Stats(), f.shared.swaps.Load()
	f.failed.Store(0)
	f.late.Store(0)
	f.begun.Store(0)
	f.mu.Lock()
	f.began = time.Now()
	f.mu.Unlock()
	to := f.side.Other()
	p.happens(f)
	time.Sleep(p.lasts)
	synctest.Wait()

	o := f.outcome(to)
	o.name, o.clients = p.name, f.present()
	if len(f.s.phases) == 1 {
		o.name = f.s.name
	}
	after := f.cluster.Stats()
	o.logins = float64(after.Calls["authenticate"]-before.Calls["authenticate"]) / float64(o.clients)
	o.refused, o.swaps = after.Refused456-before.Refused456, int(f.shared.swaps.Load()-swaps)
	if !p.stays {
		f.side = to
	}
	for _, m := range f.members {
		if !m.gone {
			require.Equal(f.t, f.side, m.Strategy().Active, "%s: a client is left behind", o.name)
		}
	}
	return o
}

// present is the number of running clients.
func (f *fleet) present() (n int) {
	for _, m := range f.members {
		if !m.gone {
			n++
		}
	}
	return n
}

// join adds a client that runs queries until it quits.
func (f *fleet) join(first time.Duration) {
	delay := time.Millisecond + time.Duration(f.r.Int64N(int64(19*time.Millisecond)))
	link := e6test.Link{Up: delay, Down: delay}
	pace := rand.New(rand.NewPCG(f.r.Uint64(), 1))
	m := &member{store: &handle{farStore: f.shared}}
	// Small buffers, as there are so many of them in one process.
	opts := []e6.Option{e6.WithDialer(link.Dialer(f.cluster.Dialer())), e6.WithLazyOpen(), e6.WithDialOptions(
		grpc.WithReadBufferSize(0), grpc.WithWriteBufferSize(4<<10))}
	if f.s.shares {
		opts = append(opts, e6.WithStore(m.store))
	}
	if f.s.fleet != nil {
		opts = append(opts, e6.WithFleet(*f.s.fleet))
	}
	if f.s.health != nil {
		opts = append(opts, e6.WithRollback(*f.s.health))
	}
	var err error
	m.Client, err = e6.Open(f.t.Context(), e6.Config{Address: f.cluster.Addr(), User: "user@example.com", Token: "token", EventHistory: 128, MaxAttempts: 20}, opts...)
	require.NoError(f.t, err)
	ctx, quit := context.WithCancel(f.t.Context())
	m.quit = quit
	f.mu.Lock()
	f.members = append(f.members, m)
	f.mu.Unlock()
	f.all.Go(func() {
		defer func() { _ = m.Close() }()
		for wait := first; ; wait = everySoOften/2 + time.Duration(pace.Int64N(int64(everySoOften))) {
			t := time.NewTimer(wait)
			select {
			case <-t.C:
			case <-ctx.Done():
				t.Stop()
				return
			}
			f.runQuery(ctx, m)
		}
	})
}

// query runs one query.
func (f *fleet) runQuery(ctx context.Context, m *member) {
	began := time.Now()
	result, err := m.QueryAll(ctx, "SELECT 42")
	f.mu.Lock()
	now := !f.began.IsZero() && !began.Before(f.began)
	f.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		f.failed.Add(1)
		f.t.Logf("%s: a query failed: %v", f.s.name, err)
	case now:
		f.begun.Add(1)
		if result.Handle.Side == f.side {
			f.late.Add(1)
		}
	}
}

// outcome reads from the clients' histories what happened when in the current phase.
func (f *fleet) outcome(to fsm.Side) outcome {
	o := outcome{queries: f.begun.Load(), failed: f.failed.Load(), late: f.late.Load()}
	var moved, logins []time.Duration
	there := 0
	for _, m := range f.members {
		arrived := time.Duration(-1)
		for _, e := range m.History() {
			at := e.Time.Sub(f.began)
			if at < 0 {
				continue
			}
			switch d := e.Data.(type) {
			case events.Transition:
				if d.After.Active == to && d.Before.Active != to && arrived < 0 {
					arrived = at
				}
			case events.SessionOpened:
				logins = append(logins, at-d.Took)
			case events.ProbeFailed:
				logins = append(logins, at)
			}
		}
		if m.gone {
			continue
		}
		there++
		if arrived >= 0 {
			moved = append(moved, arrived)
		}
	}
	slices.Sort(moved)
	at := func(percent int) time.Duration {
		n := (percent*there+99)/100 - 1
		if n >= len(moved) {
			return -1
		}
		return moved[n]
	}
	o.half, o.most, o.all = at(50), at(99), at(100)
	o.peak, o.sharpest = most(logins, time.Second), most(logins, time.Second/10)
	calls := f.shared.calls.since(f.began)
	o.storeCalls, o.storePeak = float64(len(calls))/float64(there), most(calls, time.Second)
	return o
}

// most is how many of some moments lie within a window of that length, at the most.
func most(moments []time.Duration, window time.Duration) (n int) {
	slices.Sort(moments)
	first := 0
	for last, at := range moments {
		for at-moments[first] >= window {
			first++
		}
		n = max(n, last-first+1)
	}
	return n
}
