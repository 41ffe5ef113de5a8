package store

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/e6data/e6data-go/e6/fsm"
)

// memoryMember is the presence of a client in a Memory.
type memoryMember struct {
	m       *Memory
	cluster string
	id      string
}

// Join implements Presence.
func (m *Memory) Join(cluster string, self Client) (Member, error) {
	self = self.WithDefaults()
	member := &memoryMember{m, cluster, self.ID}
	m.roll(cluster, func(there map[*memoryMember]Client) bool {
		there[member] = self
		return true
	})
	return member, nil
}

// Clients implements Presence.
func (m *Memory) Clients(ctx context.Context, cluster string) ([]Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	clients, _ := m.there(cluster)
	return clients, nil
}

// WatchClients implements Presence.
func (m *Memory) WatchClients(ctx context.Context, cluster string, fn func([]Client)) error {
	for ctx.Err() == nil {
		clients, changed := m.there(cluster)
		fn(clients)
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// ID implements Member.
func (m *memoryMember) ID() string { return m.id }

// Show implements Member.
func (m *memoryMember) Show(active fsm.Side, state fsm.State) {
	m.m.roll(m.cluster, func(there map[*memoryMember]Client) bool {
		self, ok := there[m]
		if !ok || self.Side == active && self.State == state {
			return false
		}
		self.Side, self.State = active, state
		there[m] = self
		return true
	})
}

// Leave implements Member.
func (m *memoryMember) Leave(context.Context) error {
	m.m.roll(m.cluster, func(there map[*memoryMember]Client) bool {
		_, ok := there[m]
		delete(there, m)
		return ok
	})
	return nil
}

// roll changes who is there, and wakes the watchers if change says that it has.
func (m *Memory) roll(cluster string, change func(there map[*memoryMember]Client) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cell(cluster)
	if c.there == nil {
		c.there = make(map[*memoryMember]Client)
	}
	if change(c.there) {
		close(c.rolled)
		c.rolled = make(chan struct{})
	}
}

// there lists who is there.
func (m *Memory) there(cluster string) (clients []Client, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cell(cluster)
	clients = slices.SortedFunc(maps.Values(c.there), func(a, b Client) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	return clients, c.rolled
}
