package deploycheck

import (
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
)

// target are the labels that Prometheus adds to every series that it scrapes.
var target = []string{"job", "instance"}

// synthetic are the series that Prometheus makes itself. The labels of ALERTS
// are those of the alert.
var synthetic = series{"ALERTS": {"alertname": true, "alertstate": true, "severity": true, "server_address": true, "server_port": true}}

// variable is a variable of Grafana's, within an expression.
var variable = regexp.MustCompile(`\$__(rate_interval|interval|range)\b`)

// expression is a parsed expression, with the place it was found at.
type expression struct {
	where string
	tree  parser.Expr
}

func parseExpr(t *testing.T, where, text string) expression {
	t.Helper()
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(variable.ReplaceAllString(text, "1h"))
	require.NoError(t, err, "%s: %s", where, text)
	return expression{where, tree}
}

// check requires that every series and every label of the expression exists. It
// returns the series, and the labels that these have together.
func (e expression) check(t *testing.T, known scraped) (names []string, has map[string]bool) {
	t.Helper()
	has = map[string]bool{}
	var wanted []string
	parser.Inspect(e.tree, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			own := known.labels[n.Name]
			if own == nil {
				own = synthetic[n.Name]
			}
			require.NotNil(t, own, "%s: no metric of the client is named %q", e.where, n.Name)
			names = append(names, n.Name)
			for label := range own {
				has[label] = true
			}
			for _, m := range n.LabelMatchers {
				require.True(t, m.Name == model.MetricNameLabel || own[m.Name] || isTarget(m.Name), "%s: %s has no label %q", e.where, n.Name, m.Name)
			}
		case *parser.AggregateExpr:
			wanted = append(wanted, n.Grouping...)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				wanted = append(append(wanted, n.VectorMatching.MatchingLabels...), n.VectorMatching.Include...)
			}
		}
		return nil
	})
	for _, label := range wanted {
		require.True(t, has[label] || isTarget(label), "%s: no metric of the expression has a label %q", e.where, label)
	}
	require.NotEmpty(t, names, e.where)
	return names, has
}

func isTarget(label string) bool {
	return strings.Contains(" "+strings.Join(target, " ")+" ", " "+label+" ")
}

// left are the labels that the result of the expression can have.
func left(tree parser.Expr, has map[string]bool) func(label string) bool {
	switch n := tree.(type) {
	case *parser.ParenExpr:
		return left(n.Expr, has)
	case *parser.StepInvariantExpr:
		return left(n.Expr, has)
	case *parser.BinaryExpr:
		return left(n.LHS, has)
	case *parser.AggregateExpr:
		inner := left(n.Expr, has)
		if n.Op == parser.TOPK || n.Op == parser.BOTTOMK {
			return inner // they choose series, and keep their labels
		}
		return func(label string) bool {
			listed := false
			for _, g := range n.Grouping {
				listed = listed || g == label
			}
			return inner(label) && listed != n.Without
		}
	case *parser.Call:
		if n.Func.Name == "histogram_quantile" {
			inner := left(n.Args[1], has)
			return func(label string) bool { return label != "le" && inner(label) }
		}
	}
	return func(label string) bool { return has[label] || isTarget(label) }
}
