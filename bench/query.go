package main

import (
	"context"
	"errors"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// bare calls the services by the names that they have on the wire, with the header
// that chooses the side, and does nothing else.
type bare struct{ *grpc.ClientConn }

func (b bare) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return b.ClientConn.Invoke(ctx, strings.Replace(method, "/e6data.e6x.v1.", "/", 1), args, reply, opts...)
}

// stub is the least that can run a query: the generated stub and a session.
type stub struct {
	e6xv1.QueryEngineServiceClient
	ctx     context.Context
	session string
	conn    *grpc.ClientConn
}

func newStub(address string) (*stub, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	s := &stub{QueryEngineServiceClient: e6xv1.NewQueryEngineServiceClient(bare{conn}), conn: conn}
	s.ctx = metadata.AppendToOutgoingContext(context.Background(), "strategy", "blue")
	answer, err := s.Authenticate(s.ctx, &e6xv1.AuthenticateRequest{User: "me", Password: "any"})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s.session = answer.GetSessionId()
	return s, nil
}

// query makes the calls of a query, one after the other, as the client makes them.
func (s *stub) query(sql string) {
	p, err := s.PrepareStatement(s.ctx, &e6xv1.PrepareStatementRequest{SessionId: s.session, QueryString: sql})
	must(err)
	ctx := metadata.AppendToOutgoingContext(s.ctx, "plannerip", p.GetEngineIP())
	_, err = s.ExecuteStatement(ctx, &e6xv1.ExecuteStatementRequest{EngineIP: p.GetEngineIP(), SessionId: s.session, QueryId: p.GetQueryId()})
	must(err)
	_, err = s.GetResultMetadata(ctx, &e6xv1.GetResultMetadataRequest{EngineIP: p.GetEngineIP(), SessionId: s.session, QueryId: p.GetQueryId()})
	must(err)
	for end := false; !end; {
		b, err := s.GetNextResultBatchV2(ctx, &e6xv1.GetNextResultBatchRequest{EngineIP: p.GetEngineIP(), SessionId: s.session, QueryId: p.GetQueryId()})
		must(err)
		end = b.GetEndOfStream()
	}
	_, err = s.ClearOrCancelQuery(ctx, &e6xv1.ClearOrCancelQueryRequest{EngineIP: p.GetEngineIP(), SessionId: s.session, QueryId: p.GetQueryId()})
	must(err)
}

// spread does something n times, on so many goroutines.
func spread(goroutines int, do func()) work {
	return func(n int) {
		var wg sync.WaitGroup
		for g := range goroutines {
			times := n / goroutines
			if g < n%goroutines {
				times++
			}
			wg.Go(func() {
				for range times {
					do()
				}
			})
		}
		wg.Wait()
	}
}

// queries compares short queries on so many goroutines with the same calls.
func queries(name string, goroutines int) comparison {
	return comparison{
		name: name, against: "the same calls by the generated stub", goal: 0.95, more: true, unit: "speed",
		begin: func() (work, work, func(), error) {
			const sql = "SELECT 1"
			cluster, err := e6test.Start()
			if err != nil {
				return nil, nil, nil, err
			}
			client, err := e6.Open(context.Background(), e6.Config{Address: cluster.Addr(), User: "me", Token: "any"})
			if err != nil {
				return nil, nil, nil, errors.Join(err, cluster.Close())
			}
			s, err := newStub(cluster.Addr())
			if err != nil {
				return nil, nil, nil, errors.Join(err, client.Close(), cluster.Close())
			}
			ours := spread(goroutines, func() {
				_, err := client.QueryAll(context.Background(), sql)
				must(err)
			})
			theirs := spread(goroutines, func() { s.query(sql) })
			return ours, theirs, func() { must(errors.Join(client.Close(), s.conn.Close(), cluster.Close())) }, nil
		},
	}
}
