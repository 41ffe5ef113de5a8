package emulator_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/emulator"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// bare calls the services by the names that they have on the wire.
type bare struct{ *grpc.ClientConn }

func (b bare) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return b.ClientConn.Invoke(ctx, strings.Replace(method, "/e6data.e6x.v1.", "/", 1), args, reply, opts...)
}

// client is a client without any cleverness: one side, one session.
type client struct {
	e6xv1.QueryEngineServiceClient
	ctx     context.Context
	session string
}

func dial(t testing.TB, addr string, side fsm.Side, user, token string) *client {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	c := &client{QueryEngineServiceClient: e6xv1.NewQueryEngineServiceClient(bare{conn})}
	c.ctx = metadata.AppendToOutgoingContext(context.Background(), "strategy", side.String())
	auth, err := c.Authenticate(c.ctx, &e6xv1.AuthenticateRequest{User: user, Password: token})
	require.NoError(t, err)
	c.session = auth.GetSessionId()
	return c
}

// call is what every call about a query carries.
type call struct {
	ctx    context.Context
	id, ip string
}

func (c *client) prepare(sql string) (call, error) {
	p, err := c.PrepareStatementV2(c.ctx, &e6xv1.PrepareStatementV2Request{
		SessionId: c.session, Catalog: "demo", Schema: "sales", QueryString: sql,
	})
	if err != nil {
		return call{}, err
	}
	ctx := metadata.AppendToOutgoingContext(c.ctx, "plannerip", p.GetEngineIP())
	return call{ctx: ctx, id: p.GetQueryId(), ip: p.GetEngineIP()}, nil
}

func (c *client) execute(q call) error {
	_, err := c.ExecuteStatementV2(q.ctx, &e6xv1.ExecuteStatementV2Request{SessionId: c.session, QueryId: q.id, EngineIP: q.ip})
	return err
}

// query runs a statement and returns the texts of all rows.
func (c *client) query(t testing.TB, sql string) [][]string {
	t.Helper()
	q, err := c.prepare(sql)
	require.NoError(t, err)
	require.NoError(t, c.execute(q))
	meta, err := c.GetResultMetadata(q.ctx, &e6xv1.GetResultMetadataRequest{SessionId: c.session, QueryId: q.id, EngineIP: q.ip})
	require.NoError(t, err)
	declared, err := vector.DecodeMetadata(meta.GetResultMetaData())
	require.NoError(t, err)
	var rows [][]string
	for {
		next, err := c.GetNextResultBatch(q.ctx, &e6xv1.GetNextResultBatchRequest{SessionId: c.session, QueryId: q.id, EngineIP: q.ip})
		require.NoError(t, err)
		if len(next.GetResultBatch()) == 0 {
			break
		}
		batch, err := vector.Decode(next.GetResultBatch(), declared.Fields)
		require.NoError(t, err)
		for r := range batch.Rows() {
			row := make([]string, batch.NumColumns())
			for i := range row {
				row[i] = batch.Column(i).Text(r)
			}
			rows = append(rows, row)
		}
	}
	require.EqualValues(t, declared.Rows, len(rows))
	_, err = c.ClearOrCancelQuery(q.ctx, &e6xv1.ClearOrCancelQueryRequest{SessionId: c.session, QueryId: q.id, EngineIP: q.ip})
	require.NoError(t, err)
	return rows
}

func start(t testing.TB, opts emulator.Options) *emulator.Emulator {
	t.Helper()
	em, err := emulator.Start(opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, em.Close()) })
	return em
}
