package cutover

import (
	"math/rand/v2"
	"sync/atomic"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Pin holds one query on one side: the side stays open for it until Unpin.
type Pin struct {
	// Side is the side of every call of the query.
	Side fsm.Side
	// Epoch is the epoch in which the query was pinned.
	Epoch uint64
	shard uint32
}

const shards = 16 // a power of two; more than the cores that pin at once

// pins counts the queries on each side. A count is spread over shards, each on
// a cache line of its own, so that many goroutines can pin without sharing one.
type pins [1 + len(fsm.Sides)][shards]struct {
	n atomic.Int64
	_ [56]byte
}

// in counts a query in and returns its shard.
func (p *pins) in(side fsm.Side) (shard uint32) {
	shard = rand.Uint32() % shards
	p[side][shard].n.Add(1)
	return shard
}

// out counts a query out, where it was counted in.
func (p *pins) out(side fsm.Side, shard uint32) { p[side][shard].n.Add(-1) }

// sum is the number of queries on a side. It is exact for a side that takes no
// new ones: a shard can only fall then, and a query that counted itself in too
// late counts itself out again without having used the side.
func (p *pins) sum(side fsm.Side) (n int64) {
	for i := range p[side] {
		n += p[side][i].n.Load()
	}
	return n
}
