package deploycheck

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	e6otel "github.com/e6data/e6data-go/e6/otel"
)

const board = "../../deploy/grafana/e6-client.json"

// query is a query of a panel, an annotation or a variable.
type query struct {
	RefID        string `json:"refId"`
	Expr         string
	LegendFormat string
	Format       string
	Datasource   datasource
}

type datasource struct{ Type, UID string }

type panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	Datasource  datasource
	GridPos     struct{ H, W, X, Y int }
	FieldConfig struct {
		Defaults struct{ Unit string }
	}
	Targets []query
	Panels  []panel
}

type dashboard struct {
	UID           string
	Title         string
	SchemaVersion int
	Panels        []panel
	Annotations   struct {
		List []struct {
			Name       string
			Expr       string
			TextFormat string
			Datasource datasource
		}
	}
	Templating struct {
		List []struct {
			Name, Type, Definition string
		}
	}
}

func load(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	require.NoError(t, json.Unmarshal(read(t, board), &d))
	return d
}

// panels are all that show something.
func (d dashboard) panels() []panel {
	return slices.DeleteFunc(slices.Clone(d.Panels), func(p panel) bool { return p.Type == "row" })
}

var legend = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

func checkLegend(t *testing.T, e expression, format string, has map[string]bool) {
	t.Helper()
	remains := left(e.tree, has)
	for _, m := range legend.FindAllStringSubmatch(format, -1) {
		require.True(t, remains(m[1]), "%s: the legend names %q, which the result does not have", e.where, m[1])
	}
}

func TestTheDashboardNamesOnlyMetricsAndLabelsThatExist(t *testing.T) {
	known, d := scrape(t, accept["Prometheus 3"]), load(t)
	for _, p := range d.panels() {
		require.NotEmpty(t, p.Targets, p.Title)
		for _, q := range p.Targets {
			e := parseExpr(t, p.Title, q.Expr)
			_, has := e.check(t, known)
			checkLegend(t, e, q.LegendFormat, has)
			require.True(t, q.LegendFormat != "" || q.Format == "table", "%s: a query without a legend", p.Title)
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr != "" {
			e := parseExpr(t, a.Name, a.Expr)
			_, has := e.check(t, known)
			checkLegend(t, e, a.TextFormat, has)
		}
	}
	values := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		m := values.FindStringSubmatch(v.Definition)
		require.NotNil(t, m, v.Name)
		_, has := parseExpr(t, v.Name, m[1]).check(t, known)
		require.True(t, has[m[2]] || isTarget(m[2]), "the variable %s", v.Name)
	}
}

func TestEveryQueryOfTheDashboardFollowsItsVariables(t *testing.T) {
	d := load(t)
	selectors := regexp.MustCompile(`\{[^{}]*\}`)
	for _, p := range d.panels() {
		require.Equal(t, datasource{"prometheus", "${datasource}"}, p.Datasource, p.Title)
		for _, q := range p.Targets {
			require.Equal(t, p.Datasource, q.Datasource, p.Title)
			for _, s := range selectors.FindAllString(q.Expr, -1) {
				for _, want := range []string{`job=~"$job"`, `instance=~"$instance"`, `server_address=~"$cluster"`} {
					require.Contains(t, s, want, p.Title)
				}
			}
		}
	}
	var names []string
	for _, v := range d.Templating.List {
		names = append(names, v.Name)
	}
	require.ElementsMatch(t, []string{"datasource", "cluster", "job", "instance"}, names)
}

func TestEveryPanelCanBeRead(t *testing.T) {
	d := load(t)
	require.NotEmpty(t, d.UID)
	require.NotEmpty(t, d.Title)
	require.GreaterOrEqual(t, d.SchemaVersion, 38, "the schema of Grafana 10")
	ids, titles, taken := map[int]bool{}, map[string]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		require.NotZero(t, p.ID, p.Title)
		require.False(t, ids[p.ID], "the id %d is used twice", p.ID)
		ids[p.ID] = true
		require.NotEmpty(t, p.Title)
		require.False(t, titles[p.Title], "two panels are called %q", p.Title)
		titles[p.Title] = true
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				require.Empty(t, taken[[2]int{x, y}], "%s lies upon it", p.Title)
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			require.Empty(t, p.Panels, "%s is open, so its panels stand beside it", p.Title)
			continue
		}
		require.Contains(t, []string{"timeseries", "stat", "state-timeline", "table"}, p.Type, p.Title)
		require.NotEmpty(t, p.Description, p.Title)
		require.NotEmpty(t, p.FieldConfig.Defaults.Unit, p.Title)
		refs := map[string]bool{}
		for _, q := range p.Targets {
			require.False(t, q.RefID == "" || refs[q.RefID], "%s: the query %q", p.Title, q.RefID)
			refs[q.RefID] = true
		}
	}
}

// unused are the metrics that neither a panel nor an alert uses, each with the
// reason.
var unused = map[string]string{
	"e6.client.connections":     "it follows from the calls in flight; docs/operations.md describes when to use it",
	"e6.client.streams.waiting": "it is for choosing limits of an ingress, which docs/operations.md explains",
}

func TestEveryMetricIsUsedOrLeftOutForAReason(t *testing.T) {
	known, used := scrape(t, accept["Prometheus 3"]), map[string]bool{}
	note := func(where, text string) {
		names, _ := parseExpr(t, where, text).check(t, known)
		for _, name := range names {
			used[name] = true
		}
	}
	for _, p := range load(t).panels() {
		for _, q := range p.Targets {
			note(p.Title, q.Expr)
		}
	}
	for _, a := range alerts(t) {
		note(a.Alert, a.Expr)
	}
	declared := map[string]bool{}
	for _, m := range e6otel.Metrics() {
		declared[m.Name] = true
		is := slices.ContainsFunc(known.of[m.Name], func(name string) bool { return used[name] })
		reason, listed := unused[m.Name]
		require.True(t, is != listed, "%s: used %v, listed as unused %v", m.Name, is, listed)
		require.Equal(t, listed, strings.TrimSpace(reason) != "", m.Name)
	}
	for name := range unused {
		require.True(t, declared[name], "%s is listed, and is no metric", name)
	}
}
