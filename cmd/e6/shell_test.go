package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/stress"
)

// withTable returns an engine with the table items.
func withTable() *e6test.CannedEngine {
	engine := e6test.NewCannedEngine()
	engine.AddTable("items", []vector.Field{{Name: "id", Type: vector.Long, TypeName: "LONG"}, {Name: "name", Type: vector.String, TypeName: "STRING"}},
		e6test.Batch{Rows: 2, Columns: []e6test.Column{
			{Type: vector.Long, Ints: []int64{1, 2}}, {Type: vector.String, Strings: []string{"ant", "bee\x1b[31m"}}}})
	return engine
}

func TestShell_RunsStatementsAndCommands(t *testing.T) {
	_, flags := start(t, e6test.WithEngine(withTable()))
	dir := t.TempDir()
	script, into := filepath.Join(dir, "script.sql"), filepath.Join(dir, "result")
	require.NoError(t, os.WriteFile(script, []byte("SELECT 7;\n\\x\nSELECT 8;\n\\x\n"), 0o600))
	got := commandWith(t, strings.NewReader(strings.Join([]string{
		`SELECT * FROM items;`,
		`SELECT`, `  5;SELECT 6;`,
		`\l`, `\dn`, `\dt`, `\d items`, `\d demo.sales.items;`,
		`\c other.place`, `\f csv`, `SELECT * FROM items;`, `\f table`,
		`\i ` + script,
		`\o ` + into, `SELECT * FROM items;`, `\o`,
		`\?`,
		`SELECT 9`,
	}, "\n")), append([]string{"shell"}, flags...)...)
	require.Equal(t, result{got.out, "", 0}, got)
	requireGolden(t, "shell.txt", got.out)
	text, err := os.ReadFile(into)
	require.NoError(t, err)
	require.Contains(t, string(text), "ant")
}

func TestShell_ExitCodeIsThatOfTheFailure(t *testing.T) {
	cluster, flags := start(t)
	for line, c := range map[string]struct {
		code int
		text string
	}{
		"FAIL of itself;":      {exitStatement, "of itself"},
		`\nope`:                {exitStatement, `unknown command \nope: \? lists the commands`},
		`\d`:                   {0, ""},
		`\d nothing.at.all.of`: {exitStatement, "want schema or catalog.schema"},
		`\c nowhere`:           {exitStatement, "want catalog.schema"},
		`\x on`:                {exitStatement, `\x takes no argument, not "on"`},
		`\c`:                   {exitStatement, `\c needs its argument: \c catalog.schema`},
		`\f xml`:               {exitStatement, "want one of table, expanded"},
		`\i /no/such/file`:     {exitStatement, "no such file"},
		`\o /no/such/file`:     {exitStatement, "no such file"},
		`\q`:                   {0, ""},
	} {
		t.Run(line, func(t *testing.T) {
			got := commandWith(t, strings.NewReader(line+"\n"), append([]string{"shell"}, flags...)...)
			require.Equal(t, c.code, got.code, got.errOut)
			require.Contains(t, got.errOut, c.text)
		})
	}
	requireIdle(t, cluster)
}

func TestShell_PrintsTheActiveSideAndEvents(t *testing.T) {
	cluster, flags := start(t)
	r, w := io.Pipe()
	var out, errOut buffer
	done := make(chan int)
	go func() { done <- run(append([]string{"shell"}, flags...), make(chan os.Signal), r, &out, &errOut) }()
	write := func(line string) {
		_, err := io.WriteString(w, line+"\n")
		require.NoError(t, err)
	}
	write("SELECT 1;")
	write(`\side`)
	ctx, cancel := context.WithTimeout(t.Context(), stress.Patience)
	defer cancel()
	require.NoError(t, cluster.Cutover(ctx, e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt}))
	write("SELECT 2;")
	const last = "settle: detecting => green" // which may come after the answer
	for limit := time.Now().Add(stress.Patience); !strings.Contains(out.String(), last) && time.Now().Before(limit); {
		write(`\events`)
	}
	write(`\timing`)
	write("SELECT 3;")
	require.NoError(t, w.Close())
	require.Equal(t, 0, <-done, errOut.String())
	require.Contains(t, out.String(), "state blue, active blue, since ")
	require.Contains(t, out.String(), last)
	require.Regexp(t, `(?m)^Time: \d+m?s$`, out.String())
	require.Equal(t, "-- green serves new queries now, no longer blue\n", errOut.String())
}
