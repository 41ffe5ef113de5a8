package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
)

// A scenario is what happens to a cluster while the load runs.
type scenario struct {
	name   string
	limits limits
	// run is called while the load runs, and after 100 statements. 100 more must end
	// after it.
	run func(w *world)
	// cutOffs allows losses that no rule can save, with their typed error.
	cutOffs bool
	// needs is the limit that the ingress must have.
	needs string
	pause time.Duration
}

var scenarios = []scenario{
	{name: "graceful cutover", run: func(w *world) { w.graceful(fsm.Green) }},
	{name: "abrupt cutover", cutOffs: true, run: func(w *world) { w.abrupt(fsm.Green) }},
	{name: "announcement before the target is ready", cutOffs: true, run: func(w *world) {
		w.cluster.Announce(fsm.Green)
		w.more(100)
		require.Equal(w, fsm.Blue, w.client.Strategy().Active)
		w.in.open(w, fsm.Green)
		w.settled(fsm.Green)
	}},
	{name: "back and forth", cutOffs: true, run: func(w *world) {
		for range long(2, 10) {
			w.graceful(fsm.Green)
			w.more(50)
			w.abrupt(fsm.Blue)
			w.more(50)
		}
	}},
	{name: "reload or hot restart", run: func(w *world) {
		for range long(1, 5) {
			w.in.reload(w)
			w.more(100)
		}
	}},
	{name: "drain of connections (GOAWAY)", run: func(w *world) {
		for range long(2, 10) {
			w.in.drain(w)
			w.more(100)
		}
	}},
	{name: "maximum connection duration", needs: "maximum connection duration", limits: limits{connDuration: 200 * time.Millisecond},
		run: func(w *world) { w.lasts(1500 * time.Millisecond) }},
	{name: "maximum calls of a connection", needs: "maximum calls of a connection", limits: limits{connRequests: 50},
		run: func(w *world) { w.more(int64(long(300, 5000))) }},
	{name: "100 streams of a connection", limits: limits{streams: 100}, run: func(w *world) {
		var slow sync.WaitGroup
		for range 150 {
			slow.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				if _, err := w.client.QueryAll(ctx, "SELECT sleep(1000)"); err != nil {
					w.Errorf("a slow statement failed: %v", err)
				}
			})
		}
		w.more(100)
		slow.Wait()
	}},
	{name: "idle timeout", limits: limits{idle: 100 * time.Millisecond}, pause: 150 * time.Millisecond,
		run: func(w *world) { w.lasts(1500 * time.Millisecond) }},
	{name: "idle timeout of the engine", limits: limits{engineIdle: 5 * time.Millisecond}, pause: 150 * time.Millisecond, cutOffs: true,
		run: func(w *world) {
			w.lasts(1500 * time.Millisecond)
			require.Greater(w, w.up[fsm.Blue].connections(), 5, "the engine closes none")
		}},
	{name: "response timeout", limits: limits{response: 500 * time.Millisecond}, cutOffs: true, run: slowStatements},
	{name: "engine that does not respond", limits: limits{response: 500 * time.Millisecond}, cutOffs: true, run: func(w *world) {
		for range long(1, 5) {
			f := w.up[fsm.Blue].inject("", 40, silence)
			eventually(w, "calls are not answered", func() bool { return w.up[fsm.Blue].hits(f) == f.times })
			w.more(100)
		}
	}},
	{name: "connection to the engine not answered", cutOffs: true, run: func(w *world) {
		w.up[fsm.Blue].stop()
		release := silentListener(w, w.up[fsm.Blue].addr)
		time.Sleep(3 * time.Second) // longer than the ingress waits for a connection
		release()
		w.up[fsm.Blue].start(w)
		w.more(100)
	}},
	{name: "suspended cluster", cutOffs: true, run: suspended},
	{name: "engine lost", cutOffs: true, run: func(w *world) {
		w.up[fsm.Blue].drop()
		w.cluster.LoseEngine(fsm.Blue)
		w.more(200)
	}},
	{name: "connections to the engine reset", cutOffs: true, run: func(w *world) {
		for range long(3, 20) {
			w.up[fsm.Blue].drop()
			w.more(50)
		}
	}},
	{name: "connection to the engine refused", cutOffs: true, run: func(w *world) {
		w.up[fsm.Blue].stop()
		time.Sleep(300 * time.Millisecond)
		w.up[fsm.Blue].start(w)
		w.more(100)
	}},
	{name: "stream reset before the engine has the call", cutOffs: true, run: resets(resetBefore)},
	{name: "stream reset after the effect, before headers", cutOffs: true, run: resets(resetAfter)},
	{name: "stream reset after headers", cutOffs: true, run: resets(resetAfterHeaders)},
	{name: "connection closed after the effect", cutOffs: true, run: resets(closeConn)},
	{name: "large messages and headers", run: large},
	{name: "retries configured by mistake", limits: limits{retries: true}, cutOffs: true, run: repeated},
}

