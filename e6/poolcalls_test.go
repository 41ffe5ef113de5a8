package e6_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/auth"
	"github.com/e6data/e6data-go/e6/e6test"
)

// Calls over every connection of the pool, and over one for a statement alone, have the
// bearer's token and go through the interceptors of the program.
func TestConnections_AllCarryTheBearerAndTheInterceptors(t *testing.T) {
	const statements = 24
	source := &tokens{expiry: time.Hour}
	serverTLS, ca := certificate(t)
	var rejected atomic.Int64
	cluster := start(t, e6test.WithTLS(serverTLS), e6test.WithMaxStreams(4), e6test.WithBearer(func(token string) bool {
		if !source.accepts(token) {
			rejected.Add(1)
			return false
		}
		return true
	}))
	var mu sync.Mutex
	passed := map[string]int{} // calls by the client's end of the connection
	unmarked := 0
	mark := func(ctx context.Context, method string, args, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return invoke(metadata.AppendToOutgoingContext(ctx, "x-program", "report"), method, args, reply, cc, opts...)
	}
	count := func(ctx context.Context, method string, args, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		var p peer.Peer
		err := invoke(ctx, method, args, reply, cc, append(opts, grpc.Peer(&p))...)
		out, _ := metadata.FromOutgoingContext(ctx)
		mu.Lock()
		defer mu.Unlock()
		if p.LocalAddr != nil {
			passed[p.LocalAddr.String()]++
		}
		if !strings.Contains(strings.Join(out.Get("x-program"), ""), "report") {
			unmarked++
		}
		return err
	}
	cfg := config(cluster)
	cfg.User, cfg.Token = "", ""
	cfg.TLS, cfg.CAPEM, cfg.ServerName = true, ca, "cluster.test"
	cfg.Bearer = auth.OAuth2(source)
	client, err := e6.Open(within(t, 20*time.Second), cfg, e6.WithDialOptions(grpc.WithUnaryInterceptor(mark), grpc.WithChainUnaryInterceptor(count)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })

	slowly(t, client, statements, 600_000)
	waitFor(within(t, 30*time.Second), t, client, func() bool { return cluster.Stats().Calls["getResultMetadata"] >= statements })
	connections := len(client.Stats().Connections)
	require.Greater(t, connections, statements/4, "the pool has grown")
	// A statement whose error breaks its connection is executed again on its own.
	cluster.Inject(e6test.Fault{Method: "prepareStatement", Action: e6test.Fail, Message: strings.Repeat("x", 1500<<10)})
	_, err = client.QueryAll(within(t, 30*time.Second), "SELECT 1")
	require.NoError(t, err)

	require.Zero(t, rejected.Load(), "calls without a token that counts")
	mu.Lock()
	defer mu.Unlock()
	require.Zero(t, unmarked)
	require.GreaterOrEqual(t, len(passed), connections, "%v", passed)
}
