package doctor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/internal/refusal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestClassify_DistinguishesARefusalFromAnEngineResponse(t *testing.T) {
	engine := metadata.Pairs("content-type", "application/grpc")
	for text, c := range map[string]struct {
		code   codes.Code
		header metadata.MD
		want   outcome
	}{
		refusal.HTTPReply + "456 (); transport: missing content-type field": {codes.Unknown, nil, refuses},
		"status: 456":                            {codes.Unknown, engine, refuses},
		"status: 456, wrong strategy":            {codes.Unknown, engine, refuses},
		"status: 456 ":                           {codes.Internal, engine, refuses},
		"Received http2 header with status: 456": {codes.Unknown, engine, refuses},
		"Received http2 header with status: 503": {codes.Unavailable, engine, suspended},
		"status: 4567 rows":                      {codes.Internal, engine, accepts},
		"Wrong strategy. Status: 456. x":         {codes.InvalidArgument, engine, refuses},
		refusal.HTTPReply + "503 (Service)":      {codes.Unavailable, nil, suspended},
		"status: 503, cluster is suspended":      {codes.Unavailable, engine, suspended},
		"connection refused":                     {codes.Unavailable, nil, unreachable},
		"Access denied. Invalid session":         {codes.Internal, engine, denies},
		"no bearer":                              {codes.Unauthenticated, nil, denies},
		refusal.HTTPReply + "403 (Forbidden)":    {codes.PermissionDenied, nil, blocked},
		"a table is missing":                     {codes.Internal, engine, accepts},
		"unknown method":                         {codes.Unimplemented, nil, accepts},
		refusal.HTTPReply + "404 (Not Found)":    {codes.Unimplemented, nil, foreign},
		refusal.HTTPReply + "418 (I'm a teapot)": {codes.Unknown, nil, unknownReply},
		"":                                       {codes.Unknown, nil, unknownReply},
	} {
		got := reply{err: status.Error(c.code, text), header: c.header}.classify(false)
		require.Equal(t, c.want, got.outcome, "%s %q", c.code, text)
	}
	require.Equal(t, accepts, reply{}.classify(false).outcome)
}

func TestEnvironment_ReportsUnusedVariables(t *testing.T) {
	var r Report
	r.environment([]string{"E6DATA_HOST=h", "E6DATA_PASWORD=planted", "E6DATA_CONFIG=", "HOME=/", "E6DATA_PROFILE=p"})
	require.Equal(t, []Line{{checkEnvironment, Warn, "E6DATA_PASWORD is not read; did you mean E6DATA_PASSWORD?",
		"rename or remove what is not read: 'e6 config show' lists the variables"}}, r.Lines)
	r = Report{}
	r.environment([]string{"E6DATA_PORT=1", "E6DATA_HOST=h"})
	require.Equal(t, "E6DATA_HOST, E6DATA_PORT", r.Lines[0].Seen)
	require.False(t, r.Failed())
}

func TestMask_HidesSecretsAndKeepsWords(t *testing.T) {
	require.Equal(t, "*** named *** (***)", mask("me named me (me)", []string{"me", ""}))
	require.Equal(t, "x***y", mask("xlongsecrety", []string{"longsecret"}))
	require.Equal(t, "*** *** ***, home", mask("me me me, home", []string{"me"}), "words that share a space")
	require.Equal(t, "***, ***", mask("me@example.com-token, me@example.com", []string{"me@example.com", "me@example.com-token"}))
	const odd = `pl"an<ted&to\ken`
	require.Equal(t, "a *** b", mask("a "+odd+" b", []string{odd}))
	require.Equal(t, "x: \"***\"", mask(fmt.Sprintf("x: %q", odd), []string{odd}))
	for _, text := range []string{odd, fmt.Sprintf("%q", odd), url.QueryEscape(odd), url.PathEscape(odd)} {
		whole, err := json.Marshal([]string{"seen " + text})
		require.NoError(t, err)
		require.NotContains(t, mask(string(whole), []string{odd}), "ted")
	}
}

