package wire

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// A change of sides reaches the replicas of an ingress one after the other, so that for
// some seconds one connection accepts a side that another refuses (DESIGN 5.26).
const (
	// refusalWindow is how long a refusal counts against its connection.
	refusalWindow = 5 * time.Second
	// maxElsewhere is on how many other connections a call is tried that was refused, or
	// whose connection could not be made.
	maxElsewhere = 3
	// waitElsewhere is how long a refused call waits for a stream of a full connection to a
	// replica that accepts. What holds the streams may hang.
	waitElsewhere = time.Second
)

// elsewhere returns a connection for a call that was refused, or whose own connection could
// not be made, with a stream of it: one that is there, and on which the side was not refused.
// It returns nil if there is none: then the failure counts. Such a call had no effect, so
// that any call may be tried. full: one had no stream.
func (c *Conn) elsewhere(side fsm.Side) (other *link, full bool) {
	for _, g := range []*group{&c.query, &c.control} {
		for _, l := range g.all() {
			if !l.ready.Load() || l.unserved.Load() || l.refuses(side) {
				continue
			}
			if n := l.reserved.Add(1); n < retired && l.enter(false) {
				return l, false
			}
			l.release(1)
			full = true
		}
	}
	return nil, full
}

// awaitElsewhere is elsewhere for a call of a statement that was refused. While replicas
// are known to disagree, and calls fill the connections to those that accept, it waits for
// a stream there, within ctx and for a moment: the refusal of one replica must not move the
// client away from a side that another one accepts.
func (c *Conn) awaitElsewhere(ctx context.Context, side fsm.Side) *link {
	l, full := c.elsewhere(side)
	if l != nil || !full || !c.disagree() {
		return l
	}
	ctx, cancel := context.WithTimeout(ctx, waitElsewhere)
	defer cancel()
	for l == nil && full && c.query.await(ctx, side, false) {
		l, full = c.elsewhere(side)
	}
	c.query.passOn(side, false)
	return l
}

// refused notes a refusal.
func (l *link) refused(side fsm.Side) { l.refusals[side].Store(time.Now().UnixNano()) }

// refuses reports whether the side was refused on the connection a moment ago.
func (l *link) refuses(side fsm.Side) bool {
	at := l.refusals[side].Load()
	return at != 0 && time.Since(time.Unix(0, at)) < refusalWindow
}

// acceptedElsewhere notes that a call which one connection refused was accepted on another.
func (c *Conn) acceptedElsewhere() { c.disagreed.Store(time.Now().UnixNano()) }

// disagree reports whether the connections lead to replicas that disagreed a moment ago:
// then another connection may lead to one that accepts.
func (c *Conn) disagree() bool {
	at := c.disagreed.Load()
	return at != 0 && time.Since(time.Unix(0, at)) < refusalWindow
}
