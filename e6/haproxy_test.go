package e6_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/internal/stress"
)

// proxyConfig makes HAProxy an ingress: each call goes to the engine that its
// strategy header names. Two maps, which are changed while it runs, list the open sides and
// the methods that an open side refuses.
const proxyConfig = `
global
    log stdout format raw local0
    stats socket fd@4 level admin
    maxconn 1000

defaults
    mode http
    log global
    log-format "%%ST %%s %%[var(txn.side)] %%HPO"
    timeout connect 5s
    timeout client 1m
    timeout server 1m

frontend ingress
    bind fd@3 proto h2
    http-request set-var(txn.side) req.hdr(strategy),lower
    http-request return status 456 content-type text/plain string "wrong strategy" unless { var(txn.side),map_str(%[1]s,closed) -m str open }
    http-request return status 456 content-type text/plain string "wrong strategy" if { path,map_str(%[2]s,none),strcmp(txn.side) eq 0 }
    use_backend blue if { var(txn.side) -m str blue }
    default_backend green

backend blue
    server engine-blue %[3]s proto h2

backend green
    server engine-green %[4]s proto h2
`

// proxyMethods are the calls that the tests refuse one by one.
var proxyMethods = []string{"authenticate", "prepareStatement", "executeStatement", "getResultMetadata", "getNextResultBatchV2", "clearOrCancelQuery"}

// proxy is a HAProxy that runs for one test.
type proxy struct {
	addr, admin string
	open        string // the map of sides to "open" or "closed"
	refuse      string // the map of paths to the side that refuses them
	log         proxyLog
}

// startProxy runs HAProxy in front of a cluster's two engines, with blue open.
// Without HAProxy the test is skipped, unless the environment requires it.
func startProxy(t *testing.T, cluster *e6test.Cluster) *proxy {
	t.Helper()
	dir := t.TempDir()
	p := &proxy{open: filepath.Join(dir, "open.map"), refuse: filepath.Join(dir, "refuse.map")}
	paths := ""
	for _, m := range proxyMethods {
		paths += "/QueryEngineService/" + m + " none\n"
	}
	file := filepath.Join(dir, "haproxy.cfg")
	for name, text := range map[string]string{
		p.open: "blue open\ngreen closed\n", p.refuse: paths,
		file: fmt.Sprintf(proxyConfig, p.open, p.refuse, cluster.EngineAddr(e6.Blue), cluster.EngineAddr(e6.Green)),
	} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}

	// HAProxy inherits its sockets, so that no other process can take its ports,
	// and who connects before it has started waits.
	var sockets []*os.File
	for _, addr := range []*string{&p.addr, &p.admin} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		*addr = l.Addr().String()
		f, err := l.(*net.TCPListener).File()
		require.NoError(t, err)
		sockets = append(sockets, f)
		require.NoError(t, l.Close())
	}
	cmd := exec.Command(haproxy(t), "-db", "-f", file)
	cmd.ExtraFiles = sockets
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	err := cmd.Start()
	for _, f := range sockets {
		require.NoError(t, f.Close())
	}
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // the error is that the process was killed
		if t.Failed() {
			t.Logf("the calls of HAProxy: %v\nits output: %s", p.log.counts(), p.log.output())
		}
	})
	return p
}

