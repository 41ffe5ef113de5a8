package etcd

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/namespace"
	"go.uber.org/zap"

	"github.com/e6data/e6data-go/e6/store"
)

// The defaults of Open for fields of the configuration that are zero. Without pings, a
// connection whose other end vanished looks like one on which nothing happens.
const (
	DefaultDialTimeout          = 5 * time.Second
	DefaultDialKeepAliveTime    = 10 * time.Second
	DefaultDialKeepAliveTimeout = 3 * time.Second
)

// ErrClosed is returned by the methods of a Store that was closed.
var ErrClosed = errors.New("etcd: the store is closed")

// Store keeps the records of clusters in etcd, and the presence of their clients.
// Its methods may be called concurrently.
type Store struct {
	client *clientv3.Client
	owned  bool
	kv     clientv3.KV
	watch  clientv3.Watcher
	lease  clientv3.Lease
	set    settings

	ctx     context.Context // ends with Close
	end     context.CancelFunc
	mu      sync.Mutex // orders Join and Close, so that no member begins after the end
	members sync.WaitGroup
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Presence = (*Store)(nil)
)

// Open connects to etcd with that configuration; Close disconnects. Endpoints, TLS,
// user name and everything else are the configuration's. Zero fields are
// set to DefaultDialTimeout, DefaultDialKeepAliveTime and
// DefaultDialKeepAliveTimeout, and without a logger nothing is logged.
//
// Open does not wait for etcd, unless there is a user name: then it logs in,
// which takes DialTimeout at most.
func Open(cfg clientv3.Config, opts ...Option) (*Store, error) {
	set, err := apply(opts)
	if err != nil {
		return nil, err
	}
	cfg.DialTimeout = orDefault(cfg.DialTimeout, DefaultDialTimeout)
	cfg.DialKeepAliveTime = orDefault(cfg.DialKeepAliveTime, DefaultDialKeepAliveTime)
	cfg.DialKeepAliveTimeout = orDefault(cfg.DialKeepAliveTimeout, DefaultDialKeepAliveTimeout)
	if cfg.Logger == nil && cfg.LogConfig == nil {
		cfg.Logger = zap.NewNop()
	}
	client, err := clientv3.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("etcd: open a client of %d endpoints: %w", len(cfg.Endpoints), err)
	}
	s := newStore(client, set)
	s.owned = true
	return s, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// New is a store on an etcd client of the caller's, who also closes it, after
// the store. Its configuration should have DialKeepAliveTime and
// DialKeepAliveTimeout: see the constants of this package.
func New(client *clientv3.Client, opts ...Option) (*Store, error) {
	if client == nil {
		return nil, errors.New("etcd: New needs a client: use Open to make one from a configuration")
	}
	set, err := apply(opts)
	if err != nil {
		return nil, err
	}
	return newStore(client, set), nil
}

func newStore(client *clientv3.Client, set settings) *Store {
	s := &Store{client: client, kv: client.KV, watch: client.Watcher, lease: client.Lease, set: set}
	if set.namespace != "" {
		s.kv = namespace.NewKV(client.KV, set.namespace)
		s.watch = namespace.NewWatcher(client.Watcher, set.namespace)
		s.lease = namespace.NewLease(client.Lease, set.namespace)
	}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s
}

// Close ends every watch with ErrClosed, lets every Member leave, and closes the
// etcd client if Open made it. It takes the call timeout at most, which is when
// etcd is unreachable. Further calls do nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	closed := s.ctx.Err() != nil
	s.end()
	s.mu.Unlock()
	s.members.Wait()
	if closed || !s.owned {
		return nil
	}
	if err := s.client.Close(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("etcd: close the client: %w", err)
	}
	return nil
}

// Load implements store.Store. A value that cannot be read is a *ValueError.
func (s *Store) Load(ctx context.Context, cluster string) (store.Record, error) {
	key := recordKey(cluster)
	var answer *clientv3.GetResponse
	err := s.call(ctx, "load the record of", cluster, func(ctx context.Context) (err error) {
		answer, err = s.kv.Get(ctx, key)
		return err
	})
	if err != nil {
		return store.Record{}, err
	}
	return recordOf(answer)
}

