package e6_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/freeport"
	"github.com/e6data/e6data-go/internal/stress"
)

// slowly runs statements that take ms milliseconds each, until the test ends.
func slowly(t *testing.T, client *e6.Client, n, ms int) {
	ctx, cancel := context.WithCancel(t.Context())
	var queries sync.WaitGroup
	for range n {
		queries.Go(func() { _, _ = client.QueryAll(ctx, fmt.Sprintf("SELECT sleep(%d)", ms)) })
	}
	t.Cleanup(func() { cancel(); queries.Wait() })
}

// longest returns how long the slowest of n queries took, one after the other.
func longest(t *testing.T, client *e6.Client, n int) (longest time.Duration) {
	for range n {
		began := time.Now()
		_, err := client.QueryAll(within(t, time.Minute), "SELECT 1")
		require.NoError(t, err)
		longest = max(longest, time.Since(began))
	}
	return longest
}

func TestConnections_SlowStatementsDelayNoAnnouncementAndNoShortQuery(t *testing.T) {
	const slow, took = 150, 15 * time.Second
	cluster, p := behindProxy(t)
	client := p.client(t, cluster)
	alone := longest(t, client, 20)
	slowly(t, client, slow, int(took.Milliseconds()))
	waitFor(within(t, took), t, client, func() bool { return cluster.Stats().Calls["getResultMetadata"] >= slow })
	p.set(t, e6.Green, "open")
	cluster.Announce(e6.Green)
	// One response is enough to carry the announcement.
	announced := time.Now()
	busy := longest(t, client, 1)
	waitFor(within(t, took), t, client, func() bool { return client.Strategy().Active == e6.Green })
	moved := time.Since(announced)
	busy = max(busy, longest(t, client, 20))
	t.Logf("a short query took %v at the most alone and %v beside the slow ones; the client moved within %v", alone, busy, moved)
	require.Equal(t, int64(slow), client.Stats().InFlight[e6.Blue], "the slow statements are still there")
	require.Less(t, busy, took/3)
	require.Less(t, moved, took/3)
	require.GreaterOrEqual(t, cluster.Stats().CallsBySide[e6.Green]["executeStatement"], 20)
}

func TestConnections_HungStatementsDelayNoCutover(t *testing.T) {
	for _, hung := range []int{5, 10, 40} {
		t.Run(fmt.Sprintf("%d statements hang on an ingress with 10 streams", hung), func(t *testing.T) {
			cluster := start(t, e6test.WithMaxStreams(10))
			client := open(t, cluster)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var queries sync.WaitGroup
			for range hung {
				queries.Go(func() { _, _ = client.QueryAll(ctx, "SELECT sleep(600000)") })
			}
			waitFor(within(t, 30*time.Second), t, client, func() bool { return cluster.Stats().Calls["getResultMetadata"] >= hung })
			require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
			var others sync.WaitGroup
			var failed atomic.Int64
			for range 60 {
				others.Go(func() {
					if _, err := client.QueryAll(within(t, 10*time.Second), "SELECT 1"); err != nil {
						failed.Add(1)
						t.Log(err)
					}
				})
			}
			others.Wait()
			require.Zero(t, failed.Load())
			require.Equal(t, e6.Green, client.Strategy().Active)
			// The calls that free the hung statements reach the server, which refuses them on blue.
			clears := cluster.Stats().CallsBySide[e6.Blue]["clearOrCancelQuery"]
			cancel()
			queries.Wait()
			waitFor(within(t, 30*time.Second), t, client, func() bool {
				return cluster.Stats().CallsBySide[e6.Blue]["clearOrCancelQuery"] >= clears+hung
			})
		})
	}
}

// hosts is a name server with one host.
type hosts struct{ addr atomic.Value }

func (h *hosts) lookup(context.Context, string) ([]string, error) {
	return []string{h.addr.Load().(string)}, nil
}

// moved starts two clusters at the same port of two addresses, of which the name server
// knows the first.
func moved(t *testing.T) (old, successor *e6test.Cluster, port string, names *hosts) {
	addr, err := freeport.Addr()
	require.NoError(t, err)
	_, port, err = net.SplitHostPort(addr)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skipf("this machine has one loopback address only: %v", err)
	}
	require.NoError(t, l.Close())
	old = start(t, e6test.WithListenAddr("127.0.0.2:"+port))
	successor = start(t, e6test.WithListenAddr("127.0.0.1:"+port))
	names = new(hosts)
	names.addr.Store("127.0.0.2")
	return old, successor, port, names
}

func TestConnections_AClusterThatMovedIsFound(t *testing.T) {
	for name, leave := range map[string]func(*e6test.Cluster){
		"the old address answers 502":          func(c *e6test.Cluster) { c.Inject(e6test.Fault{Times: -1, Action: e6test.BadGateway}) },
		"the old address refuses connections":  func(c *e6test.Cluster) { _ = c.Close() },
		"the old address refuses both sides":   func(c *e6test.Cluster) { c.CloseSide(e6.Blue) },
		"the old address answers 503 for good": func(c *e6test.Cluster) { c.Inject(e6test.Fault{Times: -1, Action: e6test.Refuse503}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old, successor, port, names := moved(t)
			cfg := config(successor)
			cfg.Address, cfg.AllowClearText = "cluster.test:"+port, true
			cfg.ResumeTimeout = time.Second
			client, err := e6.Open(within(t, 20*time.Second), cfg, e6.WithLookup(names.lookup))
			require.NoError(t, err)
			defer client.Close()
			_, err = client.QueryAll(within(t, 10*time.Second), "SELECT 1")
			require.NoError(t, err)
			require.Zero(t, successor.Stats().Calls["prepareStatement"])

			leave(old)
			names.addr.Store("127.0.0.1")
			began := time.Now()
			ctx := within(t, 25*time.Second) // gRPC's own resolver takes up to 30 s
			for {
				if _, err = client.QueryAll(ctx, "SELECT 1"); err == nil || ctx.Err() != nil {
					break
				}
			}
			require.NoError(t, err)
			t.Logf("found after %v", time.Since(began))
			require.NotZero(t, successor.Stats().Calls["prepareStatement"])
		})
	}
}

