package sqltext

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is the kind of a token.
type Kind uint8

// The kinds.
const (
	// Space is white space.
	Space Kind = iota
	// Comment is -- or // to the end of the line, or /* to */.
	Comment
	// Word is a keyword or a name.
	Word
	// Number is a number without its sign. It ends where its digits end: the
	// letters that follow directly are a word, as they are for some engines.
	Number
	// Literal is a string in single quotes. A quote in it is doubled or follows
	// a backslash.
	Literal
	// Identifier is a name in double quotes or backquotes; a quote in it is
	// doubled.
	Identifier
	// Symbol is any other character.
	Symbol
	// Broken is a literal, an identifier or a comment that does not end.
	Broken
)

// Token is a piece of a statement. The texts of all tokens are the statement.
type Token struct {
	Kind Kind
	Text string
	// Pos is where the token begins, in bytes.
	Pos int
}

// Is reports whether the token is that keyword, in any case, or that symbol.
func (t Token) Is(word string) bool {
	return (t.Kind == Word || t.Kind == Symbol) && strings.EqualFold(t.Text, word)
}

// Tokens returns the tokens of a statement in the e6 dialect.
func Tokens(sql string) iter.Seq[Token] { return tokens(sql, false) }

// tokens returns the tokens of a statement, in standard SQL if that is set: there
// a backslash is a character like any other, except in E'...'.
func tokens(sql string, standard bool) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		s := scanner{sql: sql, standard: standard}
		for t, ok := s.scan(); ok; t, ok = s.scan() {
			if !yield(t) {
				return
			}
		}
	}
}

// scanner reads the tokens of a statement one after the other.
type scanner struct {
	sql      string
	standard bool
	dollar   bool // $tag$ text $tag$ is a literal
	pos      int
	escapes  bool // a literal that begins here has backslash escapes in standard SQL too
}

// scan returns the next token, and false at the end.
func (s *scanner) scan() (Token, bool) {
	if s.pos == len(s.sql) {
		return Token{}, false
	}
	rest, n := s.sql[s.pos:], 0
	t := Token{Kind: Literal, Pos: s.pos}
	if s.dollar {
		n = dollarQuoted(rest)
	}
	if n == 0 {
		t.Kind, n = next(rest, s.standard && !s.escapes)
	}
	t.Text = rest[:n]
	s.pos += n
	s.escapes = t.Kind == Word && strings.EqualFold(t.Text, "E")
	return t, true
}

// next returns the kind and the length of the first token of s.
func next(s string, standard bool) (Kind, int) {
	switch {
	case strings.HasPrefix(s, "--"), strings.HasPrefix(s, "//"):
		if end := strings.IndexByte(s, '\n'); end >= 0 {
			return Comment, end
		}
		return Comment, len(s)
	case strings.HasPrefix(s, "/*"):
		if end := blockEnd(s); end > 0 {
			return Comment, end
		}
		return Broken, len(s)
	case s[0] == '\'':
		return quoted(s, Literal, !standard)
	case s[0] == '"', s[0] == '`':
		return quoted(s, Identifier, false)
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case unicode.IsSpace(r):
		return Space, size + span(s[size:], unicode.IsSpace)
	case isDigit(s[0]):
		return Number, number(s)
	case isWord(r):
		return Word, size + span(s[size:], isWord)
	}
	return Symbol, size
}

// blockEnd returns the length of the comment that s begins with, and 0 if it has
// no end. Comments nest, as they do in the engine's dialect.
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
		}
		if depth == 0 {
			return i + 1
		}
	}
	return 0
}

// quoted returns the length of a token that ends with the quote it begins with.
func quoted(s string, kind Kind, backslash bool) (Kind, int) {
	for i := 1; i < len(s); i++ {
		switch {
		case backslash && s[i] == '\\':
			i++
		case s[i] == s[0] && i+1 < len(s) && s[i+1] == s[0]:
			i++
		case s[i] == s[0]:
			return kind, i + 1
		}
	}
	return Broken, len(s)
}

// number returns the length of the number that s begins with: digits, a
// fraction, and an exponent if it has digits.
func number(s string) int {
	digits := func(i int) int {
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		return i
	}
	n := digits(0)
	if n < len(s) && s[n] == '.' {
		n = digits(n + 1)
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		exponent := n + 1
		if exponent < len(s) && (s[exponent] == '+' || s[exponent] == '-') {
			exponent++
		}
		if end := digits(exponent); end > exponent {
			n = end
		}
	}
	return n
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func isWord(r rune) bool {
	return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// span is the length of the beginning of s that belongs to a class.
func span(s string, class func(rune) bool) int {
	for i, r := range s {
		if !class(r) {
			return i
		}
	}
	return len(s)
}
