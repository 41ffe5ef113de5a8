package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// A reply is what grpc-go sees of a failed call.
type reply struct {
	Case, Code, Message string
	Details             int
	Header, Trailer     []string // the keys and values, without those that vary
}

// Envoy's replies, each made by a route that comes before the others or by a fault.
var envoyReplies = []struct {
	name   string
	route  string // the action of the route of healthCheck
	limits limits
	fault  action
	stop   bool
}{
	{name: "456 with a body", route: `direct_response: {status: 456, body: {inline_string: "status: 456"}}`},
	{name: "456 without a body", route: `direct_response: {status: 456}`},
	{name: "503 of a suspended cluster", route: `direct_response: {status: 503, body: {inline_string: "status: 503, cluster is suspended"}}`},
	{name: "400", route: `direct_response: {status: 400, body: {inline_string: "a text"}}`},
	{name: "401", route: `direct_response: {status: 401, body: {inline_string: "a text"}}`},
	{name: "403", route: `direct_response: {status: 403, body: {inline_string: "a text"}}`},
	{name: "404", route: `direct_response: {status: 404, body: {inline_string: "a text"}}`},
	{name: "429", route: `direct_response: {status: 429, body: {inline_string: "a text"}}`},
	{name: "500", route: `direct_response: {status: 500, body: {inline_string: "a text"}}`},
	{name: "502", route: `direct_response: {status: 502, body: {inline_string: "a text"}}`},
	{name: "504", route: `direct_response: {status: 504, body: {inline_string: "a text"}}`},
	{name: "no endpoint", route: `route: {cluster: empty}`},
	{name: "unknown cluster", route: `route: {cluster: missing}`},
	{name: "redirect", route: `redirect: {host_redirect: other.example}`},
	{name: "connection refused", stop: true},
	{name: "stream reset before headers", fault: resetAfter},
	{name: "stream reset after headers", fault: resetAfterHeaders},
	{name: "connection closed", fault: closeConn},
	{name: "no response in time", fault: silence, limits: limits{response: 100 * time.Millisecond}},
}

var port = regexp.MustCompile(`127\.0\.0\.1:\d+`)

func TestEnvoyReplies(t *testing.T) {
	enabled(t)
	r := record(t, "ingress", "the texts of Envoy's own replies", "Envoy")
	path, err := envoyProgram()
	if missing("Envoy", err) {
		t.Skip("Envoy is not installed")
	}
	require.NoError(t, err)
	var got []reply
	for _, c := range envoyReplies {
		got = append(got, envoyReply(t, path, c.name, c.route, c.limits, c.fault, c.stop))
	}
	text, err := json.MarshalIndent(got, "", "  ")
	require.NoError(t, err)
	golden := filepath.Join("testdata", "envoy-replies.json")
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	if string(want) != string(text)+"\n" {
		r.fail("the replies differ from " + golden)
	}
	require.Equal(t, string(want), string(text)+"\n", "%s is to be:\n%s", golden, text)
}

func envoyReply(t *testing.T, path, name, route string, l limits, a action, stop bool) reply {
	cluster, err := e6test.Start(e6test.WithEngineListeners("127.0.0.1:0", "127.0.0.1:0"))
	require.NoError(t, err)
	defer cluster.Close()
	blue, green := newUpstream(t, cluster.EngineAddr(fsm.Blue), 0), newUpstream(t, cluster.EngineAddr(fsm.Green), 0)
	in := startEnvoy(t, path, blue.addr, green.addr, l).(*envoy)
	defer in.process.end()
	conn, err := grpc.NewClient(in.addr(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
	require.NoError(t, err)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "strategy", "blue"), patience)
	defer cancel()
	if route != "" {
		in.extra = fmt.Sprintf("    - match: {path: /QueryEngineService/healthCheck}\n      %s\n", route)
		in.routes(t)
	}
	var header, trailer metadata.MD
	call := func() error {
		return conn.Invoke(ctx, "/QueryEngineService/healthCheck", &e6xv1.HealthCheckRequest{}, &e6xv1.HealthCheckResponse{}, grpc.Header(&header), grpc.Trailer(&trailer))
	}
	switch {
	case stop:
		blue.stop()
	case a == silence: // a first call could take too long too
		blue.inject("healthCheck", 1, a)
	case a != 0:
		require.NoError(t, call())
		blue.inject("healthCheck", 1, a)
	default: // Envoy applies the routes a moment later
		eventually(t, "the route of "+name, func() bool { return call() != nil })
	}
	header, trailer = nil, nil
	err = call()
	require.Error(t, err, name)
	s := status.Convert(err)
	return reply{name, s.Code().String(), port.ReplaceAllString(s.Message(), "ADDRESS"), len(s.Details()), pairs(header), pairs(trailer)}
}

// pairs lists metadata without the values that vary.
func pairs(md metadata.MD) (all []string) {
	for k, v := range md {
		if k == "date" || k == "x-envoy-upstream-service-time" {
			v = []string{"(varies)"}
		}
		all = append(all, k+": "+strings.Join(v, ", "))
	}
	slices.Sort(all)
	return all
}
