package router_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/stress"
)

// The gate of the simulation. Queries outlive the drain of a client, and a client that is
// cut off from the store outlives its lease.
const (
	gateGrace   = 20 * time.Second
	gateDrain   = 10 * time.Second
	longQuery   = time.Minute
	gateClients = 5
	perBubble   = 10 // cutovers
)

// A gateSim is a fleet that goes through cutovers, and a gate that waits for each.
type gateSim struct {
	t      *testing.T
	r      *rand.Rand
	shared *leaseStore
	side   fsm.Side // that serves
	open   [3]bool
	all    []*simClient
	named  int
	done   context.Context // ends with the bubble
	busy   sync.WaitGroup
	status store.DrainStatus // of the gate
	result gateResult
}

// gateResult counts what a simulation did.
type gateResult struct {
	cutovers, waited, expired, returned, woken, blocked int
	unsafe                                              []string
}

// A simClient is a client of the fleet.
type simClient struct {
	*rig
	sim    *gateSim
	name   string
	handle *leaseHandle
	stop   context.CancelFunc
	isBusy bool

	mu      sync.Mutex
	reports []report
}

// A report is a status with which the client has left a side.
type report struct {
	left    fsm.Side
	version uint64
	at      time.Time
	epoch   uint64
}

// chance is true in so many percent of the cases.
func (s *gateSim) chance(percent int) bool { return s.r.IntN(100) < percent }

func (s *gateSim) upTo(d time.Duration) time.Duration { return time.Duration(s.r.Int64N(int64(d))) }

// join adds a client: a busy one, an idle one that is used once, or one that is never used.
func (s *gateSim) join() {
	skew := time.Duration(0)
	if s.chance(50) { // its clock is wrong by days
		skew = s.upTo(200*time.Hour) - 100*time.Hour
	}
	c := &simClient{sim: s, name: fmt.Sprint("client ", s.named), handle: s.shared.handle(skew)}
	c.rig = newRig(s.t, sharing(c.handle), func(cfg *router.Config) {
		cfg.Fleet = router.Fleet{Present: true, Jitter: 2 * time.Second, Votes: 2}
		cfg.DrainTimeout = gateDrain
	})
	s.named++
	c.handle.observe(c.shown) // the first report, of a client that is not used yet, is over or does not matter
	for _, side := range fsm.Sides {
		if !s.open[side] {
			c.cluster.set(side, errRefused)
		}
	}
	ctx, stop := context.WithCancel(s.done)
	c.stop = stop
	kind := s.r.IntN(4)
	if !slices.ContainsFunc(s.all, func(c *simClient) bool { return c.isBusy }) {
		kind = 3 // without one the fleet receives no announcement
	}
	c.isBusy = kind > 1
	s.all = append(s.all, c)
	switch kind {
	case 0: // never used
	case 1: // idle
		s.busy.Go(func() { c.query(ctx, time.Second) })
	default:
		// Each goroutine has a source of its own: the order of the goroutines is not that of the seed.
		r := rand.New(rand.NewPCG(s.r.Uint64(), 0))
		s.busy.Go(func() {
			for ctx.Err() == nil {
				takes := time.Duration(r.Int64N(int64(3 * time.Second)))
				if r.IntN(10) == 0 {
					takes = time.Duration(r.Int64N(int64(longQuery)))
				}
				s.busy.Go(func() { c.query(ctx, takes) })
				select {
				case <-time.After(time.Duration(r.Int64N(int64(5 * time.Second)))):
				case <-ctx.Done():
				}
			}
		})
	}
}

// query runs a query: its first response has the announcement of its side, or its refusal.
func (c *simClient) query(ctx context.Context, takes time.Duration) {
	for ctx.Err() == nil {
		at := c.Stamp()
		p, err := c.Pin(ctx)
		if err != nil {
			return
		}
		if c.cluster.fault(p.Side) != nil {
			c.Unpin(p)
			_ = c.Refused(ctx, p.Side, at)
			continue
		}
		if target := c.announcedBy(p.Side); target.Valid() {
			c.Announced(ctx, p.Side, at, target)
		}
		select {
		case <-time.After(takes):
		case <-ctx.Done():
		}
		c.Unpin(p)
		return
	}
}

func (c *simClient) announcedBy(side fsm.Side) fsm.Side {
	c.cluster.mu.Lock()
	defer c.cluster.mu.Unlock()
	return c.cluster.announces[side]
}

// on reports whether the client may use a side: its queries run there, or new ones do.
func (c *simClient) on(side fsm.Side) bool {
	return c.Routing().Active == side || c.InFlight(side) > 0
}

// shown checks a report against the client, and remembers it.
func (c *simClient) shown(now store.Status) {
	if now.InFlight > 0 || now.State != fsm.Settled(now.Side) {
		return
	}
	side, r := now.Side.Other(), c.Routing()
	if r.Active == now.Side && c.InFlight(side) > 0 {
		c.sim.t.Errorf("%s reports %+v, with %d queries on %s", c.name, now, c.InFlight(side), side)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports = append(c.reports, report{side, now.Seen, time.Now(), r.Epoch})
}

// returned reports whether the client has reported, with that version of the record, that
// it left a side, and has come back since.
func (c *simClient) returned(side fsm.Side, version uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.reports, func(p report) bool { return p.left == side && p.version == version })
	if i < 0 {
		return false
	}
	for _, e := range c.bus.History() {
		if m, ok := e.Data.(events.Transition); ok && m.After.Active == side && m.After.Epoch > c.reports[i].epoch {
			return true
		}
	}
	return false
}

// set opens or closes a side.
func (s *gateSim) set(side fsm.Side, open bool) {
	s.open[side] = open
	for _, c := range s.all {
		if open {
			c.cluster.set(side, nil)
		} else {
			c.cluster.set(side, errRefused)
		}
	}
}

