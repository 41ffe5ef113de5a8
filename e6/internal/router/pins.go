package router

import (
	"sync/atomic"
	"unsafe"

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

const (
	shardBits = 4
	shards    = 1 << shardBits // more than the cores that pin at once
)

// pins counts the queries on each side. The counts are spread over shards, each on a
// cache line of its own, so that many goroutines can pin without sharing one.
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

// shardHere is a shard for the goroutine that asks, the same one as long as its stack
// does not move: the core that runs it has the line already. Where the stack lies is
// the only thing that a goroutine can know of itself at no cost.
func shardHere() uint32 {
	var here byte
	const page, golden = 11, 0x9E3779B97F4A7C15 // a stack has 2 KiB or more
	return uint32(uint64(uintptr(unsafe.Pointer(&here)))>>page*golden>>(64-shardBits)) % shards
}

// out counts a query out, where it was counted in.
func (p *pins) out(side fsm.Side, shard uint32) { p[shard].n[side].Add(-1) }

// sum is the number of queries on a side. It is exact for a side that takes no
// new ones: a shard can only fall then, and a query that counted itself in too
// late counts itself out again without having used the side.
func (p *pins) sum(side fsm.Side) (n int64) {
	for i := range p {
		n += p[i].n[side].Load()
	}
	return n
}
