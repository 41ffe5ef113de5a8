package fleet

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// State is what a store holds of a cluster at one moment.
type State struct {
	// Cluster is the key that clients give the cluster: its address and name.
	Cluster string `json:"cluster"`
	// Record is the zero Record if none is known.
	Record store.Record `json:"record"`
	// Clients are the registered ones. They are nil if the store does not list them.
	Clients []store.Client `json:"clients"`
}

// Key is the key of a cluster in a store.
func Key(cfg e6.Config) string { return cfg.Address + "/" + cfg.ClusterName }

// Look reads a store once.
func Look(ctx context.Context, s store.Store, cluster string) (State, error) {
	state := State{Cluster: cluster}
	var err error
	if state.Record, err = s.Load(ctx, cluster); err != nil {
		return state, err
	}
	if lists, ok := s.(store.Presence); ok {
		state.Clients, err = lists.Clients(ctx, cluster)
		if state.Clients == nil {
			state.Clients = []store.Client{} // it lists clients, and there are none
		}
	}
	return state, err
}

// On counts the clients on a side.
func (s State) On(side fsm.Side) (n int) {
	for _, c := range s.Clients {
		if c.Side == side {
			n++
		}
	}
	return n
}

// retryAfter is the pause before a store that failed is read again.
const retryAfter = time.Second

// Follow calls fn with the state of a store, now and after every change, until ctx ends.
// A store that fails is read again; fn receives the error and the last known state. The
// calls are made one at a time.
func Follow(ctx context.Context, s store.Store, cluster string, fn func(State, error)) {
	state := State{Cluster: cluster}
	for ctx.Err() == nil {
		now, err := Look(ctx, s, cluster)
		if err == nil {
			state = now
			fn(state, nil)
			err = watch(ctx, s, &state, fn)
		}
		if ctx.Err() != nil {
			return
		}
		fn(state, err)
		pause := time.NewTimer(retryAfter)
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

// watch follows the changes until one of the watches fails.
func watch(ctx context.Context, s store.Store, state *State, fn func(State, error)) error {
	watches, ctx := errgroup.WithContext(ctx)
	changes := make(chan func(*State))
	send := func(change func(*State)) {
		select {
		case changes <- change:
		case <-ctx.Done():
		}
	}
	watches.Go(func() error {
		return s.Watch(ctx, state.Cluster, func(f store.Record) { send(func(now *State) { now.Record = f }) })
	})
	if lists, ok := s.(store.Presence); ok {
		watches.Go(func() error {
			return lists.WatchClients(ctx, state.Cluster, func(all []store.Client) {
				send(func(now *State) { now.Clients = all })
			})
		})
	}
	for {
		select {
		case change := <-changes:
			change(state)
			fn(*state, nil)
		case <-ctx.Done():
			return watches.Wait()
		}
	}
}
