package e6_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/stress"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// certificate makes a key and a certificate for the loopback address, and the
// certificate in PEM form, which is its own CA.
func certificate(t *testing.T) (*tls.Config, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a cluster for tests"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"cluster.test"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// dumb accepts connections and never sends a byte.
func dumb(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var served sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		served.Wait()
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
	return l.Addr().String()
}

func TestOpen_NamesTheCauseOfAnUnusableCluster(t *testing.T) {
	serverTLS, ca := certificate(t)
	_, otherCA := certificate(t)
	encrypted := start(t, e6test.WithTLS(serverTLS))
	clear := start(t)
	guarded := start(t, e6test.WithCredentials("user@example.com", "the right token"))
	named := start(t, e6test.WithClusterName("analytics"))
	silent := dumb(t)

	var denied = func(t *testing.T, err error) {
		require.ErrorIs(t, err, e6.ErrCredentials)
		require.False(t, e6.IsRetryable(err))
	}
	for name, test := range map[string]struct {
		cfg   e6.Config
		check func(*testing.T, error)
		texts []string // of the error
	}{
		"a wrong token is a matter of credentials": {
			e6.Config{Address: guarded.Addr(), Token: "not the token"}, denied, []string{"the credentials are rejected", "check the user and the token"}},
		"an unknown host is named": {
			e6.Config{Address: "no-such-host.invalid:443", AllowClearText: true}, nil, []string{"no-such-host.invalid:443", "check the address"}},
		"a closed port is named": {
			e6.Config{Address: closedPort(t)}, nil, []string{"connection refused", "127.0.0.1"}},
		"TLS against a server in clear text": {
			e6.Config{Address: clear.Addr(), TLS: true, CAPEM: ca}, nil, []string{"no connection", "authentication handshake failed"}},
		"clear text against a server with TLS": {
			e6.Config{Address: encrypted.Addr()}, nil, []string{"the server may expect TLS"}},
		"a certificate of an unknown authority": {
			e6.Config{Address: encrypted.Addr(), TLS: true, CAPEM: otherCA}, nil, []string{"x509"}},
		"a server with another name": {
			e6.Config{Address: encrypted.Addr(), TLS: true, CAPEM: ca, ServerName: "other.test"}, nil, []string{"other.test"}},
		"a server that accepts and never answers": {
			e6.Config{Address: silent}, nil, []string{silent}},
		"a cluster of another name refuses on both sides": {
			e6.Config{Address: named.Addr(), ClusterName: "billing"}, nil, []string{"456", "blue", "green"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := test.cfg
			cfg.User = "user@example.com"
			if cfg.Token == "" {
				cfg.Token = "secret-token"
			}
			cfg.DetectionTimeout = time.Second
			cfg.ProbeTimeout = 500 * time.Millisecond
			cfg.RetryPause = 5 * time.Millisecond
			began := time.Now()
			client, err := e6.Open(within(t, 5*time.Second), cfg)
			require.Error(t, err)
			require.Nil(t, client)
			require.Less(t, time.Since(began), stress.Patience)
			var failed *e6.DetectionError
			require.ErrorAs(t, err, &failed)
			require.True(t, e6.SafeToReplay(err), "nothing was sent")
			for _, text := range test.texts {
				require.ErrorContains(t, err, text)
			}
			require.ErrorContains(t, err, "e6: open "+cfg.Address)
			require.NotContains(t, err.Error(), cfg.Token)
			if test.check != nil {
				test.check(t, err)
			}
		})
	}
}

// closedPort returns an address without a listener.
func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

func TestCallerDeadline_EndsBeforeTheProbeTimeout(t *testing.T) {
	cfg := e6.Config{Address: dumb(t), User: "user", Token: "secret-token", ProbeTimeout: 2 * stress.Patience, DetectionTimeout: 3 * stress.Patience}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := e6.Open(ctx, cfg)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, cfg.Address)
	require.Less(t, time.Since(began), stress.Patience)
}

func TestTLSWithTheRightCAWorks(t *testing.T) {
	serverTLS, ca := certificate(t)
	cluster := start(t, e6test.WithTLS(serverTLS))
	for name, serverName := range map[string]string{"by address": "", "by the name given": "cluster.test"} {
		t.Run(name, func(t *testing.T) {
			client := open(t, cluster, func(c *e6.Config) { c.TLS, c.CAPEM, c.ServerName = true, ca, serverName })
			n, err := e6.QueryAll[int](t.Context(), client, "SELECT 7")
			require.NoError(t, err)
			require.Equal(t, []int{7}, n)
		})
	}
}

