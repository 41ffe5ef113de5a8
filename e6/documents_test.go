package e6

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/internal/settings"
)

// defaultsOf are the defaults by the names that documents have for them, durations in
// nanoseconds.
func defaultsOf(t *testing.T) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	for _, s := range settings.All() {
		if s.Min != "" {
			all["Config."+s.Field] = float64(limitOf(t, s.Default))
		}
	}
	rollback, fleet := RollbackPolicy{}, FleetPolicy{}
	for _, f := range append(rollback.fields(), fleet.fields()...) {
		v := reflect.ValueOf(f)
		byDefault := v.FieldByName("byDefault")
		if byDefault.CanFloat() {
			all[v.FieldByName("name").String()] = byDefault.Float()
		} else {
			all[v.FieldByName("name").String()] = float64(byDefault.Int())
		}
	}
	return all
}

var quantity = regexp.MustCompile(`(\d+(?:\.\d+)?)(?: ?(ms|milliseconds?|seconds?|s|minutes?|min|hours?|h|days?|MiB|KiB|%))?\b`)

// quantities are the numbers of a text in the units of defaultsOf.
func quantities(t *testing.T, text string) (all []float64) {
	t.Helper()
	for _, m := range quantity.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(m[1], 64)
		require.NoError(t, err)
		unit := map[string]float64{
			"": 1, "ms": float64(time.Millisecond), "millisecond": float64(time.Millisecond), "s": float64(time.Second), "second": float64(time.Second),
			"min": float64(time.Minute), "minute": float64(time.Minute), "h": float64(time.Hour), "hour": float64(time.Hour), "day": float64(day),
			"MiB": 1 << 20, "KiB": 1 << 10, "%": 0.01,
		}
		name := m[2]
		if _, known := unit[name]; !known {
			name = strings.TrimSuffix(name, "s")
		}
		all = append(all, n*unit[name])
	}
	return all
}

func TestDefaults_OfTheCommentsAreThoseOfTheTable(t *testing.T) {
	defaults, checked := defaultsOf(t), 0
	for file, name := range map[string]string{"config.go": "Config", "health.go": "RollbackPolicy", "fleet.go": "FleetPolicy"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != name {
				return true
			}
			var names []string
			doc := ""
			check := func() {
				_, text, found := strings.Cut(doc, "Default: ")
				if !found {
					return
				}
				numbers := quantities(t, text)
				for i, field := range names {
					want, known := defaults[name+"."+field]
					if !known || len(numbers) == 0 {
						continue
					}
					require.Equal(t, want, numbers[min(i, len(numbers)-1)], "%s.%s: %s", name, field, text)
					checked++
				}
			}
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				if field.Doc != nil {
					check()
					names, doc = nil, strings.Join(strings.Fields(field.Doc.Text()), " ")
				}
				for _, id := range field.Names {
					names = append(names, id.Name)
				}
			}
			check()
			return false
		})
	}
	require.Greater(t, checked, 25)
}

func TestDefaults_OfTheDocumentsAreThoseOfTheTable(t *testing.T) {
	defaults, checked := defaultsOf(t), 0
	named := regexp.MustCompile("`((?:Config|RollbackPolicy|FleetPolicy)\\.\\w+)`")
	row := regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \|`)
	files, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	for _, file := range append(files, "../README.md") {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		text := string(raw)
		if _, limits, found := strings.Cut(text, "\n| limit | default |"); found {
			for _, m := range row.FindAllStringSubmatch(limits, -1) {
				numbers := quantities(t, m[2])
				for i, name := range named.FindAllStringSubmatch(m[1], -1) {
					if want, known := defaults[name[1]]; known {
						require.Greater(t, len(numbers), i, "%s: %s", file, m[0])
						require.Equal(t, want, numbers[i], "%s: %s", file, m[0])
						checked++
					}
				}
			}
		}
		// Statements that name one field, its default, and a number.
		prose := regexp.MustCompile(`(?m)^\|.*$|^    .*$`).ReplaceAllString(text, "")
		for _, statement := range regexp.MustCompile(`\.\s|:\n|\n\n`).Split(prose, -1) {
			names := named.FindAllStringSubmatch(statement, -1)
			numbers := quantities(t, named.ReplaceAllString(statement, ""))
			if len(names) != 1 || len(numbers) == 0 || !regexp.MustCompile(`(?i)\b(defaults? (of|is|are)\b|by default\b|default: )`).MatchString(statement) {
				continue
			}
			if want, known := defaults[names[0][1]]; known {
				require.Contains(t, numbers, want, "%s: %s", file, statement)
				checked++
			}
		}
	}
	require.Greater(t, checked, 15)
}
