package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/e6/store/etcd"
	"github.com/e6data/e6data-go/internal/etcdserver"
)

// openEtcd opens a store of its own.
func openEtcd(server *etcdserver.Server) (*etcd.Store, error) {
	return etcd.Open(clientv3.Config{Endpoints: []string{"http://" + server.Addr()}}, etcd.WithCallTimeout(time.Second), etcd.WithLease(2*time.Second))
}

// beginEtcd begins the world of a fleet that shares an etcd.
func beginEtcd(r *record, seed uint64) (*site, map[kind]func(fault), error) {
	server, err := etcdserver.Start()
	if err != nil {
		return nil, nil, err
	}
	s, err := newSite(r, nil)
	if err != nil {
		_ = server.Close()
		return nil, nil, err
	}
	left := 3
	for i := range left {
		shared, err := openEtcd(server)
		if err != nil {
			return nil, nil, err
		}
		more := func() error {
			err := shared.Close()
			if left--; left == 0 {
				_ = server.Close()
			}
			return err
		}
		err = s.join(fmt.Sprint("client ", i), seed+uint64(i), 6, more, e6.WithStore(shared),
			e6.WithFleet(e6.FleetPolicy{Jitter: 50 * time.Millisecond, StageShare: 0.3, StageTime: 50 * time.Millisecond, StageTimeout: time.Second}))
		if err != nil {
			return nil, nil, errors.Join(err, shared.Close())
		}
	}
	return s, map[kind]func(fault){
		storeStop: func(f fault) {
			_ = server.Signal(syscall.SIGSTOP)
			<-time.After(5 * f.length)
			_ = server.Signal(syscall.SIGCONT)
		},
		storeKill: func(f fault) {
			_ = server.Signal(syscall.SIGCONT)
			server.Kill()
			<-time.After(f.length)
			if err := server.Again(); err != nil {
				r.violation("etcd does not start again: %v", err)
			}
		},
		wrongRecord: func(f fault) {
			liar, err := openEtcd(server)
			if err != nil {
				return
			}
			writeWrongRecord(liar, s.network.addr()+"/", f)
			_ = liar.Close()
		},
	}, nil
}

// lie writes something into a store that is not so. Its times are of another age, as
// from a machine whose clock is wrong.
func writeWrongRecord(to store.Store, cluster string, f fault) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	record, err := to.Load(ctx, cluster)
	if err != nil {
		return
	}
	age := time.Duration(f.nth-10) * 10 * 365 * 24 * time.Hour
	side := fsm.Sides[f.nth%2]
	_, _ = to.CompareAndSwap(ctx, cluster, record.Version, store.Record{
		Active: side, Announced: fsm.Sides[f.nth/2%2], Epoch: 1 << 63, Writer: "a liar", At: time.Now().Add(age),
		Vetoes: []store.Veto{
			{Side: side, Directive: true, Writer: "a liar", Reason: "the past", At: time.Now().Add(-age), Until: time.Now().Add(-age - time.Hour)},
			{Side: side.Other(), Directive: true, Writer: "another", Reason: "a lie of a moment", At: time.Now().Add(age), Until: time.Now().Add(age + time.Millisecond)},
		},
	})
}
