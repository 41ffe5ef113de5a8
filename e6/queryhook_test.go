package e6_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
)

// listener records the calls of its hooks.
type listener struct {
	name  string
	mu    sync.Mutex
	calls []string
	ends  []hook.QueryEnd
}

type pathKey struct{}

// note adds a line, and the name of the listener to the context's path.
func (r *listener) note(ctx context.Context, format string, args ...any) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, fmt.Sprintf(format, args...))
	path, _ := ctx.Value(pathKey{}).(string)
	return context.WithValue(ctx, pathKey{}, path+r.name)
}

func (r *listener) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.calls...)
}

func (r *listener) QueryStart(ctx context.Context, s hook.QueryStart) context.Context {
	return r.note(ctx, "query %s %s %v", s.Operation(), s.Tag, s.Labels)
}

func (r *listener) QueryEnd(ctx context.Context, e hook.QueryEnd) {
	r.note(ctx, "end rows=%d batches=%d retries=%d replays=%d %s lost=%t", e.Rows, e.Batches, e.Retries, e.Replays, e.Code, e.Lost)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends = append(r.ends, e)
}

func (r *listener) StepStart(ctx context.Context, s hook.StepStart) context.Context {
	return r.note(ctx, "%s on %s, attempt %d, replay=%t", s.Step, s.Side, s.Attempt, s.Replay)
}

func (r *listener) StepEnd(ctx context.Context, e hook.StepEnd) {
	r.note(ctx, "%s done, rows=%d failed=%t", e.Step, e.Rows, e.Err != nil)
}

func TestQueryHook_ReceivesTheQueryAndItsStepsInOrderInItsContext(t *testing.T) {
	cluster := start(t)
	var paths sync.Map // by method
	see := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		path, _ := ctx.Value(pathKey{}).(string)
		paths.Store(method[len("/QueryEngineService/"):], path)
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	a, b := &listener{name: "a"}, &listener{name: "b"}
	client, err := e6.Open(t.Context(), config(cluster), e6.WithDialer(cluster.Dialer()), e6.WithQueryHook(a), e6.WithStepHook(a), e6.WithQueryHook(b), e6.WithStepHook(b),
		e6.WithDialOptions(grpc.WithChainUnaryInterceptor(see)))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()

	_, err = client.QueryAll(tagged(t.Context(), "t", e6.Label("k", "v")), "SELECT * FROM numbers(2500)")
	require.NoError(t, err)
	want := []string{
		"query SELECT t map[k:v]", "prepare on blue, attempt 1, replay=false", "prepare done, rows=0 failed=false",
		"execute on blue, attempt 1, replay=false", "execute done, rows=0 failed=false",
		"fetch on blue, attempt 1, replay=false", "fetch done, rows=2500 failed=false",
		"end rows=2500 batches=3 retries=0 replays=0 OK lost=false",
	}
	require.Equal(t, want, a.lines())
	require.Equal(t, want, b.lines())
	require.Positive(t, a.ends[0].Bytes)
	require.Positive(t, a.ends[0].Took)
	require.Equal(t, e6.Blue, a.ends[0].Side)
	for _, method := range []string{"prepareStatement", "executeStatement", "getResultMetadata", "getNextResultBatchV2"} {
		path, _ := paths.Load(method)
		require.Equal(t, "abab", path, "the query's hooks, and those of its step: %s", method)
	}
}

