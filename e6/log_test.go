package e6_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/lockedbuffer"
)

// eventful causes most kinds of events of a client, and returns the errors of its calls.
func eventful(t *testing.T, cluster *e6test.Cluster, client *e6.Client) error {
	ctx := within(t, 20*time.Second)
	const secret = "SELECT sleep(5)" // stands for a secret statement
	var errs []error
	keep := func(err error) { errs = append(errs, err) }
	keep(client.Exec(ctx, "FAIL badly"))
	keep(client.Exec(ctx, secret))
	cluster.ExpireSessions()
	keep(client.Exec(ctx, secret))
	cluster.Suspend()
	keep(client.Exec(ctx, secret))
	undo := cluster.Inject(e6test.Fault{Method: "authenticate", Action: e6test.BadGateway}).Remove
	cluster.ExpireSessions()
	keep(client.Exec(ctx, secret))
	undo()
	cluster.Inject(e6test.Fault{Method: "prepareStatement", Action: e6test.Announce, Message: "purple"})
	keep(client.Exec(ctx, secret))
	leave(cluster, "getResultMetadata", 1)
	cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "clearOrCancelQuery", Times: -1, Action: e6test.Refuse456})
	keep(client.Exec(ctx, "INSERT INTO sales VALUES (7)"))
	keep(client.Exec(ctx, secret))
	require.NoError(t, cluster.Cutover(ctx, e6test.Cutover{To: e6.Green, Kind: e6test.Graceful}))
	keep(client.Exec(ctx, secret))
	requireIdle(t, client)
	return errors.Join(errs...)
}

func TestLog_HasOneRecordForEachEventAndNoSecret(t *testing.T) {
	const token = "the-planted-token"
	cluster := start(t, e6test.WithCredentials("user@example.com", token))
	out := &lockedbuffer.Buffer{}
	cfg := config(cluster)
	cfg.Token = token
	logger := slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client, err := e6.Open(t.Context(), cfg, e6.WithLogger(logger), e6.WithDialer(cluster.Dialer()))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	failures := eventful(t, cluster, client)
	require.Error(t, failures)

	history := client.History()
	ready(t, "the log is written", func() bool {
		return strings.Contains(out.String(), fmt.Sprintf(`"seq":%d`, history[len(history)-1].Seq))
	})
	logged := map[uint64]int{}
	levels := map[string]string{}
	for line := range strings.Lines(out.String()) {
		var record struct {
			Level, Msg, Event, Component string
			Seq                          uint64
		}
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		if record.Seq == 0 {
			continue // not about an event
		}
		require.NotEmpty(t, record.Msg)
		require.Equal(t, string(events.Kind(record.Event).Component()), record.Component)
		require.NotEmpty(t, record.Component)
		logged[record.Seq]++
		levels[record.Event] = record.Level
	}
	for _, e := range history {
		require.Equal(t, 1, logged[e.Seq], "event %s", e)
	}
	require.Equal(t, "ERROR", levels["query_lost"])
	require.Equal(t, "WARN", levels["query_abandoned"])
	require.Equal(t, "WARN", levels["announcement_invalid"])
	require.Equal(t, "INFO", levels["transition"])
	require.Equal(t, "INFO", levels["cluster_resume"])
	require.Equal(t, "DEBUG", levels["session_opened"])

	// The log, the events and the errors have no secret.
	var seen strings.Builder
	seen.WriteString(out.String())
	for _, e := range history {
		fmt.Fprintf(&seen, "%v\n%+v\n%#v\n%v\n", e, e, e.Data, e.Attrs())
	}
	fmt.Fprintf(&seen, "%v\n%+v\n", failures, client.Strategy())
	text := seen.String()
	require.NotContains(t, text, token)
	require.NotContains(t, text, "sleep(", "no text of a statement")
	require.NotContains(t, text, "INSERT")
	sessions := cluster.Stats().CallsBySession
	require.NotEmpty(t, sessions)
	for id := range sessions {
		require.NotContains(t, text, id)
	}
}

