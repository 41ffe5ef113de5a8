package e6otel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/fsm"
)

var states = []fsm.State{fsm.StateUnknown, fsm.StateDetecting, fsm.StateBlue, fsm.StateGreen, fsm.StateTransitioning}

// totals are monotonic counts, and a client with their attributes.
type totals struct {
	like           *client
	calls, refused [3]int64
	batches, bytes [3]int64
	eventsDropped  int64
	panics         int64 // of subscribers
}

func (t *totals) count(s e6.Stats) {
	for _, side := range fsm.Sides {
		t.calls[side] += s.Calls[side]
		t.refused[side] += s.Refused[side]
		t.batches[side] += s.Batches[side]
		t.bytes[side] += s.Bytes[side]
	}
	t.eventsDropped += int64(s.EventsDropped)
	t.panics += int64(s.SubscriberPanics)
}

// connection is the key by which connections are counted.
type connection struct{ use, state string }

var (
	connUses   = []string{"control", "query", "alone"}
	connStates = []string{"idle", "connecting", "ready", "transient_failure"}
)

// levels are the values at the time of a collection.
type levels struct {
	totals
	open       bool
	states     map[fsm.State]int64
	inFlight   [3]int64
	conns      map[connection]int64
	waiting    int64 // for a stream
	age, limit time.Duration
}

func (i *Instrumentation) add(c *client) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clients[c] = struct{}{}
}

// remove adds the counts of the client to those of the closed clients. Otherwise an
// observable counter would fall when one of several clients of an address is closed, and
// counts after the last collection would be lost.
func (i *Instrumentation) remove(c *client) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.clients, c)
	t := i.closed[c.address]
	// A copy with the attributes only: a reference to the closed client would keep its memory.
	t.like = &client{attrs: c.attrs}
	t.count(c.c.Stats())
	i.closed[c.address] = t
}

// observe is called at every collection of metrics. It adds up the values of the clients
// of one address, because they have the same attributes.
func (i *Instrumentation) observe(_ context.Context, o metric.Observer) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	byAddress := make(map[string]*levels, len(i.closed))
	for address, t := range i.closed {
		byAddress[address] = &levels{totals: t}
	}
	for c := range i.clients {
		l := byAddress[c.address]
		if l == nil {
			l = &levels{totals: totals{like: c}}
			byAddress[c.address] = l
		}
		l.take(c)
	}
	for _, l := range byAddress {
		i.instruments.report(o, l)
	}
	return nil
}

// take adds the values of an open client.
func (l *levels) take(c *client) {
	s := c.c.Stats()
	l.count(s)
	if l.open = true; l.states == nil {
		l.states = make(map[fsm.State]int64, len(states))
		l.conns = make(map[connection]int64)
	}
	l.waiting += s.StreamsWaiting
	for _, conn := range s.Connections {
		l.conns[connection{conn.Use, conn.State}]++
	}
	l.states[c.c.Strategy().State]++
	for _, side := range fsm.Sides {
		l.inFlight[side] += s.InFlight[side]
	}
	if running := c.running.Load(); running != nil {
		l.age = max(l.age, time.Since(running.At))
		l.limit = max(l.limit, running.Limit)
	}
}

// report passes the values to the observer.
func (m *instruments) report(o metric.Observer, l *levels) {
	whole := func(name string, n int64, s *set) { o.ObserveInt64(m.observed[name], n, s.observe...) }
	plain := l.like.set()
	whole(nameEventsDropped, l.eventsDropped, plain)
	whole(namePanics, l.panics, plain)
	for _, side := range fsm.Sides {
		s := l.like.set(sideOf(keySide, side))
		whole(nameRequests, l.calls[side], s)
		whole(nameRefusals, l.refused[side], s)
		whole(nameBatches, l.batches[side], s)
		whole(nameBytes, l.bytes[side], s)
		if l.open {
			whole(nameInFlight, l.inFlight[side], s)
		}
	}
	if !l.open {
		return
	}
	for _, state := range states {
		whole(nameState, l.states[state], l.like.set(keyState.String(state.String())))
	}
	for _, use := range connUses {
		for _, state := range connStates {
			whole(nameConnections, l.conns[connection{use, state}], l.like.set(keyConnUse.String(use), keyConnState.String(state)))
		}
	}
	whole(nameStreamsWait, l.waiting, plain)
	o.ObserveFloat64(m.timed[nameCutoverAge], seconds(l.age), plain.observe...)
	o.ObserveFloat64(m.timed[nameCutoverLimit], seconds(l.limit), plain.observe...)
}