func TestAnnouncement_WithoutASideIsOnlyAnEvent(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster)
	w := watch(t, client)
	cluster.Inject(e6test.Fault{Method: "prepareStatement", Action: e6test.Announce, Message: "purple"})
	n, err := e6.QueryAll[int](t.Context(), client, "SELECT 7")
	require.NoError(t, err)
	require.Equal(t, []int{7}, n)
	invalid := first[events.AnnouncementInvalid](t, w, nil)
	require.Equal(t, events.AnnouncementInvalid{Source: e6.Blue, Value: "purple"}, invalid)
	require.Equal(t, e6.Blue, client.Strategy().Active)
	require.Zero(t, w.count(events.KindTransition))
}

func TestMalformedResponse_IsATypedError(t *testing.T) {
	for name, test := range map[string]struct {
		fault e6test.Fault
		op    string
		check func(*testing.T, error)
	}{
		"a batch of garbage": {e6test.Fault{Method: "getNextResultBatchV2", Action: e6test.Garbage}, "fetch", isDecode("batch")},
		"a later batch of garbage": {
			e6test.Fault{Method: "getNextResultBatchV2", Nth: 3, Action: e6test.Garbage}, "fetch", isDecode("batch")},
		"garbage metadata": {e6test.Fault{Method: "getResultMetadata", Action: e6test.Garbage}, "metadata", isDecode("metadata")},
		"a result that ends early": {e6test.Fault{Method: "getNextResultBatchV2", Nth: 2, Action: e6test.Short}, "fetch",
			func(t *testing.T, err error) {
				require.ErrorIs(t, err, e6.ErrIncomplete)
				require.ErrorContains(t, err, "30 of 100")
			}},
	} {
		for way, run := range statements {
			t.Run(name+" by "+way, func(t *testing.T) {
				cluster := start(t, e6test.WithBatchRows(10))
				client := open(t, cluster)
				cluster.Inject(test.fault)
				err := run(tagged(within(t, 5*time.Second), "report"), client, "SELECT * FROM numbers(100)")
				var failed *e6.QueryError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, test.op, failed.Op)
				require.Equal(t, e6.Blue, failed.Side)
				require.Equal(t, "report", failed.Tag)
				require.NotEmpty(t, failed.QueryID)
				for _, text := range []string{test.op, failed.QueryID, `"report"`, "blue"} {
					require.ErrorContains(t, err, text)
				}
				require.False(t, e6.IsRetryable(err))
				test.check(t, err)
				requireForgotten(t, cluster, client)
			})
		}
	}
}

func isDecode(op string) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		var broken *vector.DecodeError
		require.ErrorAs(t, err, &broken)
		require.Equal(t, op, broken.Op)
	}
}

func TestTheEnginesOwnErrorsComeBackAsTheyAre(t *testing.T) {
	for name, test := range map[string]struct {
		sql, op, message string
	}{
		"a statement that is wrong":         {"SELEKT 1", "prepare", "syntax error"},
		"a semicolon in the middle":         {"SELECT 1; SELECT 2", "prepare", "unexpected ';'"},
		"a failure while it runs":           {"FAIL out of memory", "metadata", "out of memory"},
		"a text that looks like a refusal":  {"FAIL see status: 456 above", "metadata", "see status: 456 above"},
		"a text that looks like suspension": {"FAIL status: 503, cluster is suspended", "metadata", "status: 503, cluster is suspended"},
	} {
		for way, run := range statements {
			t.Run(name+" by "+way, func(t *testing.T) {
				cluster := start(t)
				client := open(t, cluster)
				err := run(t.Context(), client, test.sql)
				var failed *e6.QueryError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, test.op, failed.Op)
				require.Equal(t, codes.Internal, failed.Code)
				require.Contains(t, failed.Message, test.message)
				require.ErrorContains(t, err, test.message)
				require.False(t, e6.IsRetryable(err))
				require.Equal(t, test.op == "prepare", e6.SafeToReplay(err))
				require.Equal(t, e6.Blue, client.Strategy().Active)
				require.LessOrEqual(t, executions(cluster, test.sql), 1)
				require.Equal(t, 1, calls(cluster, "prepareStatement"))
				requireForgotten(t, cluster, client)
			})
		}
	}
}

func TestAnEmptyStatementIsNeverSent(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster)
	for _, sql := range []string{"", " \t\n", ";", " ; "} {
		for way, run := range statements {
			require.EqualError(t, run(t.Context(), client, sql), "e6: the statement is empty", "%s of %q", way, sql)
		}
		_, err := client.Explain(t.Context(), sql)
		require.EqualError(t, err, "e6: the statement is empty")
	}
	require.Zero(t, calls(cluster, "prepareStatement"))
}

