package conformance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
)

const nginxConfig = `
daemon off;
worker_processes 2;
worker_shutdown_timeout 5s;
pid DIR/pid;
error_log stderr error;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path DIR/body;
    proxy_temp_path DIR/proxy;
    fastcgi_temp_path DIR/fastcgi;
    uwsgi_temp_path DIR/uwsgi;
    scgi_temp_path DIR/scgi;
    grpc_read_timeout RESPONSE;
    grpc_connect_timeout 2s;
    client_max_body_size 0;
    RETRIES
    upstream blue { server BLUE max_fails=0; SECONDBLUE }
    upstream green { server GREEN max_fails=0; SECONDGREEN }
    map $http_strategy $engine { default grpc://green; ~*^blue$ grpc://blue; }
    map $http_strategy $side { default none; ~*^blue$ blue; ~*^green$ green; }
    server {
        listen LISTEN http2;
        LIMITS
        location /ClusterService/ {
            default_type text/plain;
            if (-f DIR/closed-$side) { return 456 "wrong strategy"; }
            grpc_pass $engine;
        }
        location / {
            default_type text/plain;
            if ($side = none) { return 456 "no strategy"; }
            if (-f DIR/closed-$side) { return 456 "wrong strategy"; }
            if (-f DIR/suspended) { return 503 "suspended"; }
            grpc_pass $engine;
        }
    }
}
`

// nginx is an nginx that looks for files: one for each closed side, and one for a
// suspended cluster.
type nginx struct {
	dir, listen string
	process     *process
}

func startNginx(t testing.TB, path, blue, green string, l limits) ingress {
	n := &nginx{dir: scratch(t), listen: freeAddr(t)}
	ms := func(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }
	var directives []string
	if l.connDuration > 0 {
		directives = append(directives, "keepalive_time "+ms(l.connDuration)+";")
	}
	if l.idle > 0 {
		directives = append(directives, "keepalive_timeout "+ms(l.idle)+";")
	}
	if l.connRequests > 0 {
		directives = append(directives, fmt.Sprintf("keepalive_requests %d;", l.connRequests))
	}
	if l.streams > 0 {
		directives = append(directives, fmt.Sprintf("http2_max_concurrent_streams %d;", l.streams))
	}
	response, retries, second := time.Minute, "", ""
	if l.response > 0 {
		response = l.response
	}
	if l.retries {
		retries, second = "grpc_next_upstream error timeout invalid_header http_500 http_502 non_idempotent;", "server %s max_fails=0;"
	}
	again := func(addr string) string { return strings.ReplaceAll(second, "%s", addr) }
	text := strings.NewReplacer("DIR", n.dir, "LISTEN", n.listen, "LIMITS", strings.Join(directives, "\n        "), "RETRIES", retries,
		"RESPONSE", ms(response), "SECONDBLUE", again(blue), "SECONDGREEN", again(green), "BLUE", blue, "GREEN", green).Replace(nginxConfig)
	require.NoError(t, os.WriteFile(filepath.Join(n.dir, "config"), []byte(text), 0o644))
	n.open(t, fsm.Blue)
	n.process = run(t, path, "-e", "stderr", "-p", n.dir, "-c", filepath.Join(n.dir, "config"))
	listens(t, n.process, n.listen)
	return n
}

func (n *nginx) addr() string { return n.listen }

// flag makes a file exist or not.
func (n *nginx) flag(t testing.TB, name string, on bool) {
	path := filepath.Join(n.dir, name)
	if on {
		require.NoError(t, os.WriteFile(path, nil, 0o644))
		return
	}
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		require.NoError(t, err)
	}
}

func (n *nginx) open(t testing.TB, sides ...fsm.Side) {
	for _, side := range sides {
		n.flag(t, "closed-"+side.String(), false)
	}
	for _, side := range fsm.Sides {
		if !open(sides, side) {
			n.flag(t, "closed-"+side.String(), true)
		}
	}
}

func (n *nginx) suspend(t testing.TB, on bool) { n.flag(t, "suspended", on) }

func (n *nginx) reload(t testing.TB) {
	require.NoError(t, n.process.cmd.Process.Signal(syscall.SIGHUP))
}

// drain is a reload: only a worker that ends sends GOAWAY.
func (n *nginx) drain(t testing.TB) { n.reload(t) }
