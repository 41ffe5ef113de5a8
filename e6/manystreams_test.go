package e6_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/freeport"
	"github.com/e6data/e6data-go/internal/stress"
)

// nginxConfig leaves http2_max_concurrent_streams at its default, 128. A file for each
// closed side, which is looked for at every call, makes it refuse.
const nginxConfig = `
daemon off;
worker_processes 2;
pid DIR/pid;
error_log stderr error;
events { worker_connections 8192; }
http {
    access_log off;
    client_body_temp_path DIR/body;
    proxy_temp_path DIR/proxy;
    fastcgi_temp_path DIR/fastcgi;
    uwsgi_temp_path DIR/uwsgi;
    scgi_temp_path DIR/scgi;
    grpc_read_timeout 10m;
    map $http_strategy $engine { default grpc://GREEN; blue grpc://BLUE; }
    server {
        listen LISTEN http2;
        DIRECTIVES
        location / {
            default_type text/plain;
            if (-f DIR/closed-$http_strategy) { return 456 "wrong strategy"; }
            grpc_pass $engine;
        }
    }
}
`

// startNginx runs nginx in front of a cluster's two engines, with blue open, and returns
// its address and what opens a side. Without nginx the test is skipped, unless the
// environment requires it.
func startNginx(t *testing.T, cluster *e6test.Cluster) (addr string, openSide func(e6.Side)) {
	t.Helper()
	addr, openSide, _ = startNginxWith(t, cluster, "")
	return addr, openSide
}

// startNginxWith adds directives to the server. reload makes it read its configuration again,
// with new workers: the old ones drain their connections.
func startNginxWith(t *testing.T, cluster *e6test.Cluster, directives string) (addr string, openSide func(e6.Side), reload func()) {
	t.Helper()
	path := ""
	for _, name := range []string{"nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		require.NotEqual(t, "1", os.Getenv("E6_REQUIRE_NGINX"), "nginx is not installed, and E6_REQUIRE_NGINX=1 requires it")
		t.Skip("nginx is not installed: this test needs a real ingress (Debian: apt install nginx-light)")
	}
	dir, err := os.MkdirTemp("", "e6-nginx") // its workers may be another user, who enters no folder of the test
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	addr, err = freeport.Addr()
	require.NoError(t, err)
	config := strings.NewReplacer("DIRECTIVES", directives, "DIR", dir, "LISTEN", addr, "BLUE", cluster.EngineAddr(e6.Blue), "GREEN", cluster.EngineAddr(e6.Green)).Replace(nginxConfig)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(config), 0o600))
	closed := func(side e6.Side) string { return filepath.Join(dir, "closed-"+side.String()) }
	require.NoError(t, os.WriteFile(closed(e6.Green), nil, 0o644))
	var log proxyLog
	cmd := exec.Command(path, "-e", "stderr", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it takes its workers with it
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the output of nginx: %s", log.output())
		}
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", addr)
		return err == nil && conn.Close() == nil
	}, stress.Patience, 10*time.Millisecond)
	return addr, func(side e6.Side) { require.NoError(t, os.Remove(closed(side))) },
		func() { _ = cmd.Process.Signal(syscall.SIGHUP) }
}

// An ingress with its default limit of streams serves many slow statements, and short
// ones beside them.
func TestConnections_ManySlowStatementsDelayNoShortOneAndNoAnnouncement(t *testing.T) {
	few, many := 20, stress.Count(150, 500)
	perSecond, short := stress.Count(100, 500), stress.Count(30, 5000)
	for name, ingress := range map[string]func(*testing.T, *e6test.Cluster) (string, func(e6.Side)){
		"HAProxy, 100 streams": func(t *testing.T, cluster *e6test.Cluster) (string, func(e6.Side)) {
			p := startProxy(t, cluster)
			return p.addr, func(side e6.Side) { p.set(t, side, "open") }
		},
		"nginx, 128 streams": startNginx,
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t, e6test.WithEngineListeners("127.0.0.1:0", "127.0.0.1:0"))
			addr, openSide := ingress(t, cluster)
			cfg := config(cluster)
			cfg.Address = addr
			client, err := e6.Open(within(t, 10*time.Second), cfg)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, client.Close()) })

			// A slow statement waits for its metadata, and for its first batch.
			begin := func(n int) {
				before := cluster.Stats().Calls
				slowly(t, client, n, 600_000)
				waitFor(within(t, time.Minute), t, client, func() bool {
					now := cluster.Stats().Calls
					return now["getResultMetadata"] >= before["getResultMetadata"]+n && now["getNextResultBatchV2"] >= before["getNextResultBatchV2"]+n
				})
			}
			begin(few)
			besideFew, failedFirst := percentile99(t, client, perSecond, short)
			begin(many - few)
			besideMany, failed := percentile99(t, client, perSecond, short)

			var login atomic.Int64
			defer client.Subscribe(func(e events.Event) {
				if d, ok := e.Data.(events.SessionOpened); ok {
					login.Store(int64(d.Took))
				}
			}, events.Kinds(events.KindSessionOpened))()
			openSide(e6.Green)
			cluster.Announce(e6.Green)
			began := time.Now()
			ended := make(chan struct{})
			go func() { // short ones, as they carry the announcement
				defer close(ended)
				_, _ = percentile99(t, client, perSecond, min(short, perSecond))
			}()
			waitFor(within(t, time.Minute), t, client, func() bool { return client.Strategy().Active == e6.Green })
			moved := time.Since(began)
			<-ended
			t.Logf("p99 of short statements beside %d slow ones: %v, beside %d: %v (%.2f x); moved to green %v after the announcement, a login took %v; %d connections",
				few, besideFew, many, besideMany, float64(besideMany)/float64(besideFew), moved, time.Duration(login.Load()), len(client.Stats().Connections))
			require.Zero(t, failedFirst+failed)
			require.GreaterOrEqual(t, client.Stats().InFlight[e6.Blue], int64(many), "the slow ones stay where they are")
			// The slow statements take minutes: a short one, or an announcement, that
			// waited for one would be far beyond this.
			require.Less(t, max(besideMany, moved), stress.Patience)
		})
	}
}

// percentile99 runs n short statements at a constant rate, and returns how long the
// slowest but one in a hundred took, and how many failed.
func percentile99(t *testing.T, client *e6.Client, perSecond, n int) (p99 time.Duration, failed int64) {
	var running sync.WaitGroup
	var failures atomic.Int64
	took := make([]time.Duration, n)
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	ctx := within(t, time.Minute)
	for i := range took {
		<-tick.C
		running.Go(func() {
			began := time.Now()
			if _, err := client.QueryAll(ctx, "SELECT 1"); err != nil {
				failures.Add(1)
				t.Log(fmt.Errorf("short statement %d: %w", i, err))
			}
			took[i] = time.Since(began)
		})
	}
	running.Wait()
	slices.Sort(took)
	return took[len(took)*99/100], failures.Load()
}