func TestConfigError_ListsEveryProblem(t *testing.T) {
	for name, test := range map[string]struct {
		cfg    e6.Config
		fields []string
	}{
		"nothing is set":           {e6.Config{}, []string{"Address", "User", "Token"}},
		"an address with no port":  {e6.Config{Address: "example.com", User: "u", Token: "t"}, []string{"Address"}},
		"a port out of range":      {e6.Config{Address: "localhost:70000", User: "u", Token: "t"}, []string{"Address"}},
		"an address with a scheme": {e6.Config{Address: "https://example.com:443", User: "u", Token: "t"}, []string{"Address"}},
		"an address with a user":   {e6.Config{Address: "hunter2@example.com:443", User: "u", Token: "t"}, []string{"Address"}},
		"a name that no header carries": {
			e6.Config{Address: "localhost:1", User: "u", Token: "t", ClusterName: "analytics\nx: y"}, []string{"ClusterName"}},
		"a name in another alphabet, and no user": {e6.Config{Address: "localhost:1", Token: "t", ClusterName: "café"}, []string{"ClusterName", "User"}},
		"two sources of credentials": {e6.Config{Address: "localhost:1", Token: "hunter2",
			Credentials: func(context.Context) (string, string, error) { return "", "", nil }}, []string{"Credentials"}},
		"a CA without TLS":    {e6.Config{Address: "localhost:1", User: "u", Token: "t", CAPEM: []byte("x")}, []string{"TLS"}},
		"a CA that is none":   {e6.Config{Address: "localhost:1", User: "u", Token: "t", TLS: true, CAPEM: []byte("x")}, []string{"CAPEM"}},
		"a CA that is absent": {e6.Config{Address: "localhost:1", User: "u", Token: "t", TLS: true, CAFile: "/does/not/exist"}, []string{"CAFile"}},
		"all limits negative": {e6.Config{Address: "localhost:1", User: "u", Token: "t", PreferredSide: 9,
			ResumeTimeout: -1, ResumePoll: -1, DetectionTimeout: -1, ProbeTimeout: -1, ReadyTimeout: -1, DrainTimeout: -1,
			RefreshInterval: -1, PrepareTimeout: -1, RetryPause: -1, CloseTimeout: -1, KeepaliveTime: -1, KeepaliveTimeout: -1,
			MaxAttempts: -1, MaxReceiveBytes: -1, MaxSendBytes: -1, Prefetch: -1, PrefetchBytes: -1, ContinueWindow: -1, EventHistory: -1},
			[]string{"PreferredSide", "ResumeTimeout", "ResumePoll", "DetectionTimeout", "ProbeTimeout", "ReadyTimeout", "DrainTimeout",
				"RefreshInterval", "PrepareTimeout", "MaxAttempts", "RetryPause", "CloseTimeout", "KeepaliveTime", "KeepaliveTimeout",
				"MaxReceiveBytes", "MaxSendBytes", "Prefetch", "PrefetchBytes", "ContinueWindow", "EventHistory"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := e6.Open(t.Context(), test.cfg)
			var invalid *e6.ConfigError
			require.ErrorAs(t, err, &invalid)
			var fields []string
			for _, p := range invalid.Problems {
				fields = append(fields, p.Field)
				require.NotEmpty(t, p.Want)
				require.ErrorContains(t, err, p.Field+" is "+p.Value+": want "+p.Want)
			}
			require.Equal(t, test.fields, fields)
			require.NotContains(t, err.Error(), "hunter2")
			require.False(t, e6.IsRetryable(err))
		})
	}
}

func TestConfig_PrintsNoSecretInAnyFormat(t *testing.T) {
	cfg := e6.Config{Address: "localhost:1", User: "u", Token: "hunter2", TLS: true, Catalog: "c", Schema: "s", ClusterName: "n"}
	wrapped := struct{ C e6.Config }{cfg}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, v := range []any{cfg, &cfg, wrapped, &wrapped, []e6.Config{cfg}} {
			text := fmt.Sprintf(format, v)
			require.NotContains(t, text, "hunter2", format)
			require.NotContains(t, text, fmt.Sprintf("%x", "hunter2"), format)
		}
	}
	require.Equal(t, "e6s://u:***@localhost:1/c/s?cluster=n", cfg.String())
	require.Equal(t, "e6.Config{e6s://u:***@localhost:1/c/s?cluster=n}", cfg.GoString())
}

func TestAddress_ErrorHidesCredentials(t *testing.T) {
	for address, shown := range map[string]string{
		"e6://user:hunter2@host:443":             "e6://***",
		"e6s://u@example.com:hunter2@host:443/c": "e6s://***",
		"user:hunter2@host:443":                  "***",
		"hunter2@host:443":                       "***",
		"user@host:hunter2":                      "***",
		"host:443/?token=hunter2":                "***",
		"hunter2@e6://host:443":                  "***",
		"e6://host:443":                          "e6://***",
	} {
		cfg := e6.Config{Address: address, User: "u", Token: "t"}
		err := cfg.Validate()
		require.ErrorContains(t, err, `Address is "`+shown+`": want a host and a port`, address)
		require.NotContains(t, err.Error(), "hunter2", address)
		require.NotContains(t, cfg.String(), "hunter2", address)
	}
	for _, address := range []string{"host:443", "10.0.0.1:80", "[::1]:443", "[fe80::1%eth0]:443"} {
		require.NoError(t, e6.Config{Address: address, User: "u", Token: "t", TLS: true}.Validate(), address)
	}
}

