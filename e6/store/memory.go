package store

import (
	"context"
	"slices"
	"sync"
)

// Memory is a store within one process: the clients that are configured with the same
// Memory share their state. The zero value is ready to use.
type Memory struct {
	mu       sync.Mutex
	clusters map[string]*cell
}

var (
	_ Store    = (*Memory)(nil)
	_ Presence = (*Memory)(nil)
)

// cell is the record of one cluster, and its clients. changed and rolled are closed and
// replaced with every change, so that any number of watchers wake without being listed.
type cell struct {
	record  Record
	changed chan struct{}
	members map[*memoryMember]Client
	rolled  chan struct{}
}

// Load implements Store.
func (m *Memory) Load(ctx context.Context, cluster string) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	record, _ := m.read(cluster)
	return record, nil
}

// CompareAndSwap implements Store.
func (m *Memory) CompareAndSwap(ctx context.Context, cluster string, old uint64, next Record) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cell(cluster)
	if c.record.Version != old {
		return c.record, ErrConflict
	}
	next.Version = old + 1
	next.Vetoes = slices.Clone(next.Vetoes)
	c.record = next
	close(c.changed)
	c.changed = make(chan struct{})
	return next, nil
}

// Watch implements Store.
func (m *Memory) Watch(ctx context.Context, cluster string, fn func(Record)) error {
	var seen uint64
	for {
		record, changed := m.read(cluster)
		if record.Version != seen {
			seen = record.Version
			fn(record)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m *Memory) read(cluster string) (Record, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cell(cluster)
	return c.record, c.changed
}

// cell returns the cluster's cell; the caller holds the lock.
func (m *Memory) cell(cluster string) *cell {
	if m.clusters == nil {
		m.clusters = make(map[string]*cell)
	}
	c := m.clusters[cluster]
	if c == nil {
		c = &cell{changed: make(chan struct{}), rolled: make(chan struct{})}
		m.clusters[cluster] = c
	}
	return c
}
