package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
)

// A world is a kind of site with what may happen there.
type world struct {
	name   string
	what   string
	faults []kind
	// share is its part of all cutovers.
	share float64
	// needs are the programs that it cannot do without.
	needs []string
	// keep is the directory for the recordings of the clients; empty: they are in memory.
	keep string
	// begin starts the site, and returns the faults that only this world has.
	begin func(r *record, seed uint64) (*site, map[kind]func(fault), error)
}

// calls are the faults that only the cluster's own ingress can make.
var calls = []kind{suspend, corrupt, short, stuck, late, breakOff, gateway}

var worlds = []world{
	{
		name: "direct", what: "one client, the cluster's own ingress, every fault of calls and of the network",
		faults: slices.Concat(network4, []kind{expire}, calls), share: 0.5,
		begin: func(r *record, seed uint64) (*site, map[kind]func(fault), error) {
			s, err := newSite(r, nil)
			if err == nil {
				err = s.join("the client", seed, 16, nil)
			}
			return s, nil, err
		},
	},
	{
		name: "haproxy", what: "one client, a real HAProxy that is reloaded",
		faults: slices.Concat(network4, []kind{expire, reload}), share: 0.125, needs: []string{"haproxy"},
		begin: behind(newHAProxy),
	},
	{
		name: "nginx", what: "one client, a real nginx that is reloaded",
		faults: slices.Concat(network4, []kind{expire, reload}), share: 0.125, needs: []string{"nginx"},
		begin: behind(newNginx),
	},
	{
		name: "files", what: "three processes with a store in a file, which are killed",
		faults: slices.Concat(network4, []kind{expire, kill, kill, wrongRecord}), share: 0.125,
		begin: beginFiles,
	},
	{
		name: "etcd", what: "a fleet of three clients with a store in a real etcd, which is stopped and killed",
		faults: slices.Concat(network4, []kind{expire, storeStop, storeKill, wrongRecord}), share: 0.125, needs: []string{"etcd"},
		begin: beginEtcd,
	},
}

// behind is a world of one client behind a real ingress.
func behind(front func(*e6test.Cluster) (ingress, error)) func(*record, uint64) (*site, map[kind]func(fault), error) {
	return func(r *record, seed uint64) (*site, map[kind]func(fault), error) {
		s, err := newSite(r, front)
		if err != nil {
			return nil, nil, err
		}
		return s, nil, s.join("the client", seed, 16, nil)
	}
}

// script draws a world's script.
func (w world) script(seed uint64, n int) []step {
	var name uint64
	for _, c := range w.name {
		name = name*31 + uint64(c)
	}
	return draw(rand.New(rand.NewPCG(seed, name)), n, w.faults)
}

// maxSteps is the length of a script that ends with its time.
const maxSteps = 100_000

// play plays a world's script until it is over or the time is. It stops at the first
// promise that is broken.
func (w world) play(seed uint64, cutovers int, until time.Time, send func(format string, args ...any)) *record {
	r := newRecord()
	r.keep = w.keep
	s, special, err := w.begin(r, seed)
	if err != nil {
		r.violation("the world does not begin: %v", err)
		return r
	}
	n := cutovers
	if n == 0 {
		n = maxSteps
	}
	for i, step := range w.script(seed, n) {
		if !time.Now().Before(until) {
			break
		}
		s.play(step, special)
		if (i+1)%100 == 0 {
			send("%s: %d cutovers", w.name, i+1)
		}
		if broken := r.violations(); len(broken) > 0 {
			send("%s: broken in step %d: %s", w.name, i+1, step)
			for _, u := range s.users {
				for _, line := range u.history() {
					send("    %s: %s", u.name(), line)
				}
			}
			break
		}
	}
	s.close()
	if n := r.cutovers(); cutovers > 0 && n < cutovers && len(r.violations()) == 0 {
		r.violation("the time was up after %d of %d cutovers", n, cutovers)
	}
	return r
}