func TestAClusterNameMayHaveSpacesAroundIt(t *testing.T) {
	client := open(t, start(t, e6test.WithClusterName("analytics")), func(c *e6.Config) { c.ClusterName = "\tAnalytics\n" })
	require.Equal(t, e6.Blue, client.Strategy().Active)
}

func TestClient_PrintsNoSecretInAnyFormat(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster)
	want := "e6.Client(" + cluster.Addr() + ", blue)"
	formats := []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"}
	for _, format := range formats {
		require.Equal(t, want, fmt.Sprintf(format, client), format)
	}
	require.Equal(t, want, client.String())
	require.Equal(t, want, client.GoString())
	require.Equal(t, "<nil>", fmt.Sprint((*e6.Client)(nil)))

	// Package fmt prints unexported values field by field, without a lock. The client is
	// closed before, because its goroutines write to the fields.
	require.NoError(t, client.Close())
	for _, format := range formats {
		inside := reflect.ValueOf(client).Elem()
		for _, v := range []any{inside, struct{ c *e6.Client }{client}, struct{ C *e6.Client }{client}, []*e6.Client{client}} {
			text := fmt.Sprintf(format, v)
			require.NotContains(t, text, "secret-token", format)
			require.NotContains(t, text, fmt.Sprintf("%x", "secret-token"), format)
		}
	}
}

// noObserver is an observer of bare calls that ignores every announcement.
type noObserver struct{}

func (noObserver) Stamp() wire.Stamp                                             { return wire.Stamp{} }
func (noObserver) Announced(context.Context, e6.Side, wire.Stamp, e6.Side)       {}
func (noObserver) Agreed(e6.Side, wire.Stamp)                                    {}
func (noObserver) AnnouncedUnknown(context.Context, e6.Side, wire.Stamp, string) {}

func TestAResultIsCancelledAfterItsExecutionIsDone(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10))
	conn, err := wire.Dial(wire.Config{Target: cluster.Addr(), Dialer: cluster.Dialer(), Observer: noObserver{}})
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	ctx, engine := within(t, 20*time.Second), conn.Engine(wire.Call{Side: e6.Blue})
	login, err := engine.Authenticate(ctx, &e6xv1.AuthenticateRequest{User: "user", Password: "token"})
	require.NoError(t, err)
	session := login.GetSessionId()
	prepared, err := engine.PrepareStatement(ctx, &e6xv1.PrepareStatementRequest{SessionId: session, QueryString: "SELECT * FROM numbers(100)"})
	require.NoError(t, err)
	id, ip := prepared.GetQueryId(), prepared.GetEngineIP()
	_, err = engine.ExecuteStatement(ctx, &e6xv1.ExecuteStatementRequest{SessionId: session, QueryId: id, EngineIP: ip})
	require.NoError(t, err)

	asks := []func() error{
		func() error {
			_, err := engine.GetResultMetadata(ctx, &e6xv1.GetResultMetadataRequest{SessionId: session, QueryId: id, EngineIP: ip})
			return err
		},
		func() error {
			_, err := engine.GetNextResultBatch(ctx, &e6xv1.GetNextResultBatchRequest{SessionId: session, QueryId: id, EngineIP: ip})
			return err
		},
		func() error {
			_, err := engine.GetNextResultBatchV2(ctx, &e6xv1.GetNextResultBatchRequest{SessionId: session, QueryId: id, EngineIP: ip})
			return err
		},
		func() error {
			_, err := engine.Status(ctx, &e6xv1.StatusRequest{SessionId: session, QueryId: id, EngineIP: ip})
			return err
		},
	}
	for _, ask := range asks {
		require.NoError(t, ask())
	}
	require.Equal(t, "done", cluster.OpenQueries()[0].State)
	_, err = engine.CancelQuery(ctx, &e6xv1.CancelQueryRequest{SessionId: session, QueryId: id, EngineIP: ip})
	require.NoError(t, err)
	for _, ask := range asks {
		err := ask()
		require.ErrorContains(t, err, "the query was cancelled")
		require.Equal(t, codes.Canceled, grpcstatus.Code(err))
		require.True(t, wire.OutcomeOf(err).Answer, "the engine has answered")
	}
	_, err = engine.Clear(ctx, &e6xv1.ClearRequest{SessionId: session, QueryId: id, EngineIP: ip})
	require.NoError(t, err)
	require.Empty(t, cluster.OpenQueries())
}
