package sqltext

import "strings"

// Foreign finds text that looks like a placeholder of another driver, and its position:
// $1, %s, %(name)s, :1, ?1, {0}, or :name and @name if the values have no names. quoted
// is set for a placeholder alone between quotes, where it is only text. It is for error
// messages: the text may have another meaning.
func Foreign(sql string, standard bool) (text string, pos int, quoted bool) {
	s := scanner{sql: sql, standard: standard, dollar: true}
	before := Token{Kind: Space}
	for t, ok := s.scan(); ok; t, ok = s.scan() {
		rest := sql[t.Pos:]
		switch t.Kind {
		case Literal:
			if inner := strings.Trim(t.Text, "'"); foreign(inner) == len(inner) && inner != "" || inner == "?" {
				return t.Text, t.Pos, true
			}
		case Word, Symbol:
			if n := foreign(rest); n > 0 && before.Kind != Word && before.Kind != Literal && !before.Is(":") && !before.Is("@") {
				return rest[:n], t.Pos, false
			}
		}
		before = t
	}
	return "", 0, false
}

// foreign returns the length of the placeholder of another driver that s begins with,
// and 0 if there is none.
func foreign(s string) int {
	if s == "" {
		return 0
	}
	digits := span(s[1:], func(r rune) bool { return '0' <= r && r <= '9' })
	word := span(s[1:], isWord)
	switch s[0] {
	case '$', '?':
		if digits > 0 && digits == word {
			return 1 + digits
		}
	case ':', '@':
		if word > 0 {
			return 1 + word
		}
	case '%':
		if name, _, found := strings.Cut(s[1:], ")"); found && strings.HasPrefix(name, "(") && span(name[1:], isWord) == len(name)-1 {
			if n := len(name) + 2; strings.HasPrefix(s[n:], "s") {
				return n + 1
			}
		}
		if word == 1 && strings.Contains("sdvqfi", s[1:2]) {
			return 2
		}
	case '{':
		if word > 0 && strings.HasPrefix(s[1+word:], "}") {
			return word + 2
		}
	}
	return 0
}