func TestQueryHook_EachStatementEndsOnce(t *testing.T) {
	const missing = "SELECT * FROM numbers(10)"
	for name, c := range map[string]struct {
		prepare func(t *testing.T, cluster *e6test.Cluster)
		run     func(ctx context.Context, client *e6.Client) error
		end     string
	}{
		"an error of the engine": {nil, func(ctx context.Context, c *e6.Client) error { return c.Exec(ctx, "FAIL badly") },
			"end rows=0 batches=0 retries=0 replays=0 Internal lost=false"},
		"a refused prepare": {func(_ *testing.T, cluster *e6test.Cluster) {
			cluster.OpenSide(e6.Green)
			cluster.CloseSide(e6.Blue)
		}, func(ctx context.Context, c *e6.Client) error { return c.Exec(ctx, missing) },
			"end rows=10 batches=1 retries=1 replays=0 OK lost=false"},
		"a replay": {func(_ *testing.T, cluster *e6test.Cluster) {
			cluster.Inject(e6test.Fault{Method: "executeStatement", Action: e6test.Fail, Code: codes.Unavailable})
		}, func(ctx context.Context, c *e6.Client) error { return c.Exec(ctx, missing) },
			"end rows=10 batches=1 retries=0 replays=1 OK lost=false"},
		"a lost write": {func(_ *testing.T, cluster *e6test.Cluster) {
			cluster.Inject(e6test.Fault{Method: "executeStatement", Action: e6test.Fail, Code: codes.Unavailable})
		}, func(ctx context.Context, c *e6.Client) error { return c.Exec(ctx, "INSERT INTO a VALUES (1)") },
			"end rows=0 batches=0 retries=0 replays=0 Unavailable lost=true"},
		"rows that are closed early": {nil, func(ctx context.Context, c *e6.Client) error {
			rows, err := c.Query(ctx, "SELECT * FROM numbers(1000000)")
			if err != nil {
				return err
			}
			rows.Next()
			return rows.Close()
		}, ""},
		"a cancelled context": {nil, func(ctx context.Context, c *e6.Client) error {
			ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			return c.Exec(ctx, "SELECT sleep(60000)")
		}, "end rows=0 batches=0 retries=0 replays=0 DeadlineExceeded lost=false"},
		"explain analyze": {nil, func(ctx context.Context, c *e6.Client) error {
			_, err := c.ExplainAnalyze(ctx, missing)
			return err
		}, "end rows=10 batches=1 retries=0 replays=0 OK lost=false"},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t)
			r := &listener{}
			client, err := e6.Open(t.Context(), config(cluster), e6.WithDialer(cluster.Dialer()), e6.WithQueryHook(r), e6.WithStepHook(r))
			require.NoError(t, err)
			if c.prepare != nil {
				c.prepare(t, cluster)
			}
			failure := c.run(within(t, 20*time.Second), client)
			require.NoError(t, client.Close())
			require.Len(t, r.ends, 1)
			if c.end != "" {
				lines := r.lines()
				require.Equal(t, c.end, lines[len(lines)-1])
				require.Equal(t, failure, r.ends[0].Err, "what the caller gets")
			}
			starts, ends := 0, 0
			for _, line := range r.lines() {
				switch {
				case len(line) > 4 && line[len(line)-len("replay=false"):] == "replay=false", len(line) > 11 && line[len(line)-len("replay=true"):] == "replay=true":
					starts++
				case errorsIn(line):
					ends++
				}
			}
			require.Equal(t, starts, ends, "every step that began has ended: %q", r.lines())
		})
	}
}

// errorsIn reports whether a line is about the end of a step.
func errorsIn(line string) bool {
	return len(line) > 6 && (line[len(line)-len("failed=true"):] == "failed=true" || line[len(line)-len("failed=false"):] == "failed=false")
}

func TestStepHook_SkipsTheRestOfAnExecutionWithANilContext(t *testing.T) {
	cluster := start(t)
	r, all := &listener{}, &listener{}
	client, err := e6.Open(t.Context(), config(cluster), e6.WithDialer(cluster.Dialer()), e6.WithStepHook(firstStep{r}), e6.WithQueryHook(all), e6.WithStepHook(all))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	cluster.Inject(e6test.Fault{Method: "executeStatement", Action: e6test.Fail, Code: codes.Unavailable})
	require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
	require.Equal(t, []string{"prepare on blue, attempt 1, replay=false", "prepare on blue, attempt 2, replay=true"}, r.lines())
	require.Len(t, all.lines(), 2+2*2+3*2, "the other hook receives all calls")
}

// firstStep observes the first step of each execution only.
type firstStep struct{ *listener }

func (s firstStep) StepStart(ctx context.Context, st hook.StepStart) context.Context {
	s.listener.StepStart(ctx, st)
	return nil
}

// lifetimes observes a client, its detections, sessions and cutovers.
type lifetimes struct{ *listener }

