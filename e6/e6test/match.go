package e6test

import (
	"slices"

	"github.com/e6data/e6data-go/internal/sqltext"
)

// significant returns the tokens of a statement without white space and comments.
func significant(sql string) (all []sqltext.Token) {
	for t := range sqltext.Tokens(sqltext.Normalize(sql)) {
		if t.Kind != sqltext.Space && t.Kind != sqltext.Comment {
			all = append(all, t)
		}
	}
	return all
}

// matches reports whether a statement is that of a pattern, in which a question mark
// stands for a value or a list of values.
func matches(pattern, statement []sqltext.Token) bool {
	for i, p := range pattern {
		if i >= len(statement) {
			return false
		}
		if p.Is("?") && !statement[i].Is("?") {
			// The longest list first: VALUES (?, ?) has two values, and IN (?) any number.
			for _, end := range slices.Backward(valueEnds(statement[i:])) {
				if matches(pattern[i+1:], statement[i+end:]) {
					return true
				}
			}
			return false
		}
		if same := p.Text == statement[i].Text || p.Kind == sqltext.Word && statement[i].Is(p.Text); !same {
			return false
		}
	}
	return len(pattern) == len(statement)
}

// valueEnds returns where the list of values ends that the tokens begin with: after the
// first value, after the second one, and so on.
func valueEnds(tokens []sqltext.Token) (ends []int) {
	at := 0
	for {
		n := valueLength(tokens[at:])
		if n == 0 {
			return ends
		}
		at += n
		ends = append(ends, at)
		if at >= len(tokens) || !tokens[at].Is(",") {
			return ends
		}
		at++
	}
}

// valueLength is the number of tokens of the value that the tokens begin with: a literal
// with or without a type before it, a number, NULL, TRUE, FALSE, or a CAST.
func valueLength(tokens []sqltext.Token) int {
	at := 0
	is := func(i int, words ...string) bool {
		return i < len(tokens) && slices.ContainsFunc(words, tokens[i].Is)
	}
	kind := func(i int, k sqltext.Kind) bool { return i < len(tokens) && tokens[i].Kind == k }
	if is(at, "+", "-") {
		at++
	}
	switch {
	case is(at, "CAST") && is(at+1, "("):
		return closing(tokens, at+1)
	case at == 0 && is(at, "(") && is(at+1, "-", "+"): // a number below zero
		return closing(tokens, at)
	case kind(at, sqltext.Literal), is(at, "NULL", "TRUE", "FALSE"):
		return at + 1
	case kind(at, sqltext.Word) && kind(at+1, sqltext.Literal):
		return at + 2
	case kind(at, sqltext.Number), is(at, ".") && kind(at+1, sqltext.Number):
		for kind(at, sqltext.Number) || is(at, ".") || isExponent(tokens, at) {
			if isExponent(tokens, at) && is(at+1, "+", "-") {
				at++
			}
			at++
		}
		return at
	}
	return 0
}

// isExponent reports whether a token is the exponent of a number, such as E or e10.
func isExponent(tokens []sqltext.Token, at int) bool {
	return at > 0 && at < len(tokens) && tokens[at].Kind == sqltext.Word && tokens[at].Pos == tokens[at-1].Pos+len(tokens[at-1].Text) &&
		(tokens[at].Text[0] == 'E' || tokens[at].Text[0] == 'e')
}

// closing returns the number of tokens up to the parenthesis that closes the one at that
// place, and 0 if none does.
func closing(tokens []sqltext.Token, at int) int {
	for depth := 0; at < len(tokens); at++ {
		switch {
		case tokens[at].Is("("):
			depth++
		case tokens[at].Is(")"):
			if depth--; depth == 0 {
				return at + 1
			}
		}
	}
	return 0
}
