package wire

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// A cutover reaches the replicas of an ingress one after the other, so for some seconds one
// connection accepts a side that another refuses (DESIGN 5.26).
const (
	// refusalWindow is how long a refusal counts against its connection.
	refusalWindow = 5 * time.Second
	// maxElsewhere is the maximum number of other connections on which a call is retried
	// that was refused, or whose connection could not be made.
	maxElsewhere = 3
	// waitElsewhere is the maximum time for which a refused call waits for a stream of a
	// full connection to a replica that accepts. The calls on it may hang.
	waitElsewhere = time.Second
)

// elsewhere returns another connection, with a reserved stream, for a call that was refused
// or whose connection could not be made: a ready connection on which the side was not
// refused. It returns nil if there is none: then the failure counts. Such a call had no
// effect, so every call may be retried. full: such a connection had no free stream.
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

// awaitElsewhere is elsewhere for a refused call of a statement. While replicas are known
// to disagree, and the connections to those that accept are full, it waits for a stream,
// within ctx and for waitElsewhere: the refusal of one replica must not move the client
// away from a side that another one accepts.
func (c *Conn) awaitElsewhere(ctx context.Context, side fsm.Side) *link {
	l, full := c.elsewhere(side)
	if l != nil || !full || !c.disagree() {
		return l
	}
	ctx, cancel := context.WithTimeout(ctx, waitElsewhere)
	defer cancel()
	c.query.beginWait(false)
	defer c.query.endWait(false)
	for l == nil && full && c.query.await(ctx, side, false) {
		l, full = c.elsewhere(side)
	}
	c.query.passOn(side, false)
	return l
}

// refused records a refusal.
func (l *link) refused(side fsm.Side) { l.refusals[side].Store(time.Now().UnixNano()) }

// refuses reports whether the side was refused on the connection within refusalWindow.
func (l *link) refuses(side fsm.Side) bool {
	at := l.refusals[side].Load()
	return at != 0 && time.Since(time.Unix(0, at)) < refusalWindow
}

// acceptedElsewhere records that a call was refused on one connection and accepted on another.
func (c *Conn) acceptedElsewhere() { c.disagreed.Store(time.Now().UnixNano()) }

// disagree reports whether replicas disagreed within refusalWindow: then another connection
// may reach one that accepts.
func (c *Conn) disagree() bool {
	at := c.disagreed.Load()
	return at != 0 && time.Since(time.Unix(0, at)) < refusalWindow
}
