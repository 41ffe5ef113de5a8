package sqltext

import (
	"slices"
	"strings"
)

// maxDepth is the maximum nesting of statements that ReadOnly accepts. Each level is
// read once more, so the limit bounds the cost of hostile text.
const maxDepth = 32

// writers are the keywords that a read-only statement does not contain.
var writers = []string{
	"INTO", "INSERT", "UPDATE", "DELETE", "MERGE", "UPSERT", "REPLACE", "TRUNCATE", "CREATE", "DROP", "ALTER",
	"COPY", "CALL", "GRANT", "REVOKE",
}

// functions are those of the writers that are names of functions too.
var functions = []string{"INSERT", "REPLACE", "TRUNCATE"}

// ReadOnly reports whether a statement is certain to change nothing, so that it may
// be replayed: SELECT, VALUES, WITH before one of them, SHOW, DESCRIBE, and EXPLAIN
// of such a statement. Everything else counts as a write: unknown statements,
// several statements, EXPLAIN ANALYZE, SELECT INTO, FOR UPDATE, common table
// expressions that modify data, and text that has no end or that engines read in
// different ways. Functions are assumed to have no side effects.
func ReadOnly(sql string) bool {
	tokens, certain := meaningful(Normalize(sql))
	return certain && reads(tokens, 0)
}

// meaningful returns the tokens that are neither space nor comments, and whether
// every engine would see the same ones.
func meaningful(sql string) (tokens []Token, certain bool) {
	depth := 0
	var last Token
	for t := range Tokens(sql) {
		if t.Kind == Broken || ambiguous(last, t) {
			return nil, false
		}
		last = t
		switch {
		case t.Kind == Space, t.Kind == Comment:
			continue
		case t.Is(";"):
			return nil, false
		case t.Is("("):
			depth++
		case t.Is(")"):
			depth--
		}
		if depth < 0 {
			return nil, false
		}
		tokens = append(tokens, t)
		// Of a long list of literals, only the first is kept: the others change nothing.
		if n := len(tokens); n >= 3 && isValue(t) && tokens[n-2].Is(",") && isValue(tokens[n-3]) {
			tokens = tokens[:n-2]
		}
	}
	return tokens, depth == 0
}

func isValue(t Token) bool { return t.Kind == Literal || t.Kind == Number }

// ambiguous reports whether engines disagree on the end of a token, so that a write
// could be part of what this package takes for a comment or a literal.
func ambiguous(last, t Token) bool {
	switch t.Kind {
	case Comment:
		if body, block := strings.CutPrefix(t.Text, "/*"); block {
			return strings.Contains(body, "/*") // comments nest for some
		}
		return strings.Contains(strings.TrimSuffix(t.Text, "\r"), "\r") // a line end for some
	case Literal: // r'\' is complete for some
		return strings.Contains(t.Text, `\`) && (last.Kind == Word || last.Is("&"))
	case Identifier: // only literals are known to have escapes
		return strings.Contains(t.Text, `\`)
	case Word: // $tag$ text $tag$ is a literal for some
		return strings.Count(t.Text, "$") > 1
	}
	return false
}

// reads reports whether a statement is one of those that only read.
func reads(tokens []Token, depth int) bool {
	for len(tokens) > 0 && tokens[0].Is("(") {
		tokens = tokens[1:]
	}
	if depth > maxDepth || len(tokens) == 0 || tokens[0].Kind != Word {
		return false
	}
	switch strings.ToUpper(tokens[0].Text) {
	case "SELECT", "VALUES":
		return !writes(tokens)
	case "WITH":
		return !writes(tokens) && withReads(tokens[1:], depth)
	case "SHOW", "DESCRIBE", "DESC":
		return true
	case "EXPLAIN":
		return reads(tokens[1:], depth+1)
	}
	return false
}

// withReads reports whether all common table expressions, and the statement that
// follows them, only read.
func withReads(tokens []Token, depth int) bool {
	if len(tokens) > 1 && tokens[0].Is("RECURSIVE") && !tokens[1].Is("AS") {
		tokens = tokens[1:]
	}
	for {
		if len(tokens) == 0 || tokens[0].Kind != Word && tokens[0].Kind != Identifier {
			return false
		}
		_, tokens, _ = group(tokens[1:]) // its columns may be named
		if len(tokens) == 0 || !tokens[0].Is("AS") {
			return false
		}
		tokens = tokens[1:]
		for len(tokens) > 0 && (tokens[0].Is("NOT") || tokens[0].Is("MATERIALIZED")) {
			tokens = tokens[1:]
		}
		body, behind, ok := group(tokens)
		if !ok || !reads(body, depth+1) {
			return false
		}
		if len(behind) == 0 || !behind[0].Is(",") {
			return reads(behind, depth+1)
		}
		tokens = behind[1:]
	}
}

// group splits tokens that begin with a parenthesis into what it encloses and
// what comes behind it. Other tokens are all behind.
func group(tokens []Token) (body, behind []Token, ok bool) {
	if len(tokens) == 0 || !tokens[0].Is("(") {
		return nil, tokens, false
	}
	depth := 0
	for i, t := range tokens {
		switch {
		case t.Is("("):
			depth++
		case t.Is(")"):
			depth--
		}
		if depth == 0 {
			return tokens[1:i], tokens[i+1:], true
		}
	}
	return nil, tokens, false
}

// writes reports whether a word that writes occurs as a keyword may: not behind
// a name and a point, as the name of a column, nor before a parenthesis, as that
// of a function such as replace.
func writes(tokens []Token) bool {
	for i, t := range tokens {
		if !slices.ContainsFunc(writers, t.Is) {
			continue
		}
		column := i > 1 && tokens[i-1].Is(".") && (tokens[i-2].Kind == Word || tokens[i-2].Kind == Identifier)
		function := i+1 < len(tokens) && tokens[i+1].Is("(") && slices.ContainsFunc(functions, t.Is)
		if !column && !function {
			return true
		}
	}
	return false
}
