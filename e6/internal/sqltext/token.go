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
	// Word is a keyword, a name or a number.
	Word
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
func Tokens(sql string) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		for pos := 0; pos < len(sql); {
			kind, n := next(sql[pos:])
			if !yield(Token{kind, sql[pos : pos+n], pos}) {
				return
			}
			pos += n
		}
	}
}

// next returns the kind and the length of the first token of s.
func next(s string) (Kind, int) {
	switch {
	case strings.HasPrefix(s, "--"), strings.HasPrefix(s, "//"):
		if end := strings.IndexByte(s, '\n'); end >= 0 {
			return Comment, end
		}
		return Comment, len(s)
	case strings.HasPrefix(s, "/*"):
		if end := strings.Index(s[2:], "*/"); end >= 0 {
			return Comment, end + 4
		}
		return Broken, len(s)
	case s[0] == '\'':
		return quoted(s, Literal, true)
	case s[0] == '"', s[0] == '`':
		return quoted(s, Identifier, false)
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case unicode.IsSpace(r):
		return Space, size + span(s[size:], unicode.IsSpace)
	case isWord(r):
		return Word, size + span(s[size:], isWord)
	}
	return Symbol, size
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
