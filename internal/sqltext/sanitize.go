package sqltext

import (
	"slices"
	"strings"
)

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

// endsForAll reports whether a literal of that length has the same end for engines
// without backslash escapes.
func endsForAll(sql string, length int) bool {
	_, n := quoted(sql, Literal, false)
	return n == length
}

// uncertain reports whether the token, or what follows it, may belong to a literal for
// some engine. The token is at its place in sql, and last is the one before it.
func uncertain(sql string, last, t Token) bool {
	return t.Kind == Broken || ambiguous(last, t) || t.Kind == Word && strings.HasPrefix(t.Text, "$$") ||
		t.Kind == Literal && !endsForAll(sql[t.Pos:], len(t.Text))
}

// Sanitize returns a statement with each literal (text, number, TRUE, FALSE) replaced by
// a question mark, without comments, and with single spaces. The values of an IN list
// become one question mark, so that lists of different lengths give the same text. Where
// engines disagree on what belongs to a literal, and where a literal does not end,
// everything from there on is replaced by one question mark.
func Sanitize(sql string) string {
	s := sanitizer{out: make([]byte, 0, min(len(sql), 512)), prefixAt: -1, pointAt: -1, list: -1}
	for t := range Tokens(sql) {
		if uncertain(sql, s.last, t) {
			s.out = append(s.out, '?')
			break
		}
		s.add(t)
	}
	return strings.ToValidUTF8(strings.TrimSuffix(string(s.out), " "), "\uFFFD")
}

// sanitizer writes the tokens of a statement without its literals.
type sanitizer struct {
	out      []byte
	last     Token // the token before, of any kind
	prefixAt int   // where a prefix of a literal begins, such as N or U&; -1 without one
	pointAt  int   // where a point begins that may be a part of a number; -1 without one

	isIn bool // the last word is IN
	open bool // in an IN list that has had nothing but values
	list int  // where the first value of that list ends in out; -1 before it
}

// add writes the next token.
func (s *sanitizer) add(t Token) {
	at := len(s.out)
	switch {
	case t.Kind == Space, t.Kind == Comment:
		if at > 0 && s.out[at-1] != ' ' {
			s.out = append(s.out, ' ')
		}
	case t.Kind == Literal:
		if s.prefixAt >= 0 {
			s.out = s.out[:s.prefixAt]
		}
		s.value()
	case t.Kind == Number:
		if s.pointAt >= 0 {
			s.out = s.out[:s.pointAt]
		}
		s.value()
	case t.Kind == Word && s.last.Kind == Number:
		at = -1 // the rest of a number such as 0x1F
	case (t.Is("TRUE") || t.Is("FALSE")) && !s.last.Is("."), t.Is("?"):
		s.value()
	default:
		s.out = append(s.out, t.Text...)
	}
	s.follow(t, at)
}

// value writes a question mark. Of the values of an IN list only the first one is kept.
func (s *sanitizer) value() {
	if s.open && s.list >= 0 {
		s.out = s.out[:s.list]
		return
	}
	s.out = append(s.out, '?')
	if s.open {
		s.list = len(s.out)
	}
}

// follow keeps what the next token depends on.
func (s *sanitizer) follow(t Token, at int) {
	prefix, point := -1, -1
	switch {
	case t.Kind == Word && at >= 0 && len(t.Text) == 1 && strings.ContainsAny(t.Text, "bBeEnNrRxXuU"):
		prefix = at
	case t.Is("&") && s.prefixAt >= 0 && s.last.Is("U"):
		prefix = s.prefixAt
	case t.Is(".") && !slices.Contains([]Kind{Word, Identifier, Number}, s.last.Kind) && !s.last.Is(")") && !s.last.Is("]"):
		point = at
	}
	s.prefixAt, s.pointAt = prefix, point
	switch {
	case t.Kind == Space, t.Kind == Comment:
	case s.isIn && t.Is("("):
		s.open, s.list, s.isIn = true, -1, false
	default:
		s.isIn = t.Is("IN")
		s.open = s.open && (t.Kind == Literal || t.Kind == Number || t.Is(",") || t.Is("?") || t.Is("TRUE") || t.Is("FALSE") || at < 0)
	}
	s.last = t
}
