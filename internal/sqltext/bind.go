package sqltext

import (
	"errors"
	"iter"
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

// A Part is a piece of a statement: SQL text, or a placeholder.
type Part struct {
	// Text is the SQL text. It is empty for a placeholder.
	Text string
	// At is the placeholder, and nil for SQL text.
	At *Placeholder
}

// Rules are the syntax of the placeholders of a statement.
type Rules struct {
	// Standard is set for standard SQL, where a literal has no backslash escapes
	// unless it begins with E'.
	Standard bool
	// Names reports whether a value has that name. If it is nil, no value has a
	// name, and only ? is a placeholder.
	Names func(name string) bool
}

// ErrComment: engines disagree on the end of a comment, so the text after it, and a
// placeholder in that text, might be part of a literal for one of them.
var ErrComment = errors.New("a comment of the statement has a carriage return without a line feed, " +
	"at which some engines end it: end the line with a line feed")

// partBytes is the maximum length of a part of SQL text. It lets the reader of a long
// statement stop between two parts.
const partBytes = 64 << 10

// Split returns the parts of a statement in their order. The text parts are the
// statement without its placeholders, but for a space beside a placeholder where a
// value could otherwise become a part of the token next to it.
//
// ? is a placeholder, and ?? an escaped question mark. With names, :name and @name are
// placeholders as well. There are none in a literal, an identifier or a comment, and a
// colon or an at sign with another meaning is none: a cast such as ::int, an
// assignment, @@name, a slice such as a[1:n], an entry such as {'k':v}. In
// brackets and braces, where a name may also be a bound or a value of the dialect, as
// in a[:n], it is a placeholder only if a value has that name.
//
// The last pair may hold ErrComment. Nothing that was returned before is valid then.
func Split(sql string, rules Rules) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		s := splitter{rules: rules, scanner: scanner{sql: sql, standard: rules.Standard, dollar: true}}
		s.advance()
		s.split(yield)
	}
}

// splitter reads a statement with one token of lookahead.
type splitter struct {
	scanner
	rules Rules

	before  Token // directly before token
	operand Token // the last token before it that is neither space nor comment
	token   Token
	next    Token
	more    bool // next is valid

	brackets []byte // that are open
	text     int    // where the text begins that has not been returned
	count    int    // placeholders
}

// advance reads the next token into the lookahead.
func (s *splitter) advance() { s.next, s.more = s.scan() }

// step moves to the next token.
func (s *splitter) step() bool {
	s.before = s.token
	switch s.token.Kind {
	case Space, Comment:
	default:
		s.operand = s.token
		s.bracket()
	}
	if !s.more {
		return false
	}
	s.token = s.next
	s.advance()
	return true
}

// bracket keeps the stack of open brackets.
func (s *splitter) bracket() {
	if s.token.Kind != Symbol {
		return
	}
	switch c := s.token.Text[0]; c {
	case '(', '[', '{':
		s.brackets = append(s.brackets, c)
	case ')', ']', '}':
		s.brackets = s.brackets[:max(len(s.brackets)-1, 0)]
	}
}

func (s *splitter) split(yield func(Part, error) bool) {
	s.token.Kind = Space
	for s.step() {
		t := s.token
		if t.Kind == Comment && endsEarly(t.Text, s.sql[t.Pos+len(t.Text):]) {
			yield(Part{}, ErrComment)
			return
		}
		at := s.placeholder()
		if at == nil {
			if end := t.Pos + len(t.Text); end-s.text >= partBytes && !s.flush(end, yield) {
				return
			}
			continue
		}
		if !s.flush(t.Pos, yield) || !s.value(at, merges(s.before), yield) {
			return
		}
	}
	s.flush(len(s.sql), yield)
}

// flush returns the text up to a position.
func (s *splitter) flush(end int, yield func(Part, error) bool) bool {
	text := s.sql[s.text:end]
	s.text = end
	return text == "" || yield(Part{Text: text}, nil)
}

// value returns the placeholder that has just been read, with spaces where they are
// needed.
func (s *splitter) value(at *Placeholder, space bool, yield func(Part, error) bool) bool {
	s.text = s.token.Pos + len(s.token.Text)
	if at.Escaped {
		return yield(Part{At: at}, nil)
	}
	s.count++
	blank := Part{Text: " "}
	return (!space || yield(blank, nil)) && yield(Part{At: at}, nil) &&
		(!s.more || !merges(s.next) || yield(blank, nil))
}

// placeholder returns the placeholder that begins with the current token, and moves to
// its last token. It is nil if there is none.
func (s *splitter) placeholder() *Placeholder {
	if s.token.Kind != Symbol {
		return nil
	}
	escaped, name := false, ""
	pos := s.token.Pos
	switch s.token.Text {
	case "?":
		if escaped = s.more && s.next.Text == "?"; !escaped {
			return &Placeholder{Index: s.count, Pos: pos}
		}
	case ":", "@":
		if s.rules.Names == nil || !s.names() {
			return nil
		}
		name = s.next.Text
	default:
		return nil
	}
	first := s.before
	s.step()
	s.before = first
	return &Placeholder{Name: name, Index: s.count, Pos: pos, Escaped: escaped}
}

// names reports whether the colon or at sign that was read begins a placeholder: a
// name follows it directly, and it belongs to nothing that stands before it.
func (s *splitter) names() bool {
	if !s.more || s.next.Kind != Word {
		return false
	}
	switch s.before.Kind {
	case Word, Number, Literal, Identifier, Broken:
		return false
	case Symbol:
		if strings.Contains(":@)]}?", s.before.Text) {
			return false
		}
	}
	if n := len(s.brackets); n == 0 || s.brackets[n-1] == '(' {
		return true
	}
	// In brackets or braces, a colon behind an operand separates two of them.
	switch s.operand.Kind {
	case Number, Literal, Identifier:
		return false
	case Word:
		return s.rules.Names(s.next.Text)
	}
	switch s.operand.Text {
	case ")", "]", "}":
		return false
	case "[":
		return s.rules.Names(s.next.Text)
	}
	return true
}

// Unfinished reports whether a literal, an identifier or a comment of a statement has
// no end.
func Unfinished(sql string, standard bool) bool {
	for t := range tokens(sql, standard) {
		if t.Kind == Broken {
			return true
		}
	}
	return false
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
