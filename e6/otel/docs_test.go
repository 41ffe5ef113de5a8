package e6otel_test

import (
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/events"
	e6otel "github.com/e6data/e6data-go/e6/otel"
)

const page = "../../docs/observability.md"

// tables are the tables of the page by the heading before them and the title of
// their first column. A row is its cells, without the ticks around code.
func tables(t *testing.T) map[string][][]string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	found := map[string][][]string{}
	heading, name := "", ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			heading, name = strings.TrimLeft(line, "# "), ""
		case !strings.HasPrefix(line, "|"):
			name = ""
		case strings.HasPrefix(line, "|---"):
		default:
			var row []string
			for _, cell := range strings.Split(strings.Trim(line, "|"), " | ") {
				row = append(row, strings.Trim(cell, " |`"))
			}
			if name == "" {
				name = heading + "/" + row[0]
				require.NotContains(t, found, name)
				found[name] = [][]string{}
				continue
			}
			found[name] = append(found[name], row)
		}
	}
	return found
}

// listed are the names in a cell.
func listed(cell string) []string {
	return strings.FieldsFunc(cell, func(r rune) bool { return r == '`' || r == ',' || r == ' ' })
}

func firsts(rows [][]string) (names []string) {
	for _, row := range rows {
		names = append(names, row[0])
	}
	return names
}

func TestDocs_ListEveryEvent(t *testing.T) {
	rows := tables(t)["Events/event"]
	var kinds []string
	for _, k := range events.AllKinds() {
		kinds = append(kinds, string(k))
	}
	require.ElementsMatch(t, kinds, firsts(rows))
	for _, row := range rows {
		require.Len(t, row, 5)
		kind := events.Kind(row[0])
		require.Equal(t, string(kind.Component()), row[1], kind)
		usual, _, _ := strings.Cut(row[2], ";")
		var level slog.Level
		require.NoError(t, level.UnmarshalText([]byte(usual)))
		require.Equal(t, kind.Level(), level, kind)
		require.Equal(t, kind.Message(), row[3], kind)
	}
}

func TestDocs_ListEverySpan(t *testing.T) {
	page := tables(t)
	var want [][]string
	for _, s := range e6otel.Spans() {
		want = append(want, []string{s.Name, s.Kind.String(), string(s.Stability), strings.Join(s.Attributes, " "), strings.Join(s.Optional, " "), s.Description})
		if len(s.Events) > 0 {
			require.ElementsMatch(t, s.Events, firsts(page["Events of "+s.Name+"/event"]))
		}
	}
	got := page["Spans/span"]
	for _, row := range got {
		require.Len(t, row, 6)
		row[3], row[4] = strings.Join(listed(row[3]), " "), strings.Join(listed(row[4]), " ")
	}
	require.Equal(t, want, got)
	require.Equal(t, []string{"cause", "lost", "replayed", "retried", "in_flight"}, firsts(page["Links of e6.cutover/e6.link"]))
}

func TestDocs_ListEveryMetric(t *testing.T) {
	page := tables(t)
	var want, prometheus [][]string
	for _, m := range e6otel.Metrics() {
		attrs := strings.Join(m.Attributes[:len(m.Attributes)-2], " ")
		require.Equal(t, []string{"server.address", "server.port"}, m.Attributes[len(m.Attributes)-2:])
		want = append(want, []string{m.Name, string(m.Kind), m.Unit, string(m.Stability), attrs, strings.Join(m.Optional, " "), m.Description})
		prometheus = append(prometheus, []string{m.Name, m.PrometheusName()})
	}
	got := page["Metrics/metric"]
	for _, row := range got {
		require.Len(t, row, 7)
		row[4], row[5] = strings.Join(listed(row[4]), " "), strings.Join(listed(row[5]), " ")
	}
	require.Equal(t, want, got)
	require.Equal(t, prometheus, page["Names in Prometheus/metric"])
}

func TestDocs_ListEveryAttribute(t *testing.T) {
	on := map[string][]string{}
	add := func(where string, keys ...[]string) {
		for _, key := range slices.Concat(keys...) {
			if !slices.Contains(on[key], where) {
				on[key] = append(on[key], where)
			}
		}
	}
	for _, s := range e6otel.Spans() {
		add("spans", s.Attributes, s.Optional)
		add("links", s.Links)
		add("events", s.EventAttributes)
	}
	for _, m := range e6otel.Metrics() {
		add("metrics", m.Attributes, m.Optional)
	}
	got, declared := map[string][]string{}, map[string][]string{}
	for _, a := range e6otel.Attributes() {
		declared[a.Key] = []string{types[a.Type], string(a.Stability)}
	}
	for _, row := range tables(t)["Attributes/attribute"] {
		require.NotContains(t, got, row[0])
		got[row[0]] = listed(row[1])
		require.Equal(t, declared[row[0]], row[2:4], row[0])
	}
	require.Equal(t, on, got)
}

func TestDocs_ListEveryErrorType(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "## Conventions")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	var grpc []string // "the gRPC code of the call that failed"
	for c := range 17 {
		grpc = append(grpc, grpcName(t, c))
	}
	for _, value := range e6otel.ErrorTypes() {
		require.True(t, slices.Contains(grpc, value) || strings.Contains(section, "`"+value+"`"), value)
	}
}

// grpcName is the name of a gRPC code: the one from which gRPC reads it in JSON.
func grpcName(t *testing.T, number int) string {
	t.Helper()
	for _, name := range e6otel.ErrorTypes() {
		var c codes.Code
		if c.UnmarshalJSON([]byte(strconv.Quote(name))) == nil && int(c) == number {
			return name
		}
	}
	require.Zero(t, number, "error.type has no value for the code")
	return "OK"
}

func TestDocs_QueriesUseExistingMetrics(t *testing.T) {
	names := map[string]bool{}
	for _, m := range e6otel.Metrics() {
		names[m.PrometheusName()] = true
		if m.Kind == e6otel.KindHistogram {
			names[m.PrometheusName()+"_bucket"] = true
		}
	}
	used := 0
	for _, row := range tables(t)["Names in Prometheus/question"] {
		for _, name := range regexp.MustCompile(`(e6_client|db_client)_\w+`).FindAllString(row[1], -1) {
			require.True(t, names[name], name)
			used++
		}
	}
	require.Greater(t, used, 5)
}
