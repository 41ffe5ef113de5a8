package conformance

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
)

// A judgement is a line of testdata/connector.py.
type judgement struct {
	Case, SQL, Error string
	Values           [][]*string
}

// connectorWrong states in which cases the connector's values differ from ours, and reason the
// connector is wrong. A difference that is not here fails the test, and so does an entry
// without a difference.
var connectorWrong = map[string]string{
	"query: decimals":                    "the connector drops the trailing zeros of a decimal: 12.5 for 12.50",
	"query: decimal of 38 digits":        "the connector rounds decimals to 28 digits",
	"query: timestamp with microseconds": "the connector drops microseconds",
	"query: every type": "the connector rounds decimals to 28 digits, drops microseconds, and makes a text of a binary value, " +
		"in which bytes that are no UTF-8 are lost",
}

// connectorValues are what the other cases give.
var connectorValues = map[string]string{
	"connect":         `[["True"]]`,
	"fetchmany":       `[["5000","True"]]`,
	"schemas":         `[["main","sales"]]`,
	"explain":         `[["True"]]`,
	"explain analyse": `[["is_cached","parsing_time","planner","queuing_time"]]`,
	"status":          `[["True","1"]]`,
	"dry run":         `[["valid: (1 int)"]]`,
	"cancel":          `[["_InactiveRpcError StatusCode.CANCELLED"]]`,
	"tables":          `[["customers","orders","products","returns","types"]]`,
	"columns":         `[["customer_id","long"],["name","string"],["country","string"],["credit_limit","decimal(12,2)"],["created_on","date"]]`,
	"catalogs":        `[["demo","true"]]`,
	// The connector's fetchone returns a list of one row, which SQLAlchemy takes for the row.
	"SQLAlchemy": `[["[1, 'Customer 00001']"],["[2, 'Customer 00002']"],["[3, 'Customer 00003']"]]`,
}

// connectors are the versions that the emulator is tested with, and what each gets wrong or lacks.
var connectors = []struct {
	name, environment string
	wrong, lacks      map[string]string
}{
	{name: "Python connector", environment: "venv"},
	{name: "Python connector, old", environment: "venv-old",
		wrong: map[string]string{"query: timestamp before 1970": "the connector gets times of day before 1970 wrong: 1969-12-30T36:00 for 1969-12-31T12:00"},
		lacks: map[string]string{"catalogs": "version 2 has no get_catalogs", "cancel": "version 2 does not show the id of a running query"}},
}

func TestConnector(t *testing.T) {
	enabled(t)
	if !hasPython() {
		t.Skip("without Python the connector cannot be installed")
	}
	addr := freeAddr(t)
	listens(t, run(t, emulatorProgram(t), "--listen", addr, "--admin", ""), addr)

	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	cfg := config(addr)
	cfg.Catalog, cfg.Schema = "demo", "sales"
	client, err := e6.Open(ctx, cfg)
	require.NoError(t, err)
	defer client.Close()
	for _, c := range connectors {
		t.Run(c.name, func(t *testing.T) {
			python := filepath.Join(filepath.Dir(installed), c.environment, "bin", "python")
			out, err := exec.Command(python, "-c", "import importlib.metadata as m; print(m.version('e6data-python-connector'))").Output()
			require.NoError(t, err)
			setVersion(c.name, strings.TrimSpace(string(out)))
			var warnings bytes.Buffer
			script := exec.CommandContext(ctx, python, filepath.Join("testdata", "connector.py"), host, port)
			script.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
			script.Stderr = &warnings
			lines, err := script.Output()
			require.NoError(t, err, "%s", &warnings)
			cases := 0
			for line := range bytes.Lines(lines) {
				cases++
				var j judgement
				require.NoError(t, json.Unmarshal(line, &j), "%s", line)
				t.Run(strings.ReplaceAll(j.Case, " ", "_"), func(t *testing.T) {
					r := record(t, "connector", j.Case, c.name)
					if reason := c.lacks[j.Case]; reason != "" {
						r.Skipped = reason
						t.Skip(reason)
					}
					j.check(t, ctx, client, r, cmp.Or(connectorWrong[j.Case], c.wrong[j.Case]))
				})
			}
			require.Greater(t, cases, 20)
		})
	}
}

// emulatorProgram builds the emulator, once.
func emulatorProgram(t *testing.T) string {
	return program(t, "e6emu", "../../emulator", "./cmd/e6emu")
}

var built sync.Map // of program, by name

// program builds a program of this repository, once.
func program(t *testing.T, name, module, pkg string, env ...string) string {
	build, _ := built.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		path, err := filepath.Abs(filepath.Join(filepath.Dir(installed), "bin", name))
		if err != nil {
			return "", err
		}
		build := exec.Command("go", "build", "-o", path, pkg)
		build.Dir, build.Env = module, append(os.Environ(), env...)
		text, err := build.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("build %s: %w\n%s", name, err, text)
		}
		return path, err
	}))
	path, err := build.(func() (string, error))()
	require.NoError(t, err)
	return path
}

// check compares the values of a case. wrong is reason those of the connector are not ours.
func (j judgement) check(t *testing.T, ctx context.Context, client *e6.Client, r *result, wrong string) {
	if j.Error != "" {
		r.fail(j.Error)
		require.Empty(t, j.Error)
	}
	got, err := json.Marshal(j.Values)
	require.NoError(t, err)
	want := connectorValues[j.Case]
	if j.SQL != "" {
		want = ours(t, ctx, client, j.SQL)
	}
	if wrong != "" {
		r.Note = "the values differ, and ours are right: " + wrong
		require.NotEqual(t, want, string(got), "the values do not differ any more")
		return
	}
	if want != string(got) {
		r.fail(fmt.Sprintf("the connector has %.200s, and not %.200s", got, want))
	}
	require.Equal(t, want, string(got))
	if j.Case == "SQLAlchemy" {
		r.Note = "each row has one value, a list: the connector's `fetchone` returns a list of one row"
	}
}

// ours are the values that our client reads, in the form of the script.
func ours(t *testing.T, ctx context.Context, client *e6.Client, sql string) string {
	result, err := client.QueryAll(ctx, sql)
	require.NoError(t, err)
	rows := [][]*string{}
	for row := range result.Rows() {
		var values []*string
		for _, v := range row {
			values = append(values, asText(v))
		}
		rows = append(rows, values)
	}
	text, err := json.Marshal(rows)
	require.NoError(t, err)
	return string(text)
}

// asText writes a value as the connector does, without its losses.
func asText(v any) *string {
	var s string
	switch v := v.(type) {
	case nil:
		return nil
	case float32:
		s = strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		s = strconv.FormatFloat(v, 'g', -1, 64)
	default:
		s = fmt.Sprint(v)
		if micros, ok := strings.CutSuffix(s, "Z"); ok && strings.Contains(s, "T") { // a time
			s = strings.TrimSuffix(micros, "000") + "+00:00" // three digits suffice
		}
	}
	return &s
}