func TestLog_WithoutALoggerTheClientLogsNothing(t *testing.T) {
	out := &lockedbuffer.Buffer{}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(before)
	cluster := start(t)
	client := open(t, cluster)
	require.Error(t, eventful(t, cluster, client))
	require.NoError(t, client.Close())
	require.Empty(t, out.String())
}

// recorder is a handler that keeps what it gets.
type recorder struct {
	least slog.Level
	do    func() // is called first

	mu      sync.Mutex
	asked   []slog.Level
	records []logged
}

// logged is a record with the values of its context.
type logged struct {
	slog.Record
	trace trace.SpanContext
	ended error
}

func (h *recorder) Enabled(_ context.Context, level slog.Level) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, level)
	return level >= h.least
}

func (h *recorder) Handle(ctx context.Context, r slog.Record) error {
	if h.do != nil {
		h.do()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, logged{r, trace.SpanContextFromContext(ctx), ctx.Err()})
	return errors.New("the disk is full")
}

func (h *recorder) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *recorder) WithGroup(string) slog.Handler      { return h }

// all returns the records.
func (h *recorder) all() []logged {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.records
}

// attrs are the attributes of a record.
func (l logged) attrs() (list []slog.Attr) {
	l.Attrs(func(a slog.Attr) bool {
		list = append(list, a)
		return true
	})
	return list
}

// failingStore is a store that fails from the client's beginning.
type failingStore struct {
	store.Memory
	watched atomic.Int64
}

func (s *failingStore) Watch(context.Context, string, func(store.Record)) error {
	s.watched.Add(1)
	return errors.New("the store is away")
}

// lateResolver holds up the making of a connection, which asks for its scheme,
// until the store has failed and that is published.
type lateResolver struct {
	resolver.Builder
	t     *testing.T
	store *failingStore
}

func (r lateResolver) Scheme() string {
	ready(r.t, "the store is asked again", func() bool { return r.store.watched.Load() > 1 })
	return "late"
}

