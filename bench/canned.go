package main

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// canned is an engine that answers every statement with the same batches, which are
// encoded already: what is measured is the client, and not how a server makes rows.
type canned struct {
	e6xv1.UnimplementedQueryEngineServiceServer
	metadata []byte
	batch    []byte
	batches  int

	mu   sync.Mutex
	open fsm.Side       // the side that is active; both are as long as it is None
	left map[string]int // batches of the queries that are open
	next int

	server *grpc.Server
	addr   string
	served sync.WaitGroup
}

// serveCanned serves a result of so many batches until close.
func serveCanned(fields []vector.Field, batch []byte, rowsOfBatch, batches int) (*canned, error) {
	c := &canned{
		metadata: e6test.EncodeMetadata(int64(rowsOfBatch*batches), fields), batch: batch, batches: batches,
		left: map[string]int{},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	desc := e6xv1.QueryEngineService_ServiceDesc
	desc.ServiceName = "QueryEngineService"
	c.server = grpc.NewServer(grpc.UnaryInterceptor(c.admit))
	c.server.RegisterService(&desc, c)
	c.addr = listener.Addr().String()
	c.served.Go(func() { _ = c.server.Serve(listener) })
	return c, nil
}

func (c *canned) close() {
	c.server.Stop()
	c.served.Wait()
}

// cut makes another side the active one, whose engine knows of no query.
func (c *canned) cut(to fsm.Side) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = to
	clear(c.left)
}

// admit refuses the calls of the side that is not active, as Envoy does.
func (c *canned) admit(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	c.mu.Lock()
	open := c.open
	c.mu.Unlock()
	md, _ := metadata.FromIncomingContext(ctx)
	if open.Valid() && !slices.Contains(md["strategy"], open.String()) {
		return nil, status.Error(codes.Unknown, "status: 456")
	}
	return handle(ctx, req)
}

// Authenticate implements the service.
func (c *canned) Authenticate(context.Context, *e6xv1.AuthenticateRequest) (*e6xv1.AuthenticateResponse, error) {
	return &e6xv1.AuthenticateResponse{SessionId: "session"}, nil
}

// PrepareStatement implements the service.
func (c *canned) PrepareStatement(context.Context, *e6xv1.PrepareStatementRequest) (*e6xv1.PrepareStatementResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	id := strconv.Itoa(c.next)
	c.left[id] = c.batches
	return &e6xv1.PrepareStatementResponse{QueryId: id, EngineIP: "10.0.0.1"}, nil
}

// ExecuteStatement implements the service.
func (c *canned) ExecuteStatement(context.Context, *e6xv1.ExecuteStatementRequest) (*e6xv1.ExecuteStatementResponse, error) {
	return &e6xv1.ExecuteStatementResponse{}, nil
}

// GetResultMetadata implements the service.
func (c *canned) GetResultMetadata(context.Context, *e6xv1.GetResultMetadataRequest) (*e6xv1.GetResultMetadataResponse, error) {
	return &e6xv1.GetResultMetadataResponse{ResultMetaData: c.metadata}, nil
}

var errNoQuery = errors.New("there is no such query")

// GetNextResultBatchV2 implements the service.
func (c *canned) GetNextResultBatchV2(_ context.Context, r *e6xv1.GetNextResultBatchRequest) (*e6xv1.GetNextResultBatchV2Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left, ok := c.left[r.GetQueryId()]
	if !ok {
		return nil, errNoQuery
	}
	c.left[r.GetQueryId()] = left - 1
	return &e6xv1.GetNextResultBatchV2Response{ResultBatches: [][]byte{c.batch}, EndOfStream: left == 1}, nil
}

// ClearOrCancelQuery implements the service.
func (c *canned) ClearOrCancelQuery(_ context.Context, r *e6xv1.ClearOrCancelQueryRequest) (*e6xv1.ClearOrCancelQueryResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.left, r.GetQueryId())
	return &e6xv1.ClearOrCancelQueryResponse{}, nil
}