// lasts lets the load run for some time, ten times as long with LONG=1.
func (w *world) lasts(d time.Duration) {
	time.Sleep(d * time.Duration(long(1, 10)))
	w.more(20)
}

// resets breaks some calls of each step of a statement.
func resets(a action) func(*world) {
	return func(w *world) {
		for _, method := range []string{"prepareStatement", "executeStatement", "getResultMetadata", "getNextResultBatch", "clearOrCancelQuery", "authenticate"} {
			f := w.up[fsm.Blue].inject(method, long(2, 20), a)
			if method == "authenticate" {
				w.cluster.ExpireSessions(fsm.Blue)
			}
			eventually(w, method+" is broken", func() bool { return w.up[fsm.Blue].hits(f) == f.times })
			w.more(20)
		}
	}
}

// slowStatements run for longer than the ingress waits. They fail with a typed error, and
// the statements beside them do not.
func slowStatements(w *world) {
	for range long(1, 5) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, err := w.client.QueryAll(ctx, "SELECT sleep(3000)")
		w.note("a statement of 3 s behind a limit of 0.5 s: %s", short(err))
		w.more(50)
	}
}

// short is an error as one line of the report.
func short(err error) string {
	if err == nil {
		return "it succeeded"
	}
	if cut, ok := errors.AsType[*e6.CutoverError](err); ok {
		return "`CutoverError`, " + string(cut.Reason)
	}
	text := err.Error()
	return "`" + text[:min(len(text), 160)] + "`"
}

// suspended makes the ingress answer 503 until the client has resumed the cluster.
func suspended(w *world) {
	for range long(1, 5) {
		before := w.cluster.Stats().Calls["resume"]
		w.cluster.Suspend()
		w.in.suspend(w, true)
		eventually(w, "the client resumes the cluster", func() bool { return w.cluster.Stats().Calls["resume"] > before })
		w.in.suspend(w, false)
		w.more(100)
	}
}

// large sends a long statement with large headers, and reads a large value.
func large(w *world) {
	value := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
	comment := strings.Repeat("x", 1<<19)              // 512 KiB
	w.cluster.On("SELECT large", e6test.Rows(e6test.Texts("value", value)))
	headers := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return invoke(metadata.AppendToOutgoingContext(ctx, "x-request-context", strings.Repeat("h", 6000)), method, req, reply, cc, opts...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client, err := e6.Open(ctx, config(w.in.addr()), e6.WithDialOptions(grpc.WithChainUnaryInterceptor(headers)))
	require.NoError(w, err)
	defer client.Close()
	for range long(2, 20) {
		result, err := client.QueryAll(ctx, "SELECT /* "+comment+" */ large")
		require.NoError(w, err)
		require.Equal(w, 1, result.Len())
		for row := range result.Rows() {
			require.True(w, row[0] == value, "the value is another one")
		}
	}
}

// repeated shows what an ingress does that repeats failed calls: the client sends each
// executeStatement once, and the engine receives it more often.
func repeated(w *world) {
	w.up[fsm.Blue].inject("executeStatement", 2, resetAfter)
	w.more(100)
	most := 0
	for _, n := range w.up[fsm.Blue].executions() {
		most = max(most, n)
	}
	if most > 1 {
		w.note("**the ingress sent a broken `executeStatement` %d times**: an engine that does not refuse the second one runs an INSERT twice; "+
			"no client can prevent it: configure no retries", most)
	}
	// The engine of this cluster refuses the second one, and its error is the answer.
	w.load.mu.Lock()
	defer w.load.mu.Unlock()
	w.load.failed = slices.DeleteFunc(w.load.failed, func(err error) bool {
		return most > 1 && strings.Contains(err.Error(), "was executed already")
	})
}

func TestIngress(t *testing.T) {
	enabled(t)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			path, err := k.program()
			if err == nil {
				setVersion(k.name, k.version(path))
			}
			for _, s := range scenarios {
				t.Run(strings.ReplaceAll(s.name, " ", "_"), func(t *testing.T) { s.test(t, k, "ingress") })
			}
		})
	}
}

// test plays the scenario in front of one ingress.
func (s scenario) test(t *testing.T, k kind, suite string) {
	r := record(t, suite, s.name, k.name)
	if reason := k.lacks[s.needs]; s.needs != "" && reason != "" {
		r.Skipped = reason
		t.Skip(reason)
	}
	w := newWorld(t, k, s.limits, r)
	w.load.pause = s.pause
	began := time.Now()
	w.load.start(context.Background())
	defer w.load.end() // also after a failure
	w.more(100)
	s.run(w)
	if p, ok := w.in.(*plane); ok {
		p.updates.Wait() // the last replica has its update then
	}
	w.more(100)
	w.check(s.cutOffs)
	t.Logf("%d statements, %d cut off with a typed error, in %v; %s", r.Statements, r.CutOff, time.Since(began).Round(time.Millisecond), r.Note)
}