// verbose is an engine with an error that is too long for gRPC.
type verbose struct{ e6test.Engine }

func (v verbose) Prepare(ctx context.Context, s e6test.Statement) (e6test.Prepared, error) {
	fails := strings.Contains(s.SQL, "an error")
	if fails {
		s.SQL = "SELECT 1"
	}
	prepared, err := v.Engine.Prepare(ctx, s)
	if fails {
		prepared = failing{prepared}
	}
	return prepared, err
}

type failing struct{ e6test.Prepared }

func (failing) Execute(context.Context) (e6test.Result, error) {
	return nil, errors.New(strings.Repeat("x", 1500<<10))
}

func TestConnections_AnUnreadableErrorBreaksOneConnection(t *testing.T) {
	cluster := start(t, e6test.WithEngine(verbose{e6test.NewCannedEngine()}))
	client := open(t, cluster)
	const beside = 8
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	var lost atomic.Int64
	for range beside {
		others.Go(func() {
			for ; ctx.Err() == nil; stress.Pace() {
				err := client.Exec(context.WithoutCancel(ctx), "INSERT INTO log VALUES (1)")
				if cut, ok := errors.AsType[*e6.CutoverError](err); ok {
					require.ErrorIs(t, cut, e6.ErrQueryLost)
					lost.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}
	waitFor(within(t, 30*time.Second), t, client, func() bool { return cluster.Stats().Executions["INSERT INTO log VALUES (1)"] > 50 })

	const poison = "SELECT an error of 1.5 MB"
	_, err := client.QueryAll(within(t, time.Minute), poison)
	require.Error(t, err)
	require.Less(t, len(err.Error()), 2000)
	before := lost.Load()
	done := cluster.Stats().Executions["INSERT INTO log VALUES (1)"]
	waitFor(within(t, 30*time.Second), t, client, func() bool { return cluster.Stats().Executions["INSERT INTO log VALUES (1)"] > done+50 })
	stop()
	others.Wait()
	t.Logf("%d inserts of others were lost: %v", before, err)
	require.LessOrEqual(t, before, int64(beside), "one break ends what is in flight, and there is one")
	require.Equal(t, before, lost.Load(), "nothing breaks afterwards")
	require.LessOrEqual(t, cluster.Stats().Executions[poison], 2)
	requireIdle(t, client)
}

// connectProxy is a proxy that knows CONNECT only, and notes where it leads to.
func connectProxy(t *testing.T, to string) (addr string, targets func() []string) {
	var mu sync.Mutex
	var seen []string
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Method+" "+r.Host)
		mu.Unlock()
		far, err := net.Dial("tcp", to)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		near, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		_, _ = io.Copy(near, far)
		_ = near.Close()
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() { _ = server.Close(); served.Wait() })
	return l.Addr().String(), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), seen...)
	}
}

// The programs of TestConnections_ProxyOfTheEnvironment are this test binary again, as
// Go reads the environment of a proxy once.
const proxyProgram = "E6_TEST_PROXY_PROGRAM"

func TestConnections_ProxyOfTheEnvironment(t *testing.T) {
	if addr := os.Getenv(proxyProgram); addr != "" {
		cfg := e6.Config{Address: addr, User: "user@example.com", Token: "secret-token", AllowClearText: true}
		local := func(_ context.Context, host string) ([]string, error) {
			require.Equal(t, "cluster.test", host)
			return []string{"127.0.0.1"}, nil
		}
		client, err := e6.Open(within(t, 20*time.Second), cfg, e6.WithLookup(local))
		require.NoError(t, err)
		defer client.Close()
		_, err = client.QueryAll(within(t, 20*time.Second), "SELECT 1")
		require.NoError(t, err)
		return
	}
	for _, tc := range []struct {
		name, except string
		through      bool
	}{
		{"HTTPS_PROXY gets a CONNECT for the name", "", true},
		{"NO_PROXY keeps the proxy out", ".test", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cluster := start(t)
			_, port, err := net.SplitHostPort(cluster.Addr())
			require.NoError(t, err)
			proxy, seen := connectProxy(t, cluster.Addr())
			target := "cluster.test:" + port
			cmd := exec.CommandContext(within(t, time.Minute), os.Args[0], "-test.run=^TestConnections_ProxyOfTheEnvironment$")
			cmd.Env = append(os.Environ(), proxyProgram+"="+target, "HTTPS_PROXY=http://"+proxy, "https_proxy=", "NO_PROXY="+tc.except, "no_proxy=")
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Equal(t, 1, cluster.Stats().Executions["SELECT 1"])
			if !tc.through {
				require.Empty(t, seen())
				return
			}
			require.NotEmpty(t, seen())
			for _, request := range seen() {
				require.Equal(t, "CONNECT "+target, request)
			}
		})
	}
}