// play makes one cutover, with its faults.
func (s *site) play(step step, special map[kind]func(fault)) {
	var faults sync.WaitGroup
	for _, f := range step.faults {
		faults.Go(func() {
			<-time.After(f.after)
			if inject := special[f.kind]; inject != nil {
				s.serial.Lock()
				defer s.serial.Unlock()
				defer s.record.begin(f.kind)()
				inject(f)
				return
			}
			s.inject(f)
		})
	}
	origin, target := s.side, s.side.Other()
	s.side = target
	over := s.record.begin(step.cutover)
	s.cut(step, origin, target)
	s.wait(fmt.Sprintf("does not follow to %s (%s)", target, step), func(u user) bool { return u.on(target) })
	over()
	faults.Wait()
	before := make(map[user]int64)
	for _, u := range s.users {
		before[u] = u.ended()
	}
	s.wait("does nothing any more", func(u user) bool { now := u.ended(); return now < before[u] || now >= before[u]+3 })
}

// cut changes sides, as the cluster and its ingress do.
func (s *site) cut(step step, origin, target fsm.Side) {
	open := func(sides ...fsm.Side) {
		if err := s.ingress.open(sides...); err != nil {
			s.record.violation("the ingress does not obey: %v", err)
		}
	}
	grace := func() { <-time.After(step.length) }
	switch step.cutover {
	case graceful, notReady, flapping:
		if step.cutover == notReady {
			s.cluster.Announce(target)
			grace()
		}
		open(target, origin)
		s.cluster.Announce(target)
		if step.cutover == flapping {
			grace()
			s.cluster.Announce(origin)
			grace()
			s.cluster.Announce(target)
		}
		s.wait(fmt.Sprintf("does not follow to %s (%s)", target, step), func(u user) bool { return u.on(target) || u.damped() })
		if slices.ContainsFunc(s.users, func(u user) bool { return !u.on(target) }) {
			defer s.record.begin(damped)() // a refusal moves it, and cuts its queries off
		}
		s.wait(fmt.Sprintf("does not leave %s (%s)", origin, step), func(u user) bool { return u.idleOn(origin) || !u.on(target) })
		open(target)
	case announceFirst:
		s.cluster.Announce(target)
		grace()
		open(target)
	case outage:
		s.cluster.ClearAnnouncement()
		open()
		grace()
		open(target)
	case abrupt, engineLost:
		s.cluster.ClearAnnouncement()
		open(target)
		if step.cutover == engineLost {
			s.cluster.LoseEngine(origin)
		}
	}
}

// inject lets a fault happen, and returns when it is over.
func (s *site) inject(f fault) {
	defer s.record.begin(f.kind)()
	last := func() { <-time.After(f.length) }
	one := func(fault e6test.Fault) {
		if fault.Method == "" {
			fault.Method = f.method
		}
		fault.Nth = f.nth
		remove := s.cluster.Inject(fault).Remove
		last()
		remove()
	}
	switch f.kind {
	case reset:
		s.network.cut()
	case halfOpen:
		s.network.stall()
		last()
		s.network.cut()
		s.network.heal()
	case partition:
		s.network.stall()
		last()
		s.network.heal()
	case slowLink:
		s.network.slow(f.length / 40)
		last()
		s.network.heal()
	case goAway:
		s.network.goaway()
	case reload:
		if err := s.ingress.reload(); err != nil {
			s.record.violation("the ingress is not reloaded: %v", err)
		}
	case expire:
		s.cluster.ExpireSessions()
	case suspend:
		s.cluster.Suspend()
		last()
	case corrupt:
		one(e6test.Fault{Method: "getNextResultBatchV2", Action: e6test.Garbage})
	case short:
		one(e6test.Fault{Method: "getNextResultBatchV2", Action: e6test.Short})
	case stuck:
		one(e6test.Fault{Action: e6test.Hang})
	case late:
		one(e6test.Fault{Action: e6test.DelayAfter, Delay: f.length, Times: 3})
	case breakOff:
		one(e6test.Fault{Action: e6test.BreakAfter})
	case gateway:
		one(e6test.Fault{Action: e6test.BadGateway})
	default:
		s.record.violation("a fault without an implementation: %s", f.kind)
	}
}

var errMissing = errors.New("a program is missing")

// missing lists the programs that are not installed.
func (w world) missing() error {
	for _, name := range w.needs {
		if _, err := find(name); err != nil {
			return fmt.Errorf("%w: %w", errMissing, err)
		}
	}
	return nil
}
