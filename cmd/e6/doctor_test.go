package main

import (
	"archive/zip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
)

// varying is what differs from run to run in a report.
var varying = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\d+\.\d+\.\d+\.\d+:\d+`), "ADDRESS"},
	{regexp.MustCompile(`([?&]ca=)[^&\s]+`), "${1}FILE"},
	{regexp.MustCompile(`\b\d+(\.\d+)?(µs|ms|s)\b`), "TIME"},
	{regexp.MustCompile(`e6 \S+, go\S+, gRPC \S+, \w+/\w+`), "VERSIONS"},
	{regexp.MustCompile(`e6 with gRPC \S+, go\S+, \S+\.`), "VERSIONS"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:]+Z`), "INSTANT"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d\b`), "DATE"},
	{regexp.MustCompile(`port \d+`), "port PORT"},
	{regexp.MustCompile(`SELECT 1 on (blue|green)`), "SELECT 1 on SIDE"},
	{regexp.MustCompile(`done (false, 0|true, 1) rows`), "done or not, ROWS"}, // a query that has just begun
}

func steady(text string) string {
	for _, v := range varying {
		text = v.pattern.ReplaceAllString(text, v.with)
	}
	return text
}

// certificate makes a key and a certificate for a name, which is its own CA, and
// writes the certificate to a file.
func certificate(t *testing.T, ends time.Time, names ...string) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test"}, DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 2)},
		NotBefore: ends.Add(-time.Hour * 24 * 365), NotAfter: ends, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2"}}, path
}

// bearerFlags are for a cluster that requires a bearer, with a profile.
func bearerFlags(t *testing.T, address, ca, file string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "profiles")
	text := "[profiles.p]\naddress = \"" + address + "\"\ntls = true\nca = \"" + ca + "\"\nserver_name = \"e6.example.com\"\nbearer_file = \"" + file + "\"\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return []string{"--profiles", path}
}

// tlsFlags are for a server with TLS.
func tlsFlags(t *testing.T, address, ca string) []string {
	t.Helper()
	return []string{"--dsn", "e6s://me@" + address, "--token-file", secret(t), "--ca", ca, "--server-name", "e6.example.com"}
}

// serve starts a web server that speaks HTTP/2, with TLS if config is not nil, and
// returns its address.
func serve(t *testing.T, config *tls.Config, answer func(w http.ResponseWriter)) string {
	t.Helper()
	clean(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetHTTP2(true)
	if config != nil {
		server.TLS = config
		server.EnableHTTP2 = !slices.Equal(config.NextProtos, []string{"http/1.1"})
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// answering returns the flags for a web server with one response to every request.
func answering(answer func(w http.ResponseWriter)) func(t *testing.T) []string {
	return func(t *testing.T) []string {
		return []string{"--dsn", "e6://me@" + serve(t, nil, answer), "--token-file", secret(t)}
	}
}

// listener takes connections, one after the other, and closes each when do returns and
// the other end has sent something.
func listener(t *testing.T, do func(c net.Conn)) string {
	t.Helper()
	clean(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			do(c)
			_, _ = c.Read(make([]byte, 1024))
			_ = c.Close()
		}
	})
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		served.Wait()
	})
	return l.Addr().String()
}

func TestDoctor_ReportsTheProblemAndTheNextStep(t *testing.T) {
	year := time.Now().Add(365 * 24 * time.Hour)
	for name, c := range map[string]struct {
		start func(t *testing.T) []string
		code  int
	}{
		"well": {func(t *testing.T) []string {
			_, flags := start(t)
			return flags
		}, 0},
		"grpc": {func(t *testing.T) []string {
			_, flags := start(t, e6test.WithRefusal(e6test.RefuseGRPC), e6test.WithActive(fsm.Green))
			return flags
		}, 0},
		"mock": {func(t *testing.T) []string {
			_, flags := start(t, e6test.WithRefusal(e6test.RefuseMock))
			return flags
		}, 0},
		"both": {func(t *testing.T) []string {
			cluster, flags := start(t)
			cluster.OpenSide(fsm.Green)
			cluster.Announce(fsm.Green)
			return flags
		}, 0},
		"none": {func(t *testing.T) []string {
			cluster, flags := start(t)
			cluster.CloseSide(fsm.Blue)
			return flags
		}, exitStatement},
		"asleep": {func(t *testing.T) []string {
			cluster, flags := start(t)
			cluster.Suspend()
			return flags
		}, exitStatement},
		"token": {func(t *testing.T) []string {
			_, flags := start(t, e6test.WithCredentials("me", "another"))
			return flags
		}, exitStatement},
		"no-token": {func(t *testing.T) []string {
			_, flags := start(t)
			return append(flags, "--token-file", "/no/such/file")
		}, exitStatement},
		"sick": {func(t *testing.T) []string {
			cluster, flags := start(t)
			cluster.Inject(e6test.Fault{Method: "prepareStatementV2", Times: -1, Action: e6test.Fail, Message: "out of memory"})
			return flags
		}, exitStatement},
		"broken": {func(t *testing.T) []string {
			cluster, flags := start(t)
			cluster.Inject(e6test.Fault{Method: "authenticate", Times: -1, Action: e6test.Fail, Message: "out of memory"})
			return flags
		}, exitStatement},
		"foreign": {func(t *testing.T) []string {
			clean(t)
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			server := grpc.NewServer()
			served := make(chan error)
			go func() { served <- server.Serve(listener) }()
			t.Cleanup(func() {
				server.Stop()
				require.NoError(t, <-served)
			})
			return []string{"--dsn", "e6://me@" + listener.Addr().String(), "--token-file", secret(t)}
		}, exitStatement},
		"bearer-web": {func(t *testing.T) []string {
			clean(t)
			config, ca := certificate(t, year, "e6.example.com")
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.TLS = config
			server.EnableHTTP2 = true
			server.StartTLS()
			t.Cleanup(server.Close)
			return bearerFlags(t, server.Listener.Addr().String(), ca, secret(t))
		}, exitStatement},
		"page":     {answering(func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>Welcome</html>") }), exitStatement},
		"redirect": {answering(func(w http.ResponseWriter) { w.Header().Set("Location", "/login"); w.WriteHeader(http.StatusFound) }), exitStatement},
		"401":      {answering(func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) }), exitStatement},
		"403":      {answering(func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }), exitStatement},
		"407":      {answering(func(w http.ResponseWriter) { w.WriteHeader(http.StatusProxyAuthRequired) }), exitStatement},
		"429":      {answering(func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) }), exitStatement},
		"502":      {answering(func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }), exitStatement},
		"503":      {answering(func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }), exitStatement},
		"bearer-401": {func(t *testing.T) []string {
			server, ca := certificate(t, year, "e6.example.com")
			address := serve(t, server, func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) })
			return bearerFlags(t, address, ca, secret(t))
		}, exitStatement},
		"closes": {func(t *testing.T) []string {
			return []string{"--dsn", "e6://me@" + listener(t, func(c net.Conn) {}), "--token-file", secret(t)}
		}, exitStatement},
		"ssh": {func(t *testing.T) []string {
			return []string{"--dsn", "e6://me@" + listener(t, func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n") }), "--token-file", secret(t)}
		}, exitStatement},
		"tls-http1": {func(t *testing.T) []string {
			server, ca := certificate(t, year, "e6.example.com")
			server.NextProtos = []string{"http/1.1"}
			return tlsFlags(t, serve(t, server, func(w http.ResponseWriter) {}), ca)
		}, exitStatement},
		"tls-no-alpn": {func(t *testing.T) []string {
			server, ca := certificate(t, year, "e6.example.com")
			server.NextProtos = nil
			return tlsFlags(t, listener(t, func(c net.Conn) { _ = tls.Server(c, server).Handshake() }), ca)
		}, exitStatement},
		"tls-client": {func(t *testing.T) []string {
			server, ca := certificate(t, year, "e6.example.com")
			server.ClientAuth = tls.RequireAnyClientCert
			return tlsFlags(t, serve(t, server, func(w http.ResponseWriter) {}), ca)
		}, exitStatement},
		"tls-client-1.2": {func(t *testing.T) []string {
			server, ca := certificate(t, year, "e6.example.com")
			server.ClientAuth, server.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
			return tlsFlags(t, serve(t, server, func(w http.ResponseWriter) {}), ca)
		}, exitStatement},
		"tls-client-later": {func(t *testing.T) []string { // as nginx does it
			server, ca := certificate(t, year, "e6.example.com")
			server.ClientAuth = tls.RequestClientCert
			return tlsFlags(t, serve(t, server, func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadRequest) }), ca)
		}, exitStatement},
		"tls-clear": {func(t *testing.T) []string {
			cluster, _ := start(t)
			return []string{"--dsn", "e6s://me@" + cluster.Addr(), "--token-file", secret(t)}
		}, exitStatement},
		"clear-tls": {func(t *testing.T) []string {
			server, _ := certificate(t, year, "e6.example.com")
			cluster, _ := start(t, e6test.WithTLS(server))
			return []string{"--dsn", "e6://me@" + cluster.Addr(), "--token-file", secret(t)}
		}, exitStatement},
		"refused": {func(t *testing.T) []string {
			clean(t)
			return []string{"--dsn", "e6://me@127.0.0.1:1", "--token-file", secret(t)}
		}, exitStatement},
		"web": {func(t *testing.T) []string {
			clean(t)
			server := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(server.Close)
			u, err := url.Parse(server.URL)
			require.NoError(t, err)
			return []string{"--dsn", "e6://me@" + u.Host, "--token-file", secret(t)}
		}, exitStatement},
		"nothing": {func(t *testing.T) []string {
			clean(t)
			t.Setenv("E6DATA_HSOT", "x")
			return nil
		}, exitStatement},
		"tls": {func(t *testing.T) []string {
			server, ca := certificate(t, year, "e6.example.com")
			_, flags := start(t, e6test.WithTLS(server))
			return append(flags, "--tls", "--ca", ca, "--server-name", "e6.example.com")
		}, 0},
		"tls-soon": {func(t *testing.T) []string {
			server, ca := certificate(t, time.Now().Add(24*time.Hour), "e6.example.com")
			_, flags := start(t, e6test.WithTLS(server))
			return append(flags, "--tls", "--ca", ca, "--server-name", "e6.example.com")
		}, 0},
		"tls-over": {func(t *testing.T) []string {
			server, ca := certificate(t, time.Now().Add(-time.Hour), "e6.example.com")
			_, flags := start(t, e6test.WithTLS(server))
			return append(flags, "--tls", "--ca", ca, "--server-name", "e6.example.com")
		}, exitStatement},
		"tls-unknown-ca": {func(t *testing.T) []string {
			server, _ := certificate(t, year, "e6.example.com")
			_, flags := start(t, e6test.WithTLS(server))
			return append(flags, "--tls", "--server-name", "e6.example.com")
		}, exitStatement},
		"tls-name": {func(t *testing.T) []string {
			server, ca := certificate(t, year, "e6.example.com")
			_, flags := start(t, e6test.WithTLS(server))
			return append(flags, "--tls", "--ca", ca)
		}, exitStatement},
		"bearer": {func(t *testing.T) []string {
			server, ca := certificate(t, year, "e6.example.com")
			cluster, _ := start(t, e6test.WithTLS(server), e6test.WithBearer(func(token string) bool { return token == "planted" }))
			return bearerFlags(t, cluster.Addr(), ca, secret(t))
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t, append([]string{"doctor"}, c.start(t)...)...)
			require.Equal(t, result{got.out, "", c.code}, got)
			requireGolden(t, "doctor."+name, steady(got.out))
		})
	}
}

func TestDoctor_JSON(t *testing.T) {
	_, flags := start(t)
	got := command(t, append([]string{"doctor", "--json"}, flags...)...)
	require.Equal(t, result{got.out, "", 0}, got)
	var report struct {
		Checks []struct{ Check, Verdict, Seen, Next string }
	}
	require.NoError(t, json.Unmarshal([]byte(got.out), &report))
	require.Len(t, report.Checks, 15)
	require.Equal(t, "query", report.Checks[14].Check)
	require.Equal(t, "ok", report.Checks[14].Verdict)
}

func TestDoctorBundle_HoldsNoSecret(t *testing.T) {
	cluster, flags := start(t)
	cluster.Inject(e6test.Fault{Method: "getResultMetadata", Times: -1, Action: e6test.Fail, Message: "planted in an error, of alice@example.com"})
	t.Setenv("E6DATA_CATALOG", "shown")
	t.Setenv("E6DATA_PASSWORD", "planted too")
	path := filepath.Join(t.TempDir(), "support.zip")
	var out, errOut strings.Builder
	code := run(append([]string{"doctor", "--bundle", path, "--user", "alice@example.com"}, flags...), make(chan os.Signal), strings.NewReader(""), &out, &errOut)
	require.Equal(t, exitStatement, code)
	require.Equal(t, "wrote "+path+": look at it before you send it\n", errOut.String())
	require.NotContains(t, out.String(), "planted", "nor does what is printed")
	require.Contains(t, out.String(), "*** in an error, of alice@example.com", "the user's own name is not a secret here")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	archive, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer archive.Close()
	whole := ""
	for _, f := range archive.File {
		r, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		whole += "\n" + f.Name + "\n" + string(text)
	}
	for _, name := range []string{"report.txt", "report.json", "configuration.json", "environment.txt", "versions.txt", "client.json"} {
		require.Contains(t, whole, "e6-support/"+name)
	}
	require.Contains(t, whole, "E6DATA_PASSWORD")
	require.Contains(t, whole, "demo")
	require.Contains(t, whole, "in an error, of ***")
	for _, hidden := range []string{"planted", "alice", "SELECT 1 ", "session-"} {
		require.NotContains(t, whole, hidden)
	}
}

func TestDoctor_BundleAndProbeHoldNoBearer(t *testing.T) {
	config, ca := certificate(t, time.Now().Add(365*24*time.Hour), "e6.example.com")
	cluster, _ := start(t, e6test.WithTLS(config), e6test.WithBearer(func(token string) bool { return token == "planted" }))
	for _, method := range []string{"getResultMetadata", "healthCheck"} {
		cluster.Inject(e6test.Fault{Method: method, Times: -1, Action: e6test.Fail, Message: "no rights for planted"})
	}
	flags := bearerFlags(t, cluster.Addr(), ca, secret(t))
	require.Contains(t, command(t, append([]string{"doctor", "--probe"}, flags...)...).out, "no rights for ***")

	path := filepath.Join(t.TempDir(), "support.zip")
	var out, errOut strings.Builder
	require.Equal(t, exitStatement, run(append([]string{"doctor", "--bundle", path}, flags...), make(chan os.Signal), strings.NewReader(""), &out, &errOut), errOut.String())
	archive, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, archive.Close()) }()
	for _, f := range archive.File {
		r, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.NotContains(t, string(text), "planted", f.Name)
	}
}

func TestDoctorProbe_TestsUnknownBehaviour(t *testing.T) {
	cluster, flags := start(t, e6test.WithCredentials("me", "planted"))
	got := command(t, append([]string{"doctor", "--probe"}, flags...)...)
	require.Equal(t, 0, got.code, got.errOut)
	requireGolden(t, "doctor.probe", steady(got.out))
	require.NotContains(t, got.out, "127.0.0.1")
	requireIdle(t, cluster)

	cluster.OpenSide(fsm.Green)
	require.Contains(t, command(t, append([]string{"doctor", "--probe"}, flags...)...).out, "to a session of the other one? | refused: Internal")
	cluster.CloseSide(fsm.Green)
	cluster.CloseSide(fsm.Blue)
	got = command(t, append([]string{"doctor", "--probe"}, flags...)...)
	require.Equal(t, exitCluster, got.code)
	require.Contains(t, got.errOut, "no side of the cluster accepts")
}
