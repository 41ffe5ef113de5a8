package etcd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A topic is the subject of a watch: one key, or with a range all keys that begin
// with it. The functions are called one at a time.
type topic struct {
	what, cluster, key string
	keys               []clientv3.OpOption
	current            func([]*keyValue) error       // all key-value pairs
	changed            func([]*clientv3.Event) error // the events since then
}

// follow reads the current state and listens for changes from there on, again
// and again. No change falls between the two: etcd sends what came after the
// revision of the state, or returns that this was compacted.
func (s *Store) follow(ctx context.Context, t topic) error {
	bound, cancel := s.bound(ctx)
	defer cancel()
	for n := 0; ; n++ {
		established, err := s.round(bound, t)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case s.ctx.Err() != nil:
			return ErrClosed
		case err != nil:
			return err
		}
		if established {
			n = 0
		}
		if n > 0 { // the state can be read, but not watched
			_ = wait(bound, n-1) // the next round returns the error
		}
	}
}

// round reads the state and listens until the next refresh, or until etcd ends
// the watch. established reports whether etcd accepted the watch. An error is one that
// another round would return again.
func (s *Store) round(ctx context.Context, t topic) (established bool, err error) {
	var state *clientv3.GetResponse
	err = s.call(ctx, t.what, t.cluster, func(ctx context.Context) (err error) {
		state, err = s.kv.Get(ctx, t.key, t.keys...)
		return err
	})
	if err != nil {
		return false, err
	}
	if err := t.current(state.Kvs); err != nil {
		return false, err
	}
	// A member of etcd without a leader must end the watch instead of sending nothing.
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), s.set.refresh*3/4+rand.N(s.set.refresh/2))
	defer cancel()
	opts := append([]clientv3.OpOption{
		clientv3.WithRev(state.Header.Revision + 1), clientv3.WithCreatedNotify(), clientv3.WithProgressNotify(),
	}, t.keys...)
	for answer := range s.watch.Watch(ctx, t.key, opts...) {
		if err := answer.Err(); err != nil {
			if ctx.Err() == nil && !transient(err) && !errors.Is(err, rpctypes.ErrCompacted) {
				return established, fmt.Errorf("etcd: %s cluster %.200q: %w", t.what, t.cluster, err)
			}
			return established, nil
		}
		established = true
		if len(answer.Events) == 0 {
			continue // created, or progress
		}
		if err := t.changed(answer.Events); err != nil {
			return established, err
		}
	}
	return established || ctx.Err() != nil, nil
}