func (l lifetimes) ClientOpened(c *e6.Client) {
	l.note(context.Background(), "opened %s", c.Strategy())
}
func (l lifetimes) ClientClosed(*e6.Client) { l.note(context.Background(), "closed") }
func (l lifetimes) DetectionOrder(context.Context, hook.DetectionStart) [2]e6.Side {
	return [2]e6.Side{e6.Green, e6.Blue}
}
func (l lifetimes) DetectionStart(ctx context.Context, s hook.DetectionStart) context.Context {
	return l.note(ctx, "detection %s %v", s.Cause.Reason, s.Order)
}
func (l lifetimes) DetectionEnd(ctx context.Context, e hook.DetectionEnd) {
	l.note(ctx, "detected %s in %d rounds, failed=%t", e.Side, e.Rounds, e.Err != nil)
}
func (l lifetimes) SessionStart(ctx context.Context, s hook.SessionStart) context.Context {
	return l.note(ctx, "session on %s to %s", s.Side, s.Purpose)
}
func (l lifetimes) SessionEnd(ctx context.Context, e hook.SessionEnd) {
	l.note(ctx, "session ended, failed=%t", e.Err != nil)
}
func (l lifetimes) CutoverStart(ctx context.Context, s hook.CutoverStart) context.Context {
	if s.Change == events.ChangeDetected {
		return ctx // at the same time as the end of the detection
	}
	return l.note(ctx, "%s %s->%s", s.Event, s.From, s.To)
}
func (l lifetimes) CutoverEnd(ctx context.Context, e hook.CutoverEnd) {
	if e.Result == "settled" {
		return
	}
	l.note(ctx, "cutover %s", e.Result)
}

func TestHooks_ReceiveTheLifeOfAClientFromItsFirstCallToItsEnd(t *testing.T) {
	cluster := start(t)
	l := lifetimes{&listener{}}
	client, err := e6.Open(t.Context(), config(cluster), e6.WithDialer(cluster.Dialer()), e6.WithClientHook(l), e6.WithDetectionOrder(l),
		e6.WithDetectionHook(l), e6.WithSessionHook(l), e6.WithCutoverHook(l))
	require.NoError(t, err)
	ready(t, "the hook has received the end of the detection", func() bool { return len(l.lines()) == 7 }) // which Open does not wait for
	cluster.OpenSide(e6.Green)
	require.NoError(t, client.Switch(t.Context(), e6.Green))
	ready(t, "the cutover has ended", func() bool { return len(l.lines()) == 11 })
	require.NoError(t, client.Close())
	require.Equal(t, []string{
		"opened unknown", "detection first_use [green blue]", "session on green to detect", "session ended, failed=true",
		"session on blue to detect", "session ended, failed=false", "detected blue in 1 rounds, failed=false",
		"announce blue->green", "session on green to prepare", "session ended, failed=false", "cutover drained", "closed",
	}, l.lines())
}

func TestTag_IsInEveryEventAndErrorOfTheQuery(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster)
	w := watch(t, client)
	ctx := within(t, 20*time.Second)
	run := func(tag, sql string) error { return client.Exec(tagged(ctx, tag), sql) }
	fault := func(method string, action e6test.Action) {
		cluster.Inject(e6test.Fault{Method: method, Action: action, Code: codes.Unavailable})
	}
	tags := map[string]string{} // by tag: the error
	try := func(tag, sql string) {
		if err := run(tag, sql); err != nil {
			tags[tag] = err.Error()
		}
	}
	try("bad", "FAIL badly")
	fault("executeStatement", e6test.Fail)
	try("lost", "INSERT INTO a VALUES (1)")
	fault("executeStatement", e6test.Fail)
	try("replayed", "SELECT 1")
	fault("prepareStatement", e6test.Fail)
	try("retried", "SELECT 1")
	requireIdle(t, client)                                                                         // the next query to be cleared is this one
	cluster.Inject(e6test.Fault{Method: "clearOrCancelQuery", Action: e6test.Refuse456, Times: 2}) // on each connection
	try("abandoned", "SELECT 1")
	require.Contains(t, tags["bad"], `"bad"`)
	require.Contains(t, tags["lost"], `"lost"`)
	lost := client.Exec(tagged(ctx, "x"), "")
	require.Error(t, lost)
	seen := map[string]bool{}
	waitFor(ctx, t, client, func() bool {
		for _, e := range w.all() {
			for _, a := range e.Attrs() {
				if a.Key == "tag" {
					seen[a.Value.String()] = true
				}
			}
		}
		return seen["lost"] && seen["replayed"] && seen["retried"] && seen["abandoned"]
	})
	var cut *e6.CutoverError
	fault("executeStatement", e6test.Fail)
	require.True(t, errors.As(run("write-17", "INSERT INTO a VALUES (2)"), &cut))
	require.Equal(t, "write-17", cut.Tag)
}
