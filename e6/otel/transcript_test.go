package e6otel_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/audit"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	e6otel "github.com/e6data/e6data-go/e6/otel"
	"github.com/e6data/e6data-go/e6/recorder"
)

// transcript is every signal of a client in a bubble, as text: times are durations since
// the begin of the bubble, and identifiers are names in the order of the spans.
type transcript struct {
	began    time.Time
	rig      *rig
	logs     *logs
	audit    *audit.Log
	recorder *recorder.Recorder

	mu      sync.Mutex
	all     []events.Event
	events  []string
	changes []string
	log     []string
}

// variable matches values that differ from run to run: pauses that the router draws at random,
// and the state of the client when the audit log takes an event.
var variable = regexp.MustCompile(`(timer refresh_due pause=)\S+|("event":"(?:transition|announcement_received|strategy_changed|query_[a-z]+)","strategy":)"[^"]+"`)

// newTranscript returns a transcript and the client whose signals it has.
func newTranscript(t *testing.T, cluster *e6test.Cluster, opts ...e6.Option) (*transcript, *e6.Client) {
	s := &transcript{began: time.Now(), logs: &logs{}, recorder: recorder.Memory()}
	s.rig = newRig(t, e6otel.WithLoggerProvider(s.logs))
	var err error
	s.audit, err = audit.Open(filepath.Join(t.TempDir(), "audit"), audit.Options{})
	require.NoError(t, err)
	opts = append(opts, s.audit.Options()...)
	opts = append(opts, e6.WithClientHook(s), e6.WithLogger(slog.New(s)), e6.WithLogLevel(slog.LevelDebug),
		e6.WithRecorder(s.recorder), e6.WithDialer(cluster.Dialer()))
	return s, s.rig.open(t, config(cluster), opts...)
}

// ClientOpened subscribes before the first event.
func (s *transcript) ClientOpened(c *e6.Client) {
	c.Subscribe(func(e events.Event) {
		s.mu.Lock()
		s.all = append(s.all, e)
		s.mu.Unlock()
		s.add(&s.events, e.Time, "%s %s %q %s", e.Level(), e.Kind(), e.Message(), attrs(e.Attrs()))
	}, events.Lossless())
	c.OnStrategyChange(func(d events.StrategyChanged) {
		s.add(&s.changes, time.Now(), "%s", attrs(events.Event{Data: d}.Attrs()))
	})
}

func (s *transcript) ClientClosed(*e6.Client) {}

// add adds a line with its time.
func (s *transcript) add(to *[]string, at time.Time, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*to = append(*to, s.line(at, format, args...))
}

func (s *transcript) line(at time.Time, format string, args ...any) string {
	return strings.TrimRight(fmt.Sprintf("%6s  ", at.Sub(s.began))+fmt.Sprintf(format, args...), " ")
}

func attrs(all []slog.Attr) string {
	var b strings.Builder
	for _, a := range all {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
	}
	return strings.TrimSpace(b.String())
}

// Enabled, Handle, WithAttrs and WithGroup implement slog.Handler.
func (s *transcript) Enabled(context.Context, slog.Level) bool { return true }

func (s *transcript) Handle(_ context.Context, r slog.Record) error {
	var all []slog.Attr
	r.Attrs(func(a slog.Attr) bool {
		all = append(all, a)
		return true
	})
	s.add(&s.log, r.Time, "%s %q %s", r.Level, r.Message, attrs(all))
	return nil
}

func (s *transcript) WithAttrs([]slog.Attr) slog.Handler { return s }
func (s *transcript) WithGroup(string) slog.Handler      { return s }

// text is the transcript of a closed client.
func (s *transcript) text(t *testing.T) string {
	synctest.Wait()
	require.NoError(t, s.audit.Close())
	var b strings.Builder
	places := s.places(t)
	section := func(title string, lines []string) {
		fmt.Fprintf(&b, "# %s\n%s\n\n", title, strings.Join(numbered(lines, places), "\n"))
	}
	spans, names := s.spans()
	section("events", s.events)
	section("changes of the active side", s.changes)
	section("spans", spans)
	section("metrics", s.metrics(t))
	section("log records", s.log)
	section("OpenTelemetry log events", s.logEvents())
	for _, class := range []audit.Class{audit.ClassStrategy, audit.ClassErrors, audit.ClassPerformance} {
		section("audit log, "+string(class), s.audited(t, class))
	}
	router, published, queries := s.recorded(t)
	section("recording, router", router)
	section("recording, events", published)
	section("recording, queries", queries)
	names = append(names, "server.address=cluster.test server.port=80", "SERVER", "address=cluster.test:80", "SERVER", `"address":"cluster.test:80"`, "SERVER")
	return variable.ReplaceAllString(strings.NewReplacer(names...).Replace(strings.TrimSpace(b.String())), "$1$2*") + "\n"
}

