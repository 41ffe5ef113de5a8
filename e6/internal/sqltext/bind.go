package sqltext

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// A Placeholder stands for a value in a statement.
type Placeholder struct {
	// Name is the name of :name or @name, and empty for a question mark.
	Name string
	// Index counts the placeholders of the statement, from 0.
	Index int
	// Pos is where it begins, in bytes.
	Pos int
	// Escaped is set for ??, which stands for a question mark and is not counted.
	Escaped bool
}

// ErrComment: engines disagree on where a comment ends, so that what follows might be
// a literal for one of them, and a placeholder in it none.
var ErrComment = errors.New("a comment of the statement has a carriage return without a line feed, " +
	"at which some engines end it: end the line with a line feed")

// Bind returns a statement with each placeholder, and each ??, replaced by what
// value gives for it. Placeholders are ?, :name and @name. A value never becomes
// one with the token beside it: a space is put between where it might. What stands
// in a literal, an identifier or a comment is no placeholder, and neither is a
// colon or an at sign that belongs to something else: a cast such as ::int,
// a slice such as a[1:n], @@name. In standard SQL a literal knows no backslash
// escapes. The errors are ErrComment, and those of value.
func Bind(sql string, standard bool, value func(Placeholder) (string, error)) (string, error) {
	tokens, err := bindable(sql, standard)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, n := 0, 0; i < len(tokens); i++ {
		t := tokens[i]
		text, width, valued := t.Text, 1, false
		switch {
		case t.Is("?") && i+1 < len(tokens) && tokens[i+1].Is("?"):
			v, err := value(Placeholder{Index: n, Pos: t.Pos, Escaped: true})
			if err != nil {
				return "", err
			}
			text, width = v, 2
		case t.Is("?"):
			v, err := value(Placeholder{Index: n, Pos: t.Pos})
			if err != nil {
				return "", err
			}
			text, valued = v, true
			n++
		case (t.Is(":") || t.Is("@")) && namesValue(tokens, i):
			v, err := value(Placeholder{Name: tokens[i+1].Text, Index: n, Pos: t.Pos})
			if err != nil {
				return "", err
			}
			text, width, valued = v, 2, true
			n++
		}
		next := i + width
		if valued && i > 0 && merges(tokens[i-1]) {
			b.WriteByte(' ')
		}
		b.WriteString(text)
		if valued && next < len(tokens) && merges(tokens[next]) {
			b.WriteByte(' ')
		}
		i = next - 1
	}
	return b.String(), nil
}

// bindable returns the tokens of a statement as Bind has to see them.
func bindable(sql string, standard bool) ([]Token, error) {
	tokens := make([]Token, 0, 32)
	for pos := 0; pos < len(sql); {
		t := Token{Pos: pos}
		n := dollarQuoted(sql[pos:])
		if t.Kind = Literal; n == 0 {
			t.Kind, n = next(sql[pos:], standard)
		}
		t.Text = sql[pos : pos+n]
		pos += n
		if t.Kind == Comment && endsEarly(t.Text, sql[pos:]) {
			return nil, ErrComment
		}
		tokens = append(tokens, t)
	}
	return tokens, nil
}

// endsEarly reports whether some engine ends a comment before its end, which is the
// line feed that rest begins with.
func endsEarly(comment, rest string) bool {
	if strings.HasPrefix(rest, "\n") {
		comment = strings.TrimSuffix(comment, "\r")
	}
	return !strings.HasPrefix(comment, "/*") && strings.Contains(comment, "\r")
}

// merges reports whether a value directly beside a token might be read as a part
// of it: the 5 of v? as that of v5.
func merges(t Token) bool {
	switch t.Kind {
	case Space, Comment:
		return false
	case Symbol:
		return !strings.Contains("()[]{},;=<>+-*/%|!~^:", t.Text)
	}
	return true
}

// namesValue reports whether the colon or at sign at i begins a placeholder: a
// name follows it directly, and nothing that it could belong to stands directly
// before it.
func namesValue(tokens []Token, i int) bool {
	if i+1 == len(tokens) || tokens[i+1].Kind != Word {
		return false
	}
	if i == 0 {
		return true
	}
	switch before := tokens[i-1]; before.Kind {
	case Word, Number, Literal, Identifier, Broken:
		return false
	case Symbol:
		return !strings.Contains(":@)]", before.Text)
	}
	return true
}

// dollarQuoted returns the length of the literal $tag$ text $tag$ that s begins with,
// and 0 if there is none. The dialect has no such literals, and an engine that has
// them must not be given a value within one.
func dollarQuoted(s string) int {
	if s[0] != '$' {
		return 0
	}
	end := 1 + strings.IndexByte(s[1:], '$')
	if end == 0 || strings.ContainsFunc(s[1:end], func(r rune) bool { return !isWord(r) && r < utf8.RuneSelf }) || isDigit(s[1]) {
		return 0
	}
	tag := s[:end+1]
	body := strings.Index(s[len(tag):], tag)
	if body < 0 {
		return 0
	}
	return len(tag) + body + len(tag)
}
