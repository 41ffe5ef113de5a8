package e6test_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

func TestARefusalHasTheConfiguredForm(t *testing.T) {
	for name, tt := range map[string]struct {
		form      e6test.Refusal
		wrongSide codes.Code
		wrongText string
		suspended string
	}{
		"plain HTTP": {
			e6test.RefuseHTTP, codes.Unknown, "unexpected HTTP status code received from server: 456 (",
			"unexpected HTTP status code received from server: 503 (",
		},
		"a gRPC status, as Envoy sends it": {
			e6test.RefuseGRPC, codes.Unknown, "status: 456", "status: 503, cluster is suspended",
		},
		"as the public mock server sends it": {
			e6test.RefuseMock, codes.InvalidArgument, "Wrong strategy. Status: 456.", "status: 503, cluster is suspended",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t, e6test.WithRefusal(tt.form))
			blue := login(t, cluster, fsm.Blue)
			refused := client{conn: blue.conn, side: fsm.Green}
			var header, trailer metadata.MD
			_, err := refused.engine().Authenticate(within(t), &e6xv1.AuthenticateRequest{User: user, Password: token}, grpc.Header(&header), grpc.Trailer(&trailer))
			requireStatus(t, err, tt.wrongSide, tt.wrongText)
			if tt.form == e6test.RefuseHTTP {
				require.Empty(t, header, "only an engine's answer has gRPC metadata")
				require.Empty(t, trailer)
			}
			if tt.form == e6test.RefuseGRPC {
				require.EqualError(t, err, "rpc error: code = Unknown desc = status: 456")
			}

			cluster.Suspend()
			_, err = blue.prepare(within(t), "SELECT 1")
			requireStatus(t, err, codes.Unavailable, tt.suspended)
			stats := cluster.Stats()
			require.Equal(t, 1, stats.Refused456)
			require.Equal(t, 1, stats.Suspended503)
			require.Equal(t, 1, stats.CallsBySide[fsm.Green]["authenticate"])
			require.Zero(t, stats.Calls["executeStatementV2"])
		})
	}
}

// request makes one HTTP/2 request to the ingress without any gRPC.
func request(t *testing.T, cluster *e6test.Cluster, headers map[string]string) (*http.Response, string) {
	t.Helper()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols, DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		return cluster.Dialer()(ctx, addr)
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(within(t), http.MethodPost, "http://"+cluster.Addr()+"/QueryEngineService/authenticate", nil)
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/grpc")
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := transport.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(body)
}

func TestTheIngressRefusesByHeader(t *testing.T) {
	for name, tt := range map[string]struct {
		opts    []e6test.Option
		headers map[string]string
		status  int
	}{
		"no strategy":         {nil, nil, 200},
		"an empty strategy":   {nil, map[string]string{"strategy": ""}, 456},
		"an unknown strategy": {nil, map[string]string{"strategy": "teal"}, 456},
		"the closed side":     {nil, map[string]string{"strategy": "green"}, 456},
		"the open side":       {nil, map[string]string{"strategy": "blue"}, 200},
		"another cluster": {[]e6test.Option{e6test.WithClusterName("one")},
			map[string]string{"strategy": "blue", "cluster-name": "two"}, 456},
		"no cluster, where there is one": {[]e6test.Option{e6test.WithClusterName("one")}, map[string]string{"strategy": "blue"}, 456},
		"the right cluster, in any case": {[]e6test.Option{e6test.WithClusterName("One")},
			map[string]string{"strategy": "blue", "cluster-name": "one"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := request(t, start(t, tt.opts...), tt.headers)
			require.Equal(t, tt.status, resp.StatusCode)
			if tt.status != 200 {
				require.Equal(t, "text/html", resp.Header.Get("Content-Type"))
				require.Contains(t, body, "<h1>456</h1>")
				require.Empty(t, resp.Header.Get("Grpc-Status"))
			}
		})
	}
}

