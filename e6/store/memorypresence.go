package store

import (
	"context"
	"maps"
	"slices"
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
	m.roll(cluster, func(members map[*memoryMember]Client) bool {
		members[member] = self
		return true
	})
	return member, nil
}

// Clients implements Presence.
func (m *Memory) Clients(ctx context.Context, cluster string) ([]Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	clients, _ := m.members(cluster)
	return clients, nil
}

// WatchClients implements Presence.
func (m *Memory) WatchClients(ctx context.Context, cluster string, fn func([]Client)) error {
	for ctx.Err() == nil {
		clients, changed := m.members(cluster)
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
func (m *memoryMember) Show(now Status) {
	m.m.roll(m.cluster, func(members map[*memoryMember]Client) bool {
		self, ok := members[m]
		if !ok || self.Status() == now {
			return false
		}
		members[m] = self.WithStatus(now)
		return true
	})
}

// Leave implements Member.
func (m *memoryMember) Leave(context.Context) error {
	m.m.roll(m.cluster, func(members map[*memoryMember]Client) bool {
		_, ok := members[m]
		delete(members, m)
		return ok
	})
	return nil
}

// roll applies change to the members, and wakes the watchers if it returns true.
func (m *Memory) roll(cluster string, change func(members map[*memoryMember]Client) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cell(cluster)
	if c.members == nil {
		c.members = make(map[*memoryMember]Client)
	}
	if change(c.members) {
		close(c.rolled)
		c.rolled = make(chan struct{})
	}
}

// members lists the clients that have joined and not left.
func (m *Memory) members(cluster string) (clients []Client, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cell(cluster)
	return slices.SortedFunc(maps.Values(c.members), byArrival), c.rolled
}
