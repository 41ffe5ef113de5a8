package emulator_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/emulator"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, in, want string }{
		{"a plain literal stays as it is", `SELECT 'abc'`, `SELECT 'abc'`},
		{"an escaped quote is doubled", `SELECT 'it\'s'`, `SELECT 'it''s'`},
		{"a doubled quote stays doubled", `SELECT 'it''s'`, `SELECT 'it''s'`},
		{"an escaped backslash is one", `SELECT '\\'`, `SELECT '\'`},
		{"an escaped backslash does not protect the quote", `SELECT 'a\\', 'b'`, `SELECT 'a\', 'b'`},
		{"control characters are written themselves", `SELECT '\r\n\t'`, "SELECT '\r\n\t'"},
		{"other escapes keep their backslash", `SELECT '\d+\x41\%'`, `SELECT '\d+\x41\%'`},
		{"the empty literal stays empty", `SELECT '' , ''`, `SELECT '' , ''`},
		{"identifiers are left alone", `SELECT "a\'b""c'"`, `SELECT "a\'b""c'"`},
		{"a quote in an identifier begins no literal", `SELECT "it's", '\n'`, "SELECT \"it's\", '\n'"},
		{"a quote in a comment begins no literal", "SELECT 1 -- it's\n, '\\t'", "SELECT 1 -- it's\n, '\t'"},
		{"a quote in a block comment begins no literal", `SELECT /* it's */ '\t'`, "SELECT /* it's */ '\t'"},
		{"block comments nest", `SELECT /* /* ' */ ' */ '\t'`, "SELECT /* /* ' */ ' */ '\t'"},
		{"two slashes begin a comment", "SELECT 7 // 2's\n+ 1", "SELECT 7  -- 2's\n+ 1"},
		{"a minus before the slashes stays an operator", "SELECT 7 -//c\n1", "SELECT 7 - --c\n1"},
		{"slashes in a literal are no comment", `SELECT 'http://x'`, `SELECT 'http://x'`},
		{"slashes in an identifier are no comment", `SELECT "a//b"`, `SELECT "a//b"`},
		{"a single slash divides", `SELECT 4 / 2`, `SELECT 4 / 2`},
		{"DuckDB reads the escapes of its own literals", `SELECT E'\'\\n', e'x'`, `SELECT E'\'\\n', e'x'`},
		{"an e at the end of a name is no mark", `SELECT DATE'2024-01-01', date'\n'`, "SELECT DATE'2024-01-01', date'\n'"},
		{"dollar quotes are DuckDB's own", `SELECT $$it\'s // ?$$, '\n'`, "SELECT $$it\\'s // ?$$, '\n'"},
		{"dollar quotes with a tag end at that tag", `SELECT $a1$ $$ ' $a1$, '\t'`, "SELECT $a1$ $$ ' $a1$, '\t'"},
		{"a number is no tag", `SELECT $1$ '\t' $1$`, "SELECT $1$ '\t' $1$"},
		{"dollar quotes without an end are none", `SELECT $$ '\t'`, "SELECT $$ '\t'"},
		{"dollar signs in a name are no quotes", `SELECT a$b$, '\t', a$b$`, "SELECT a$b$, '\t', a$b$"},
		{"a literal that continues one with escapes has them too", "SELECT E'a' -- c\n '\\\\''b' /* */ '\\d', '\\d'", "SELECT E'a' -- c\n '\\\\''b' /* */ '\\\\d', '\\d'"},
		{"a literal without an end stays without one", `SELECT 'a\n`, "SELECT 'a\n"},
		{"an escaped quote does not end the literal", `SELECT 'a\'`, `SELECT 'a''`},
		{"a backslash at the end stays", `SELECT 'a\`, `SELECT 'a\`},
		{"an identifier without an end is passed on", `SELECT "a`, `SELECT "a`},
		{"a comment without an end is passed on", `SELECT 1 /* '\n'`, `SELECT 1 /* '\n'`},
		{"nothing stays nothing", ``, ``},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, emulator.Translate(tc.in))
		})
	}
}

// tokens is a second implementation of Translate's lexer: one regular expression.
// It cannot express comments within comments.
var tokens = regexp.MustCompile(`(?s)` + strings.Join([]string{
	`(?P<binary>\b[xX]'(?:[0-9A-Fa-f]{2})*')`,
	`(?P<eliteral>\b[eE]'(?:[^'\\]|\\.|'')*(?:'|\\?$))`,
	`(?P<word>[0-9A-Za-z_\x{80}-\x{10FFFF}][0-9A-Za-z_$\x{80}-\x{10FFFF}]*)`,
	`(?P<literal>'(?:[^'\\]|\\.|'')*')`,
	`(?P<rest>'.*$)`,
	`(?P<identifier>"(?:[^"]|"")*(?:"|$))`,
	`(?P<slashes>//[^\r\n]*)`,
	`(?P<dashes>--[^\r\n]*)`,
	`(?P<block>/\*.*?(?:\*/|$))`,
}, "|"))

var (
	binary = regexp.MustCompile(`^[xX]'`)
	pair   = regexp.MustCompile(`..`)
)

func reference(sql string) string {
	return tokens.ReplaceAllStringFunc(sql, func(token string) string {
		switch {
		case strings.HasPrefix(token, "//"):
			return " --" + token[2:]
		case binary.MatchString(token):
			return `('` + pair.ReplaceAllString(token[2:len(token)-1], `\x$0`) + `'::BLOB)`
		case token[0] != '\'':
			return token
		}
		end := ""
		if tokens.FindStringSubmatch(token)[tokens.SubexpIndex("literal")] != "" {
			end = "'"
		}
		body := strings.NewReplacer(`\\`, `\`, `\'`, `''`, `''`, `''`, `\r`, "\r", `\n`, "\n", `\t`, "\t").
			Replace(strings.TrimSuffix(token[1:], end))
		return `'` + body + end
	})
}

func FuzzTranslateAgainstReference(f *testing.F) {
	for _, seed := range []string{
		`SELECT 'it\'s', "a""b", 'x''y' -- c'`, "a//b'\n'\\t'", `/* ' */ '\\'`, `E'\'' e'' xe'\n'`, `'\`, `"`, `/*`, `'a\'`, `1-//`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		got := emulator.Translate(sql)
		// Beyond the reference are comments within comments, and names that do
		// not begin as its \b has it.
		if strings.Count(sql, "/*") > 1 || strings.Contains(sql, "/*/") || hasWide(sql) {
			return
		}
		require.Equal(t, reference(sql), got)
	})
}

func hasWide(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] == '$' {
			return true
		}
	}
	return false
}

// render writes a literal as clients of e6data do.
func render(text string) string {
	return `'` + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\r", `\r`, "\n", `\n`, "\t", `\t`).Replace(text) + `'`
}

func FuzzLiteralMeansTheSameInDuckDB(f *testing.F) {
	e := newEngine(f, emulator.Options{NoSample: true})
	for _, seed := range []string{"", "it's", `\`, `\'`, `''`, "a\r\n\tb", `\n`, `-- " /* //`, "Grüße 🌍", `E'`, `;`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			return
		}
		rows := query(t, e, "SELECT "+render(text)+" AS v // the value")
		require.Equal(t, [][]string{{text}}, rows)
	})
}