// places are the numbers of the events in the transcript, by their numbers of the client. A
// query continues as soon as the router has settled, so that its events and those of the
// router have no order within an instant: here those of the router are the first.
func (s *transcript) places(t *testing.T) map[string]int {
	for i, e := range s.all {
		require.EqualValues(t, i+1, e.Seq, "no event is missing")
	}
	queries := func(e events.Event) int { return strings.Count(string(e.Component()), string(events.ComponentQuery)) }
	slices.SortStableFunc(s.all, func(a, b events.Event) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(queries(a), queries(b)))
	})
	places := make(map[string]int)
	for i, e := range s.all {
		places[fmt.Sprint(e.Seq)] = i + 1
	}
	return places
}

// number matches the number of an event in a line.
var number = regexp.MustCompile(`(^.{6}  .*\bseq"?[=:])([1-9][0-9]*)`)

// numbered numbers the lines of events by their places, and sorts those of one instant. The
// audit log's lines of statements are behind them.
func numbered(lines []string, places map[string]int) []string {
	place := func(line string) int {
		if m := number.FindStringSubmatch(line); m != nil {
			return places[m[2]]
		}
		return math.MaxInt
	}
	movable := func(line string) bool {
		return place(line) < math.MaxInt || strings.Contains(line, `"event":"statement"`)
	}
	for from := 0; from < len(lines); {
		to := from + 1
		for to < len(lines) && movable(lines[from]) && movable(lines[to]) && lines[from][:8] == lines[to][:8] {
			to++
		}
		slices.SortStableFunc(lines[from:to], func(a, b string) int { return cmp.Compare(place(a), place(b)) })
		from = to
	}
	for i, line := range lines {
		if n := place(line); n < math.MaxInt {
			lines[i] = number.ReplaceAllString(line, fmt.Sprint("${1}", n))
		}
	}
	return lines
}

// spans are the spans as trees, and pairs of identifiers and their names.
func (s *transcript) spans() (lines, names []string) {
	all := s.rig.spans.GetSpans()
	count := make(map[string]int)
	label := func(id, kind string) {
		if id != "" && !slices.Contains(names, id) {
			count[kind]++
			names = append(names, id, fmt.Sprint(kind, "-", count[kind]))
		}
	}
	var add func(of tracetest.SpanStub, depth int)
	below := func(parent trace.SpanContext, depth int) {
		for _, one := range sorted(all) {
			if one.Parent.SpanID() == parent.SpanID() && (depth == 0 || one.Parent.TraceID() == parent.TraceID()) {
				add(one, depth)
			}
		}
	}
	add = func(of tracetest.SpanStub, depth int) {
		if depth == 0 {
			label(of.SpanContext.TraceID().String(), "trace")
		}
		label(of.SpanContext.SpanID().String(), "span")
		indent := strings.Repeat("    ", depth)
		lines = append(lines, s.line(of.StartTime, "%s%s %s %s %s took=%s status=%s%q %s", indent, of.Name, of.SpanContext.SpanID(), of.SpanKind,
			of.SpanContext.TraceID(), of.EndTime.Sub(of.StartTime), of.Status.Code, of.Status.Description, pairs(of.Attributes)))
		for _, e := range of.Events {
			lines = append(lines, s.line(e.Time, "%s    event %s %s", indent, e.Name, pairs(e.Attributes)))
		}
		for _, l := range of.Links {
			lines = append(lines, fmt.Sprintf("        %s    link %s %s", indent, l.SpanContext.SpanID(), pairs(l.Attributes)))
		}
		below(of.SpanContext, depth+1)
	}
	below(trace.SpanContext{}, 0)
	for _, id := range queryID.FindAllStringSubmatch(strings.Join(slices.Concat(lines, s.events), "\n"), -1) {
		label(id[1], "query")
		label(recorder.HashQueryID(id[1]), "hash")
	}
	return lines, names
}

// queryID matches the ids of the test cluster in attributes.
var queryID = regexp.MustCompile(`query_id=([A-Z2-7]{26})`)

