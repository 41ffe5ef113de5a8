package etcd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A topic is what a watch is about: one key, or with a range all that begin
// with it. The functions are called one at a time.
type topic struct {
	what, cluster, key string
	keys               []clientv3.OpOption
	present            func([]*keyValue) error       // everything that is there
	changed            func([]*clientv3.Event) error // what became of it since
}

// follow reads the present state and listens for changes from there on, again
// and again. No change falls between the two: etcd sends what came after the
// revision of the state, or says that it has compacted that.
func (s *Store) follow(ctx context.Context, t topic) error {
	bound, cancel := s.bound(ctx)
	defer cancel()
	for n := 0; ; n++ {
		heard, err := s.round(bound, t)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case s.ctx.Err() != nil:
			return ErrClosed
		case err != nil:
			return err
		}
		if heard {
			n = 0
		}
		if n > 0 { // the state can be read, but not listened to
			_ = wait(bound, n-1) // the next round finds out why it ended
		}
	}
}

// round reads the state and listens until the next refresh, or until etcd ends
// the watch. heard reports whether etcd had let us listen. An error is one that
// another round would only repeat.
func (s *Store) round(ctx context.Context, t topic) (heard bool, err error) {
	var state *clientv3.GetResponse
	err = s.call(ctx, t.what, t.cluster, func(ctx context.Context) (err error) {
		state, err = s.kv.Get(ctx, t.key, t.keys...)
		return err
	})
	if err != nil {
		return false, err
	}
	if err := t.present(state.Kvs); err != nil {
		return false, err
	}
	// A member of etcd that has lost the others must not keep us in silence.
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), s.set.refresh*3/4+rand.N(s.set.refresh/2))
	defer cancel()
	opts := append([]clientv3.OpOption{
		clientv3.WithRev(state.Header.Revision + 1), clientv3.WithCreatedNotify(), clientv3.WithProgressNotify(),
	}, t.keys...)
	for answer := range s.watch.Watch(ctx, t.key, opts...) {
		if err := answer.Err(); err != nil {
			if ctx.Err() == nil && !transient(err) && !errors.Is(err, rpctypes.ErrCompacted) {
				return heard, fmt.Errorf("etcd: %s cluster %.200q: %w", t.what, t.cluster, err)
			}
			return heard, nil
		}
		heard = true
		if len(answer.Events) == 0 {
			continue // created, or progress
		}
		if err := t.changed(answer.Events); err != nil {
			return heard, err
		}
	}
	return heard || ctx.Err() != nil, nil
}
