package e6otel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/store"
)

// signals are the signals of changes of the active side, by where they are seen. A
// change is written as "blue->green abrupt".
type signals struct {
	mu     sync.Mutex
	events []string
	hooks  []string
	open   int // pairs of calls of hooks that have not ended
	log    bytes.Buffer
}

func changeName(from, to e6.Side, kind events.ChangeKind) string {
	return fmt.Sprintf("%s->%s %s", from, to, kind)
}

func (s *signals) event(e events.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := e.Data.(events.StrategyChanged); ok {
		s.events = append(s.events, changeName(d.From, d.To, d.Change))
	}
}

type startKey struct{}

// ClientOpened subscribes before the first call.
func (s *signals) ClientOpened(c *e6.Client) {
	c.Subscribe(s.event, events.Kinds(events.KindStrategyChanged))
}
func (s *signals) ClientClosed(*e6.Client) {}

func (s *signals) CutoverStart(ctx context.Context, start hook.CutoverStart) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
	return context.WithValue(ctx, startKey{}, start)
}

func (s *signals) CutoverEnd(ctx context.Context, end hook.CutoverEnd) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if start := ctx.Value(startKey{}).(hook.CutoverStart); end.Changed {
		s.hooks = append(s.hooks, changeName(start.From, start.To, start.Change))
	}
}

func (s *signals) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

// logged are the records of changes.
func (s *signals) logged(t *testing.T) (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range bytes.Lines(s.log.Bytes()) {
		var r struct{ Msg, Event, From, To, Change string }
		require.NoError(t, json.Unmarshal(line, &r))
		if r.Event == "strategy_changed" {
			require.Equal(t, "active side changed", r.Msg)
			all = append(all, fmt.Sprintf("%s->%s %s", r.From, r.To, r.Change))
		}
	}
	return all
}

func TestChange_GivesEverySignalOnce(t *testing.T) {
	query := func(t *testing.T, client *e6.Client) {
		_, err := client.QueryAll(t.Context(), "SELECT 1")
		require.NoError(t, err)
	}
	toGreen := func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.OpenSide(fsm.Green)
		require.NoError(t, client.Switch(t.Context(), fsm.Green))
	}
	for name, c := range map[string]struct {
		path func(t *testing.T, cluster *e6test.Cluster, client *e6.Client)
		want []string // after the first use
		opts []e6.Option
	}{
		"first use": {path: func(*testing.T, *e6test.Cluster, *e6.Client) {}},
		"announced": {
			path: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				cluster.OpenSide(fsm.Green)
				cluster.Announce(fsm.Green)
				query(t, client)
				eventually(t, "green serves", func() bool { return client.Strategy().State == fsm.StateGreen })
			},
			want: []string{"blue->green announced"},
		},
		"abrupt": {
			path: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt}))
				query(t, client)
			},
			want: []string{"blue->green abrupt"},
		},
		"abrupt, there and back": {
			path: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				for _, side := range []e6.Side{e6.Green, e6.Blue} {
					require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: side, Kind: e6test.Abrupt}))
					query(t, client)
				}
			},
			want: []string{"blue->green abrupt", "green->blue abrupt"},
		},
		"found by a refresh": {
			path: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt}))
				_, err := client.Refresh(t.Context())
				require.NoError(t, err)
			},
			want: []string{"blue->green abrupt"},
		},
		"refused, and the same side again": {
			path: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				cluster.Inject(e6test.Fault{Side: fsm.Blue, Method: "executeStatement", Action: e6test.Refuse456})
				query(t, client)
				require.Equal(t, fsm.Blue, client.Strategy().Active)
			},
		},
		"vetoed": {
			path: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				cluster.OpenSide(fsm.Green)
				require.ErrorIs(t, client.Switch(t.Context(), fsm.Green), e6.ErrVetoed)
			},
			opts: []e6.Option{e6.WithGuard(veto{})},
		},
		"aborted after it was accepted": {
			path: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				streams(t.Context(), t, client, "stream", 1)
				toGreen(t, cluster, client)
				cluster.CloseSide(fsm.Green)
				query(t, client)
				require.Equal(t, fsm.Blue, client.Strategy().Active)
			},
			want: []string{"blue->green requested", "green->blue aborted"},
		},
		"rolled back by the caller": {
			path: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				toGreen(t, cluster, client)
				eventually(t, "green serves", func() bool { return client.Strategy().State == fsm.StateGreen })
				require.NoError(t, client.Rollback(t.Context(), "it is slow"))
			},
			want: []string{"blue->green requested", "green->blue rolled_back"},
		},
		"rolled back by the caller while it drains": {
			path: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				streams(t.Context(), t, client, "stream", 1)
				toGreen(t, cluster, client)
				require.NoError(t, client.Rollback(t.Context(), "it is slow"))
			},
			want: []string{"blue->green requested", "green->blue rolled_back"},
		},
		"rolled back by the health policy": {
			path: func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				cluster.Inject(e6test.Fault{Side: fsm.Green, Method: "executeStatement", Times: -1, Action: e6test.Fail, Code: codes.Unavailable, Message: "out of executors"})
				cluster.OpenSide(fsm.Green)
				cluster.Announce(fsm.Green)
				eventually(t, "the client is back on blue", func() bool {
					_, _ = client.QueryAll(t.Context(), "SELECT 1")
					return client.Strategy().Epoch == 3
				})
			},
			want: []string{"blue->green announced", "green->blue rolled_back"},
			opts: []e6.Option{e6.WithRollback(e6.RollbackPolicy{MinRequests: 5, ErrorRate: 0.5, CoolDown: time.Hour})},
		},
		"requested": {path: toGreen, want: []string{"blue->green requested"}},
		"reset": {
			path: func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
				require.NoError(t, client.Reset(t.Context()))
				query(t, client)
			},
			want: []string{"blue->none reset", "none->blue detected"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireSignals(t, c.path, c.want, c.opts...)
		})
	}
}

