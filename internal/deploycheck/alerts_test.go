package deploycheck

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const (
	rules  = "../../deploy/prometheus/alerts.yml"
	proofs = "../../deploy/prometheus/alerts_test.yml"
	config = "../../deploy/prometheus/prometheus.yml"
	guide  = "../../docs/troubleshooting.md"
	readme = "../../deploy/README.md"
)

// alert is a rule of alerts.yml.
type alert struct {
	Alert       string
	Expr        string
	For         string
	Labels      map[string]string
	Annotations map[string]string
}

func alerts(t *testing.T) []alert {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []alert
		}
	}
	require.NoError(t, yaml.Unmarshal(read(t, rules), &file))
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return text
}

func TestAlertsNameOnlyMetricsAndLabelsThatExist(t *testing.T) {
	known := scrape(t, accept["Prometheus 3"])
	label := regexp.MustCompile(`\$labels\.(\w+)`)
	for _, a := range alerts(t) {
		e := parseExpr(t, a.Alert, a.Expr)
		_, has := e.check(t, known)
		remains := left(e.tree, has)
		for _, text := range a.Annotations {
			for _, m := range label.FindAllStringSubmatch(text, -1) {
				require.True(t, remains(m[1]), "%s: its result has no label %q", a.Alert, m[1])
			}
		}
	}
}

func TestAlerts_HaveASeverityAndARunbook(t *testing.T) {
	sections := anchors(string(read(t, guide)))
	for _, a := range alerts(t) {
		require.Contains(t, []string{"critical", "warning"}, a.Labels["severity"], a.Alert)
		require.NotEmpty(t, a.Annotations["summary"], a.Alert)
		require.NotEmpty(t, a.Annotations["description"], a.Alert)
		page, section, ok := strings.Cut(a.Annotations["runbook"], "#")
		require.True(t, ok && page == "docs/troubleshooting.md", "the runbook of %s", a.Alert)
		require.Contains(t, sections, section, "the runbook of %s", a.Alert)
	}
}

// anchors are the names by which a page's sections can be linked to.
func anchors(page string) []string {
	drop := regexp.MustCompile(`[^\p{L}\p{N}\- ]`)
	var all []string
	for line := range strings.Lines(page) {
		if title, ok := strings.CutPrefix(strings.TrimSpace(line), "## "); ok {
			all = append(all, strings.ReplaceAll(drop.ReplaceAllString(strings.ToLower(title), ""), " ", "-"))
		}
	}
	return all
}

func TestEveryAlertIsProvedAndExplained(t *testing.T) {
	var file struct {
		Tests []struct {
			Promql []struct {
				Samples []struct {
					Labels string
				} `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	require.NoError(t, yaml.Unmarshal(read(t, proofs), &file))
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		var here []string
		quiet := false
		for _, p := range test.Promql {
			quiet = quiet || len(p.Samples) == 0
			for _, s := range p.Samples {
				here = append(here, strings.TrimSuffix(strings.TrimPrefix(s.Labels, `{alertname="`), `"}`))
			}
		}
		for _, name := range here {
			fires[name], rests[name] = true, rests[name] || quiet
		}
	}
	text := string(read(t, readme))
	known := map[string]bool{}
	for _, a := range alerts(t) {
		known[a.Alert] = true
		require.True(t, fires[a.Alert], "no test lets %s fire", a.Alert)
		require.True(t, rests[a.Alert], "no test lets %s rest and fire", a.Alert)
		require.Contains(t, text, "`"+a.Alert+"`", "deploy/README.md does not explain it")
	}
	for _, name := range regexp.MustCompile("`(E6Client\\w+)`").FindAllStringSubmatch(text, -1) {
		require.True(t, known[name[1]], "deploy/README.md explains %s, which is no alert", name[1])
	}
}

func TestPromtoolAcceptsTheFiles(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("E6_REQUIRE_PROMTOOL") == "1" {
			t.Fatal("look up promtool in PATH: not found, and E6_REQUIRE_PROMTOOL requires it: install it")
		}
		t.Skip("there is no promtool in the path")
	}
	for _, args := range [][]string{
		{"check", "rules", filepath.Base(rules)}, {"test", "rules", filepath.Base(proofs)}, {"check", "config", filepath.Base(config)},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), promtool, args...)
			cmd.Dir = filepath.Dir(rules)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
		})
	}
}