func TestMask_HidesEveryFetchedToken(t *testing.T) {
	var kept secrets
	n := 0
	cfg := kept.of(e6.Config{
		User: "alice", Token: "a token 0",
		Bearer:      func(context.Context) (string, error) { n++; return fmt.Sprintf("bearer %d\n", n), nil },
		Credentials: func(context.Context) (string, string, error) { return "another one", "a token 1", nil },
	})
	for range 2 {
		_, err := cfg.Bearer(t.Context())
		require.NoError(t, err)
	}
	_, _, err := cfg.Credentials(t.Context())
	require.NoError(t, err)
	require.Equal(t, "***, ***, ***, ***, ***, ***", kept.mask("alice, a token 0, bearer 1, bearer 2, another one, a token 1"))
}

func TestClock_ComparesWithTheServersDate(t *testing.T) {
	for want, date := range map[Verdict]string{
		OK:      time.Now().UTC().Format(http.TimeFormat),
		Warn:    time.Now().Add(time.Hour).UTC().Format(http.TimeFormat),
		Skipped: "half past nine",
	} {
		var r Report
		r.clock(map[string]sideAnswer{checkGreen: {reply: reply{header: metadata.Pairs("date", date)}}})
		require.Len(t, r.Lines, 1)
		require.Equal(t, want, r.Lines[0].Verdict, r.Lines[0].Seen)
	}
}

func TestEncryption_WarnsOfTokensInClearText(t *testing.T) {
	for host, want := range map[string]Verdict{"localhost": Skipped, "127.0.0.9": Skipped, "::1": Skipped, "10.0.0.1": Warn, "e6.example.com": Warn} {
		var r Report
		near, far := net.Pipe()
		require.Equal(t, near, r.encryption(t.Context(), e6.Config{}, route{host: host}, near))
		require.NoError(t, errors.Join(near.Close(), far.Close()))
		require.Equal(t, want, r.Lines[0].Verdict, host)
	}
}

func TestProtocol_AServerWithoutHTTP2Fails(t *testing.T) {
	other := httptest.NewTLSServer(http.NotFoundHandler())
	defer other.Close() // it only lends its certificate
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw})
	near, far := net.Pipe()
	done := make(chan error)
	go func() {
		server := tls.Server(far, &tls.Config{Certificates: other.TLS.Certificates})
		done <- server.Handshake()
		_, _ = io.Copy(io.Discard, server)
	}()
	defer func() { require.NoError(t, near.Close()) }()
	var r Report
	require.Nil(t, r.encryption(t.Context(), e6.Config{TLS: true, CAPEM: ca, ServerName: "example.com"}, route{host: "127.0.0.1"}, near))
	require.NoError(t, <-done, "TLS itself is well")
	require.Len(t, r.Lines, 1)
	require.Equal(t, Fail, r.Lines[0].Verdict)
	require.Contains(t, r.Lines[0].Seen, "does not offer HTTP/2")
}

func TestCallsCarryTheClustersNameAndThePlanner(t *testing.T) {
	headers := (&conn{name: "analytics"}).to("blue", "10.0.0.7").caller.headers
	require.Equal(t, []string{"strategy", "blue", "cluster-name", "analytics", "plannerip", "10.0.0.7"}, headers)
	require.Equal(t, []string{"strategy", "green"}, (&conn{}).to("green", "").caller.headers)
}

func TestStore_WithoutAResponseIsAWarning(t *testing.T) {
	var r Report
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	r.store(ctx, "etcd://127.0.0.1:1", e6.Config{Address: "localhost:50052"})
	require.Len(t, r.Lines, 1)
	require.Equal(t, Warn, r.Lines[0].Verdict)
	require.NotEmpty(t, r.Lines[0].Seen)
	require.Contains(t, r.Lines[0].Next, "clients go on with what they know")
	require.False(t, r.Failed())
}
