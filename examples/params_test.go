package examples_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	_ "github.com/duckdb/duckdb-go/v2" // the driver duckdb
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/emulator"
	"github.com/e6data/e6data-go/internal/stress"
)

// nasty are texts that some engine or tool has misread.
var nasty = []string{
	"", "'", "''", "'''", `\`, `\\`, `\'`, `\\'`, `'\`, `''\''`, `\'; DROP TABLE t; --`, `'; DROP TABLE t; --`, `\' AS a, 2 AS b --`, `' AS a, 2 AS b --`,
	`' OR '1'='1`, `\" OR 1=1 --`, `"`, "`", "--", "-- ", "//", "/*", "*/", "/* */", "*/ */ '", "#", ";", ";;", "$$", "$tag$", "$1", "?", "??", "???", ":name", "@name",
	"::int", ":a:b", "E'\\''", "x'00'", "N'x'", "U&'\\0027'", "\\x27", "\\u0027", "\\047", "\\n", "\\N", "\n", "\r\n", "\t", "\x1a", "\x7f", "\u2018\u2019", "\u02bc", "\uff07",
	"\u0000", "a\x00b", "\xff", "\xc0\xa7", "\xbf'", "'\xbf\\", "\xed\xa0\x80", "\ufeff", "\u2028", "\u00a0", "\u202e", "e\u0301", "🚀", "%", "_", "%'%", "{}", "[1]", "${x}", "NULL", "NaN",
	strings.Repeat("'", 999), strings.Repeat(`\`, 999), strings.Repeat(`\'`, 999), strings.Repeat("ab'\\", 500),
}

// duck opens DuckDB itself, whose own binding is the reference.
func duck(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// A sender runs a statement in one of the ways in which arguments can reach the
// emulator, and returns its values row by row. In the statement, ¤ is a
// placeholder.
type sender func(ctx context.Context, statement string, args ...any) ([]any, error)

// senders are all of them, by their names.
func senders(t testing.TB) map[string]sender {
	t.Helper()
	em := start(t, emulator.Options{})
	all := map[string]sender{}
	for name, option := range map[string]e6.Option{
		"EscapeSafe": e6.WithEscape(e6.EscapeSafe), "EscapeBackslash": e6.WithEscape(e6.EscapeBackslash), "server parameters": e6.WithServerParameters(),
	} {
		w := askAt(t, em.Addr(), option)
		all[name] = func(ctx context.Context, statement string, args ...any) ([]any, error) {
			return values(w.client.QueryAll(ctx, positional(statement), args...))
		}
		all[name+", named"] = func(ctx context.Context, statement string, args ...any) ([]any, error) {
			statement, args = named(statement, args)
			return values(w.client.QueryAll(ctx, statement, args...))
		}
		all[name+", prepared"] = func(ctx context.Context, statement string, args ...any) ([]any, error) {
			return prepared(ctx, w.db, positional(statement), args...)
		}
	}
	return all
}

// values are those of all rows.
func values(result *e6.Result, err error) (all []any, _ error) {
	if err != nil {
		return nil, err
	}
	for row := range result.Rows() {
		all = append(all, row...)
	}
	return all, nil
}

func positional(statement string) string { return strings.ReplaceAll(statement, "¤", "?") }

// named gives the placeholders names, in both spellings, and the values too.
func named(statement string, args []any) (string, []any) {
	with := make([]any, len(args))
	for i, arg := range args {
		name := fmt.Sprintf("p%d", i)
		with[i] = sql.Named(name, arg)
		statement = strings.Replace(statement, "¤", ":@"[i%2:i%2+1]+name, 1)
	}
	return statement, with
}

// prepared runs a prepared statement of database/sql.
func prepared(ctx context.Context, db *sql.DB, query string, args ...any) (all []any, err error) {
	stmt, err := db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stmt.Close()) }()
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	for err == nil && rows.Next() {
		row, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			dest[i] = &row[i]
		}
		err = rows.Scan(dest...)
		all = append(all, row...)
	}
	return all, errors.Join(err, rows.Err())
}

