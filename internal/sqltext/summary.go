package sqltext

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxSummary is the maximum length of a summary in characters, from the OpenTelemetry
// conventions for db.query.summary.
const MaxSummary = 255

// Summary returns the operations of a statement and the objects that they are applied
// to, in their order and as they are written: "SELECT orders customers" or "INSERT totals
// SELECT orders". It follows the rules of OpenTelemetry for db.query.summary. It holds
// neither literals nor column names nor the names of common table expressions. It ends
// before the operation or object that would make it longer than MaxSummary characters,
// and where engines disagree on what belongs to a literal. A statement that begins with
// an unknown word has no summary.
func Summary(sql string) string {
	s := summarizer{tokens: known(sql), frames: make([]frame, 1, 8)}
	s.read()
	return string(s.out)
}

// known returns the tokens that are neither space nor comments, up to the first one that
// engines may read in different ways.
func known(sql string) (tokens []Token) {
	var last Token
	tokens = make([]Token, 0, min(len(sql)/4, 128))
	for t := range Tokens(sql) {
		if uncertain(sql, last, t) {
			return tokens
		}
		last = t
		if t.Kind == Space || t.Kind == Comment {
			continue
		}
		tokens = append(tokens, t)
		if n := len(tokens); n >= 3 && isValue(t) && tokens[n-2].Is(",") && isValue(tokens[n-3]) {
			tokens = tokens[:n-2] // a list of values has nothing for a summary
		}
	}
	return tokens
}

// frame is an open bracket, or the statement itself.
type frame struct {
	verb string // the operation, in upper case; empty in brackets that hold none
	from bool   // in a list of tables, so that a comma is followed by another one
	with bool   // behind WITH: a list of common table expressions
}

// summarizer reads the tokens of a statement from left to right.
type summarizer struct {
	tokens []Token
	pos    int
	frames []frame
	names  []string // of common table expressions
	target bool     // the next name is an object of the operation
	out    []byte
	done   bool // nothing more is added
}

// verbs are the operations that are followed by the name of their object, each with the
// words that may stand in between.
var verbs = map[string][]string{
	"INSERT": {"OVERWRITE", "INTO", "TABLE"}, "UPDATE": {}, "DELETE": nil, "MERGE": {"INTO"},
	"TRUNCATE": {"TABLE"}, "ANALYZE": {"TABLE"}, "REFRESH": {"TABLE"}, "TABLE": {}, "CALL": {}, "COPY": {"INTO"},
	"DESCRIBE": {"TABLE", "EXTENDED", "FORMATTED"}, "DESC": {"TABLE", "EXTENDED", "FORMATTED"}, "USE": {"CATALOG", "DATABASE", "SCHEMA"},
}

// kinds are the kinds of objects that CREATE, DROP, ALTER and SHOW name. The kind belongs
// to the operation.
var kinds = []string{"TABLE", "VIEW", "SCHEMA", "DATABASE", "CATALOG", "FUNCTION", "PROCEDURE", "INDEX", "SEQUENCE", "TYPE"}

var (
	// modifiers stand between CREATE, DROP or ALTER and the kind.
	modifiers = []string{"OR", "REPLACE", "TEMP", "TEMPORARY", "GLOBAL", "LOCAL", "EXTERNAL", "MATERIALIZED", "TRANSIENT", "UNIQUE"}
	// shown are what SHOW lists.
	shown = []string{"TABLES", "VIEWS", "SCHEMAS", "DATABASES", "CATALOGS", "COLUMNS", "FUNCTIONS", "PARTITIONS"}
	// bare are operations whose object is not read: it may be a value.
	bare = []string{"SET", "RESET", "GRANT", "REVOKE", "VALUES", "BEGIN", "START", "COMMIT", "ROLLBACK"}
	// clauses end a list of tables.
	clauses = []string{"WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FETCH", "WINDOW", "QUALIFY", "UNION", "EXCEPT", "INTERSECT", "SET", "VALUES", "WHEN"}
	// nouns may stand before the name of an object.
	nouns = []string{"TABLE", "LATERAL", "ONLY", "IF", "NOT", "EXISTS"}
)

// keywords are the words that a summary depends on, in upper case.
var keywords = func() map[string]string {
	all := slices.Concat(bare, clauses, slices.Collect(maps.Keys(verbs)),
		[]string{"SELECT", "WITH", "EXPLAIN", "CREATE", "DROP", "ALTER", "SHOW", "FROM", "JOIN", "INTO", "USING", "IN"})
	words := make(map[string]string, len(all))
	for _, word := range all {
		words[word] = word
	}
	return words
}()

