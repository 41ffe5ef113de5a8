package etcd

import (
	"context"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/e6data/e6data-go/e6/store"
)

// member is the presence of one client among those of its cluster.
type member struct {
	s       *Store
	cluster string
	id      string
	changed chan struct{} // has room for one

	mu   sync.Mutex
	self store.Client

	leave context.CancelFunc
	left  chan struct{}
}

// Join lists a client among those of its cluster, which a client of e6 names by
// its address, a slash, and its cluster name, until it leaves, the store is
// closed, or the process dies: then its lease ends (see WithLease) and etcd takes
// it off the list. Fields of self that are zero get their defaults.
//
// Join does not wait for etcd, and etcd need not be there: a lease that cannot be
// granted or that was lost is requested again, after 50 ms at first and every 5 s at
// last. The errors are that the store is closed, and that self is too long.
func (s *Store) Join(cluster string, self store.Client) (store.Member, error) {
	self = self.WithDefaults()
	if _, err := encodeClient(self); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, ErrClosed
	}
	m := &member{s: s, cluster: cluster, id: self.ID, self: self, changed: make(chan struct{}, 1), left: make(chan struct{})}
	ctx, leave := context.WithCancel(s.ctx)
	m.leave = leave
	s.members.Go(func() {
		defer close(m.left)
		defer leave()
		m.stay(ctx)
	})
	return m, nil
}

// ID implements store.Member.
func (m *member) ID() string { return m.id }

// Show implements store.Member.
func (m *member) Show(now store.Status) {
	m.mu.Lock()
	same := m.self.Status() == now
	m.self = m.self.WithStatus(now)
	m.mu.Unlock()
	if same {
		return
	}
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// Leave implements store.Member. It revokes the lease and returns when etcd has acknowledged, after the
// call timeout, or with the error of ctx. If etcd does not respond, the lease
// expires.
func (m *member) Leave(ctx context.Context) error {
	m.leave()
	select {
	case <-m.left:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("etcd: leave cluster %.200q: %w", m.cluster, ctx.Err())
	}
}

// stay holds a lease, and takes another one when it is lost.
func (m *member) stay(ctx context.Context) {
	for n := 0; ; n++ {
		if m.hold(ctx) {
			n = 0
		}
		// Nothing works any more on an etcd client that its owner has closed.
		if m.s.client.Ctx().Err() != nil || wait(ctx, n) != nil {
			return
		}
	}
}

// hold takes a lease and keeps the client listed until ctx ends or the lease is
// lost. It reports whether the client was listed.
func (m *member) hold(ctx context.Context) (listed bool) {
	seconds := int64((m.s.set.lease + time.Second - 1) / time.Second)
	short, cancel := context.WithTimeout(ctx, m.s.set.timeout)
	defer cancel()
	lease, err := m.s.lease.Grant(short, seconds)
	if err != nil {
		return false
	}
	defer m.release(ctx, lease.ID)
	kept, cancel := context.WithCancel(ctx)
	defer cancel()
	alive, err := m.s.lease.KeepAlive(kept, lease.ID)
	if err != nil {
		return false
	}
	for {
		if m.put(ctx, lease.ID) != nil {
			return listed
		}
		listed = true
		if !m.steady(alive) {
			return listed
		}
	}
}

// steady waits while the lease is alive and there is no change to publish.
// It returns false when the lease is lost or released: alive is closed then.
func (m *member) steady(alive <-chan *clientv3.LeaseKeepAliveResponse) bool {
	for {
		select {
		case _, ok := <-alive:
			if !ok {
				return false
			}
		case <-m.changed:
			return true
		}
	}
}

// put lists the client as it is now.
func (m *member) put(ctx context.Context, lease clientv3.LeaseID) error {
	m.mu.Lock()
	value, err := encodeClient(m.self)
	m.mu.Unlock()
	if err != nil {
		return err
	}
	return m.s.call(ctx, "list a client of", m.cluster, func(ctx context.Context) error {
		_, err := m.s.kv.Put(ctx, clientKey(m.cluster, m.id), string(value), clientv3.WithLease(lease))
		return err
	})
}

// release gives a lease back, and with it the client's place in the list. If
// etcd is not there, it will end the lease itself.
func (m *member) release(ctx context.Context, lease clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.s.set.timeout)
	defer cancel()
	_, _ = m.s.lease.Revoke(ctx, lease)
}
