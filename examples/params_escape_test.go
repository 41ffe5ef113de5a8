package examples_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/emulator"
)

// echo is an engine whose answer to a dry run is the statement that it was sent.
type echo struct{ *e6test.CannedEngine }

func (echo) DryRun(_ context.Context, s e6test.Statement) (string, error) { return s.SQL, nil }

// readers are the two kinds of engine: with backslash escapes, and
// standard SQL. They return the values of a statement that holds its literals.
func readers(t *testing.T) (backslash, standard func(statement string) ([]any, error)) {
	t.Helper()
	w, db := openWays(t, emulator.Options{}), duck(t)
	return func(statement string) ([]any, error) { return values(w.client.QueryAll(t.Context(), statement)) },
		func(statement string) ([]any, error) { return prepared(t.Context(), db, statement) }
}

// writers return a statement with its literals, for each way to escape.
func writers(t *testing.T) map[e6.Escape]func(statement string, args ...any) string {
	t.Helper()
	cluster, err := e6test.Start(e6test.WithEngine(echo{e6test.NewCannedEngine()}))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	all := map[e6.Escape]func(string, ...any) string{}
	for _, escape := range []e6.Escape{e6.EscapeSafe, e6.EscapeBackslash, e6.EscapeStandard} {
		w := askAt(t, cluster.Addr(), e6.WithEscape(escape))
		all[escape] = func(statement string, args ...any) string {
			sent, err := w.client.DryRun(t.Context(), statement, args...)
			require.NoError(t, err)
			return sent
		}
	}
	return all
}

func TestEachEngineReadsTheLiteralsThatAreMadeForIt(t *testing.T) {
	t.Parallel()
	backslash, standard := readers(t)
	write := writers(t)
	rapid.Check(t, func(rt *rapid.T) {
		args := rapid.SliceOfN(goodText.AsAny(), 3, 3).Draw(rt, "texts")
		doubled := make([]any, len(args))
		for i, arg := range args {
			doubled[i] = strings.ReplaceAll(arg.(string), `\`, `\\`)
		}
		for _, c := range []struct {
			escape e6.Escape
			read   func(string) ([]any, error)
			want   []any
		}{
			{e6.EscapeSafe, backslash, args}, {e6.EscapeBackslash, backslash, args}, {e6.EscapeStandard, standard, args},
			{e6.EscapeSafe, standard, doubled}, // not the value, and still nothing but a literal
		} {
			got, err := c.read(write[c.escape]("SELECT ?, ?, ?", args...))
			require.NoError(rt, err)
			require.Equal(rt, c.want, got)
		}
	})
}

func TestOnlyTheSafeLiteralsAreSafeWithEveryEngine(t *testing.T) {
	t.Parallel()
	backslash, standard := readers(t)
	write := writers(t)
	for _, c := range []struct {
		escape  e6.Escape
		read    func(string) ([]any, error)
		attack  string
		escapes bool
	}{
		{e6.EscapeStandard, backslash, `\', 6*7 --`, true},
		{e6.EscapeBackslash, standard, `', 6*7 --`, true},
		{e6.EscapeSafe, backslash, `\', 6*7 --`, false},
		{e6.EscapeSafe, standard, `', 6*7 --`, false},
		{e6.EscapeSafe, standard, `\', 6*7 --`, false},
	} {
		got, err := c.read(write[c.escape]("SELECT ?", c.attack))
		require.NoError(t, err)
		require.Equal(t, c.escapes, slices.Contains(got, any(int32(42))), "%v", got)
	}
}

func TestAStatementOfStandardSQLKeepsItsOwnBackslashesToo(t *testing.T) {
	t.Parallel()
	_, standard := readers(t)
	write := writers(t)[e6.EscapeStandard]
	got, err := standard(write(`SELECT '100%' LIKE ? ESCAPE '\', 'C:\' || ?, 'it''s ?';`, `100\%`, `\';--`))
	require.NoError(t, err)
	require.Equal(t, []any{true, `C:\\';--`, "it's ?"}, got)
}

func TestAQuestionMarkOfTheEngineIsWrittenTwice(t *testing.T) {
	t.Parallel()
	write := writers(t)[e6.EscapeSafe]
	require.Equal(t, "SELECT 'a' ? 5, '??'", write("SELECT 'a' ?? ?, '??'", 5))
	require.Equal(t, "SELECT 'a' ? b, '??'", write("SELECT 'a' ?? b, '??'"), "without arguments too")
	beside := openWays(t, emulator.Options{}, e6.WithServerParameters())
	require.ErrorAs(t, beside.client.Exec(t.Context(), "SELECT ? ?? 'a'", 5), new(*e6.ParamError))
}
