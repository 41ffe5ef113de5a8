package exec

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// reply is the script of one call: it may wait, and fails or returns nil.
type reply func(ctx context.Context) error

func succeeds(context.Context) error { return nil }

// failsWith fails a call with a class and an effect.
func failsWith(class wire.Class, effect wire.Effect) reply {
	return func(context.Context) error {
		return &wire.Error{Class: class, Effect: effect, Err: status.Error(codes.Unavailable, "planted")}
	}
}

// blocks waits until the context of the call ends.
func blocks(ctx context.Context) error {
	<-ctx.Done()
	return &wire.Error{Class: wire.ClassCanceled, Effect: wire.EffectUnknown, Err: status.FromContextError(ctx.Err()).Err()}
}

// fakeCluster is a transport to a cluster whose replies the test scripts. Without a script, a
// call succeeds; a statement returns the rows 1 to 6 in three batches.
type fakeCluster struct {
	mu      sync.Mutex
	log     []string // the calls: method and side
	at      []time.Time
	script  map[string][]reply // by method; the last one is for all later calls too
	queries int
	cursors map[string]int
	results map[fsm.Side][][]int64
	fields  map[fsm.Side]string // the name of the column; "n" by default
	status  string              // of the cluster
	aborted bool
	close   func() // called by Close; may be nil
}

var _ transport = (*fakeCluster)(nil)

// on sets the replies to the calls of a method.
func (c *fakeCluster) on(method string, replies ...reply) {
	if c.script == nil {
		c.script = map[string][]reply{}
	}
	c.script[method] = replies
}

// calls returns the calls so far, without those that free a statement.
func (c *fakeCluster) calls() (calls []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.log {
		if !strings.HasPrefix(line, "clear") {
			calls = append(calls, line)
		}
	}
	return calls
}

// freed returns the calls that free a statement.
func (c *fakeCluster) freed() []string {
	synctest.Wait() // they run in the background
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.log), func(line string) bool { return !strings.HasPrefix(line, "clear") })
}

// call records a call and returns its scripted failure.
func (c *fakeCluster) call(ctx context.Context, method string, side fsm.Side) error {
	c.mu.Lock()
	c.log, c.at = append(c.log, method+" "+side.String()), append(c.at, time.Now())
	next := reply(succeeds)
	if script := c.script[method]; len(script) > 0 {
		if next = script[0]; len(script) > 1 {
			c.script[method] = script[1:]
		}
	}
	c.mu.Unlock()
	err := next(ctx)
	if failed, ok := err.(*wire.Error); ok {
		failed.Side, failed.Method = side, method
	}
	return err
}

func (c *fakeCluster) Acquire(fsm.Side, int) wire.Lease                 { return wire.Lease{} }
func (c *fakeCluster) AcquireAlone(context.Context) (wire.Lease, error) { return wire.Lease{}, nil }
func (c *fakeCluster) Engine(k wire.Call) e6xv1.QueryEngineServiceClient {
	return &fakeEngine{c: c, side: k.Side}
}
func (c *fakeCluster) Cluster(k wire.Call) e6xv1.ClusterServiceClient {
	return &fakeControl{c: c, side: k.Side}
}
func (c *fakeCluster) Reconnect() {}
func (c *fakeCluster) Abort()     { c.aborted = true }
func (c *fakeCluster) Close() error {
	if c.close != nil {
		c.close()
	}
	return nil
}

// fakeControl is the cluster service.
type fakeControl struct {
	e6xv1.ClusterServiceClient
	c    *fakeCluster
	side fsm.Side
}

func (f *fakeControl) Status(ctx context.Context, _ *e6xv1.ClusterStatusRequest, _ ...grpc.CallOption) (*e6xv1.ClusterStatusResponse, error) {
	err := f.c.call(ctx, "status of the cluster", f.side)
	return &e6xv1.ClusterStatusResponse{Status: f.c.status}, err
}

// fakeEngine is the query service of one side.
type fakeEngine struct {
	e6xv1.QueryEngineServiceClient
	c    *fakeCluster
	side fsm.Side
}

func (f *fakeEngine) PrepareStatement(ctx context.Context, _ *e6xv1.PrepareStatementRequest, _ ...grpc.CallOption) (*e6xv1.PrepareStatementResponse, error) {
	if err := f.c.call(ctx, "prepare", f.side); err != nil {
		return nil, err
	}
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	f.c.queries++
	return &e6xv1.PrepareStatementResponse{QueryId: fmt.Sprintf("q%d", f.c.queries), EngineIP: "engine"}, nil
}

func (f *fakeEngine) ExecuteStatement(ctx context.Context, _ *e6xv1.ExecuteStatementRequest, _ ...grpc.CallOption) (*e6xv1.ExecuteStatementResponse, error) {
	return &e6xv1.ExecuteStatementResponse{}, f.c.call(ctx, "execute", f.side)
}

// result is the result of a statement on the side.
func (f *fakeEngine) result() [][]int64 {
	if r, ok := f.c.results[f.side]; ok {
		return r
	}
	return [][]int64{{1, 2}, {3, 4}, {5, 6}}
}

func (f *fakeEngine) GetResultMetadata(ctx context.Context, _ *e6xv1.GetResultMetadataRequest, _ ...grpc.CallOption) (*e6xv1.GetResultMetadataResponse, error) {
	if err := f.c.call(ctx, "metadata", f.side); err != nil {
		return nil, err
	}
	name := "n"
	if other := f.c.fields[f.side]; other != "" {
		name = other
	}
	rows := int64(len(slices.Concat(f.result()...)))
	return &e6xv1.GetResultMetadataResponse{ResultMetaData: e6test.EncodeMetadata(rows, []vector.Field{{Name: name, Type: vector.Long}})}, nil
}

func (f *fakeEngine) GetNextResultBatchV2(ctx context.Context, in *e6xv1.GetNextResultBatchRequest, _ ...grpc.CallOption) (*e6xv1.GetNextResultBatchV2Response, error) {
	if err := f.c.call(ctx, "fetch", f.side); err != nil {
		return nil, err
	}
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if f.c.cursors == nil {
		f.c.cursors = map[string]int{}
	}
	n, result := f.c.cursors[in.GetQueryId()], f.result()
	f.c.cursors[in.GetQueryId()]++
	if n >= len(result) {
		return &e6xv1.GetNextResultBatchV2Response{EndOfStream: true}, nil
	}
	return &e6xv1.GetNextResultBatchV2Response{
		ResultBatches: [][]byte{numbersMessage(failing{}, result[n]...)}, EndOfStream: n == len(result)-1,
	}, nil
}

// failing is a require.TestingT outside of a test.
type failing struct{}

func (failing) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (failing) FailNow()                          { panic("failed") }

func (f *fakeEngine) CancelQuery(ctx context.Context, _ *e6xv1.CancelQueryRequest, _ ...grpc.CallOption) (*e6xv1.CancelQueryResponse, error) {
	return &e6xv1.CancelQueryResponse{}, f.c.call(ctx, "cancel", f.side)
}

func (f *fakeEngine) ClearOrCancelQuery(ctx context.Context, in *e6xv1.ClearOrCancelQueryRequest, _ ...grpc.CallOption) (*e6xv1.ClearOrCancelQueryResponse, error) {
	method := "clear cancelled"
	if in.GetIsDone() {
		method = "clear complete"
	}
	return &e6xv1.ClearOrCancelQueryResponse{}, f.c.call(ctx, method, f.side)
}