// haproxy finds the program.
func haproxy(t *testing.T) string {
	for _, name := range []string{"haproxy", "/usr/sbin/haproxy", "/usr/local/sbin/haproxy"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("E6_REQUIRE_HAPROXY") == "1" {
		require.FailNow(t, "haproxy is not installed, and E6_REQUIRE_HAPROXY=1 requires it")
	}
	t.Skip("haproxy is not installed: this test needs a real ingress (Debian: apt install haproxy)")
	return ""
}

// client opens a client that reaches the cluster through the proxy only.
func (p *proxy) client(t *testing.T, cluster *e6test.Cluster, opts ...e6.Option) *e6.Client {
	cfg := config(cluster)
	cfg.Address = p.addr
	client, err := e6.Open(within(t, 10*time.Second), cfg, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// set opens or closes a side.
func (p *proxy) set(t *testing.T, side e6.Side, state string) {
	p.command(t, fmt.Sprintf("set map %s %s %s", p.open, side, state))
}

// swap opens a side and closes the other one in the same breath.
func (p *proxy) swap(t *testing.T, to e6.Side) {
	p.command(t, fmt.Sprintf("set map %s %s open; set map %s %s closed", p.open, to, p.open, to.Other()))
}

// refuseOn makes a side refuse one method, and None no side.
func (p *proxy) refuseOn(t *testing.T, side e6.Side, method string) {
	p.command(t, fmt.Sprintf("set map %s /QueryEngineService/%s %s", p.refuse, method, side))
}

// command speaks to the running HAProxy, which answers with empty lines unless
// it objects.
func (p *proxy) command(t *testing.T, line string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", p.admin, stress.Patience)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(stress.Patience)))
	_, err = io.WriteString(conn, line+"\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Empty(t, strings.TrimSpace(string(answer)), "haproxy: %s", line)
}

// served is one kind of call that HAProxy has logged.
type served struct {
	status string
	server string // "<NOSRV>" if HAProxy answered by itself
	side   string
	method string
}

// proxyLog counts the calls in the log of HAProxy, and keeps the other lines.
type proxyLog struct {
	mu    sync.Mutex
	rest  string
	calls map[served]int
	other []string
}

// Write implements io.Writer.
func (l *proxyLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(l.rest+string(b), "\n")
	l.rest = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		f := strings.Fields(line)
		if len(f) != 4 || len(f[0]) != 3 {
			l.other = append(l.other, line)
			continue
		}
		if l.calls == nil {
			l.calls = map[served]int{}
		}
		l.calls[served{f[0], f[1], f[2], f[3][strings.LastIndexByte(f[3], '/')+1:]}]++
	}
	return len(b), nil
}

func (l *proxyLog) counts() map[served]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.calls)
}

func (l *proxyLog) output() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.other, "\n")
}

// refused counts the calls that HAProxy itself has refused.
func (l *proxyLog) refused(match func(served) bool) (n int) {
	for s, count := range l.counts() {
		if s.status == "456" && s.server == "<NOSRV>" && match(s) {
			n += count
		}
	}
	return n
}

func any456(served) bool { return true }

// receivedErrors counts the refusals in the form in which they reach the client, and keeps
// every other failure except cancellations.
type receivedErrors struct {
	mu      sync.Mutex
	methods map[string]int
	others  []error
}

// intercept is a grpc.UnaryClientInterceptor.
func (h *receivedErrors) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, cc, opts...)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch s := status.Convert(err); {
	case err == nil, s.Code() == codes.Canceled:
	case s.Code() == codes.Unknown && strings.HasPrefix(s.Message(), "unexpected HTTP status code received from server: 456 ("):
		if h.methods == nil {
			h.methods = map[string]int{}
		}
		h.methods[method[strings.LastIndexByte(method, '/')+1:]]++
	default:
		h.others = append(h.others, fmt.Errorf("%s: %w", method, err))
	}
	return err
}

// refusals counts the refusals of one method, or of all.
func (h *receivedErrors) refusals(method string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for m, count := range h.methods {
		if method == "" || method == m {
			n += count
		}
	}
	return n
}

func (h *receivedErrors) rest() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.others)
}

// behindProxy starts a cluster whose two engines have only HAProxy in front.
func behindProxy(t *testing.T, opts ...e6test.Option) (*e6test.Cluster, *proxy) {
	haproxy(t) // before anything is started
	cluster := start(t, append(opts, e6test.WithEngineListeners("127.0.0.1:0", "127.0.0.1:0"))...)
	return cluster, startProxy(t, cluster)
}

