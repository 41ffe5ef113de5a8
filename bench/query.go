package main

import (
	"context"
	"errors"
	"fmt"
	"net"
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

func newStub(address string, dial dialer) (*stub, error) {
	s, err := dialStub(address, dial)
	if err != nil {
		return nil, err
	}
	s.to("blue")
	if err := s.login(); err != nil {
		return nil, errors.Join(err, s.conn.Close())
	}
	return s, nil
}

type dialer = func(context.Context, string) (net.Conn, error)

// dialStub makes a stub that has no session yet.
func dialStub(address string, dial dialer) (*stub, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(dial))
	if err != nil {
		return nil, err
	}
	return &stub{QueryEngineServiceClient: e6xv1.NewQueryEngineServiceClient(bare{conn}), conn: conn}, nil
}

// to addresses the calls to a side.
func (s *stub) to(side string) {
	s.ctx = metadata.AppendToOutgoingContext(context.Background(), "strategy", side)
}

func (s *stub) login() error {
	answer, err := s.Authenticate(s.ctx, &e6xv1.AuthenticateRequest{User: "me", Password: "any"})
	s.session = answer.GetSessionId()
	return err
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

// scene is a cluster on loopback with a client and a bare stub.
type scene struct {
	cluster *e6test.Cluster
	client  *e6.Client
	stub    *stub
}

// newScene makes one. The options are the client's.
func newScene(link e6test.Link, opts ...e6.Option) (*scene, error) {
	cluster, err := e6test.Start()
	if err != nil {
		return nil, err
	}
	dial := cluster.Dialer()
	if link != (e6test.Link{}) {
		dial = link.Dialer(dial)
	}
	client, err := e6.Open(context.Background(), e6.Config{Address: cluster.Addr(), User: "me", Token: "any"}, append(opts, e6.WithDialer(dial))...)
	if err != nil {
		return nil, errors.Join(err, cluster.Close())
	}
	s, err := newStub(cluster.Addr(), dial)
	if err != nil {
		return nil, errors.Join(err, client.Close(), cluster.Close())
	}
	return &scene{cluster, client, s}, nil
}

func (s *scene) end() { must(errors.Join(s.client.Close(), s.stub.conn.Close(), s.cluster.Close())) }

const short = "SELECT 1"

// query runs a short query to its end.
func (s *scene) query() {
	_, err := s.client.QueryAll(context.Background(), short)
	must(err)
}

// queries compares short queries on so many goroutines with the same calls.
func queries(goroutines int) comparison {
	name := fmt.Sprintf("short queries on %d goroutines", goroutines)
	if goroutines == 1 {
		name = "short queries, one after the other"
	}
	return comparison{
		name: name, against: "the same calls by the generated stub", goal: 0.95, more: true, unit: ofSpeed,
		reason: "a query makes 90 allocations more than its calls, of 1,260 with the server's, and has three goroutines more, so that its caller can leave at any time and the first batch comes with the metadata; fewer of either moved the figure by less than its interval",
		begin: func(size size) (trial, func(), error) {
			s, err := newScene(e6test.Link{})
			if err != nil {
				return nil, nil, err
			}
			// Some queries on each goroutine, so that its beginning and its end do not count.
			some := func(do func()) work {
				return func(n int) { spread(size.of(goroutines), do)(8 * size.of(goroutines) * n) }
			}
			return alternate(some(s.query), some(func() { s.stub.query(short) }), ofSpeed), s.end, nil
		},
	}
}