func TestChange_ByTheStoreGivesEverySignalOnce(t *testing.T) {
	var shelf store.Memory
	requireSignals(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		other, err := e6.Open(t.Context(), config(cluster), e6.WithStore(&shelf))
		require.NoError(t, err)
		cluster.OpenSide(fsm.Green)
		require.NoError(t, other.Switch(t.Context(), fsm.Green))
		eventually(t, "the client follows", func() bool { return client.Strategy().State == fsm.StateGreen })
		require.NoError(t, other.Close())
	}, []string{"blue->green store"}, e6.WithStore(&shelf))
}

// requireSignals runs a client through changes of the active side, and checks that
// each change gave one event, one pair of calls of hooks, one span, one count and one
// record in the log.
func requireSignals(t *testing.T, path func(*testing.T, *e6test.Cluster, *e6.Client), want []string, opts ...e6.Option) {
	want = append([]string{"none->blue detected"}, want...)
	r, s := newRig(t), &signals{}
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	opts = append(opts, e6.WithClientHook(s), e6.WithCutoverHook(s), e6.WithLogger(slog.New(slog.NewJSONHandler(s, nil))))
	client := r.open(t, config(cluster), opts...)
	path(t, cluster, client)
	require.NoError(t, client.Close())

	require.Equal(t, want, s.logged(t))
	eventually(t, "the events", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.events) >= len(want) })
	require.Equal(t, want, s.events)
	require.ElementsMatch(t, want, s.hooks)
	require.Zero(t, s.open)
	var spans []string
	for _, span := range r.named("e6.cutover") {
		a := values(span.Attributes)
		if len(span.Events) > 0 && eventNames(span)[len(span.Events)-1] == "aborted" && len(span.Events) == 2 {
			continue // its target never accepted
		}
		spans = append(spans, fmt.Sprintf("%s->%s %s", a["e6.cutover.from"], a["e6.cutover.to"], a["e6.cutover.kind"]))
	}
	require.ElementsMatch(t, want, spans)
	points, _ := r.collect(t)
	var counted []string
	for _, p := range points["e6.client.cutovers"] {
		for range int(p.value) {
			counted = append(counted, fmt.Sprintf("%s->%s %s", p.attrs["e6.from"], p.attrs["e6.to"], p.attrs["e6.kind"]))
		}
	}
	require.ElementsMatch(t, want, counted)
}