// announce lets a side announce the other one in all its responses.
func (s *gateSim) announce(side, target fsm.Side) {
	for _, c := range s.all {
		c.cluster.announceOnLogin(target, fsm.None)
		c.cluster.announceOnLogin(side, target)
	}
}

// disturb does to some clients what can happen to a client of a fleet.
func (s *gateSim) disturb() {
	for _, c := range s.all {
		c, cut, lasts := c, s.upTo(40*time.Second), s.upTo(90*time.Second)
		switch n := s.r.IntN(10); {
		case n < 3: // a partition
			time.AfterFunc(cut, c.handle.cutOff)
			time.AfterFunc(cut+lasts, c.handle.heal)
		case n < 5: // the clock of the store jumps
			time.AfterFunc(cut, c.handle.expire)
		}
	}
	if s.chance(30) { // one dies without a word, and another one comes
		c := s.all[0]
		s.all = s.all[1:]
		c.handle.cutOff()
		c.stop()
		s.busy.Go(c.end)
		s.join()
	}
}

// gate waits until the side is drained, and checks that it is.
func (s *gateSim) gate(side fsm.Side, ended *atomic.Bool) {
	observer := s.shared.handle(0)
	if s.chance(20) { // the observer itself is cut off for a while
		time.AfterFunc(s.upTo(30*time.Second), observer.cutOff)
		time.AfterFunc(time.Minute, observer.heal)
	}
	waits := s.upTo(25 * time.Second)
	s.busy.Go(func() {
		defer ended.Store(true)
		time.Sleep(waits)
		status, err := store.Drained(s.done, observer, "c", side, store.DrainOptions{
			Grace:    gateGrace,
			OnStatus: func(now store.DrainStatus) { s.status = now; s.result.waited += min(1, len(now.Missing)) },
		})
		if err != nil {
			return
		}
		s.result.expired += len(status.Expired)
		for _, c := range s.all {
			switch {
			case !c.on(side) || c.handle.lost(gateGrace):
			case c.returned(side, status.Record.Version):
				s.result.returned++
			default:
				s.result.unsafe = append(s.result.unsafe, fmt.Sprintf("%s: %s, %d queries on %s; the gate: %+v", c.name, c.Routing().Snapshot, c.InFlight(side), side, status))
			}
		}
	})
}

// cutover moves the fleet to the other side, sometimes there, back, and there again. It
// reports whether the gate has opened.
func (s *gateSim) cutover() bool {
	from, to := s.side, s.side.Other()
	s.set(to, true)
	s.disturb()
	var ended atomic.Bool
	s.gate(from, &ended)
	s.announce(from, to)
	pass(s.upTo(20 * time.Second))
	if s.chance(30) {
		s.announce(to, from)
		pass(s.upTo(20 * time.Second))
		s.announce(from, to)
		pass(s.upTo(20 * time.Second))
	}
	if s.chance(70) {
		pass(s.upTo(30 * time.Second))
	}
	s.set(from, false)
	for n := range 60 {
		pass(10 * time.Second)
		if ended.Load() {
			break
		}
		if n == 30 { // a client that follows no record follows with its next query
			s.result.woken++
			for _, c := range s.all {
				s.busy.Go(func() { c.query(s.done, time.Second) })
			}
		}
	}
	switch {
	case ended.Load():
	case s.status.Blocked != "": // the announcement of a side that is closed again stays in the record
		s.result.blocked++
		return false
	default:
		s.t.Errorf("the gate never opens: %+v", s.status)
		return false
	}
	s.side = to
	s.result.cutovers++
	pass(11 * time.Minute) // until no client is damped any more
	return true
}

// simulateGates runs cutovers in a bubble.
func simulateGates(t *testing.T, seed uint64) (result gateResult) {
	bubbles.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &gateSim{t: t, r: rand.New(rand.NewPCG(seed, 17)), side: fsm.Blue, done: ctx}
		s.shared = newLeaseStore(rand.New(rand.NewPCG(seed, 18)))
		s.open[fsm.Blue] = true
		for range gateClients {
			s.join()
		}
		pass(time.Minute)
		for range perBubble {
			if !s.cutover() {
				break
			}
		}
		cancel()
		s.busy.Wait()
		for _, c := range s.all {
			c.end()
		}
		synctest.Wait()
		result = s.result
	})
	return result
}

// A fleet with busy, idle and unused clients, of which some are cut off from the store, die,
// lose their leases early or have a wrong clock, goes through cutovers. The gate opens for
// each of them, and never while a client uses the old side, unless that client was off the
// list for the grace period, or has come back after its report.
func TestDrained_NeverOpensWhileAClientUsesTheSide(t *testing.T) {
	var sum gateResult
	for seed := uint64(0); sum.cutovers < stress.Count(40, 10_000); seed++ {
		r := simulateGates(t, seed)
		require.Empty(t, r.unsafe, "seed %d", seed)
		require.False(t, t.Failed(), "seed %d", seed)
		sum.cutovers += r.cutovers
		sum.waited += r.waited
		sum.expired += r.expired
		sum.returned += r.returned
		sum.woken += r.woken
		sum.blocked += r.blocked
	}
	t.Logf("%d cutovers: %d statuses with missing clients, %d clients expired, %d came back after their report; %d cutovers needed a query of an idle client, and %d were not finished",
		sum.cutovers, sum.waited, sum.expired, sum.returned, sum.woken, sum.blocked)
	require.Positive(t, sum.waited)
	require.Positive(t, sum.expired)
	require.Less(t, sum.woken, sum.cutovers/10, "idle clients report without a query")
}
