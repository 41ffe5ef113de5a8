package sqltext

import "strings"

// Statements splits a script at the semicolons outside of literals, identifiers and
// comments. The statements have no semicolon and no white space around them; empty ones, and
// those that consist of comments, are left out. rest is the text after the last semicolon,
// unchanged. blank is true if rest has no statement: it is empty, or white space and comments.
func Statements(script string) (statements []string, rest string, blank bool) {
	begin, blank := 0, true
	for t := range Tokens(script) {
		switch {
		case t.Is(";"):
			if !blank {
				statements = append(statements, strings.TrimSpace(script[begin:t.Pos]))
			}
			begin, blank = t.Pos+len(t.Text), true
		case t.Kind != Space && t.Kind != Comment:
			blank = false
		}
	}
	return statements, script[begin:], blank
}
