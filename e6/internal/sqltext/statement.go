package sqltext

import (
	"slices"
	"strings"
)

// Normalize removes white space around a statement, and one semicolon that ends
// it, as the engine accepts none. What follows that semicolon, such as a
// comment, is kept. A semicolon in a literal, an identifier or a comment does
// not end a statement, and one between two statements is left for the engine to
// complain about.
func Normalize(sql string) string {
	end := -1 // of a semicolon with nothing but comments behind it
	for t := range Tokens(sql) {
		switch {
		case t.Is(";"):
			if end >= 0 { // the protocol allows for one
				return strings.TrimSpace(sql)
			}
			end = t.Pos
		case t.Kind != Space && t.Kind != Comment && end >= 0:
			return strings.TrimSpace(sql)
		}
	}
	if end >= 0 {
		sql = strings.TrimRight(sql[:end], " \t\r\n") + sql[end+1:]
	}
	return strings.TrimSpace(sql)
}

// ReadOnly reports whether a statement certainly changes nothing, so that it may
// be run twice. What is not known to only read counts as writing: unknown
// statements, several statements, EXPLAIN ANALYZE, SELECT INTO, FOR UPDATE,
// common table expressions that modify data, and text that cannot be read to
// its end. That a function has no side effects cannot be seen, and is assumed.
func ReadOnly(sql string) bool {
	words := make([]Token, 0, 32)
	for t := range Tokens(Normalize(sql)) {
		switch t.Kind {
		case Broken:
			return false
		case Space, Comment:
		default:
			words = append(words, t)
		}
	}
	for len(words) > 0 && words[0].Is("(") {
		words = words[1:]
	}
	if len(words) == 0 || words[0].Kind != Word {
		return false
	}
	switch strings.ToUpper(words[0].Text) {
	case "SELECT", "WITH", "VALUES":
		return !mentions(words, ";", "INTO", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "TRUNCATE",
			"CREATE", "DROP", "ALTER", "COPY", "CALL", "GRANT", "REVOKE")
	case "SHOW", "DESCRIBE", "DESC":
		return !mentions(words, ";")
	case "EXPLAIN":
		return !mentions(words, ";", "ANALYZE", "ANALYSE")
	}
	return false
}

// mentions reports whether one of the words occurs as a keyword may: not behind
// a point, as the name of a column, nor before a parenthesis, as that of a
// function such as replace.
func mentions(tokens []Token, list ...string) bool {
	for i, t := range tokens {
		if !slices.ContainsFunc(list, t.Is) {
			continue
		}
		column := i > 0 && tokens[i-1].Is(".")
		function := i+1 < len(tokens) && tokens[i+1].Is("(") && (t.Is("replace") || t.Is("insert") || t.Is("truncate"))
		if !column && !function {
			return true
		}
	}
	return false
}
