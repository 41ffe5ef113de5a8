package sqltext

import "strings"

// Normalize removes white space around a statement, and one semicolon that ends
// it, as the engine accepts none. Text after that semicolon, such as a comment, is
// kept. A semicolon in a literal, an identifier or a comment does not end a
// statement. One between two statements, or one of several at the end, is kept, and
// the engine reports an error.
//
// The literals of a statement may be those of standard SQL. A semicolon that
// belongs to one of them, if they are read so, is left too.
func Normalize(sql string) string {
	if !strings.Contains(sql, ";") {
		return strings.TrimSpace(sql) // a statement of 100 MB takes a second to read
	}
	end, whole := terminator(sql, false)
	if other, otherWhole := terminator(sql, true); otherWhole && other != end {
		if end = -1; !whole {
			end = other
		}
	}
	if end < 0 {
		return strings.TrimSpace(sql)
	}
	// A space takes its place, so that what is left and right of it cannot become
	// one token. The white space before it may be the end of a comment's line.
	return strings.TrimSpace(sql[:end] + " " + sql[end+1:])
}

// terminator returns where the only semicolon of a statement is, if nothing but
// comments follow it, and -1 otherwise; and whether everything that begins in the
// statement ends.
func terminator(sql string, standard bool) (end int, whole bool) {
	end, whole = -1, true
	more := false
	for t := range tokens(sql, standard) {
		whole = whole && t.Kind != Broken
		switch {
		case t.Is(";") && end < 0: // the protocol allows for one
			end = t.Pos
		case t.Kind != Space && t.Kind != Comment && end >= 0:
			more = true
		}
	}
	if more {
		end = -1
	}
	return end, whole
}
