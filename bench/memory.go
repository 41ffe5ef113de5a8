package main

import (
	"context"
	"database/sql"
	"errors"
	"runtime"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/sqldriver"
)

// heap is how many bytes are in use.
func heap() float64 {
	runtime.GC()
	runtime.GC() // frees what finalizers have released
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

const kib = 1024

// perConn is the memory of one more sql.Conn.
var perConn = comparison{
	name: "memory of an open sql.Conn", against: "the heap without it, over 10,000 of them", goal: 1, unit: "KiB",
	begin: func(size size) (trial, func(), error) {
		cluster, err := e6test.Start()
		if err != nil {
			return nil, nil, err
		}
		connector, err := sqldriver.NewConnector(e6.Config{Address: cluster.Addr(), User: "me", Token: "any"})
		if err != nil {
			return nil, nil, errors.Join(err, cluster.Close())
		}
		db := sql.OpenDB(connector)
		return func() (float64, error) {
			n := size.of(10_000)
			conns := make([]*sql.Conn, n+1)
			var before float64
			for i := range conns {
				var err error
				if conns[i], err = db.Conn(context.Background()); err != nil {
					return 0, err
				}
				if i == 0 {
					before = heap() // with the client, and one connection
				}
			}
			grown := heap() - before
			for _, c := range conns {
				if err := c.Close(); err != nil {
					return 0, err
				}
			}
			return grown / float64(n) / kib, nil
		}, func() { must(errors.Join(db.Close(), cluster.Close())) }, nil
	},
}

// perClient is the memory of one more client, without what gRPC needs by itself. Of the
// goal, 4 KiB are for the engine of its state machine: each client has its own.
var perClient = comparison{
	name: "memory of a client", against: "two gRPC connections alone, as it has one for control calls and one for statements; all not connected", goal: 14, unit: "KiB",
	reason: "3.8 KiB are the table of its state machine, 5 the router with its inbox and its windows of health, 4 the queues, counters and stubs of its connections",
	begin: func(size size) (trial, func(), error) {
		return func() (float64, error) {
			n := size.of(200)
			var open []interface{ Close() error }
			grow := func(one func() (interface{ Close() error }, error)) (float64, error) {
				before := heap()
				for range n {
					c, err := one()
					if err != nil {
						return 0, err
					}
					open = append(open, c)
				}
				return (heap() - before) / float64(n) / kib, nil
			}
			theirs, err := grow(func() (interface{ Close() error }, error) {
				return grpc.NewClient("passthrough:///127.0.0.1:1", grpc.WithTransportCredentials(insecure.NewCredentials()))
			})
			if err != nil {
				return 0, err
			}
			ours, err := grow(func() (interface{ Close() error }, error) {
				return e6.Open(context.Background(), e6.Config{Address: "127.0.0.1:1", User: "me", Token: "any"}, e6.WithLazyOpen())
			})
			if err != nil {
				return 0, err
			}
			for _, c := range open {
				err = errors.Join(err, c.Close())
			}
			return ours - 2*theirs, err
		}, func() {}, nil
	},
}
