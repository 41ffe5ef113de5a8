package main

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// asCommand makes the test's own binary be the command, which saves building
// DuckDB into another one.
const asCommand = "E6EMU_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// command returns the command as a process of its own.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

var ready = regexp.MustCompile(`^ready listen=(\S+) admin=(\S+) engine-blue=(\S+) engine-green=(\S+)$`)

func TestCommand_ServesUntilASignal(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			const free = "127.0.0.1:0"
			cmd := command(t, "--listen", free, "--admin", free, "--engine-blue", free, "--engine-green", free,
				"--batch-rows", "100", "--latency", "1ms", "--refuse", "grpc", "--user", "u", "--token", "t")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			line, err := bufio.NewReader(stdout).ReadString('\n')
			require.NoError(t, err)
			addrs := ready.FindStringSubmatch(strings.TrimSpace(line))
			require.NotNil(t, addrs, line)

			require.Equal(t, int64(1_000_000), countOrders(t, addrs[1]))
			require.Equal(t, int64(1_000_000), countOrders(t, addrs[3]))
			resp, err := http.Post("http://"+addrs[2]+"/close?side=blue", "", nil)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusOK, resp.StatusCode)
			_, err = authenticate(t, addrs[1])
			require.EqualError(t, err, "rpc error: code = Unknown desc = status: 456")

			require.NoError(t, cmd.Process.Signal(sig))
			require.NoError(t, cmd.Wait(), stderr.String())
			require.Empty(t, stderr.String())
		})
	}
}

// session is a connection with what its calls need.
type session struct {
	e6xv1.QueryEngineServiceClient
	ctx context.Context
	id  string
}

func authenticate(t *testing.T, addr string) (session, error) {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	s := session{QueryEngineServiceClient: e6xv1.NewQueryEngineServiceClient(bare{conn})}
	s.ctx = metadata.AppendToOutgoingContext(t.Context(), "strategy", "blue")
	auth, err := s.Authenticate(s.ctx, &e6xv1.AuthenticateRequest{User: "u", Password: "t"})
	s.id = auth.GetSessionId()
	return s, err
}

func countOrders(t *testing.T, addr string) int64 {
	t.Helper()
	s, err := authenticate(t, addr)
	require.NoError(t, err)
	p, err := s.PrepareStatement(s.ctx, &e6xv1.PrepareStatementRequest{SessionId: s.id, Schema: "sales", QueryString: "SELECT count(*) FROM orders"})
	require.NoError(t, err)
	ctx := metadata.AppendToOutgoingContext(s.ctx, "plannerip", p.GetEngineIP())
	_, err = s.ExecuteStatement(ctx, &e6xv1.ExecuteStatementRequest{SessionId: s.id, QueryId: p.GetQueryId(), EngineIP: p.GetEngineIP()})
	require.NoError(t, err)
	next, err := s.GetNextResultBatch(ctx, &e6xv1.GetNextResultBatchRequest{SessionId: s.id, QueryId: p.GetQueryId(), EngineIP: p.GetEngineIP()})
	require.NoError(t, err)
	batch, err := vector.Decode(next.GetResultBatch(), nil)
	require.NoError(t, err)
	return batch.Column(0).Int64(0)
}

// bare calls the services by the names that they have on the wire.
type bare struct{ *grpc.ClientConn }

func (b bare) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return b.ClientConn.Invoke(ctx, strings.Replace(method, "/e6data.e6x.v1.", "/", 1), args, reply, opts...)
}

// ended returns a context that has ended: what should not serve at all returns
// even if it does.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestCommand_BadFlagsAreExitCode2WithAnError(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		args []string
		want []string
	}{
		{"an unknown flag", []string{"--nope"}, []string{"flag provided but not defined: -nope"}},
		{"an argument", []string{"serve"}, []string{`unexpected argument "serve"`}},
		{"an unknown form of refusal", []string{"--refuse", "tcp"}, []string{`--refuse "tcp": expected http or grpc`}},
		{"a number that is none", []string{"--batch-rows", "many"}, []string{"batch-rows"}},
		{"one engine without the other", []string{"--engine-blue", "127.0.0.1:0"}, []string{"--engine-blue and --engine-green belong together"}},
		{"a certificate without its key", []string{"--tls-cert", "x"}, []string{"--tls-cert and --tls-key belong together"}},
		{"two certificates", []string{"--tls-cert", "x", "--tls-key", "y", "--tls-self-signed", "z"}, []string{"--tls-self-signed and --tls-cert"}},
		{"a bearer in clear text", []string{"--bearer", "b", "--user", "u", "--token", "t"}, []string{"--bearer without TLS", "--bearer and --user"}},
		{"several mistakes at once", []string{"--listen", "", "--batch-rows", "0", "--latency", "-1s", "--user", "u"},
			[]string{"--listen must not be empty", "--batch-rows 0", "--latency -1s", "--user and --token belong together"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			require.Equal(t, exitUsage, run(ended(), tc.args, &stdout, &stderr))
			require.Empty(t, stdout.String())
			for _, want := range tc.want {
				require.Contains(t, stderr.String(), want)
			}
		})
	}
}

func TestCommand_HelpNamesEveryFlag(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run(ended(), []string{"--help"}, &stdout, &stderr))
	for _, name := range []string{"listen", "admin", "engine-blue", "engine-green", "database", "refuse", "batch-rows", "latency", "user", "token", "bearer", "tls-cert", "tls-key", "tls-self-signed"} {
		require.Contains(t, stderr.String(), "-"+name+" ")
	}
}

func TestCommand_AFailedStartIsExitCode1WithAnError(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	addr := taken.Addr().String()
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"the address is taken", []string{"--listen", addr, "--admin", ""}, addr + ": bind: address already in use; another e6emu may be running"},
		{"the admin's address is taken", []string{"--listen", "127.0.0.1:0", "--admin", addr}, "admin interface on " + addr},
		{"the address is none", []string{"--listen", "nowhere"}, "nowhere"},
		{"there is no certificate", []string{"--tls-cert", "/no/such/file", "--tls-key", "/no/such/file"}, "TLS: open /no/such/file"},
		{"the certificate has no place", []string{"--tls-self-signed", "/no/such/folder/ca.pem"}, "/no/such/folder/ca.pem"},
		{"the database is a directory", []string{"--database", t.TempDir()}, "is a directory"},
		{"the database is no database", []string{"--database", filepath.Join(t.TempDir(), "a", "b.duckdb")}, "b.duckdb"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			require.Equal(t, exitFailed, run(ended(), tc.args, &stdout, &stderr))
			require.Empty(t, stdout.String())
			require.Contains(t, stderr.String(), tc.want)
		})
	}
}

func TestCommand_WarnsOfAnAddressThatOthersCanReach(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true,
		"0.0.0.0:1": false, ":1": false, "192.0.2.1:1": false, "example.com:1": false,
	} {
		require.Equal(t, want, loopback(addr), addr)
	}
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run(ended(), []string{"--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "warning: --admin 0.0.0.0:0 can be reached from other machines")
	require.Regexp(t, `^ready listen=127\.0\.0\.1:\d+ admin=\S+\n$`, stdout.String())
}