func TestBehindARealIngressNoQueryFailsOverCutovers(t *testing.T) {
	cluster, p := behindProxy(t, e6test.WithBatchRows(20), e6test.WithChunks(1))
	var seen receivedErrors
	client := p.client(t, cluster, e6.WithDialOptions(grpc.WithChainUnaryInterceptor(seen.intercept)))
	require.Equal(t, e6.Blue, client.Strategy().Active)

	// Each kind after each of the others; the short form has each kind once.
	kinds := []e6test.CutoverKind{e6test.Graceful, e6test.Abrupt, e6test.AnnounceFirst, e6test.Graceful, e6test.AnnounceFirst, e6test.Abrupt, e6test.Graceful}
	for round, kind := range kinds[:stress.Count(3, len(kinds))] {
		from, to := e6.Blue, e6.Green
		if round%2 == 1 {
			from, to = to, from
		}
		ctx, stop := context.WithCancel(t.Context())
		l := &load{client: client, until: ctx}
		for g := range 8 {
			l.wg.Go(func() {
				for n := g; l.until.Err() == nil; n++ {
					if n%3 == 0 {
						l.stream(120)
					} else {
						l.whole(n % 60)
					}
					stress.Pace()
				}
			})
		}
		atLeast := func(n int64) {
			before := l.queries.Load()
			waitFor(within(t, 30*time.Second), t, client, func() bool { return l.queries.Load() >= before+n })
		}
		atLeast(50)
		refusedBefore := p.log.refused(any456)
		switch kind {
		case e6test.Graceful:
			p.set(t, to, "open")
			cluster.Announce(to)
			waitFor(within(t, 30*time.Second), t, client, func() bool {
				s := client.Strategy()
				return s.Active == to && s.Target == e6.None && client.Stats().InFlight[from] == 0
			})
			p.set(t, from, "closed")
		case e6test.AnnounceFirst:
			cluster.Announce(to)
			waitFor(within(t, 30*time.Second), t, client, func() bool {
				return p.log.refused(func(s served) bool { return s.side == to.String() }) > 0
			})
			p.swap(t, to)
		case e6test.Abrupt:
			cluster.ClearAnnouncement()
			p.swap(t, to)
		}
		waitFor(within(t, 30*time.Second), t, client, func() bool {
			s := client.Strategy()
			return s.Active == to && s.Target == e6.None
		})
		atLeast(50)
		stop()
		l.wg.Wait()
		requireIdle(t, client)
		require.Empty(t, l.wrong, "%s to %s", kind, to)
		require.Zero(t, client.Stats().Lost, "%s to %s", kind, to)
		if kind != e6test.Graceful {
			require.Greater(t, p.log.refused(any456), refusedBefore, "an abrupt cutover without a refusal proves nothing")
		}
	}

	require.Empty(t, seen.rest(), "HAProxy refuses with a plain HTTP 456, and nothing else fails")
	require.NotZero(t, seen.refusals(""))
	// HAProxy writes its log a moment after its answers.
	waitFor(within(t, 10*time.Second), t, client, func() bool { return p.log.refused(any456) >= seen.refusals("") })
	require.Zero(t, cluster.Stats().Refused456, "the cluster's own ingress has no part in this")
	require.Zero(t, client.Stats().Lost)
	// A query that an abrupt cutover cut off cannot be cleared either.
	require.LessOrEqual(t, int64(len(cluster.OpenQueries())), client.Stats().Abandoned)
}