// places are statements with placeholders in many places, and how many they
// have. They mean the same to e6data and to DuckDB.
var places = []struct {
	statement string
	n         int
}{
	{`SELECT ¤`, 1},
	{"SELECT ¤ || '?' || ¤ AS \"?\" -- ?\n", 2},
	{`SELECT /* ? :p0 */ ¤::VARCHAR, CAST(¤ AS VARCHAR)`, 2},
	{"SELECT -- 'it\n length(¤), ('--' || ¤), 'it''s'", 2},
	{`SELECT ¤,¤,¤ UNION ALL SELECT ':p0', '@p1', '?'`, 3},
	{`SELECT x FROM (VALUES ('a'), (¤)) t(x) WHERE x = ¤ ORDER BY x`, 2},
	{`SELECT x FROM (VALUES ('a'), ('b'), (¤)) t(x) WHERE x IN ('b', ¤, ¤) ORDER BY x`, 3},
	{`SELECT 'aXb' LIKE 'a' || ¤ || '%', ¤ LIKE '%', contains(¤, '''')`, 3},
	{`SELECT CASE ¤ WHEN ¤ THEN 'same' ELSE ¤ END`, 3},
	{`WITH q AS (SELECT ¤ AS v) SELECT v, "v" || '"' FROM q WHERE v <> 'no' OR v = ¤`, 2},
	{`SELECT [¤, '?'][1:1][1], md5(¤), ¤ IS NULL, substr(¤, 1, 3) || ¤`, 5},
	{`SELECT count(*) FROM range(3) t(i) WHERE ¤ = ¤ AND ('x' = 'y' OR ¤ IN (SELECT ¤))`, 4},
}

// requireJudged wants every sender to return what DuckDB returns for the same
// values given to its own binding. A text that is no text is taken by none, and
// one with a NUL character only beside the statement.
func requireSameAsReference(ctx context.Context, t require.TestingT, all map[string]sender, reference *sql.DB, statement string, args ...any) {
	holds := func(wrong func(string) bool) bool {
		return slices.ContainsFunc(args, func(arg any) bool { s, ok := arg.(string); return ok && wrong(s) })
	}
	broken := holds(func(s string) bool { return !utf8.ValidString(s) })
	nul := holds(func(s string) bool { return strings.Contains(s, "\x00") })
	var want []any
	if !broken {
		var err error
		want, err = prepared(ctx, reference, positional(statement), args...)
		require.NoError(t, err, "%s", statement)
	}
	for name, send := range all {
		got, err := send(ctx, statement, args...)
		if broken || nul && strings.HasPrefix(name, "Escape") {
			require.ErrorAs(t, err, new(*e6.ParamError), "%s: %s: %.200q", name, statement, args)
			continue
		}
		require.NoError(t, err, "%s: %s: %.200q", name, statement, args)
		require.Equal(t, printed(want), printed(got), "%s: %s: %.200q", name, statement, args)
	}
}

// printed returns the values as text, so that they can be compared: DuckDB's driver has other
// types for numbers, and over database/sql an empty text is an empty []byte.
func printed(values []any) []string {
	out := make([]string, len(values))
	for i, v := range values {
		if b, ok := v.([]byte); ok && len(b) == 0 {
			v = ""
		}
		out[i] = fmt.Sprintf("%v", v)
	}
	return out
}

func TestParams_ANastyTextIsReadBackUnchanged(t *testing.T) {
	t.Parallel()
	all, reference := senders(t), duck(t)
	// In its short form each text is in every tenth place, and each place has every tenth text.
	step := stress.Count(10, 1)
	for p, place := range places {
		for from := p % step * place.n; from < len(nasty); from += step * place.n {
			args := make([]any, place.n)
			for i := range args {
				args[i] = nasty[(from+i)%len(nasty)]
			}
			requireSameAsReference(t.Context(), t, all, reference, place.statement, args...)
		}
	}
}