func TestIngress_RoutesACallWithoutAHeaderToTheActiveSide(t *testing.T) {
	cluster := start(t)
	ctx := within(t)
	plain := e6xv1.NewQueryEngineServiceClient(bare{dial(t, cluster), nil})
	served := func(side fsm.Side) {
		t.Helper()
		before := cluster.Stats().CallsBySide[side]["authenticate"]
		for range 2 {
			_, err := plain.Authenticate(ctx, &e6xv1.AuthenticateRequest{User: user, Password: token})
			require.NoError(t, err)
		}
		require.Equal(t, before+2, cluster.Stats().CallsBySide[side]["authenticate"])
	}
	served(fsm.Blue)
	cluster.OpenSide(fsm.Green)
	served(fsm.Blue) // green is open, and not announced
	cluster.Announce(fsm.Green)
	served(fsm.Green)
	cluster.CloseSide(fsm.Green)
	served(fsm.Blue)
	require.Equal(t, []string{"authenticate reached blue without a strategy header",
		"authenticate reached green without a strategy header"}, cluster.Stats().Violations, "a client of this project must send it")

	cluster.CloseSide(fsm.Blue)
	_, err := plain.Authenticate(ctx, &e6xv1.AuthenticateRequest{User: user, Password: token})
	requireStatus(t, err, codes.Unknown, "456")
}

func TestEngine_HasNoLoginsWithABearer(t *testing.T) {
	cluster := start(t, e6test.WithBearer(func(token string) bool { return token == "valid" }))
	c := client{conn: dial(t, cluster), side: fsm.Blue}
	for bearer, code := range map[string]codes.Code{"Bearer valid": codes.Unimplemented, "Bearer other": codes.Unauthenticated} {
		_, err := c.engine("authorization", bearer).Authenticate(within(t), &e6xv1.AuthenticateRequest{})
		requireStatus(t, err, code, "")
	}
}

func TestIngress_RoutesACallWithoutAHeaderAsItsReplicaDoes(t *testing.T) {
	cluster := start(t, e6test.WithReplicas(2, time.Hour))
	cluster.OpenSide(fsm.Green)
	cluster.CloseSide(fsm.Blue)
	for _, side := range []fsm.Side{fsm.Green, fsm.Blue} { // the second replica is an hour behind
		_, err := e6xv1.NewQueryEngineServiceClient(bare{dial(t, cluster), nil}).HealthCheck(within(t), &e6xv1.HealthCheckRequest{})
		require.NoError(t, err)
		require.Equal(t, 1, cluster.Stats().CallsBySide[side]["healthCheck"])
	}
}

func TestAGRPCRefusalIsHeadersOnly(t *testing.T) {
	resp, body := request(t, start(t, e6test.WithRefusal(e6test.RefuseGRPC)), map[string]string{"strategy": "green"})
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "application/grpc", resp.Header.Get("Content-Type"))
	require.Equal(t, "2", resp.Header.Get("Grpc-Status"))
	require.Equal(t, "status: 456", resp.Header.Get("Grpc-Message"))
	require.Empty(t, body)
	require.Empty(t, resp.Trailer)
}

func TestSetHealthy_AnUnhealthySideIsUnavailable(t *testing.T) {
	cluster := start(t)
	c := login(t, cluster, fsm.Blue)
	cluster.SetHealthy(fsm.Blue, false)
	_, err := c.prepare(within(t), "SELECT 1")
	requireStatus(t, err, codes.Unavailable, "502")
	cluster.SetHealthy(fsm.Blue, true)
	c.mustPrepare(t, "SELECT 1")
}