// openLogged opens a client that writes to a handler.
func openLogged(t *testing.T, cluster *e6test.Cluster, h slog.Handler, opts ...e6.Option) *e6.Client {
	cfg := config(cluster)
	cfg.EventHistory = 10_000
	opts = append(opts, e6.WithLogger(slog.New(h)), e6.WithDialer(cluster.Dialer()))
	client, err := e6.Open(t.Context(), cfg, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func TestLog_TheRecordHasTheTimeLevelAndAttributesOfTheEvent(t *testing.T) {
	cluster, h := start(t), &recorder{least: slog.LevelDebug}
	away := new(failingStore)
	client := openLogged(t, cluster, h, e6.WithStore(away), e6.WithDialOptions(grpc.WithResolvers(lateResolver{t: t, store: away})))
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{7}, SpanID: trace.SpanID{8}})
	ctx := trace.ContextWithSpanContext(within(t, 20*time.Second), span)
	require.NoError(t, cluster.Cutover(ctx, e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
	require.NoError(t, client.Exec(ctx, "SELECT 1"))
	require.NoError(t, client.Close())

	history := client.History()
	ready(t, "the log is written", func() bool { return len(h.all()) >= len(history) })
	records := h.all()
	require.Len(t, records, len(history))
	refused := 0
	for i, e := range history {
		r := records[i]
		require.Equal(t, e.Attrs(), r.attrs())
		require.Contains(t, r.attrs(), slog.String("address", config(cluster).Address))
		require.Equal(t, e.Message(), r.Message)
		require.Equal(t, e.Level(), r.Level)
		require.Equal(t, e.Time, r.Time, "not the time of the delivery")
		require.Equal(t, e.Cause.Trace, r.trace, "for handlers that read the trace context")
		require.NoError(t, r.ended, "handlers may look at their context, also for the last event")
		require.Zero(t, r.PC, "no source line")
		if e.Kind() == events.KindRefused {
			refused++
			require.Contains(t, r.attrs(), slog.String("trace_id", span.TraceID().String()))
			require.Contains(t, r.attrs(), slog.String("span_id", span.SpanID().String()))
		}
	}
	require.Positive(t, refused)
	require.True(t, slices.ContainsFunc(records, func(r logged) bool { return r.Message == "client closed" }))
}

func TestWithLogLevel_AComponentHasItsOwnLevel(t *testing.T) {
	const never = slog.Level(100)
	for _, c := range []struct {
		name   string
		least  slog.Level // of the handler
		opts   []e6.Option
		levels map[events.Component]slog.Level // what the options come to
	}{
		{"all have the level of the handler", slog.LevelInfo, nil, nil},
		{
			"one is quiet", slog.LevelDebug,
			[]e6.Option{e6.WithLogLevel(never, events.ComponentSession)}, map[events.Component]slog.Level{events.ComponentSession: never},
		},
		{
			"all are quiet but two", slog.LevelDebug,
			[]e6.Option{e6.WithLogLevel(never), e6.WithLogLevel(slog.LevelDebug, events.ComponentQuery, events.ComponentClient)},
			map[events.Component]slog.Level{events.ComponentStrategy: never, events.ComponentSession: never},
		},
		{
			"the later option wins", slog.LevelDebug,
			[]e6.Option{e6.WithLogLevel(never, events.ComponentStrategy), e6.WithLogLevel(slog.LevelInfo)},
			map[events.Component]slog.Level{
				events.ComponentStrategy: slog.LevelInfo, events.ComponentQuery: slog.LevelInfo, events.ComponentSession: slog.LevelInfo,
			},
		},
		{
			"no component is louder than the handler wants", slog.LevelInfo,
			[]e6.Option{e6.WithLogLevel(slog.LevelDebug, events.ComponentQuery)}, nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster, h := start(t), &recorder{least: c.least}
			client := openLogged(t, cluster, h, c.opts...)
			ctx := within(t, 20*time.Second)
			require.NoError(t, cluster.Cutover(ctx, e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
			require.NoError(t, client.Exec(ctx, "SELECT 1"))
			require.NoError(t, client.Close())

			var want []string
			asked := 0
			for _, e := range client.History() {
				if least, ok := c.levels[e.Kind().Component()]; ok && e.Level() < least {
					continue
				}
				asked++
				if e.Level() >= c.least {
					want = append(want, e.Message())
				}
			}
			require.NotEmpty(t, want)
			ready(t, "the log is written", func() bool { return len(h.all()) >= len(want) })
			var got []string
			for _, r := range h.all() {
				got = append(got, r.Message)
			}
			require.Equal(t, want, got)
			require.Len(t, h.asked, asked, "the handler is not called for the others")
		})
	}
}

func TestWithLogLevel_AnUnknownComponentIsAConfigError(t *testing.T) {
	_, err := e6.Open(t.Context(), e6.Config{Address: "localhost:1", User: "u", Token: "t"}, e6.WithLogLevel(slog.LevelWarn, "queries", events.ComponentStore))
	var wrong *e6.ConfigError
	require.ErrorAs(t, err, &wrong)
	require.Len(t, wrong.Problems, 1)
	require.Equal(t, "WithLogLevel", wrong.Problems[0].Field)
	require.Equal(t, "queries", wrong.Problems[0].Value)
	require.Contains(t, wrong.Problems[0].Want, `"query"`)
}

func TestLog_AHandlerThatBlocksOrPanicsDelaysNoQuery(t *testing.T) {
	for name, c := range map[string]struct{ panics bool }{"blocks": {false}, "panics": {true}} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			h := &recorder{least: slog.LevelDebug}
			h.do = func() {
				if c.panics {
					panic("mine")
				}
				<-release
			}
			cluster := start(t)
			client := openLogged(t, cluster, h)
			ctx := within(t, 20*time.Second)
			for _, side := range []e6.Side{e6.Green, e6.Blue, e6.Green} {
				require.NoError(t, cluster.Cutover(ctx, e6test.Cutover{To: side, Kind: e6test.Abrupt}))
				require.NoError(t, together(20, func(int) error { return client.Exec(ctx, "SELECT 1") }))
			}
			require.Empty(t, h.all(), "no record was written")
			require.NoError(t, client.Close(), "Close does not wait for it")
			close(release)
			if !c.panics {
				ready(t, "the queued records are written", func() bool { return len(h.all()) == len(client.History()) })
			}
		})
	}
}
