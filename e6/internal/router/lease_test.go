package router_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/store"
)

// leaseTime is how long the entry of a client stays in a leaseStore that the client cannot
// reach.
const leaseTime = 15 * time.Second

var errNoRoute = errors.New("no route to the store")

// A leaseStore is a store that lists its clients under leases, as etcd does. Calls and
// reports take a while, a client can be cut off, and a lease can end early.
type leaseStore struct {
	store.Memory

	mu     sync.Mutex
	r      *rand.Rand
	listed []*leaseHandle // those that have joined, in order
}

func newLeaseStore(r *rand.Rand) *leaseStore { return &leaseStore{r: r} }

// handle returns one more way to the store, for a client or an observer. Its clock is off
// by skew: the times that it writes are.
func (s *leaseStore) handle(skew time.Duration) *leaseHandle {
	healed := make(chan struct{})
	close(healed)
	return &leaseHandle{s: s, skew: skew, healed: healed}
}

// delay is the time that a call takes.
func (s *leaseStore) delay() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pause()
}

// pause is delay for a caller that holds the lock.
func (s *leaseStore) pause() time.Duration {
	return time.Duration(s.r.Int64N(int64(maxPause)))
}

// maxPause is the maximum time that a call takes.
const maxPause = 200 * time.Millisecond

// leaseHandle is the way of one client to the store, and its presence in it. The lock of
// the store guards it.
type leaseHandle struct {
	s    *leaseStore
	skew time.Duration

	cut    bool
	cuts   int           // how often it was cut off
	healed chan struct{} // closed when it can reach the store
	onShow func(store.Status)

	joined, left, listed bool
	self                 store.Client // as it is listed
	latest               store.Status // as it was shown last
	gone                 time.Time    // when its lease ended last
	back                 time.Time    // when it was listed again after that
}

// cutOff takes the store away. The lease ends within leaseTime.
func (h *leaseHandle) cutOff() {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.cut {
		return
	}
	h.cut, h.healed = true, make(chan struct{})
	h.cuts++
	cuts := h.cuts
	time.AfterFunc(leaseTime-time.Duration(h.s.r.Int64N(int64(leaseTime/3))), func() {
		h.s.mu.Lock()
		defer h.s.mu.Unlock()
		if h.cut && h.cuts == cuts {
			h.drop()
		}
	})
}

// heal gives the store back.
func (h *leaseHandle) heal() {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	switch {
	case !h.cut:
	case h.left: // the lease is not renewed
		h.drop()
	default:
		h.cut = false
		close(h.healed)
		h.publish()
	}
}

// expire ends the lease although the client reaches the store, as a jump of the clock of
// the store does. The client notices that at its next renewal.
func (h *leaseHandle) expire() {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	h.drop()
	time.AfterFunc(leaseTime/3, func() {
		h.s.mu.Lock()
		defer h.s.mu.Unlock()
		h.publish()
	})
}

// drop takes the entry off the list; the caller holds the lock.
func (h *leaseHandle) drop() {
	if h.listed {
		h.listed, h.gone = false, time.Now()
	}
}

// publish writes the latest status a little later; the caller holds the lock.
func (h *leaseHandle) publish() {
	time.AfterFunc(h.s.pause(), func() {
		h.s.mu.Lock()
		defer h.s.mu.Unlock()
		if h.joined && !h.left && !h.cut {
			if !h.listed {
				h.back = time.Now()
			}
			h.listed, h.self = true, h.self.WithStatus(h.latest)
		}
	})
}

// lost reports whether the entry was off the list for at least d when an observer, whose
// read of the fleet ends now, read the list. One more call of that read came after the list.
func (h *leaseHandle) lost(d time.Duration) bool {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	switch {
	case h.gone.IsZero():
		return false
	case h.listed:
		return time.Since(h.back) <= maxPause && h.back.Sub(h.gone) >= d
	}
	return time.Since(h.gone) >= d
}

// call takes the time of a call.
func (h *leaseHandle) call(ctx context.Context) error {
	select {
	case <-time.After(h.s.delay()):
	case <-ctx.Done():
		return ctx.Err()
	}
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.cut {
		return errNoRoute
	}
	return nil
}

func (h *leaseHandle) Load(ctx context.Context, cluster string) (store.Record, error) {
	if err := h.call(ctx); err != nil {
		return store.Record{}, err
	}
	return h.s.Memory.Load(ctx, cluster)
}

func (h *leaseHandle) CompareAndSwap(ctx context.Context, cluster string, old uint64, next store.Record) (store.Record, error) {
	if err := h.call(ctx); err != nil {
		return store.Record{}, err
	}
	next.At = next.At.Add(h.skew)
	return h.s.Memory.CompareAndSwap(ctx, cluster, old, next)
}

// Watch delivers nothing while the client is cut off, and the last record after that.
func (h *leaseHandle) Watch(ctx context.Context, cluster string, fn func(store.Record)) error {
	return h.s.Memory.Watch(ctx, cluster, func(store.Record) {
		for h.call(ctx) != nil && ctx.Err() == nil {
			h.s.mu.Lock()
			healed := h.healed
			h.s.mu.Unlock()
			select {
			case <-healed:
			case <-ctx.Done():
			}
		}
		if f, err := h.s.Memory.Load(ctx, cluster); err == nil {
			fn(f)
		}
	})
}

func (h *leaseHandle) Join(_ string, self store.Client) (store.Member, error) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	h.joined, h.self = true, self.WithDefaults()
	h.self.Since = h.self.Since.Add(h.skew)
	h.s.listed = append(h.s.listed, h)
	h.publish()
	return h, nil
}

func (h *leaseHandle) Clients(ctx context.Context, _ string) (all []store.Client, err error) {
	if err := h.call(ctx); err != nil {
		return nil, err
	}
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	for _, m := range h.s.listed {
		if m.listed {
			all = append(all, m.self)
		}
	}
	return all, nil
}

func (h *leaseHandle) WatchClients(context.Context, string, func([]store.Client)) error {
	return errors.ErrUnsupported
}

func (h *leaseHandle) ID() string {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	return h.self.ID
}

func (h *leaseHandle) Show(now store.Status) {
	h.s.mu.Lock()
	onShow := h.onShow
	h.s.mu.Unlock()
	if onShow != nil {
		onShow(now)
	}
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.latest != now {
		h.latest = now
		h.publish()
	}
}

// observe lets fn have every status before others can see it.
func (h *leaseHandle) observe(fn func(store.Status)) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	h.onShow = fn
}

// Leave takes the entry off the list. The one of a client that is cut off expires.
func (h *leaseHandle) Leave(context.Context) error {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	h.left = true
	if !h.cut {
		h.drop()
	}
	return nil
}
