package e6test

import (
	"context"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Announce makes every response of both sides announce a side for new queries.
func (c *Cluster) Announce(side fsm.Side) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.announced = side
}

// ClearAnnouncement makes responses announce no side.
func (c *Cluster) ClearAnnouncement() { c.Announce(fsm.None) }

// OpenSide lets the ingress pass calls to a side.
func (c *Cluster) OpenSide(side fsm.Side) { c.setOpen(side, true) }

// CloseSide makes the ingress reject calls to a side with 456. Its engine keeps its
// sessions and queries.
func (c *Cluster) CloseSide(side fsm.Side) { c.setOpen(side, false) }

func (c *Cluster) setOpen(side fsm.Side, open bool) {
	if !side.Valid() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changeOpen(map[fsm.Side]bool{side: open})
}

// IsOpen reports whether the ingress passes calls to a side.
func (c *Cluster) IsOpen(side fsm.Side) bool {
	open, _, _ := c.state(0, side)
	return open
}

// Active is the side for new queries: the announced one if it is open,
// otherwise the one that is open, and None if there is none.
func (c *Cluster) Active() fsm.Side {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.activeOn(0)
}

// activeOn is the active side of one replica of the ingress. The caller holds c.mu.
func (c *Cluster) activeOn(replica int) fsm.Side {
	if c.openOn(replica, c.announced) {
		return c.announced
	}
	for _, side := range fsm.Sides {
		if c.openOn(replica, side) {
			return side
		}
	}
	return fsm.None
}

// CutoverKind is how a cluster changes sides.
type CutoverKind uint8

// The kinds.
const (
	// Graceful: the target opens and is announced; the origin closes after the
	// grace period.
	Graceful CutoverKind = iota
	// Abrupt: the target opens and the origin closes, without an announcement.
	Abrupt
	// AnnounceFirst: the target is announced; after the grace period it opens and
	// the origin closes, both at once.
	AnnounceFirst
)

// String returns "graceful", "abrupt" or "announce-first".
func (k CutoverKind) String() string {
	switch k {
	case Graceful:
		return "graceful"
	case Abrupt:
		return "abrupt"
	case AnnounceFirst:
		return "announce-first"
	}
	return fmt.Sprintf("CutoverKind(%d)", uint8(k))
}

// Cutover is a change of sides.
type Cutover struct {
	To   fsm.Side
	Kind CutoverKind
	// Grace is how long a graceful cutover keeps the origin open, and how long
	// AnnounceFirst announces.
	Grace time.Duration
	// EngineGone takes the origin's engine away when the origin closes: its
	// queries end, and it forgets them and its sessions.
	EngineGone bool
}

// Cutover changes sides and returns nil when that is done. If ctx or the cluster
// ends in the grace period, the rest of the cutover is left out, and the error
// names the step. An announcement stays after the cutover.
func (c *Cluster) Cutover(ctx context.Context, o Cutover) error {
	if !o.To.Valid() {
		return fmt.Errorf("e6test: cutover: %w", &fsm.SideError{Name: o.To.String()})
	}
	c.mu.Lock()
	switch o.Kind {
	case Graceful:
		c.changeOpen(map[fsm.Side]bool{o.To: true})
		c.announced = o.To
	case AnnounceFirst:
		c.announced = o.To
	case Abrupt:
		c.announced = fsm.None
	default:
		c.mu.Unlock()
		return fmt.Errorf("e6test: cutover: there is no kind %s", o.Kind)
	}
	c.mu.Unlock()
	if o.Kind != Abrupt && o.Grace > 0 {
		t := time.NewTimer(o.Grace)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return fmt.Errorf("e6test: cutover to %s: given up in the grace period: %w", o.To, context.Cause(ctx))
		case <-c.ctx.Done():
			return fmt.Errorf("e6test: cutover to %s: the cluster was closed in the grace period", o.To)
		}
	}
	c.mu.Lock()
	c.changeOpen(map[fsm.Side]bool{o.To: true, o.To.Other(): false})
	c.mu.Unlock()
	if o.EngineGone {
		c.LoseEngine(o.To.Other())
	}
	return nil
}

// LoseEngine takes a side's engine away and puts a new one in its place: the
// running queries end, calls that the old one had not answered yet fail with
// UNAVAILABLE, and the new one knows neither queries nor sessions.
func (c *Cluster) LoseEngine(side fsm.Side) {
	if s := c.sides[side]; s != nil {
		s.forget()
	}
}

// ExpireSessions makes the engines forget their sessions; without a side, both.
// Their queries stay, and any new session can use them.
func (c *Cluster) ExpireSessions(sides ...fsm.Side) {
	if len(sides) == 0 {
		sides = fsm.Sides[:]
	}
	for _, name := range sides {
		if s := c.sides[name]; s != nil {
			s.expireSessions()
		}
	}
}

// SetLatency makes every call to a side take that long before it is looked at.
func (c *Cluster) SetLatency(side fsm.Side, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latency[side] = d
}

// SetHealthy makes a side unhealthy or healthy: the ingress answers for an unhealthy
// one with HTTP 502, which gRPC clients see as UNAVAILABLE.
func (c *Cluster) SetHealthy(side fsm.Side, healthy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unhealthy[side] = !healthy
}

// Suspend suspends the cluster: calls to an open side are refused with
// 503, except for cluster control.
func (c *Cluster) Suspend() { c.setStatus("suspended") }

// Resume resumes the cluster at once.
func (c *Cluster) Resume() { c.setStatus("active") }

func (c *Cluster) setStatus(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancelResume()
	c.status = s
}

// stopWaking takes back a resume that is under way. The caller holds the lock.
func (c *Cluster) cancelResume() {
	if c.resuming != nil {
		c.resuming.Stop()
		c.resuming = nil
	}
}

// resume resumes the cluster for a client's call: it takes the resume delay.
func (c *Cluster) resume() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status != "suspended" {
		return c.status
	}
	if c.set.resumeDelay <= 0 {
		c.status = "active"
		return c.status
	}
	c.status = "resuming"
	var resuming *time.Timer
	resuming = time.AfterFunc(c.set.resumeDelay, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.resuming == resuming { // not suspended again meanwhile
			c.resuming, c.status = nil, "active"
		}
	})
	c.resuming = resuming
	return c.status
}

// announcement is the new_strategy of responses, and empty for none.
func (c *Cluster) announcement() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.announced.Valid() {
		return ""
	}
	return c.announced.String()
}
