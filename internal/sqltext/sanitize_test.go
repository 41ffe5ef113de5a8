package sqltext

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSanitize_ReplacesLiteralsAndNothingElse(t *testing.T) {
	for in, want := range map[string]string{
		"":                                            "",
		"  \n ":                                       "",
		"SELECT a FROM t":                             "SELECT a FROM t",
		" SELECT\n\ta  FROM t \n":                     "SELECT a FROM t",
		"SELECT 'a' , 2 FROM t;":                      "SELECT ? , ? FROM t;",
		"SELECT 'it''s', '', ''''":                    "SELECT ?, ?, ?",
		`SELECT 'a\nb', 'a\\'`:                        "SELECT ?, ?",
		"SELECT \"a 1\", `b 2` FROM t1":               "SELECT \"a 1\", `b 2` FROM t1",
		"SELECT 1.5e-3, .5, 2., 1e5, -7":              "SELECT ?, ?, ?, ?, -?",
		"SELECT 0x1F, 0b101, 1_000_000, 1.f":          "SELECT ?, ?, ?, ?",
		"SELECT X'1F', N'a', DATE '2024-1-1'":         "SELECT ?, ?, DATE ?",
		"SELECT a/*c*/b -- c\n, d // c":               "SELECT a b , d",
		"SELECT 1 /* ' */ + 'x' -- '\n":               "SELECT ? + ?",
		"a = ? AND b = :name AND c = $1":              "a = ? AND b = :name AND c = $1",
		"SELECT a::int, t[1:n], @@v":                  "SELECT a::int, t[?:n], @@v",
		"INSERT INTO t VALUES (1,'a'),(2,'b')":        "INSERT INTO t VALUES (?,?),(?,?)",
		"SELECT E'a', B'1', U&'b', u & 'c', xN'd'":    "SELECT ?, ?, ?, u & ?, xN?",
		"SELECT a.5, t.1, (b).5, x[1].5, .5e3":        "SELECT a.?, t.?, (b).?, x[?].?, ?",
		"a IS TRUE OR b = false AND t.true = c.x":     "a IS ? OR b = ? AND t.true = c.x",
		"INTERVAL '1' DAY + INTERVAL 2 MONTH":         "INTERVAL ? DAY + INTERVAL ? MONTH",
		"a IN (1, 'b',\n 3.5) AND b IN ('x')":         "a IN (?) AND b IN (?)",
		"a NOT IN (?, ?, ?) AND b IN (1, c, 2, 3)":    "a NOT IN (?) AND b IN (?, c, ?, ?)",
		"a IN (1, /* 2 */ 3) AND f(1, 2) IN (g(1))":   "a IN (?) AND f(?, ?) IN (g(?))",
		"a IN (SELECT 1, 2) OR b IN ((1, 2), (3, 4))": "a IN (SELECT ?, ?) OR b IN ((?, ?), (?, ?))",
		"LIMIT 10OFFSET 5":                            "LIMIT ? ?", // what follows a number directly may be its rest
		"SELECT größe FROM straße":                    "SELECT größe FROM straße",
	} {
		require.Equal(t, want, Sanitize(in), "%q", in)
	}
}

// The rest is left out, as it may belong to a literal.
func TestSanitize_StopsAtAnAmbiguousLiteral(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT a, 'secret":               "SELECT a, ?",
		`SELECT a, "secret`:               "SELECT a, ?",
		"SELECT a, `secret":               "SELECT a, ?",
		"SELECT a /* secret":              "SELECT a ?",
		`SELECT a, 'b\`:                   "SELECT a, ?",
		"SELECT a, $$secret$$, b":         "SELECT a, ?",
		"SELECT a, $$ secret $$, b":       "SELECT a, ?",
		"SELECT a, $x$ ' secret ' $x$, b": "SELECT a, ?",
		"SELECT a, 1$$secret$$, b":        "SELECT a, ??",
		"SELECT 1 /* /* */ 'secret' */":   "SELECT ? ?",
		"SELECT 1 -- x\r'secret'":         "SELECT ? ?",
		`SELECT E'\'', 'secret'`:          "SELECT E?", // the prefix is no part of a literal that was not read
		`SELECT r'\', 'secret'`:           "SELECT r?",
		`SELECT U&'\', 'secret'`:          "SELECT U&?",
		`SELECT "a\" , "secret'`:          "SELECT ?",
	} {
		require.Equal(t, want, Sanitize(in), "%q", in)
	}
}

// A standard literal has no escapes: 'C:\' is complete there, and what this
// dialect reads as a name behind it is a literal.
func TestSanitize_StandardLiterals(t *testing.T) {
	for _, sql := range []string{
		`SELECT 'C:\', 'secret'`, `SELECT * FROM t WHERE a LIKE '50\%\' AND b = 'secret'`, `INSERT INTO t VALUES ('\','secret',1)`,
	} {
		require.NotContains(t, Sanitize(sql), "secret", "%q", sql)
	}
}

