package emulator

import (
	"regexp"
	"strings"
)

// Translate returns a statement of e6data's dialect as DuckDB has to read it.
//
// Three things differ in the lexical structure. In a string literal of
// e6data the escapes \\ \' \r \n \t stand for the character they name; DuckDB
// knows no backslash escapes, so the characters themselves are written. A
// backslash before any other character stands for itself, which keeps regular
// expressions and DuckDB's \x of binary literals as they are; a doubled quote
// is a quote in both. And // begins a comment, which DuckDB would read as
// integer division: it becomes a -- comment. A binary literal X'00ff', which is the
// text x00ff to DuckDB, becomes one of DuckDB's.
//
// Identifiers in double quotes, comments, and literals of the form E'...' or $tag$...$tag$,
// which DuckDB reads itself, are left alone. An unterminated literal stays so,
// for DuckDB to complain about.
func Translate(sql string) string {
	t := translator{in: sql}
	t.out.Grow(len(sql) + 8)
	for t.pos < len(t.in) {
		t.next()
	}
	return t.out.String()
}

// translator walks over a statement once; out holds the translation of
// in[:pos].
type translator struct {
	in  string
	pos int
	out strings.Builder
	// escaped is set behind a literal E'...' and while nothing but white space and
	// comments follow: DuckDB takes a literal there for the rest of it.
	escaped bool
}

// next translates one token, or one character that begins none.
func (t *translator) next() {
	rest := t.in[t.pos:]
	escaped := t.escaped
	t.escaped = false
	switch {
	case rest[0] == '\'':
		t.literal(escaped)
		t.escaped = escaped
	case rest[0] == '"':
		t.copy(quotedEnd(rest, '"'))
	case rest[0] == '$':
		t.copy(dollarEnd(rest))
	case isWordStart(rest[0]):
		t.word()
	case strings.HasPrefix(rest, "//"):
		// The space keeps a minus in front from becoming part of the mark.
		t.pos += len("//")
		t.out.WriteString(" --")
		t.copy(lineEnd(t.in[t.pos:]))
		t.escaped = escaped
	case strings.HasPrefix(rest, "--"):
		t.copy(lineEnd(rest))
		t.escaped = escaped
	case strings.HasPrefix(rest, "/*"):
		t.copy(blockEnd(rest))
		t.escaped = escaped
	default:
		t.copy(1)
		t.escaped = escaped && strings.ContainsRune(" \t\n\r\f\v", rune(rest[0]))
	}
}

// copy passes n bytes on as they are.
func (t *translator) copy(n int) {
	t.out.WriteString(t.in[t.pos : t.pos+n])
	t.pos += n
}

// word passes on a name, a keyword or a number as a whole, so that only an E
// that stands alone before a quote is taken for the mark of such a literal.
func (t *translator) word() {
	end := 1
	for t.pos+end < len(t.in) && isWordPart(t.in[t.pos+end]) {
		end++
	}
	word := t.in[t.pos : t.pos+end]
	if (word == "X" || word == "x") && t.binary() {
		return
	}
	t.copy(end)
	if (word == "E" || word == "e") && strings.HasPrefix(t.in[t.pos:], "'") {
		t.copy(escapedEnd(t.in[t.pos:]))
		t.escaped = true
	}
}

// binary translates the binary literal that begins at pos, if it is one.
func (t *translator) binary() bool {
	m := binaryLiteral.FindStringSubmatch(t.in[t.pos:])
	if m == nil {
		return false
	}
	t.pos += len(m[0])
	t.out.WriteString("('")
	for i := 0; i < len(m[1]); i += 2 {
		t.out.WriteString(`\x` + m[1][i:i+2])
	}
	t.out.WriteString("'::BLOB)")
	return true
}

var binaryLiteral = regexp.MustCompile(`^[Xx]'((?:[0-9A-Fa-f]{2})*)'`)

// literal translates the string literal that begins at pos, for a place where
// DuckDB reads escapes if that is set.
func (t *translator) literal(escaped bool) {
	body, end, terminated := unescape(t.in[t.pos:])
	if escaped {
		body = strings.ReplaceAll(body, `\`, `\\`)
	}
	t.pos += end
	t.out.WriteByte('\'')
	t.out.WriteString(strings.ReplaceAll(body, "'", "''"))
	if terminated {
		t.out.WriteByte('\'')
	}
}

// unescape reads the string literal at the beginning of s. It returns the text
// that it stands for, its length in s and whether it is terminated.
func unescape(s string) (text string, length int, terminated bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case s[i] == '\'':
			return b.String(), i + 1, true
		case s[i] == '\\' && i+1 < len(s):
			if c, known := escapes[s[i+1]]; known {
				b.WriteByte(c)
				i++
			} else {
				b.WriteByte('\\')
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), len(s), false
}

var escapes = map[byte]byte{'\\': '\\', '\'': '\'', 'r': '\r', 'n': '\n', 't': '\t'}

// quotedEnd returns the length of the quoted text at the beginning of s, in
// which the quote itself is written twice.
func quotedEnd(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		if i+1 == len(s) || s[i+1] != quote {
			return i + 1
		}
		i++
	}
	return len(s)
}

// escapedEnd is quotedEnd for text in which a backslash protects the character
// that follows it.
func escapedEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case s[i] == '\'':
			return i + 1
		}
	}
	return len(s)
}

// dollarEnd returns the length of the literal $tag$...$tag$ at the beginning of s,
// and that of the dollar sign if there is none.
func dollarEnd(s string) int {
	tag := dollarTag.FindString(s)
	if tag == "" {
		return 1
	}
	body := strings.Index(s[len(tag):], tag)
	if body < 0 {
		return 1
	}
	return len(tag) + body + len(tag)
}

var dollarTag = regexp.MustCompile(`^\$(?:[A-Za-z_\x80-\x{10FFFF}][A-Za-z_0-9\x80-\x{10FFFF}]*)?\$`)

// lineEnd returns the length of s up to the end of its first line.
func lineEnd(s string) int {
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		return i
	}
	return len(s)
}

// blockEnd returns the length of the comment at the beginning of s. Comments
// nest, in DuckDB as in the public dialect of e6data.
func blockEnd(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// Bytes beyond ASCII are parts of names, as in DuckDB.
func isWordStart(c byte) bool {
	return c == '_' || c >= 0x80 || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isWordPart(c byte) bool { return isWordStart(c) || c == '$' }
