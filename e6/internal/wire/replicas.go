package wire

import (
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
)

// elsewhere returns a connection for a call that was refused, or whose own connection could
// not be made, with a stream of it: one that is there, and on which the side was not refused.
// It returns nil if there is none: then the failure counts. Such a call had no effect, so
// that any call may be tried.
func (c *Conn) elsewhere(side fsm.Side) *link {
	for _, g := range []*group{&c.query, &c.control} {
		for _, l := range g.all() {
			if !l.ready.Load() || l.unserved.Load() || l.refuses(side) {
				continue
			}
			if n := l.reserved.Add(1); n < retired && l.enter(false) {
				return l
			}
			l.release(1)
		}
	}
	return nil
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