// An abrupt change with every effect on queries: its span begins with the first refusal,
// ends with the settle, and has links to all affected queries.
func TestChange_SpanOfAnAbruptChangeLinksToAffectedQueries(t *testing.T) {
	r := newRig(t)
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := r.open(t, config(cluster))
	begun := streams(e6.WithQueryOptions(t.Context(), e6.Replay(e6.ReplayNever)), t, client, "begun", 2)
	for _, rows := range begun {
		require.True(t, rows.Next())
	}
	readAhead(t, cluster, 2*5)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wait := sleepers(ctx, t, cluster, client, 3)

	cluster.CloseSide(fsm.Blue) // and no side is open
	closed := time.Now()
	refused, app := r.tracer.Start(t.Context(), "application")
	done := make(chan error, 1)
	go func() {
		_, err := client.QueryAll(tagged(refused, "refused"), "SELECT 1")
		done <- err
	}()
	eventually(t, "a side is looked for", func() bool { return client.Strategy().State == fsm.StateDetecting })
	cluster.LoseEngine(fsm.Blue)
	opened := time.Now()
	cluster.OpenSide(fsm.Green)
	for _, rows := range begun {
		lose(t, rows)
	}
	require.NoError(t, <-done)
	app.End()
	eventually(t, "the others run again", func() bool { return cluster.Stats().CallsBySide[fsm.Green]["getResultMetadata"] >= 1+3 })
	cancel()
	wait()
	require.NoError(t, client.Close())

	cutover := r.cutovers(t, 1)[0]
	attrs := values(cutover.Attributes)
	require.Equal(t, "abrupt", attrs["e6.cutover.kind"])
	require.Equal(t, "settled", attrs["e6.cutover.result"])
	require.False(t, cutover.StartTime.Before(closed), "it begins with the first call that failed")
	require.True(t, cutover.StartTime.Before(opened), "and not when the other side is found")
	require.True(t, cutover.EndTime.After(opened))
	require.False(t, cutover.Parent.IsValid())
	require.EqualValues(t, 2, attrs["e6.cutover.lost"])
	require.EqualValues(t, 3, attrs["e6.cutover.replayed"])
	require.EqualValues(t, 1, attrs["e6.cutover.retried"])
	_, count := linkKinds(cutover)
	require.Equal(t, map[string]int{"cause": 1, "lost": 2, "replayed": 3, "retried": 1}, count)

	tags := map[trace.SpanID]any{}
	for _, q := range r.named(statement) {
		tags[q.SpanContext.SpanID()] = values(q.Attributes)["e6.tag"]
	}
	linked := map[any]any{}
	for _, l := range cutover.Links[1:] {
		linked[tags[l.SpanContext.SpanID()]] = values(l.Attributes)["e6.link"]
	}
	require.Equal(t, map[any]any{
		"begun-0": "lost", "begun-1": "lost", "sleeper-0": "replayed", "sleeper-1": "replayed", "sleeper-2": "replayed", "refused": "retried",
	}, linked)

	// The event and the span agree.
	for _, e := range client.History() {
		if d, ok := e.Data.(events.StrategyChanged); ok && d.Change == events.ChangeAbrupt {
			require.Equal(t, d.Took.Round(time.Millisecond), cutover.EndTime.Sub(cutover.StartTime).Round(time.Millisecond))
			require.Contains(t, []any{"refusal", "unreachable"}, attrs["e6.cutover.cause"])
		}
	}
}