func TestSuspend_AClientSuspendsAndResumes(t *testing.T) {
	cluster := start(t, e6test.WithResumeDelay(30*time.Millisecond))
	c := login(t, cluster, fsm.Blue)
	state := func() string {
		answer, err := c.control().Status(within(t), &e6xv1.ClusterStatusRequest{User: user, Password: token})
		require.NoError(t, err)
		return answer.GetStatus()
	}
	resume := func() string {
		answer, err := c.control().Resume(within(t), &e6xv1.ResumeRequest{User: user, Password: token})
		require.NoError(t, err)
		return answer.GetStatus()
	}
	require.Equal(t, "active", state())
	require.Equal(t, "active", resume())
	answer, err := c.control().Suspend(within(t), &e6xv1.SuspendRequest{User: user, Password: token})
	require.NoError(t, err)
	require.Equal(t, "suspended", answer.GetStatus())
	require.Equal(t, "suspended", state())
	_, err = c.prepare(within(t), "SELECT 1")
	requireStatus(t, err, codes.Unavailable, "503")

	require.Equal(t, "resuming", resume())
	eventually(t, func() bool { return state() == "active" })
	c.mustPrepare(t, "SELECT 1")
	cluster.Suspend()
	cluster.Resume()
	c.mustPrepare(t, "SELECT 1")
}

func TestAClusterServesOverTLSToo(t *testing.T) {
	cert, pool := selfSigned(t)
	for name, opts := range map[string][]e6test.Option{"on loopback": nil, "in memory": {e6test.InMemory()}} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t, append(opts, e6test.WithTLS(&tls.Config{Certificates: []tls.Certificate{cert}}))...)
			secure := withCreds(credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: "cluster.test"}))
			c := loginOn(t, dial(t, cluster, secure), fsm.Blue)
			batches, err := c.mustRun(t, "SELECT 5").read(within(t), true)
			require.NoError(t, err)
			require.Equal(t, [][]string{{"5"}}, texts(batches))
			_, err = client{conn: c.conn, side: fsm.Green}.authenticate(within(t))
			require456(t, err)

			cluster.Inject(e6test.Fault{Method: "prepareStatementV2", Action: e6test.BreakBefore})
			_, err = c.prepare(within(t), "SELECT 1")
			requireStatus(t, err, codes.Unavailable, "")
		})
	}
}

// selfSigned makes a certificate for cluster.test.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "cluster.test"}, DNSNames: []string{"cluster.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTheEnginesAreServedWithoutTheIngressToo(t *testing.T) {
	cluster := start(t, e6test.WithEngineListeners("127.0.0.1:0", "127.0.0.1:0"))
	for _, side := range fsm.Sides {
		conn := newConn(t, "passthrough:///"+cluster.EngineAddr(side))
		t.Cleanup(func() { require.NoError(t, conn.Close()) })
		batches, err := loginOn(t, conn, side).mustRun(t, "SELECT 3").read(within(t), true)
		require.NoError(t, err)
		require.Equal(t, [][]string{{"3"}}, texts(batches))
	}
	require.Equal(t, 1, cluster.Stats().CallsBySide[fsm.Green]["authenticate"])
	require.Empty(t, start(t).EngineAddr(fsm.Blue))
}

func TestStart_ReportsEveryInvalidOption(t *testing.T) {
	_, err := e6test.Start(
		e6test.WithActive(fsm.None), e6test.WithBatchRows(0), e6test.WithChunks(0), e6test.WithEmptyAnswers(-1), e6test.WithRowsEvery(-1),
		e6test.WithRefusal(9), e6test.WithResumeDelay(-1), e6test.WithLatency(-1), e6test.WithReadTimeout(-1), e6test.WithCredentials("u", ""),
		e6test.InMemory(), e6test.WithEngineListeners("", ""),
	)
	for _, option := range []string{
		"WithActive", "WithBatchRows", "WithChunks", "WithEmptyAnswers", "WithRowsEvery", "WithRefusal", "WithResumeDelay", "WithLatency", "WithReadTimeout",
		"WithCredentials", "WithEngineListeners",
	} {
		require.ErrorContains(t, err, option+": ")
	}
}

func TestStart_FailsOnAnAddressInUse(t *testing.T) {
	cluster := start(t)
	_, err := e6test.Start(e6test.WithListenAddr(cluster.Addr()))
	require.ErrorContains(t, err, "e6test: start: listen tcp")
	_, err = e6test.Start(e6test.WithEngineListeners("127.0.0.1:0", cluster.Addr()))
	require.ErrorContains(t, err, "e6test: start: listen tcp")
}
