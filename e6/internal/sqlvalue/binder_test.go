package sqlvalue

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/vector"
)

// bound is a statement with its arguments, without a limit.
func bound(t *testing.T, text string, args []any, to valueWriter) (string, error) {
	t.Helper()
	return bind(t.Context(), text, args, to, math.MaxInt32)
}

// literal is one value as it stands in a statement.
func literal(t *testing.T, v any, l literals) (string, error) {
	t.Helper()
	to := &buffer{ctx: t.Context(), limit: math.MaxInt32}
	err := l.write(to, v)
	return to.text.String(), err
}

type valuer struct {
	value any
	err   error
}

func (v valuer) Value() (driver.Value, error) { return v.value, v.err }

func TestBind_ReplacesAPlaceholderByTheLiteralOfItsArgument(t *testing.T) {
	decimal, err := vector.ParseDecimal("-12.50")
	require.NoError(t, err)
	type text string
	seven := 7
	for name, c := range map[string]struct {
		arg  any
		want string
	}{
		"nothing":             {nil, "NULL"},
		"a nil pointer":       {(*int)(nil), "NULL"},
		"nil bytes":           {[]byte(nil), "NULL"},
		"a bool":              {true, "TRUE"},
		"a number":            {42, "42"},
		"a negative number":   {-1, "(-1)"},
		"the smallest number": {int64(math.MinInt64), "(-9223372036854775808)"},
		"the largest number":  {uint64(math.MaxUint64), "18446744073709551615"},
		"a pointer":           {&seven, "7"},
		"a float":             {1.5, "1.5E+00"},
		"a negative float":    {-0.25, "(-2.5E-01)"},
		"a short float":       {float32(0.1), "CAST(1E-01 AS FLOAT)"},
		"not a number":        {math.NaN(), "CAST('NaN' AS DOUBLE)"},
		"minus infinity":      {math.Inf(-1), "CAST('-Infinity' AS DOUBLE)"},
		"a string":            {"plain", "'plain'"},
		"a named string type": {text("x"), "'x'"},
		"a quote":             {"it's", "'it''s'"},
		"a backslash":         {`a\'b`, `'a\\''b'`},
		"bytes":               {[]byte{0, 255}, "X'00ff'"},
		"a time in a zone":    {time.Date(2026, 3, 1, 1, 2, 3, 4999, time.FixedZone("", 3600)), "CAST('2026-03-01 00:02:03.000004' AS TIMESTAMP)"},
		"a decimal":           {decimal, "CAST('-12.50' AS DECIMAL(4,2))"},
		"a list":              {[]any{1, "a", nil}, "1, 'a', NULL"},
		"a list of strings":   {[]string{"a'", "b"}, "'a''', 'b'"},
		"an empty list":       {[]int{}, "NULL"},
		"a valuer":            {valuer{value: "v"}, "'v'"},
		"a null valuer":       {sql.NullInt64{}, "NULL"},
		"a filled one":        {sql.NullInt64{Int64: 3, Valid: true}, "3"},
		"a nil valuer":        {(*sql.NullInt64)(nil), "NULL"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := bound(t, "SELECT ?", []any{c.arg}, literals{EscapeSafe})
			require.NoError(t, err)
			require.Equal(t, "SELECT "+c.want, got)
		})
	}
}

func TestBind_ReplacesOnlyPlaceholders(t *testing.T) {
	args := []any{sql.Named("a", 1), sql.Named("b", "x")}
	got, err := bound(t, `SELECT :a, @b, ':a', "@b", x::int, y::a, z[1:a], t:a, @@b, ?? -- :a
		/* @b */ FROM t WHERE c=:a AND d IN (@b,:a)`, args, literals{EscapeSafe})
	require.NoError(t, err)
	require.Equal(t, `SELECT 1, 'x', ':a', "@b", x::int, y::a, z[1:a], t:a, @@b, ? -- :a
		/* @b */ FROM t WHERE c=1 AND d IN ('x',1)`, got)
	require.Equal(t, sql.Named("a", 1), args[0], "the caller's list is left alone")

	got, err = bound(t, "SELECT ? ?? '?', 5-?, \"?\" -- ?", []any{1, -2}, literals{EscapeSafe})
	require.NoError(t, err)
	require.Equal(t, "SELECT 1 ? '?', 5-(-2), \"?\" -- ?", got)

	got, err = bound(t, "SELECT a ?? :x, '?' -- ?", nil, literals{EscapeSafe})
	require.NoError(t, err)
	require.Equal(t, "SELECT a ? :x, '?' -- ?", got, "?? is a question mark without values too")
}

