package e6test_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/stress"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

const (
	user  = "user@example.com"
	token = "a token"
)

// start serves a cluster until the test ends.
func start(t testing.TB, opts ...e6test.Option) *e6test.Cluster {
	t.Helper()
	cluster, err := e6test.Start(opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	return cluster
}

// bare is a channel that names the services as the wire does, with the headers
// of one side and nothing of a client's own sense.
type bare struct {
	*grpc.ClientConn
	headers []string
}

func (b bare) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	ctx = metadata.NewOutgoingContext(ctx, metadata.Pairs(b.headers...))
	return b.ClientConn.Invoke(ctx, strings.Replace(method, "e6data.e6x.v1.", "", 1), args, reply, opts...)
}

// dial connects to the ingress.
func dial(t testing.TB, cluster *e6test.Cluster, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn := newConn(t, "passthrough:///"+cluster.Addr(), append([]grpc.DialOption{withDialer(cluster)}, opts...)...)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

func newConn(t testing.TB, target string, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	all := append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(),
	}, opts...)
	conn, err := grpc.NewClient(target, all...)
	require.NoError(t, err)
	return conn
}

func withDialer(cluster *e6test.Cluster) grpc.DialOption {
	return grpc.WithContextDialer(cluster.Dialer())
}

func withCreds(c credentials.TransportCredentials) grpc.DialOption {
	return grpc.WithTransportCredentials(c)
}

// client makes bare calls to one side.
type client struct {
	conn    *grpc.ClientConn
	side    fsm.Side
	session string
}

func (c client) engine(headers ...string) e6xv1.QueryEngineServiceClient {
	return e6xv1.NewQueryEngineServiceClient(bare{c.conn, append([]string{"strategy", c.side.String()}, headers...)})
}

func (c client) control() e6xv1.ClusterServiceClient {
	return e6xv1.NewClusterServiceClient(bare{c.conn, []string{"strategy", c.side.String()}})
}

func (c client) authenticate(ctx context.Context) (*e6xv1.AuthenticateResponse, error) {
	return c.engine().Authenticate(ctx, &e6xv1.AuthenticateRequest{User: user, Password: token})
}

// login connects to a side of a cluster and authenticates there.
func login(t testing.TB, cluster *e6test.Cluster, side fsm.Side) client {
	t.Helper()
	return loginOn(t, dial(t, cluster), side)
}

func loginOn(t testing.TB, conn *grpc.ClientConn, side fsm.Side) client {
	t.Helper()
	c := client{conn: conn, side: side}
	answer, err := c.authenticate(within(t))
	require.NoError(t, err)
	require.NotEmpty(t, answer.GetSessionId())
	c.session = answer.GetSessionId()
	return c
}

// query is one that was prepared.
type query struct {
	client
	id, ip string
}

func (c client) prepare(ctx context.Context, sql string) (query, error) {
	answer, err := c.engine().PrepareStatementV2(ctx, &e6xv1.PrepareStatementV2Request{SessionId: c.session, Catalog: "canned", Schema: "main", QueryString: sql})
	return query{c, answer.GetQueryId(), answer.GetEngineIP()}, err
}

func prepareRequest(c client, sql string) *e6xv1.PrepareStatementRequest {
	return &e6xv1.PrepareStatementRequest{SessionId: c.session, QueryString: sql}
}

func (c client) mustPrepare(t testing.TB, sql string) query {
	t.Helper()
	q, err := c.prepare(within(t), sql)
	require.NoError(t, err)
	require.NotEmpty(t, q.id)
	return q
}

// mustRun prepares and executes a statement.
func (c client) mustRun(t testing.TB, sql string) query {
	t.Helper()
	q := c.mustPrepare(t, sql)
	require.NoError(t, q.execute(within(t)))
	return q
}

func (q query) call() e6xv1.QueryEngineServiceClient { return q.engine("plannerip", q.ip) }

func (q query) execute(ctx context.Context) error {
	_, err := q.call().ExecuteStatementV2(ctx, &e6xv1.ExecuteStatementV2Request{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
	return err
}

func (q query) metadata(ctx context.Context) (*vector.Metadata, error) {
	answer, err := q.call().GetResultMetadata(ctx, &e6xv1.GetResultMetadataRequest{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
	if err != nil {
		return nil, err
	}
	return vector.DecodeMetadata(answer.GetResultMetaData())
}

func (q query) fetch(ctx context.Context) (*e6xv1.GetNextResultBatchResponse, error) {
	return q.call().GetNextResultBatch(ctx, &e6xv1.GetNextResultBatchRequest{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
}

func (q query) fetchV2(ctx context.Context) (*e6xv1.GetNextResultBatchV2Response, error) {
	return q.call().GetNextResultBatchV2(ctx, &e6xv1.GetNextResultBatchRequest{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
}

func (q query) clear(ctx context.Context) error {
	_, err := q.call().ClearOrCancelQuery(ctx, &e6xv1.ClearOrCancelQueryRequest{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
	return err
}

// read fetches the whole result, either way.
func (q query) read(ctx context.Context, newFetch bool) (batches []*vector.Batch, err error) {
	meta, err := q.metadata(ctx)
	if err != nil {
		return nil, err
	}
	for {
		chunks, end, err := q.next(ctx, newFetch)
		if err != nil {
			return nil, err
		}
		for _, chunk := range chunks {
			b, err := vector.Decode(chunk, meta.Fields)
			if err != nil {
				return nil, err
			}
			batches = append(batches, b)
		}
		if end {
			return batches, nil
		}
	}
}

func (q query) next(ctx context.Context, newFetch bool) (chunks [][]byte, end bool, err error) {
	if newFetch {
		answer, err := q.fetchV2(ctx)
		return answer.GetResultBatches(), answer.GetEndOfStream(), err
	}
	answer, err := q.fetch(ctx)
	if len(answer.GetResultBatch()) == 0 {
		return nil, true, err
	}
	return [][]byte{answer.GetResultBatch()}, false, err
}

// texts is a result as text, with "null" for nulls.
func texts(batches []*vector.Batch) (rows [][]string) {
	for _, b := range batches {
		for row := range b.Rows() {
			line := make([]string, b.NumColumns())
			for i := range line {
				line[i] = "null"
				if !b.Column(i).IsNull(row) {
					line[i] = b.Column(i).Text(row)
				}
			}
			rows = append(rows, line)
		}
	}
	return rows
}

// within bounds a call, so that a hang is a failure.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), stress.Patience)
	t.Cleanup(cancel)
	return ctx
}

// requireStatus checks the code and the text of a gRPC error.
func requireStatus(t testing.TB, err error, code codes.Code, text string) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, code, status.Code(err), "%v", err)
	require.Contains(t, status.Convert(err).Message(), text)
}

// require456 checks the plain form of a refusal, as gRPC reports it.
func require456(t testing.TB, err error) {
	t.Helper()
	requireStatus(t, err, codes.Unknown, "unexpected HTTP status code received from server: 456 (")
}

// eventually waits for what another goroutine brings about.
func eventually(t testing.TB, ready func() bool) {
	t.Helper()
	require.Eventually(t, ready, stress.Patience, time.Millisecond)
}