// Exporters refuse text that is no UTF-8, with all that they were given.
func TestSanitize_ReturnsUTF8(t *testing.T) {
	for _, sql := range []string{"SELECT \xff", "SELECT \"a\xff\" FROM t", "SELECT a\xc3", "SELECT '\xff' FROM t\xe2\x82"} {
		require.True(t, utf8.ValidString(Sanitize(sql)), "%q gives %q", sql, Sanitize(sql))
	}
}

func TestOperation_IsTheFirstWord(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "",
		" ":                               "",
		";":                               "",
		"select 1":                        "SELECT",
		"SELECT":                          "SELECT",
		"\n\t((select 1) union select 2)": "SELECT",
		"-- INSERT\n/* x */ // y\nupdate t set a = 1": "UPDATE",
		"with a as (select 1) select":                 "WITH",
		"Explain Analyze select":                      "EXPLAIN",
		"'SELECT'":                                    "",
		`"SELECT"`:                                    "",
		"1 SELECT":                                    "",
		"/* SELECT":                                   "",
		"'SELECT":                                     "",
		"-- SELECT":                                   "",
		"?":                                           "",
		"SELECT/**/1":                                 "SELECT",
		"insert'x'":                                   "INSERT",
		"$$secret$$":                                  "",
		"$tag$secret$tag$":                            "",
		"select$$secret$$":                            "",
	} {
		require.Equal(t, want, Operation(in), "%q", in)
	}
}

// quotings hide a secret word in a statement in all ways that are known.
var quotings = []string{
	"'%s'", "'a''%s'", "'%s''b'", `'\'%s'`, `'%s\\'`, `'\\\'%s'`, "E'%s'", "N'%s'", "U&'%s'", "_utf8'%s'", "DATE '%s'", "'\n%s\r\n'",
	"'-- %s'", "'/* %s */'", "'$$%s$$'", "'\"%s\"'", "'`%s`'", "'ü%s\x00\xff'", "$$%s$$", "$$ %s $$", "$a$%s$a$", "$a$ ' %s $a$", "a$$%s$$",
	"-- %s\n", "--%s' \n", "// %s\n", "/* %s */", "/*%s*/", "/*' %s */", "/* /* */ %s */", "-- \r %s\n", "1%s", "0x%s", "1.5e3%s", "1_%s",
	`"\" %s"`, `r'\' || '%s'`,
}

// unended hide it where a statement breaks off.
var unended = []string{"'%s", "'\\'%s", "\"%s", "`%s", "/* %s", "$$%s", "$x$ ' %s", "$x$'%s"}

// harmless is what may stand around a literal.
var harmless = []string{
	"SELECT", "a", "t.b", "FROM", "\"c d\"", "`e`", ",", "(", ")", "=", " ", "\n", "1", "2.5", "'f'", "?", ":g", "$1", "/* h */", "-- i\n", ";", "ü", "||",
}

func TestSanitize_NoLiteralSurvivesInAnyQuoting(t *testing.T) {
	const secret = "xyzzysecret"
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom(harmless), 0, 12)
		sql := strings.Join(parts.Draw(t, "before"), " ") + " "
		if rapid.Bool().Draw(t, "ended") {
			sql += fmt.Sprintf(rapid.SampledFrom(quotings).Draw(t, "quoting"), secret) +
				rapid.SampledFrom([]string{"", " ", ",", ")"}).Draw(t, "end") + strings.Join(parts.Draw(t, "behind"), " ")
		} else {
			sql += fmt.Sprintf(rapid.SampledFrom(unended).Draw(t, "unended"), secret)
		}
		require.NotContains(t, Sanitize(sql), secret, "%q", sql)
	})
}

func TestSanitize_LiteralOfAnyText(t *testing.T) {
	escape := strings.NewReplacer(`\`, `\\`, "'", "''")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`['"\\$/*\- a\n]*`)).Draw(t, "text")
		sql := "SELECT a FROM t WHERE b = '" + escape.Replace(text) + "' AND c = 1"
		require.Equal(t, "SELECT a FROM t WHERE b = ? AND c = ?", Sanitize(sql), "%q", sql)
	})
}

func FuzzSanitize(f *testing.F) {
	for _, q := range quotings {
		f.Add("SELECT a, "+q+" FROM t", "secret")
	}
	f.Add("SELECT \xff, 0x%s", "'\\")
	f.Fuzz(func(t *testing.T, sql, text string) {
		once := Sanitize(sql)
		require.Equal(t, once, Sanitize(once), "%q", sql)
		require.True(t, utf8.ValidString(once))
		for tok := range Tokens(once) {
			require.NotContains(t, []Kind{Literal, Number, Comment, Broken}, tok.Kind, "%q in %q from %q", tok.Text, once, sql)
		}
		literal := "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(text) + "'"
		require.Equal(t, "SELECT ?, a", Sanitize("SELECT "+literal+", a"))
		Operation(sql)
	})
}
