package main

import (
	"context"
	"errors"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/store"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// slow is a link beside whose delay nothing else shows much.
var slow = e6test.Link{Up: 15 * time.Millisecond, Down: 15 * time.Millisecond}

const overSlowLink = "one call of the generated stub, over a link of 30 ms"

// trips compares what is done over the slow link with one call.
func trips(name string, goal float64, ours func(*scene) func()) comparison {
	return comparison{
		name: name, against: overSlowLink, goal: goal, unit: ofTime,
		begin: func(size) (trial, func(), error) {
			s, err := newScene(slow)
			if err != nil {
				return nil, nil, err
			}
			call := func() {
				_, err := s.stub.HealthCheck(s.stub.ctx, &e6xv1.HealthCheckRequest{})
				must(err)
			}
			return alternate(repeated(ours(s)), repeated(call), ofTime), s.end, nil
		},
	}
}

// A tenth of a round trip is left for what is no waiting.
var (
	toFirstRow = trips("from a statement to its first row", 3.1, func(s *scene) func() {
		return func() {
			rows, err := s.client.Query(context.Background(), short)
			must(err)
			if !rows.Next() {
				panic(rows.Err())
			}
			must(rows.Close())
		}
	})
	toTheEnd = trips("from a statement to the end of its result", 4.1, func(s *scene) func() { return s.query })
)

// newClients compares the first answer of a new client with that of a bare stub.
func newClients(name string, goal float64, opts ...e6.Option) comparison {
	return comparison{
		name: name, against: "a connection, an authenticate and the query on the generated stub, over a link of 30 ms", goal: goal, unit: ofTime,
		begin: func(size) (trial, func(), error) {
			// The client probes blue first, and green is active.
			cluster, err := e6test.Start(e6test.WithActive(e6.Green))
			if err != nil {
				return nil, nil, err
			}
			dial := slow.Dialer(cluster.Dialer())
			ours := func() {
				client, err := e6.Open(context.Background(), e6.Config{Address: cluster.Addr(), User: "me", Token: "any"}, append(opts, e6.WithDialer(dial))...)
				must(err)
				_, err = client.QueryAll(context.Background(), short)
				must(errors.Join(err, client.Close()))
			}
			theirs := func() {
				s, err := dialStub(cluster.Addr(), dial)
				must(err)
				s.to("green")
				must(s.login())
				s.query(short)
				must(s.conn.Close())
			}
			ours() // so that the store knows
			return alternate(repeated(ours), repeated(theirs), ofTime), func() { must(cluster.Close()) }, nil
		},
	}
}

var (
	// Of the stub's seven round trips (two for the connection, one to authenticate,
	// four calls) the client saves one, and loses one when it probes the wrong side.
	newClient      = newClients("the first answer of a new client that probes the wrong side first", 8.0/7)
	newClientKnows = newClients("the same with a store that knows the side", 1, e6.WithStore(&store.Memory{}))
)

// toNewSide is how long it takes from an announcement to the first query that goes to the new side.
var toNewSide = comparison{
	name: "from an announcement to the first query that is sent to the new side", against: "one authenticate of the generated stub, over a link of 30 ms", goal: 1.2, unit: ofTime,
	begin: func(size) (trial, func(), error) {
		s, err := newScene(slow)
		if err != nil {
			return nil, nil, err
		}
		return func() (float64, error) {
			received, accepted := make(chan time.Time, 1), make(chan time.Time, 1)
			unsubscribe := s.client.Subscribe(switchTimes(received, accepted))
			defer unsubscribe()
			// A side whose first responses announce the other one is damped.
			for range 8 {
				s.query()
			}
			to := s.client.Strategy().Active.Other()
			s.cluster.OpenSide(to)
			s.cluster.Announce(to)
			s.query()
			ours := (<-accepted).Sub(<-received)
			settled(s.client, to)
			s.cluster.CloseSide(to.Other())
			s.stub.to(to.String())
			began := time.Now()
			if err := s.stub.login(); err != nil {
				return 0, err
			}
			return float64(ours) / float64(time.Since(began)), nil
		}, s.end, nil
	},
}
