package router

import (
	"sync/atomic"
	"unsafe"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Pin binds one query to one side: the session of the side is kept until Unpin.
type Pin struct {
	// Side is the side of every call of the query.
	Side fsm.Side
	// Epoch is the epoch in which the query was pinned.
	Epoch uint64
	shard uint32
}

const (
	shardBits = 4
	shards    = 1 << shardBits // more than the cores that pin at once
)

// pins counts the queries in flight on each side. The counts are spread over shards, each
// on its own cache line, so that goroutines on different cores do not contend for one.
type pins [shards]struct {
	n [1 + len(fsm.Sides)]atomic.Int64
	_ [64 - 8*(1+len(fsm.Sides))]byte
}

// in counts a query in and returns its shard.
func (p *pins) in(side fsm.Side) (shard uint32) {
	shard = shardHere()
	p[shard].n[side].Add(1)
	return shard
}

// shardHere returns a shard for the calling goroutine, the same one as long as its stack
// does not move: its core has the cache line already. The address of the stack is the
// only property of a goroutine that costs nothing to read.
func shardHere() uint32 {
	var here byte
	const page, golden = 11, 0x9E3779B97F4A7C15 // a stack has 2 KiB or more
	return uint32(uint64(uintptr(unsafe.Pointer(&here)))>>page*golden>>(64-shardBits)) % shards
}

// out counts a query out of the shard in which it was counted in.
func (p *pins) out(side fsm.Side, shard uint32) { p[shard].n[side].Add(-1) }

// sum is the number of queries on a side. For a side that takes no new queries it never
// misses one: no shard can rise any more, except for a query that pins too late, finds
// the new routing and counts itself out before its first call.
func (p *pins) sum(side fsm.Side) (n int64) {
	for i := range p {
		n += p[i].n[side].Load()
	}
	return n
}