// recordOf decodes the response for the key of a record.
func recordOf(answer *clientv3.GetResponse) (store.Record, error) {
	if len(answer.Kvs) == 0 {
		return store.Record{}, nil
	}
	return decodeRecord(answer.Kvs[0])
}

// CompareAndSwap implements store.Store, as one transaction. If its response is
// lost, it is sent again until ctx or the call timeout ends. The value holds a
// random mark, by which a transaction that was done before is found again, also in
// the past of the key if others have written since. If that past was compacted, or
// the key deleted meanwhile, it counts as not done: store.ErrConflict.
// When CompareAndSwap ends with an error other than store.ErrConflict, the
// record may or may not have been replaced.
func (s *Store) CompareAndSwap(ctx context.Context, cluster string, old uint64, next store.Record) (store.Record, error) {
	key := recordKey(cluster)
	value, err := encodeRecord(next, rand.Text())
	if err != nil {
		return store.Record{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.set.timeout)
	defer cancel()
	// A version beyond int64 becomes negative, which no key has: a conflict, as it
	// should be.
	swap := func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return s.kv.Txn(ctx).
			If(clientv3.Compare(clientv3.Version(key), "=", int64(old))).
			Then(clientv3.OpPut(key, string(value))).
			Else(clientv3.OpGet(key)).
			Commit()
	}
	var answer *clientv3.TxnResponse
	sent := 0
	err = s.call(ctx, "swap the record of", cluster, func(ctx context.Context) (err error) {
		sent++
		answer, err = swap(ctx)
		return err
	})
	if err != nil {
		return store.Record{}, err
	}
	next.Version = old + 1
	if answer.Succeeded {
		return next, nil
	}
	got := (*clientv3.GetResponse)(answer.Responses[0].GetResponseRange())
	// The etcd client may have retried it too: then the current value is ours.
	if sent > 1 || len(got.Kvs) > 0 && bytes.Equal(got.Kvs[0].Value, value) {
		done, err := s.wasDone(ctx, cluster, got, int64(next.Version), value)
		if err != nil {
			return store.Record{}, err
		}
		if done {
			return next, nil
		}
	}
	current, err := recordOf(got)
	if err != nil {
		return store.Record{}, err
	}
	return current, store.ErrConflict
}

// wasDone reports whether a record had that value when it was of that version, as far as
// etcd still has the revisions. It goes back from the current revision.
func (s *Store) wasDone(ctx context.Context, cluster string, at *clientv3.GetResponse, version int64, value []byte) (bool, error) {
	for len(at.Kvs) > 0 && at.Kvs[0].Version > version {
		before := at.Kvs[0].ModRevision - 1
		err := s.call(ctx, "load an earlier record of", cluster, func(ctx context.Context) (err error) {
			at, err = s.kv.Get(ctx, recordKey(cluster), clientv3.WithRev(before))
			return err
		})
		if errors.Is(err, rpctypes.ErrCompacted) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return len(at.Kvs) > 0 && at.Kvs[0].Version == version && bytes.Equal(at.Kvs[0].Value, value), nil
}

// Watch implements store.Store. It resumes when its connection breaks,
// when etcd restarts, or when its revision was compacted: then it
// reads the current record again. If reading the current record (see WithRefresh)
// fails for the call timeout, if etcd refuses, or if the value cannot be read, Watch
// returns the error, and may be called again; a client of e6 does so, and reports
// it as an event.
func (s *Store) Watch(ctx context.Context, cluster string, fn func(store.Record)) error {
	var seen int64 // the revision of the record that fn received last
	notify := func(kv *keyValue) error {
		if kv.ModRevision == seen {
			return nil
		}
		record, err := decodeRecord(kv)
		if err != nil {
			return err
		}
		seen = kv.ModRevision
		fn(record)
		return nil
	}
	return s.follow(ctx, topic{
		what: "watch the record of", cluster: cluster, key: recordKey(cluster),
		current: func(kvs []*keyValue) error {
			if len(kvs) == 0 {
				return nil
			}
			return notify(kvs[0])
		},
		changed: func(events []*clientv3.Event) error {
			// Only the last event matters, and a deletion carries no record.
			for i := len(events) - 1; i >= 0; i-- {
				if events[i].Type == clientv3.EventTypePut {
					return notify(events[i].Kv)
				}
			}
			return nil
		},
	})
}
