package etcd

import (
	"cmp"
	"context"
	"maps"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/e6data/e6data-go/e6/store"
)

// Clients lists the clients that joined a cluster and are there, those that came
// first first. Entries of a newer or unknown format are left out.
func (s *Store) Clients(ctx context.Context, cluster string) ([]store.Client, error) {
	var answer *clientv3.GetResponse
	err := s.call(ctx, "list the clients of", cluster, func(ctx context.Context) (err error) {
		answer, err = s.kv.Get(ctx, clientsKey(cluster), clientv3.WithPrefix())
		return err
	})
	if err != nil {
		return nil, err
	}
	return make(roll).reset(answer.Kvs).list(), nil
}

// WatchClients calls fn with the current list of Clients and with a new one
// after changes, until the context ends; then it returns the context's error.
// The calls are made one at a time, and each has a list of its own. It survives
// what Watch survives, and returns the errors that Watch returns.
func (s *Store) WatchClients(ctx context.Context, cluster string, fn func([]store.Client)) error {
	members := make(roll)
	var lastSeen []store.Client
	notify := func() {
		if now := members.list(); lastSeen == nil || !slices.Equal(now, lastSeen) {
			lastSeen = now
			fn(slices.Clone(now))
		}
	}
	return s.follow(ctx, topic{
		what: "watch the clients of", cluster: cluster, key: clientsKey(cluster),
		keys: []clientv3.OpOption{clientv3.WithPrefix()},
		current: func(kvs []*keyValue) error {
			members.reset(kvs)
			notify()
			return nil
		},
		changed: func(events []*clientv3.Event) error {
			for _, e := range events {
				if e.Type == clientv3.EventTypeDelete {
					delete(members, string(e.Kv.Key))
				} else {
					members.add(e.Kv)
				}
			}
			notify()
			return nil
		},
	})
}

// roll holds the clients of a cluster by their keys.
type roll map[string]store.Client

func (r roll) reset(kvs []*keyValue) roll {
	clear(r)
	for _, kv := range kvs {
		r.add(kv)
	}
	return r
}

// add takes a client in, or off if nothing is known of it any more.
func (r roll) add(kv *keyValue) {
	client, err := decodeClient(kv)
	if err != nil {
		delete(r, string(kv.Key))
		return
	}
	r[string(kv.Key)] = client
}

// list is never nil.
func (r roll) list() []store.Client {
	return slices.SortedFunc(maps.Values(r), func(a, b store.Client) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
}
