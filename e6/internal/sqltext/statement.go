package sqltext

import "strings"

// Normalize removes white space around a statement, and one semicolon that ends
// it, as the engine accepts none. What follows that semicolon, such as a
// comment, is kept. A semicolon in a literal, an identifier or a comment does
// not end a statement, and one between two statements, or one of several at the
// end, is left for the engine to complain about.
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
	if end < 0 {
		return strings.TrimSpace(sql)
	}
	// A space takes its place, so that what is left and right of it cannot become
	// one token. The white space before it may be the end of a comment's line.
	return strings.TrimSpace(sql[:end] + " " + sql[end+1:])
}