func TestBehindARealIngressEachRefusedCallIsRecovered(t *testing.T) {
	const sql = "SELECT * FROM numbers(45)"
	for _, tc := range []struct {
		name, method string
		// The counters of the query when that one call is refused.
		retried, replayed, abandoned int64
	}{
		{"a refused prepare starts the query again", "prepareStatement", 1, 0, 0},
		{"a refused execute starts the query again", "executeStatement", 1, 0, 0},
		{"a refused metadata call replays a read", "getResultMetadata", 0, 1, 0},
		{"a refused fetch replays a read", "getNextResultBatchV2", 0, 1, 0},
		{"a refused clear leaves a complete result", "clearOrCancelQuery", 0, 0, 1},
		{"a refused authenticate moves the query", "authenticate", 1, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cluster, p := behindProxy(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
			var seen receivedErrors
			client := p.client(t, cluster, e6.WithDialOptions(grpc.WithChainUnaryInterceptor(seen.intercept)))
			p.refuseOn(t, e6.Blue, tc.method)
			p.set(t, e6.Green, "open")
			if tc.method == "authenticate" {
				cluster.ExpireSessions(e6.Blue)
			}

			result, err := client.QueryAll(within(t, 10*time.Second), sql)
			require.NoError(t, err)
			require.Equal(t, 45, result.Len())
			requireIdle(t, client)
			waitFor(within(t, 10*time.Second), t, client, func() bool { return client.Strategy().Active == e6.Green })

			stats := client.Stats()
			require.Equal(t, tc.retried, stats.Retried)
			require.Equal(t, tc.replayed, stats.Replayed)
			require.Equal(t, tc.abandoned, stats.Abandoned)
			require.Len(t, cluster.OpenQueries(), int(tc.abandoned))
			require.NotZero(t, seen.refusals(tc.method))
			waitFor(within(t, 10*time.Second), t, client, func() bool {
				return p.log.refused(func(s served) bool { return s.side == "blue" && s.method == tc.method }) == seen.refusals(tc.method)
			})
		})
	}
}

func TestHAProxy_ARefusedWriteIsRetriedOnlyBeforeItRan(t *testing.T) {
	for _, tc := range []struct {
		name, method string
		lost         bool
	}{
		{"a refused prepare", "prepareStatement", false},
		{"a refused execute", "executeStatement", false},
		{"refused metadata come after the statement ran", "getResultMetadata", true},
		{"a refused fetch comes after the statement ran", "getNextResultBatchV2", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			engine := e6test.NewCannedEngine()
			cluster, p := behindProxy(t, e6test.WithEngine(engine))
			client := p.client(t, cluster)
			p.refuseOn(t, e6.Blue, tc.method)
			p.set(t, e6.Green, "open")

			err := client.Exec(within(t, 10*time.Second), "INSERT INTO log VALUES (7)")
			if tc.lost {
				cut, ok := errors.AsType[*e6.CutoverError](err)
				require.True(t, ok, "%v", err)
				require.True(t, cut.MayHaveTakenEffect)
				require.Equal(t, wire.ClassWrongSide, wire.Classify(err))
			} else {
				require.NoError(t, err)
			}
			requireIdle(t, client)
			require.Equal(t, []int64{7}, engine.Inserted("log"), "a statement that writes runs once")
		})
	}
}

func TestBehindARealIngressTwoClosedSidesAreATypedError(t *testing.T) {
	cluster, p := behindProxy(t)
	p.client(t, cluster) // HAProxy has started
	p.set(t, e6.Blue, "closed")
	cfg := config(cluster)
	cfg.Address, cfg.DetectionTimeout = p.addr, time.Second
	_, err := e6.Open(within(t, 10*time.Second), cfg)
	_, ok := errors.AsType[*e6.DetectionError](err)
	require.True(t, ok, "%v", err)
	require.True(t, e6.SafeToReplay(err))
	require.Contains(t, err.Error(), "456")
}

func TestBehindARealIngressARefusalIsAnEvent(t *testing.T) {
	cluster, p := behindProxy(t)
	client := p.client(t, cluster)
	p.swap(t, e6.Green)
	_, err := client.QueryAll(e6.WithQueryOptions(within(t, 10*time.Second), e6.Tag("daily")), "SELECT 1")
	require.NoError(t, err)
	i := slices.IndexFunc(client.History(), func(e events.Event) bool { return e.Kind() == events.KindRefused })
	require.GreaterOrEqual(t, i, 0)
	refused := client.History()[i].Data.(events.Refused)
	require.Equal(t, e6.Blue, refused.Side)
	require.Equal(t, "daily", refused.Tag)
}
