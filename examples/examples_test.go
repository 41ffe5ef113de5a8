package examples_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/internal/stress"
)

// short lists the examples that fit on two screens, which are mostLines.
var short = []string{"callbacks", "selection", "rollback", "tracing", "metrics", "debugpage"}

const mostLines = 140

// long are the others that print what they promise.
var long = []string{"gorm"}

// headline are the examples of the README. The short form of the tests runs these, as each
// program takes two seconds to link.
var headline = []string{"callbacks", "selection", "tracing"}

// build builds these examples and returns the folder that they are in.
func build(t *testing.T, names []string) string {
	t.Helper()
	dir := t.TempDir()
	args := []string{"build", "-ldflags=-s -w", "-o", dir + string(filepath.Separator)}
	for _, name := range names {
		args = append(args, "./"+name)
	}
	out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}

// run runs a program and returns what it printed, and how it ended.
func run(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stress.Patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	t.Logf("%s %v:\n%s", filepath.Base(program), args, out)
	return string(out), err
}

func TestExamples_PrintTheirExpectedLines(t *testing.T) {
	names := headline
	if stress.Long() {
		names = slices.Concat(short, long)
	}
	dir := build(t, names)
	slots := make(chan struct{}, 2)
	for i, c := range []struct {
		name  string
		args  []string
		lines []string // regular expressions, in any order
	}{
		{"callbacks", nil, []string{
			`s +active side changed from blue to green \(announced\)`, `s  slow +drain of green ended`,
			`s  abrupt +active side changed from blue to green \(abrupt\) after .* refus`, `s  lost +lost query \w+ on blue after \d+ rows`,
			`s  veto +guard .*: veto blue`, `s  rolled_back +active side changed from green to blue \(rolled back\)`,
			`\d+ events; since then the alarm reported 0 times`}},
		{"selection", []string{"-hour", "12"}, []string{
			`guard gate: veto green: it is 12 o'clock`, `counts 500 products on green`, `guard gate: allow green`,
			`ant bee`, `100 % on green`, `times that a tenant went back: 0`}},
		{"selection", []string{"-hour", "3"}, []string{`guard gate: allow green`, `times that a tenant went back: 0`}},
		{"rollback", nil, []string{
			`green breached the health policy: .*; action: rollback`, `commit: .* => blue\n`, `in vain`,
			`green +\d+ +[1-9]\d* +\S+ +(10m0|9m5\d)s`, `serves=blue queries=\d+ failed=0 run_again=[1-9]`}},
		{"tracing", nil, []string{
			`e6\.cutover, \S+ long, kind announced, result drained`, `e6\.cutover, \S+ long, kind abrupt, result settled`,
			`link to SELECT( range)?, link (replayed|retried), `, `\* started\n(.*\n)*.*\* settled\n`, `link to SELECT range, link in_flight, text SELECT i FROM range\(\?\)`, `e6\.session\.open.*purpose prepare`,
			`smoke test of this program`, `\* announced\n(.*\n)+.*\* target_ready\n(.*\n)*.*\* committed\n`}},
		{"metrics", nil, []string{
			`e6_client_cutovers_total\{.*e6_kind="announced",e6_to="green"\} +1\n`, `e6_client_cutovers_total\{.*e6_kind="abrupt",e6_to="blue"\} +1\n`,
			`e6_client_state\{e6_state="blue"\} +1\n`,
			`db_client_operation_duration_seconds_count\{.*e6_side="green"\} +[1-9]`}},
		{"debugpage", []string{"-listen", "127.0.0.1:0", "-for", "3s", "-every", "700ms"}, []string{
			`the live page  http://127\.0\.0\.1:\d+/debug/e6/`, `cutover: green serves`, `GET /debug/e6/ +200 OK`, `GET /healthz +200 OK`,
			`cutovers=[1-9]\d* run_again=\d+ lost=0`}},
		{"gorm", nil, []string{
			`Customer 10000  DE   250000\.00  since 2023-05-19`, `10000 orders are new and have a note`, `order 2100: 751\.01 of Customer 09901, "note 2100"`,
			`paid     200 orders    83609\.00`, `what is left: \[\{ID:2 OrderID:200 Text:C:\\new\} \{ID:3 OrderID:300 Text:there!\}\]`,
			`a transaction is refused: e6: the engine has no transactions`, `queries=[1-9]\d+ failed=0 wrong=0 side=green`}},
	} {
		if !slices.Contains(names, c.name) {
			continue
		}
		t.Run(fmt.Sprint(i, " ", c.name), func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			out, err := run(t, filepath.Join(dir, c.name), c.args...)
			require.NoError(t, err)
			for _, line := range c.lines {
				require.Regexp(t, line, out)
			}
		})
	}
	t.Run("the spans arrive at a collector", func(t *testing.T) {
		t.Parallel()
		sink, address := startSink(t)
		_, err := run(t, filepath.Join(dir, "tracing"), "-otlp", address)
		require.NoError(t, err)
		require.Contains(t, sink.names(), "e6.cutover")
	})
	t.Run("a collector that is not there is a failure", func(t *testing.T) {
		t.Parallel()
		_, err := run(t, filepath.Join(dir, "tracing"), "-otlp", "127.0.0.1:1")
		require.ErrorAs(t, err, new(*exec.ExitError))
	})
}

// sink is a collector that keeps the names of spans.
type sink struct {
	collector.UnimplementedTraceServiceServer
	seen chan string
}

func startSink(t *testing.T) (*sink, string) {
	t.Helper()
	paramEngine, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &sink{seen: make(chan string, 10_000)}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, s)
	done := make(chan error, 1)
	go func() { done <- server.Serve(paramEngine) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-done)
	})
	return s, paramEngine.Addr().String()
}

// Export implements the collector's service.
func (s *sink) Export(_ context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	for _, resource := range r.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				s.seen <- span.GetName()
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// names returns what has arrived.
func (s *sink) names() (names []string) {
	for {
		select {
		case name := <-s.seen:
			names = append(names, name)
		default:
			return names
		}
	}
}

func TestExamples_AreOneShortFile(t *testing.T) {
	for _, name := range short {
		files, err := os.ReadDir(name)
		require.NoError(t, err)
		require.Len(t, files, 1, name)
		text, err := os.ReadFile(filepath.Join(name, "main.go"))
		require.NoError(t, err)
		require.LessOrEqual(t, bytes.Count(text, []byte("\n")), mostLines, name)
	}
}