// keyword returns a word in upper case if it is one of the keywords, and otherwise an empty
// string. It does not allocate: most words of a statement are none.
func keyword(word string) string {
	var upper [16]byte
	if len(word) > len(upper) {
		return ""
	}
	for i := range len(word) {
		c := word[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper[i] = c
	}
	return keywords[string(upper[:len(word)])]
}

func (t Token) isAny(words []string) bool { return slices.ContainsFunc(words, t.Is) }

// at is the token that is n places ahead; an empty one beyond the ends.
func (s *summarizer) at(n int) Token {
	if i := s.pos + n; i >= 0 && i < len(s.tokens) {
		return s.tokens[i]
	}
	return Token{Kind: Space}
}

func (s *summarizer) top() *frame { return &s.frames[len(s.frames)-1] }

// read reads all tokens.
func (s *summarizer) read() {
	begins := true // a statement begins here
	for s.pos < len(s.tokens) && !s.done {
		t := s.at(0)
		switch {
		case t.Is("("): // a statement may begin in it
			s.frames = append(s.frames, frame{from: s.target})
		case t.Is("["), t.Is("{"):
			s.frames, s.target = append(s.frames, frame{}), false
		case t.Is(")"), t.Is("]"), t.Is("}"):
			if s.target = false; len(s.frames) > 1 {
				s.frames = s.frames[:len(s.frames)-1]
			}
		case t.Is(";"):
			s.frames, s.target, begins = append(s.frames[:0], frame{}), false, true
			s.pos++
			continue
		case begins:
			if begins = false; !s.begin(t) {
				return
			}
		case t.Kind == Word && !s.at(-1).Is(".") && s.keyword(t):
		case s.target && (t.Kind == Word || t.Kind == Identifier):
			s.object()
		case t.Is(",") && s.top().from:
			s.target = true
		case t.Is(",") && s.top().with && s.top().verb == "":
			s.expression(1)
		default:
			s.target = false
		}
		s.pos++
	}
}

// begin reads the first word of a statement. It returns false for one that is unknown.
func (s *summarizer) begin(t Token) bool {
	verb := keyword(t.Text)
	_, takes := verbs[verb]
	switch {
	case t.Kind != Word:
		return false
	case verb == "EXPLAIN":
		s.operation(verb, t.Text)
		for s.at(1).Is("ANALYZE") || s.at(1).Is("VERBOSE") {
			s.pos++
		}
	case verb == "CREATE", verb == "DROP", verb == "ALTER", verb == "SHOW":
		s.definition(verb, t.Text)
	case slices.Contains(bare, verb):
		s.operation(verb, t.Text)
		s.done = true
	case verb != "SELECT" && verb != "WITH" && !takes:
		return false
	case !s.keyword(t):
		s.verb(verb, t.Text)
	}
	return true
}

// keyword reads a word that is a keyword where it stands, and reports whether it is.
func (s *summarizer) keyword(t Token) bool {
	f, last := s.top(), s.at(-1)
	switch verb := keyword(t.Text); verb {
	case "SELECT":
		s.verb(verb, t.Text)
	case "WITH":
		return s.expression(1)
	case "INSERT", "UPDATE", "DELETE", "MERGE":
		starts := s.pos == 0 || last.Is("(") || last.Is(")") && f.with || last.Is("EXPLAIN") || last.Is("ANALYZE") || last.Is("VERBOSE")
		if !starts || s.at(1).Is("(") {
			return false
		}
		s.verb(verb, t.Text)
	case "FROM":
		if f.verb != "" && !(last.Is("DISTINCT") && (s.at(-2).Is("IS") || s.at(-2).Is("NOT"))) {
			f.from, s.target = f.verb != "SHOW", true
		}
	case "JOIN":
		s.target = f.from
	case "INTO":
		s.target = f.verb != ""
	case "USING":
		s.target = f.verb == "MERGE" || f.verb == "DELETE"
	case "IN":
		s.target = f.verb == "SHOW"
	default:
		if !slices.Contains(clauses, verb) {
			return false
		}
		f.from, s.target = false, false
	}
	return true
}

// verb adds an operation and skips the words before its object.
func (s *summarizer) verb(verb, text string) {
	s.operation(verb, text)
	between, takes := verbs[verb]
	s.target = takes && verb != "DELETE"
	for s.target && s.at(1).isAny(between) {
		s.pos++
	}
}

// operation adds an operation.
func (s *summarizer) operation(verb, text string) {
	f := s.top()
	f.verb, f.from, s.target = verb, false, false
	s.add(text)
}

// definition reads CREATE, DROP, ALTER or SHOW with the kind of the object.
func (s *summarizer) definition(verb, text string) {
	rest := modifiers
	if verb == "SHOW" {
		rest = nil
		if s.at(1).Is("CREATE") {
			s.pos++
			text += " " + s.at(0).Text
		}
	}
	for s.at(1).isAny(rest) {
		s.pos++
	}
	names := s.at(1).isAny(kinds)
	if names || verb == "SHOW" && s.at(1).isAny(shown) {
		s.pos++
		text += " " + s.at(0).Text
	}
	s.operation(verb, text)
	s.target = names
}

// expression keeps the name of the common table expression that is n places ahead, and
// reports whether there is one.
func (s *summarizer) expression(n int) bool {
	if s.at(n).Is("RECURSIVE") && !s.at(n+1).Is("AS") {
		n++
	}
	name := s.at(n)
	if name.Kind != Word && name.Kind != Identifier || !s.at(n+1).Is("AS") && !s.at(n+1).Is("(") {
		return false
	}
	s.names = append(s.names, name.Text)
	s.top().with, s.top().verb, s.target = true, "", false
	s.pos += n
	return true
}

// object adds the name of an object, which may have several parts.
func (s *summarizer) object() {
	t := s.at(0)
	if t.Kind == Word && t.isAny(nouns) {
		return
	}
	s.target = false
	name := t.Text
	for s.at(1).Is(".") && (s.at(2).Kind == Word || s.at(2).Kind == Identifier) {
		name += "." + s.at(2).Text
		s.pos += 2
	}
	if next := s.at(1); next.Kind == Literal && next.Pos == t.Pos+len(t.Text) {
		return // the prefix of a literal
	}
	if !slices.ContainsFunc(s.names, func(n string) bool { return strings.EqualFold(n, name) }) {
		s.add(name)
	}
}

// add adds an operation or an object, unless the summary would become too long.
func (s *summarizer) add(text string) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(s.out) > 0 {
		text = " " + text
	}
	if utf8.RuneCount(s.out)+utf8.RuneCountInString(text) > MaxSummary {
		s.done = true
		return
	}
	s.out = append(s.out, text...)
}
