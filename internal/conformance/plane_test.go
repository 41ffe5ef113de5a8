package conformance

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	cachev3 "github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	serverv3 "github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Envoy gets its routes from a control plane over gRPC (ADS), as the ingress of e6data does.
const planeBootstrap = `
node: {id: NODE, cluster: conformance}
dynamic_resources:
  ads_config:
    api_type: GRPC
    transport_api_version: V3
    grpc_services: [{envoy_grpc: {cluster_name: plane}}]
static_resources:
  listeners:
  - name: ingress
    address: {socket_address: {address: 127.0.0.1, port_value: PORT}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          codec_type: HTTP2
          rds:
            route_config_name: strategies
            config_source: {resource_api_version: V3, ads: {}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
CLUSTERS
`

// A plane is a control plane with its Envoys, and a TCP balancer in front of them if there
// is more than one. An update reaches the first one at once, and each other one after a lag.
type plane struct {
	cache   cachev3.SnapshotCache
	nodes   []string
	lag     time.Duration
	listen  string
	version atomic.Int64
	updates sync.WaitGroup
	done    context.Context

	mu        sync.Mutex
	sides     []fsm.Side
	suspended bool
}

// startPlane returns what starts a plane with so many Envoys.
func startPlane(replicas int, lag time.Duration) func(testing.TB, string, string, string, limits) ingress {
	return func(t testing.TB, path, blue, green string, _ limits) ingress {
		ctx, cancel := context.WithCancel(context.Background())
		p := &plane{cache: cachev3.NewSnapshotCache(true, cachev3.IDHash{}, nil), done: ctx}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		server := grpc.NewServer()
		discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, serverv3.NewServer(ctx, p.cache, nil))
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(listener) })
		t.Cleanup(func() {
			cancel()
			p.updates.Wait()
			server.Stop()
			serving.Wait()
		})

		clusters := envoyClusterOf(t, "blue", blue) + envoyClusterOf(t, "green", green) + envoyClusterOf(t, "plane", listener.Addr().String())
		var addrs []string
		var processes []*process
		for i := range replicas {
			dir, node, addr := scratch(t), fmt.Sprintf("replica-%d", i), freeAddr(t)
			p.nodes, addrs = append(p.nodes, node), append(addrs, addr)
			_, port, err := net.SplitHostPort(addr)
			require.NoError(t, err)
			text := strings.NewReplacer("NODE", node, "PORT", port, "CLUSTERS", clusters).Replace(planeBootstrap)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "envoy.yaml"), []byte(text), 0o644))
			processes = append(processes, run(t, path, "-c", filepath.Join(dir, "envoy.yaml"), "--concurrency", "1", "--log-level", "warning", "--disable-hot-restart"))
		}
		p.open(t, fsm.Blue)
		p.lag = lag // from the second update on
		for i, addr := range addrs {
			listens(t, processes[i], addr)
		}
		p.listen = addrs[0]
		if replicas > 1 {
			p.listen = balance(t, addrs)
		}
		return p
	}
}

func (p *plane) addr() string { return p.listen }

func (p *plane) open(t testing.TB, sides ...fsm.Side) {
	p.mu.Lock()
	p.sides = sides
	p.mu.Unlock()
	p.update(t)
}

func (p *plane) suspend(t testing.TB, on bool) {
	p.mu.Lock()
	p.suspended = on
	p.mu.Unlock()
	p.update(t)
}

// update gives every Envoy the routes that are right now, one after the other.
func (p *plane) update(t testing.TB) {
	p.mu.Lock()
	routes := planeRoutes(p.sides, p.suspended)
	p.mu.Unlock()
	config := new(routev3.RouteConfiguration)
	require.NoError(t, protojson.Unmarshal([]byte(routes), config))
	snapshot, err := cachev3.NewSnapshot(strconv.FormatInt(p.version.Add(1), 10), map[resourcev3.Type][]types.Resource{resourcev3.RouteType: {config}})
	require.NoError(t, err)
	for i, node := range p.nodes {
		wait := time.Duration(i) * p.lag
		if wait == 0 {
			require.NoError(t, p.cache.SetSnapshot(context.Background(), node, snapshot))
			continue
		}
		p.updates.Go(func() {
			select {
			case <-time.After(wait):
				_ = p.cache.SetSnapshot(context.Background(), node, snapshot)
			case <-p.done.Done():
			}
		})
	}
}

// planeRoutes is a RouteConfiguration as JSON.
func planeRoutes(sides []fsm.Side, suspended bool) string {
	var all []string
	for _, side := range sides {
		match := func(prefix string) string {
			return fmt.Sprintf(`{"prefix": %q, "headers": [{"name": "strategy", "string_match": {"exact": %q, "ignore_case": true}}]}`, prefix, side)
		}
		prefix := "/"
		if suspended {
			prefix = "/ClusterService/"
		}
		all = append(all, fmt.Sprintf(`{"match": %s, "route": {"cluster": %q, "timeout": "0s"}}`, match(prefix), side))
		if suspended {
			all = append(all, fmt.Sprintf(`{"match": %s, "direct_response": {"status": 503, "body": {"inline_string": "status: 503, cluster is suspended"}}}`, match("/")))
		}
	}
	all = append(all, `{"match": {"prefix": "/"}, "direct_response": {"status": 456, "body": {"inline_string": "status: 456"}}}`)
	return fmt.Sprintf(`{"name": "strategies", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [%s]}]}`, strings.Join(all, ", "))
}

func (p *plane) reload(t testing.TB) { require.FailNow(t, "not a case of the control plane") }
func (p *plane) drain(t testing.TB)  { require.FailNow(t, "not a case of the control plane") }

// balance relays TCP connections to the addresses in turn.
func balance(t testing.TB, addrs []string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	var mu sync.Mutex
	closed, conns := false, map[net.Conn]bool{}
	keep := func(c net.Conn) bool {
		mu.Lock()
		defer mu.Unlock()
		conns[c] = true
		return !closed
	}
	running.Go(func() {
		for n := 0; ; n++ {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", addrs[n%len(addrs)])
			if err != nil {
				_ = from.Close()
				continue
			}
			both := keep(from)
			both = keep(to) && both
			relay := func(dst, src net.Conn) {
				_, _ = io.Copy(dst, src)
				_, _ = dst.Close(), src.Close()
			}
			if !both {
				_, _ = from.Close(), to.Close()
			}
			running.Go(func() { relay(from, to) })
			running.Go(func() { relay(to, from) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		closed = true
		for c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return l.Addr().String()
}

// replicaLag is how much later the second Envoy gets an update.
const replicaLag = 5 * time.Second

func TestControlPlane(t *testing.T) {
	enabled(t)
	for _, k := range []kind{
		{name: "Envoy, control plane", program: envoyProgram, version: envoyVersion, start: startPlane(1, 0)},
		{name: "two Envoys, updated 5 s apart", program: envoyProgram, version: envoyVersion, start: startPlane(2, replicaLag)},
	} {
		t.Run(k.name, func(t *testing.T) {
			if path, err := k.program(); err == nil {
				setVersion(k.name, k.version(path))
			}
			for _, s := range scenarios {
				switch s.name {
				case "graceful cutover", "abrupt cutover", "announcement before the target is ready", "back and forth", "suspended cluster":
				default:
					continue
				}
				t.Run(strings.ReplaceAll(s.name, " ", "_"), func(t *testing.T) { s.test(t, k, "control plane") })
			}
		})
	}
}
