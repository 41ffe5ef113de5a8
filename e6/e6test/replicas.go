package e6test

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// opening is which sides were open from a time on.
type opening struct {
	at   time.Time
	open map[fsm.Side]bool
}

// changeOpen opens and closes sides. The caller holds c.mu.
func (c *Cluster) changeOpen(open map[fsm.Side]bool) {
	maps.Copy(c.open, open)
	if c.set.replicas < 2 {
		return
	}
	now := time.Now()
	// The last replica has passed all but the newest of the older ones.
	passed := func(o opening) bool { return !o.at.Add(c.replicaLag(c.set.replicas - 1)).After(now) }
	for len(c.openings) > 1 && passed(c.openings[1]) {
		c.openings = c.openings[1:]
	}
	c.openings = append(c.openings, opening{now, maps.Clone(c.open)})
}

func (c *Cluster) replicaLag(replica int) time.Duration {
	return time.Duration(replica) * c.set.replicaLag
}

// openOn reports whether a replica of the ingress passes calls to a side. The caller
// holds c.mu.
func (c *Cluster) openOn(replica int, side fsm.Side) bool {
	if replica == 0 {
		return c.open[side]
	}
	now := time.Now()
	for _, o := range slices.Backward(c.openings) {
		if !o.at.Add(c.replicaLag(replica)).After(now) {
			return o.open[side]
		}
	}
	return c.set.active == side
}

type replicaKey struct{}

// replicaOf is the replica that received a call.
func replicaOf(ctx context.Context) int {
	replica, _ := ctx.Value(replicaKey{}).(int)
	return replica
}
