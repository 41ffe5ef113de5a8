package examples_test

import (
	"database/sql"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/internal/stress"
)

// anyText draws a text: nasty ones, joined, between others.
var anyText = rapid.Custom(func(t *rapid.T) string {
	part := rapid.OneOf(rapid.SampledFrom(nasty[:len(nasty)-4]), rapid.String(), rapid.StringMatching(`['\\"?:;$/*\-]{0,9}`))
	return strings.Join(rapid.SliceOfN(part, 0, 4).Draw(t, "parts"), "")
})

// goodText draws one that a literal can hold.
var goodText = anyText.Filter(func(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") })

// anyValue draws an argument of any kind that DuckDB's driver takes too.
var anyValue = rapid.OneOf(goodText.AsAny(), goodText.AsAny(), goodText.AsAny(), rapid.Int64().AsAny(), rapid.Float64().AsAny(), rapid.Bool().AsAny(), rapid.SliceOfN(rapid.Byte(), 0, 40).AsAny())

// valuesPerCheck is how many values one check sends in one statement.
const valuesPerCheck = 20

func TestEveryArgumentIsReadBackAsDuckDBsOwnBindingReadsIt(t *testing.T) {
	t.Parallel()
	all, reference := senders(t), duck(t)
	// One statement holds many values: an unclosed literal would open the next.
	many := "SELECT ¤" + strings.Repeat(", ¤", valuesPerCheck-1)
	rapid.Check(t, func(rt *rapid.T) {
		requireSameAsReference(t.Context(), rt, all, reference, many, rapid.SliceOfN(anyValue, valuesPerCheck, valuesPerCheck).Draw(rt, "values")...)
		place := rapid.SampledFrom(places).Draw(rt, "place")
		requireSameAsReference(t.Context(), rt, all, reference, place.statement, rapid.SliceOfN(anyText.AsAny(), place.n, place.n).Draw(rt, "args")...)
	})
}

func TestASliceIsTheListOfAnIn(t *testing.T) {
	t.Parallel()
	all := senders(t)
	rapid.Check(t, func(rt *rapid.T) {
		one, list := goodText.Draw(rt, "one"), rapid.SliceOfN(goodText, 0, 9).Draw(rt, "list")
		if rapid.Bool().Draw(rt, "in") {
			list = slices.Insert(list, rapid.IntRange(0, len(list)).Draw(rt, "at"), one)
		}
		for name, send := range all {
			got, err := send(t.Context(), "SELECT coalesce(¤ IN (¤), false), 7 IN (0, ¤), 7 NOT IN (¤)", one, list, []int{1, 7}, []int64(nil))
			require.NoError(rt, err, name)
			require.Equal(rt, []any{slices.Contains(list, one), true, nil}, got, "%s: nothing is in an empty list, and nothing is not in it", name)
		}
	})
}

func FuzzAParameterIsReadBackAsItself(f *testing.F) {
	all, reference := senders(f), duck(f)
	// TestParams_ANastyTextIsReadBackUnchanged sends all of them.
	for i, s := range nasty[:len(nasty)-4] {
		if i%stress.Count(8, 1) == 0 {
			f.Add(s, uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, s string, at uint8) {
		place := places[int(at)%len(places)]
		requireSameAsReference(t.Context(), t, all, reference, place.statement, slices.Repeat([]any{s}, place.n)...)
	})
}

func TestParams_AnArgumentNeverBecomesSQL(t *testing.T) {
	t.Parallel()
	for name, w := range both(t) {
		for statement, args := range map[string][]any{
			// A placeholder in a comment is none, also behind a comment in it.
			"SELECT 1 /* /* */ || ? */": {" */ AS a, 6*7 --"},
			// Text next to a placeholder does not become one token with the value.
			"SELECT v? FROM (SELECT 1 AS v, 'stolen' AS v5) t": {5},
			"SELECT ?v FROM (SELECT 'stolen' AS v5v) t":        {5},
			"SELECT 'sto'?":                   {"len"},
			"SELECT ?'len'":                   {"sto"},
			`SELECT E?`:                       {`st\u006flen`},
			"SELECT U&? FROM (SELECT 1 AS u)": {`\0073tolen`},
			// A literal on the next line is the rest of this one.
			"SELECT E'' --\n ?": {`\' || 6*7 --`},
			// For some engines a comment ends with a carriage return, so that a literal begins there.
			"SELECT 1 -- c\r || ' \n ? '": {" || 6*7 || "},
			"SELECT 1 // c\r || ' \n ? '": {" || 6*7 || "},
			// Some engines have literals in dollar quotes.
			"SELECT $$ ? $$":          {"a$$ || 6*7 || $$b"},
			"SELECT $tag$ ? $$ $tag$": {"a$tag$ || 6*7 || $tag$b"},
			"SELECT $$a?b$$":          {"$$ || 6*7 || $$"},
		} {
			result, err := w.client.QueryAll(t.Context(), statement, args...)
			got, err := values(result, err)
			require.NotRegexp(t, "stolen|42", strings.Join(printed(got), " "), "%s: %s", name, statement)
			if err == nil {
				t.Logf("%s: %s: %q", name, statement, got)
			}
		}
	}
}

func TestTheErrorOfAParameterIsTypedOverDatabaseSQLToo(t *testing.T) {
	t.Parallel()
	for name, w := range both(t) {
		for _, bad := range []any{"\xff", map[string]int{}, [][]int{{1}}, math.Pi * 1i, struct{}{}} {
			var got sql.NullString
			err := w.db.QueryRowContext(t.Context(), "SELECT ?, 1", bad).Scan(&got)
			wrong, ok := errors.AsType[*e6.ParamError](err)
			require.True(t, ok, "%s: %T: %v", name, bad, err)
			require.Equal(t, "1", wrong.Param)
		}
	}
}

func TestAValueKeepsItsTypeAndATextGetsThatOfTheEngine(t *testing.T) {
	t.Parallel()
	for name, w := range both(t) {
		noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
		into(false)(t, w, "SELECT DATE '2026-01-01' = ?", noon)
		into(true)(t, w, "SELECT 1 < ?", 1.5)
		into(true)(t, w, "SELECT 1.1::FLOAT = ?", float32(1.1))
		into(true)(t, w, "SELECT DATE '2026-01-01' = ? AND 1 < ?", "2026-01-01", "2")
		t.Log(name)
	}
}
