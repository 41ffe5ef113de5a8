package exec

import "github.com/e6data/e6data-go/e6/vector"

// queue holds the batches that are read ahead of the caller. It is bounded in batches
// and in bytes, but one batch always fits.
type queue struct {
	batches, bytes int

	list   []queued
	filled int // bytes
}

type queued struct {
	batch *vector.Batch
	part
}

// append adds a batch, and reports false if there is no room.
func (q *queue) append(b *vector.Batch, p part) bool {
	if n := len(q.list); n > 0 && (n >= q.batches || q.filled+p.size > q.bytes) {
		return false
	}
	q.list = append(q.list, queued{b, p})
	q.filled += p.size
	return true
}

// take removes the first batch. There is none if ok is false.
func (q *queue) take() (first queued, ok bool) {
	if len(q.list) == 0 {
		return queued{}, false
	}
	first = q.list[0]
	q.list[0] = queued{}
	q.list = q.list[1:]
	q.filled -= first.size
	return first, true
}

func (q *queue) clear() { q.list, q.filled = nil, 0 }