func TestBind_SeparatesALiteralFromTheTokensBesideIt(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT v? FROM t":      "SELECT v 5 FROM t",
		"SELECT ?FROM t":        "SELECT 5 FROM t",
		"SELECT 1?":             "SELECT 1 5",
		"SELECT ?.5":            "SELECT 5 .5",
		"SELECT 'a'?'b'":        "SELECT 'a' 5 'b'",
		"SELECT E?":             "SELECT E 5",
		"SELECT #?, $x?":        "SELECT # 5, $x 5",
		"SELECT (?,?+?)":        "SELECT (5,5+5)",
		"SELECT ?::int, ?/* */": "SELECT 5::int, 5/* */",
	} {
		args := make([]any, strings.Count(sql, "?"))
		for i := range args {
			args[i] = 5
		}
		got, err := bound(t, sql, args, literals{})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestBind_IgnoresAPlaceholderInANestedComment(t *testing.T) {
	_, err := bound(t, "SELECT 1 /* /* */ || ? */", []any{" */ AS a, 2 AS b --"}, literals{})
	require.ErrorContains(t, err, "no placeholder uses it")
}

func TestLiterals_ADecimalHasItsDigitsAndItsType(t *testing.T) {
	for text, want := range map[string]string{
		"0": "CAST('0' AS DECIMAL(1,0))", "0.00": "CAST('0.00' AS DECIMAL(2,2))", "-0.5": "CAST('-0.5' AS DECIMAL(1,1))",
		"100": "CAST('100' AS DECIMAL(3,0))", "1.50E+3": "CAST('1500' AS DECIMAL(4,0))", "1E-38": "CAST('0." + strings.Repeat("0", 37) + "1' AS DECIMAL(38,38))",
		strings.Repeat("9", 38): "CAST('" + strings.Repeat("9", 38) + "' AS DECIMAL(38,0))",
	} {
		d, err := vector.ParseDecimal(text)
		require.NoError(t, err)
		got, err := literal(t, d, literals{})
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"1E+38", "1E-39"} {
		d, err := vector.ParseDecimal(text)
		require.NoError(t, err, text)
		_, err = literal(t, d, literals{})
		require.Error(t, err, text)
	}
}

func TestBind_ReadsLineEndsAndDollarSigns(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1 -- c\r\n, ?": "SELECT 1 -- c\r\n, 7",
		"SELECT /* \r */ ?":    "SELECT /* \r */ 7",
		"SELECT a$b$, ?, c$b$": "SELECT a$b$, 7, c$b$",
		"SELECT $1$ ? $1$":     "SELECT $1$ 7 $1$",
		"SELECT $x ?":          "SELECT $x 7",
		"SELECT $$a?b$$ + ?":   "SELECT $$a?b$$ + 7",
	} {
		got, err := bound(t, text, []any{7}, literals{EscapeSafe})
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
}

func TestBind_ReadsTheStatementByItsEscapeStyle(t *testing.T) {
	const statement = `SELECT a LIKE ? ESCAPE '\', ?`
	got, err := bound(t, statement, []any{1, 2}, literals{EscapeStandard})
	require.NoError(t, err)
	require.Equal(t, `SELECT a LIKE 1 ESCAPE '\', 2`, got)
	beside := &parameters{literals: literals{EscapeStandard}}
	got, err = bound(t, statement, []any{1, 2}, beside)
	require.NoError(t, err)
	require.Equal(t, statement, got)
	require.Len(t, beside.values, 2)
	for _, escape := range []Escape{EscapeSafe, EscapeBackslash} {
		_, err = bound(t, statement, []any{1, 2}, literals{escape})
		require.ErrorContains(t, err, "parameter 2: no placeholder uses it", "the literal does not end")
	}
}

func TestLiterals_ADateHasNoPlusSign(t *testing.T) {
	for days, want := range map[int64]string{0: "1970-01-01", 3574536: "11756-09-30", -735615: "-0045-12-16"} {
		got, err := literal(t, vector.DateValue{Days: days}, literals{})
		require.NoError(t, err)
		require.Equal(t, "CAST('"+want+"' AS DATE)", got)
	}
	_, err := literal(t, vector.DateValue{Days: 1 << 60}, literals{})
	require.ErrorContains(t, err, "is no DATE")
}

func TestLiterals_AStringIsEscapedByTheStyle(t *testing.T) {
	for escape, want := range map[Escape]string{
		EscapeSafe: `'a''\\b'`, EscapeBackslash: `'a\'\\b'`, EscapeStandard: `'a''\b'`,
	} {
		got, err := literal(t, `a'\b`, literals{escape})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestBind_NamesTheArgumentThatDoesNotFit(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		sql  string
		args []any
		want string
	}{
		"too few":                 {"SELECT ?, ?", []any{1}, "parameter 2: the ? at byte 10 has no value: there are 1"},
		"too many":                {"SELECT ?", []any{1, 2}, "parameter 2: no placeholder uses it"},
		"an unknown name":         {"SELECT :b", []any{sql.Named("a", 1)}, `parameter :b: the placeholder at byte 7 has no value: give sql.Named("b", ...)`},
		"an unused name":          {"SELECT :a", []any{sql.Named("a", 1), sql.Named("b", 1)}, "parameter :b: no placeholder uses it"},
		"a name twice":            {"SELECT :a", []any{sql.Named("a", 1), sql.Named("a", 1)}, "parameter :a: it is given twice"},
		"some names":              {"SELECT :a, ?", []any{sql.Named("a", 1), 1}, "name all of them, or none"},
		"a question mark":         {"SELECT :a, ?", []any{sql.Named("a", 1)}, "write ?? for a question mark"},
		"a map":                   {"SELECT ?", []any{map[string]int{}}, "parameter 1: a map[string]int cannot be written as SQL"},
		"a slice of slices":       {"SELECT ?", []any{[][]int{{1}}}, "a slice of slices"},
		"broken text":             {"SELECT ?", []any{"\xff"}, "not valid UTF-8"},
		"a NUL character":         {"SELECT ?", []any{"a\x00"}, "NUL character"},
		"a year beyond 9999":      {"SELECT ?", []any{time.Date(11756, 1, 1, 0, 0, 0, 0, time.UTC)}, "the year 11756"},
		"a valuer that fails":     {"SELECT ?", []any{valuer{err: broken}}, "broken"},
		"a valuer with a valuer":  {"SELECT ?", []any{valuer{value: valuer{}}}, "another driver.Valuer"},
		"a bad value in a list":   {"SELECT ?", []any{[]any{1, map[int]int{}}}, "parameter 1: value 2 of the slice: a map[int]int cannot be written"},
		"a list in itself":        {"SELECT ?", []any{cyclicList()}, "a slice of slices"},
		"a pointer to itself":     {"SELECT ?", []any{cyclicPointer()}, "leads through more than 16 pointers"},
		"no arguments":            {"SELECT 'a?', ?", nil, "parameter 1: the ? at byte 13 has no value: the call has no arguments: give one, or write ?? for a question mark"},
		"a dollar placeholder":    {"SELECT $1", []any{1}, "parameter 1: no placeholder uses it: the statement has $1 at byte 7, which is no placeholder here: write ?"},
		"a format verb":           {"SELECT a = %s", []any{1}, "the statement has %s at byte 11, which is no placeholder here: write ?"},
		"a format with a name":    {"SELECT %(a)s", []any{sql.Named("a", 1)}, "parameter :a: no placeholder uses it: the statement has %(a)s at byte 7, which is no placeholder here: write :a"},
		"a number of Oracle":      {"SELECT :1", []any{1}, "the statement has :1 at byte 7, which is no placeholder here: write ?"},
		"a name without one":      {"SELECT :a", []any{1}, `the statement has :a at byte 7, which stands for a value with a name: write ?, or give sql.Named("a", ...)`},
		"a quoted question mark":  {"SELECT '?'", []any{1}, "parameter 1: no placeholder uses it: '?' at byte 7 is a text, and no placeholder: write ? without quotes"},
		"a quoted name":           {"SELECT ':a'", []any{sql.Named("a", 1)}, "':a' at byte 7 is a text, and no placeholder: write :a without quotes"},
		"a comment without end":   {"SELECT 1 -- c\r, ?\n", []any{1}, "a carriage return without a line feed"},
		"dollar quotes":           {"SELECT $tag$ ? $$ $tag$", []any{1}, "parameter 1: no placeholder uses it"},
		"a bad value with a name": {"SELECT :x", []any{sql.Named("x", struct{}{})}, "parameter :x: a struct {}"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bound(t, c.sql, c.args, literals{EscapeSafe})
			param, ok := errors.AsType[*BindError](err)
			require.True(t, ok, "%v", err)
			require.ErrorContains(t, param, c.want)
			require.Equal(t, name == "a valuer that fails", errors.Is(err, broken))
		})
	}
}

func cyclicList() []any {
	list := []any{1, nil}
	list[1] = list
	return list
}

func cyclicPointer() any {
	var v any
	v = &v
	return v
}

func TestBind_LeavesOtherUsesOfColonsAndQuestionMarksAlone(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT l[:n], l[1:n], ?":                 "SELECT l[:n], l[1:n], 7",
		"SELECT MAP {?:x}, x::int, $tag$ ? $tag$": "SELECT MAP {7:x}, x::int, $tag$ ? $tag$",
		"SET @x := ?, @@y /* ? */ -- ?":           "SET @x := 7, @@y /* ? */ -- ?",
	} {
		got, err := bound(t, text, []any{7}, literals{EscapeSafe})
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
	got, err := bound(t, "SELECT l[:n], l[:i], {'k' :v}, x ::int, :v", []any{sql.Named("i", 1), sql.Named("v", 2)}, literals{EscapeSafe})
	require.NoError(t, err)
	require.Equal(t, "SELECT l[:n], l[1], {'k' :v}, x ::int, 2", got)
	got, err = bound(t, `SELECT E'it\'s ?', '\', ?`, []any{7}, literals{EscapeStandard})
	require.NoError(t, err)
	require.Equal(t, `SELECT E'it\'s ?', '\', 7`, got)
}

func TestBind_SendsAStatementWithoutArgumentsAsItIsWhereItsDialectIsUnclear(t *testing.T) {
	for _, text := range []string{
		"SELECT :a, @b, $1", `SELECT 'C:\', '?'`, `SELECT 'it\'s ?'`, "SELECT 1 -- \r ?\n", "SELECT '? ", "SELECT \"?\", `?`, '?'",
		`SELECT 'a\', ?`,
	} {
		got, err := bound(t, text, nil, literals{EscapeSafe})
		require.NoError(t, err, text)
		require.Equal(t, text, got)
	}
}