// sorted are the spans in the order in which they began. Those of one instant are in the
// order of their names.
func sorted(all tracetest.SpanStubs) tracetest.SpanStubs {
	slices.SortStableFunc(all, func(a, b tracetest.SpanStub) int {
		return cmp.Or(a.StartTime.Compare(b.StartTime), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func pairs(all []attribute.KeyValue) string {
	var b strings.Builder
	for _, a := range all {
		fmt.Fprintf(&b, " %s=%s", a.Key, a.Value.String())
	}
	return strings.TrimSpace(b.String())
}

// metrics are the points of the metrics, in the order of their names and attributes.
func (s *transcript) metrics(t *testing.T) (lines []string) {
	var all metricdata.ResourceMetrics
	require.NoError(t, s.rig.reader.Collect(context.Background(), &all))
	add := func(name string, of attribute.Set, format string, args ...any) {
		lines = append(lines, fmt.Sprintf("%s{%s} ", name, pairs(of.ToSlice()))+fmt.Sprintf(format, args...))
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, "%d", p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, "%d", p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, "%g", p.Value)
				}
			case metricdata.Histogram[int64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, "count=%d sum=%d", p.Count, p.Sum)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, "count=%d sum=%.3f", p.Count, p.Sum)
				}
			default:
				require.Failf(t, "a metric of another kind", "%s: %T", m.Name, m.Data)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// logEvents are the records of the provider of OpenTelemetry.
func (s *transcript) logEvents() (lines []string) {
	for _, e := range s.logs.all() {
		var b strings.Builder
		e.WalkAttributes(func(kv attribute.KeyValue) bool {
			fmt.Fprintf(&b, " %s=%s", kv.Key, kv.Value.String())
			return true
		})
		if e.span.IsValid() {
			fmt.Fprintf(&b, " span=%s", e.span.SpanID())
		}
		lines = append(lines, s.line(e.Timestamp(), "%s %s %q%s", e.SeverityText(), e.EventName(), e.Body().AsString(), b.String()))
	}
	return lines
}

// audited are the records of a class of the audit log.
func (s *transcript) audited(t *testing.T, class audit.Class) (lines []string) {
	paths, err := filepath.Glob(filepath.Join(s.audit.Dir(), string(class)+"-*"))
	require.NoError(t, err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range bytes.Lines(text) {
			var r audit.Record
			require.NoError(t, json.Unmarshal(line, &r))
			at := r.Time
			r.Time = time.Time{}
			rest, err := json.Marshal(r)
			require.NoError(t, err)
			lines = append(lines, s.line(at, "%s", strings.Replace(string(rest), `"timestamp":"0001-01-01T00:00:00Z",`, "", 1)))
		}
	}
	return lines
}

// recorded are the entries of the recording: those of the router, the events, and the queries.
// Three goroutines write them, so that the entries of one instant are in order within a kind
// only. The replay must be equal.
func (s *transcript) recorded(t *testing.T) (router, published, queries []string) {
	recording, err := s.recorder.Recording()
	require.NoError(t, err)
	require.Zero(t, recording.Damaged)
	for _, e := range recording.Entries {
		switch d := e.Data.(type) {
		case fsm.Transition:
			router = append(router, s.line(e.Time, "transition %s: %s => %s (%s)", d.Event, d.Before.State, d.After.State, d.Cause))
		case recorder.Step:
			router = append(router, s.line(e.Time, "message %s %s", d.Message, d.Fields))
			for _, decision := range d.Decisions {
				router = append(router, "            "+decision)
			}
		case recorder.Event:
			text, err := json.Marshal(d.Attrs)
			require.NoError(t, err)
			published = append(published, s.line(e.Time, "event %s %s", d.Kind, text))
		case recorder.Query:
			queries = append(queries, s.line(e.Time, "query %s %+v", d.Outcome(), d))
		default:
			router = append(router, s.line(e.Time, "%T", d))
		}
	}
	for step, err := range recording.Replay() {
		require.NoError(t, err)
		require.Empty(t, step.Difference, "%s %s", step.Message, step.Fields)
	}
	return router, published, queries
}

// requireTranscript compares a transcript with a file, line by line.
func requireTranscript(t *testing.T, path, got string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	want, lines := strings.Split(string(text), "\n"), strings.Split(got, "\n")
	for i := range max(len(want), len(lines)) {
		if i >= len(want) || i >= len(lines) || want[i] != lines[i] {
			around := func(all []string) string {
				return strings.Join(all[min(len(all), max(0, i-2)):min(len(all), i+4)], "\n")
			}
			require.Equal(t, around(want), around(lines), "from line %d of %s; go test -artifacts keeps the transcript", i+1, path)
		}
	}
}
