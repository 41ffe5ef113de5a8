package sqltext

import "strings"

// Operation is the first word of a statement in upper case, such as SELECT, and
// empty if it does not begin with a word. It is never a part of a literal: some engines
// take $$text$$ for one.
func Operation(sql string) string {
	for t := range Tokens(sql) {
		switch {
		case t.Kind == Space, t.Kind == Comment, t.Is("("):
		case t.Kind == Word && !strings.Contains(t.Text, "$"):
			return strings.ToUpper(t.Text)
		default:
			return ""
		}
	}
	return ""
}

// endsForAll reports whether a literal of that length ends there for engines too
// that take a backslash for nothing but a character.
func endsForAll(sql string, length int) bool {
	_, n := quoted(sql, Literal, false)
	return n == length
}

// Sanitize returns a statement with each literal replaced by a question mark,
// without comments, and with single spaces. Where engines disagree on what
// belongs to a literal, everything from there on is left out.
func Sanitize(sql string) string {
	var b strings.Builder
	var last Token
	for t := range Tokens(sql) {
		before := last
		last = t
		switch {
		case t.Kind == Broken || doubtful(before, t) || t.Kind == Word && strings.HasPrefix(t.Text, "$$"),
			t.Kind == Literal && !endsForAll(sql[t.Pos:], len(t.Text)):
			return strings.ToValidUTF8(b.String(), "�") + "?"
		case t.Kind == Space, t.Kind == Comment:
			if s := b.String(); s != "" && !strings.HasSuffix(s, " ") {
				b.WriteByte(' ')
			}
		case t.Kind == Literal, t.Kind == Number:
			b.WriteByte('?')
		case t.Kind == Word && before.Kind == Number:
			// The rest of a number such as 0x1F.
		default:
			b.WriteString(t.Text)
		}
	}
	return strings.ToValidUTF8(strings.TrimSuffix(b.String(), " "), "�")
}
