package conformance

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Envoy reads its clusters from the file that it starts with. It watches two more: one
// with the listener, one with the routes.
const envoyBootstrap = `
node: {id: conformance, cluster: conformance}
dynamic_resources:
  lds_config: {resource_api_version: V3, path_config_source: {path: DIR/listener.yaml}}
static_resources:
  clusters:
CLUSTERS
`

const envoyCluster = `
  - name: NAME
    type: STATIC
    connect_timeout: 2s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: NAME
      endpoints: [ENDPOINTS]
`

const envoyListener = `
resources:
- "@type": type.googleapis.com/envoy.config.listener.v3.Listener
  name: ingress
  address: {socket_address: {address: 127.0.0.1, port_value: PORT}}
  filter_chains:
  - filters:
    - name: envoy.filters.network.http_connection_manager
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: ingressGENERATION
        codec_type: HTTP2
        http2_protocol_options: {OPTIONS}
        common_http_protocol_options: {COMMON}
        drain_timeout: 0.2s
        rds:
          route_config_name: strategies
          config_source: {resource_api_version: V3, path_config_source: {path: DIR/routes.yaml}}
        http_filters:
        - name: envoy.filters.http.router
          typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
`

const envoyRoutes = `
resources:
- "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: strategies
  virtual_hosts:
  - name: all
    domains: ["*"]
    routes:
ROUTES
    - match: {prefix: /}
      direct_response: {status: 456, body: {inline_string: "status: 456"}}
`

// envoy is an Envoy that is configured by files.
type envoy struct {
	dir, path, listen string
	limits            limits
	generation, epoch int
	process           *process
	open_             []fsm.Side
	suspended         bool
	extra             string // routes before all others
}

func envoyVersion(path string) string {
	out, _ := describes(path, "--version")
	if parts := strings.Split(out, "/"); len(parts) > 2 {
		return parts[len(parts)-4]
	}
	return "unknown"
}

func startEnvoy(t testing.TB, path, blue, green string, l limits) ingress {
	e := &envoy{dir: scratch(t), path: path, listen: freeAddr(t), limits: l, epoch: -1}
	clusters := envoyClusterOf(t, "blue", blue) + envoyClusterOf(t, "green", green) + envoyClusterOf(t, "empty", "")
	bootstrap := strings.NewReplacer("DIR", e.dir, "CLUSTERS", clusters).Replace(envoyBootstrap)
	require.NoError(t, os.WriteFile(filepath.Join(e.dir, "envoy.yaml"), []byte(bootstrap), 0o644))
	e.listener(t)
	e.open(t, fsm.Blue)
	e.launch(t)
	listens(t, e.process, e.listen)
	return e
}

func envoyClusterOf(t testing.TB, name, addr string) string {
	endpoints := ""
	if addr != "" {
		host, port, err := net.SplitHostPort(addr)
		require.NoError(t, err)
		endpoints = fmt.Sprintf("{lb_endpoints: [{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}]}", host, port)
	}
	return strings.NewReplacer("NAME", name, "ENDPOINTS", endpoints).Replace(envoyCluster)
}

// launch starts a process. From the second one on it takes the sockets over from the one
// before, which drains and ends: a hot restart.
func (e *envoy) launch(t testing.TB) {
	e.epoch++
	base := filepath.Join(e.dir, "base")
	args := []string{"-c", filepath.Join(e.dir, "envoy.yaml"), "--concurrency", "2", "--log-level", "warning",
		"--drain-time-s", "3", "--drain-strategy", "immediate", "--parent-shutdown-time-s", "4", "--restart-epoch", strconv.Itoa(e.epoch)}
	if e.epoch == 0 {
		args = append(args, "--use-dynamic-base-id", "--base-id-path", base)
	} else {
		id, err := os.ReadFile(base)
		require.NoError(t, err)
		args = append(args, "--base-id", strings.TrimSpace(string(id)))
	}
	e.process = run(t, e.path, args...)
}

func (e *envoy) addr() string { return e.listen }

// listener writes the listener again. The connections of the one before are drained.
func (e *envoy) listener(t testing.TB) {
	e.generation++
	_, port, err := net.SplitHostPort(e.listen)
	require.NoError(t, err)
	var options, common []string
	if e.limits.streams > 0 {
		options = append(options, fmt.Sprintf("max_concurrent_streams: %d", e.limits.streams))
	}
	if e.limits.connDuration > 0 {
		common = append(common, fmt.Sprintf("max_connection_duration: %gs", e.limits.connDuration.Seconds()))
	}
	if e.limits.idle > 0 {
		common = append(common, fmt.Sprintf("idle_timeout: %gs", e.limits.idle.Seconds()))
	}
	if e.limits.connRequests > 0 {
		common = append(common, fmt.Sprintf("max_requests_per_connection: %d", e.limits.connRequests))
	}
	replaceFile(t, filepath.Join(e.dir, "listener.yaml"), strings.NewReplacer("DIR", e.dir, "PORT", port, "GENERATION", strconv.Itoa(e.generation),
		"OPTIONS", strings.Join(options, ", "), "COMMON", strings.Join(common, ", ")).Replace(envoyListener))
}

func (e *envoy) open(t testing.TB, sides ...fsm.Side) {
	e.open_ = sides
	e.routes(t)
}

func (e *envoy) suspend(t testing.TB, on bool) {
	e.suspended = on
	e.routes(t)
}

// routes writes the routes again. Envoy applies them without a new connection.
func (e *envoy) routes(t testing.TB) {
	all := e.extra
	action := fmt.Sprintf("timeout: %gs", e.limits.response.Seconds()) // 0s is no limit
	if e.limits.retries {
		action += ", retry_policy: {retry_on: \"5xx,reset,connect-failure,unavailable,internal\", num_retries: 2}"
	}
	for _, side := range e.open_ {
		match := func(prefix string) string {
			return fmt.Sprintf("{prefix: %s, headers: [{name: strategy, string_match: {exact: %s, ignore_case: true}}]}", prefix, side)
		}
		if e.suspended {
			all += fmt.Sprintf("    - match: %s\n      route: {cluster: %s, %s}\n", match("/ClusterService/"), side, action)
			all += fmt.Sprintf("    - match: %s\n      direct_response: {status: 503, body: {inline_string: \"status: 503, cluster is suspended\"}}\n", match("/"))
			continue
		}
		all += fmt.Sprintf("    - match: %s\n      route: {cluster: %s, %s}\n", match("/"), side, action)
	}
	replaceFile(t, filepath.Join(e.dir, "routes.yaml"), strings.NewReplacer("ROUTES", all).Replace(envoyRoutes))
}

func (e *envoy) reload(t testing.TB) {
	old := e.process
	e.launch(t)
	select { // the new process ends it
	case <-old.done:
	case <-time.After(patience):
		require.FailNow(t, "the hot restart did not end the process before", e.process.out.String())
	}
}

func (e *envoy) drain(t testing.TB) { e.listener(t) }
