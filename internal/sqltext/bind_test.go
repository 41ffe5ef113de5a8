package sqltext

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mark is a literal, so that no statement has a placeholder once it is bound.
func mark(p Placeholder) string {
	if p.Escaped {
		return "="
	}
	return "'v?'"
}

// fill puts mark into the place of each placeholder.
func fill(sql string, rules Rules) (bound string, at []Placeholder, err error) {
	for part, err := range Split(sql, rules) {
		switch {
		case err != nil:
			return "", nil, err
		case part.At != nil:
			at = append(at, *part.At)
			bound += mark(*part.At)
		default:
			bound += part.Text
		}
	}
	return bound, at, nil
}

// named are the rules for values of some names.
func named(names ...string) Rules {
	return Rules{Names: func(name string) bool { return slices.Contains(names, name) }}
}

func TestSplit_ReplacesPlaceholdersAndNothingElse(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT ?":                        "SELECT 'v?'",
		"SELECT :a, @b":                   "SELECT 'v?', 'v?'",
		"?? ?":                            "= 'v?'",
		"a::int, b[1:n], @@c, d:e":        "a::int, b[1:n], @@c, d:e",
		`'?', "?", ` + "`?`":              `'?', "?", ` + "`?`",
		"-- ?\n// ?\n/* ? /* ? */ ? */ ?": "-- ?\n// ?\n/* ? /* ? */ ? */ 'v?'",
		"v?v":                             "v 'v?' v",
		"'a'?'b'":                         "'a' 'v?' 'b'",
		"1?2":                             "1 'v?' 2",
		"U&?, 1&?":                        "U& 'v?', 1& 'v?'", // and no literal U&'...'
		"(?),-?":                          "('v?'),-'v?'",
		// A line ends as engines agree that it does.
		"-- c\r\n?":       "-- c\r\n'v?'",
		"// c\r\n?":       "// c\r\n'v?'",
		"/* \r */ ?":      "/* \r */ 'v?'",
		"'\r' ?":          "'\r' 'v?'",
		"\r ?":            "\r 'v?'",
		"$$ -- \r ? $$ ?": "$$ -- \r ? $$ 'v?'",
		// Dollar quotes are literals, and dollar signs in names are not.
		"$$ ? $$ ?":           "$$ ? $$ 'v?'",
		"$a1$ ? $$ ? $a1$ ?":  "$a1$ ? $$ ? $a1$ 'v?'",
		"$größe$ ? $größe$ ?": "$größe$ ? $größe$ 'v?'",
		"$🚀$ ? $🚀$ ?":         "$🚀$ ? $🚀$ 'v?'",
		"$a$ ? $A$ ?":         "$a$ 'v?' $A$ 'v?'",
		"$$ ? $":              "$$ 'v?' $",
		"$1$ ? $1$":           "$1$ 'v?' $1$",
		"$a-$ ? $a-$":         "$a-$ 'v?' $a-$",
		"a$b$, ?, c$b$":       "a$b$, 'v?', c$b$",
	} {
		got, _, err := fill(in, named())
		require.NoError(t, err, "%q", in)
		require.Equal(t, want, got, "%q", in)
	}
}

func TestSplit_RefusesAnAmbiguousComment(t *testing.T) {
	for _, sql := range []string{
		"SELECT 1 -- c\r || ' \n ? '", "SELECT 1 // c\r || ' \n ? '", "SELECT 1 -- \r\r\n, ?", "SELECT ? -- the last line\r",
	} {
		_, _, err := fill(sql, Rules{})
		require.ErrorIs(t, err, ErrComment, "%q", sql)
	}
}

func TestSplit_PositionAndIndexOfAPlaceholder(t *testing.T) {
	_, got, err := fill("?, $$?$$, ??, :a, -- ?\n@b", named())
	require.NoError(t, err)
	require.Equal(t, []Placeholder{{Pos: 0}, {Index: 1, Pos: 10, Escaped: true}, {Name: "a", Index: 1, Pos: 14}, {Name: "b", Index: 2, Pos: 23}}, got)
}

func TestSplit_OnlyAQuestionMarkIsAPlaceholderWithoutNames(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT l[:n], l[1:n], ?":         "SELECT l[:n], l[1:n], 'v?'",
		"MAP {?:x, 'a':y, ?: z}":          "MAP {'v?':x, 'a':y, 'v?': z}",
		"SET @x := ?, :y, @@z, a::int":    "SET @x := 'v?', :y, @@z, a::int",
		"SELECT payload:items, :a, ?::b":  "SELECT payload:items, :a, 'v?'::b",
		"SELECT ARRAY[?, ?][:n], {?: :x}": "SELECT ARRAY['v?', 'v?'][:n], {'v?': :x}",
	} {
		got, _, err := fill(in, Rules{})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestSplit_ANameIsAPlaceholderOnlyWhereItCanBeOne(t *testing.T) {
	for in, want := range map[string]string{
		// Bounds of a slice and entries of a map are the dialect's, ...
		"l[:n], l[1:n], l[1 :n], l[f(a) :n], l[a :n]": "l[:n], l[1:n], l[1 :n], l[f(a) :n], l[a :n]",
		"{'k':v}, {'k' :v}, {1 :v}, {a :v}, {:a:v}":   "{'k':v}, {'k' :v}, {1 :v}, {a :v}, {'v?':v}",
		// ... and so are casts, assignments, variables of the system and paths.
		":a::int, ::n, x:= 1, @@v, p:q, 'a':n": "'v?'::int, ::n, x:= 1, @@v, p:q, 'a':n",
		// A name that a value has is a placeholder in brackets too.
		"l[:a], l[1: :a], l[f(:x)], [1, :y], {:a: :b}": "l['v?'], l[1: 'v?'], l[f('v?')], [1, 'v?'], {'v?': 'v?'}",
		"x := :a, (:b), IN :a, LIMIT :z":               "x := 'v?', ('v?'), IN 'v?', LIMIT 'v?'",
		"DISTINCT ON (c) :a, (1) :z":                   "DISTINCT ON (c) 'v?', (1) 'v?'",
		"]] :a, [( :b ]":                               "]] 'v?', [( 'v?' ]",
	} {
		got, _, err := fill(in, named("a", "b"))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestSplit_DividesALongStatement(t *testing.T) {
	sql := strings.Repeat("SELECT a, ", 1<<16)
	parts := 0
	for part, err := range Split(sql, Rules{}) {
		require.NoError(t, err)
		require.Less(t, len(part.Text), 2*partBytes)
		if parts++; parts == 3 {
			break // and nothing panics
		}
	}
	require.Equal(t, 3, parts)
}

func TestForeign_FindsThePlaceholdersOfOtherDrivers(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT $1": "$1", "SELECT a FROM t WHERE b = %s": "%s", "SELECT %(name)s, 1": "%(name)s", "SELECT :1": ":1",
		"SELECT ?1": "?1", "SELECT {0}": "{0}", "SELECT {name}": "{name}", "SELECT :name": ":name", "SELECT @p1": "@p1",
		"SELECT '?'": "'?'", "SELECT 'it', '%s'": "'%s'", "SELECT ':name'": "':name'",
		"SELECT '$1 a', a % b, a::int, $$ $1 $$, '10:30', \"$1\", 5 %2, -- $1\n a:b, $x, ? ": "",
	} {
		text, pos, quoted := Foreign(sql, false)
		require.Equal(t, want, text, sql)
		require.Equal(t, strings.HasPrefix(want, "'"), quoted)
		if want != "" {
			require.Equal(t, strings.LastIndex(sql, want), pos)
		}
	}
}

func TestSplit_StandardLiteralEndsAtItsQuote(t *testing.T) {
	for in, want := range map[string][2]string{
		`a LIKE ? ESCAPE '\' AND b = ?`: {`a LIKE 'v?' ESCAPE '\' AND b = ?`, `a LIKE 'v?' ESCAPE '\' AND b = 'v?'`},
		`'C:\' || ' ? '`:                {`'C:\' || ' 'v?' '`, `'C:\' || ' ? '`},
		`'it\'s ?' || ?`:                {`'it\'s ?' || 'v?'`, `'it\'s 'v?' ' || ?`},
		`'it''s ?' || ?`:                {`'it''s ?' || 'v?'`, `'it''s ?' || 'v?'`},
		// With an E before it, a literal has backslash escapes in both.
		`E'it\'s ?' || ?, e'\\', ?`: {`E'it\'s ?' || 'v?', e'\\', 'v?'`, `E'it\'s ?' || 'v?', e'\\', 'v?'`},
		`E 'it\', ?`:                {`E 'it\', ?`, `E 'it\', 'v?'`},
		`fooE'\', ?`:                {`fooE'\', ?`, `fooE'\', 'v?'`},
	} {
		for i, standard := range []bool{false, true} {
			got, _, err := fill(in, Rules{Standard: standard})
			require.NoError(t, err)
			require.Equal(t, want[i], got)
		}
	}
}

// bindable returns the tokens of a statement as Split sees them.
func bindable(sql string, standard bool) (tokens []Token) {
	s := scanner{sql: sql, standard: standard, dollar: true}
	for t, ok := s.scan(); ok; t, ok = s.scan() {
		tokens = append(tokens, t)
	}
	return tokens
}

func FuzzBind(f *testing.F) {
	for _, seed := range []string{
		"SELECT a?, :b, @c, ??, x::int -- ?\n", "SELECT 1 -- c\r || ' \n ? '", "SELECT $a$ ? $a$, $$ ? $$, $1$ ? $1$", "/* ? /* ? */ ? */ ?", "'\\'?' ?", "????", ":a:b@c@@d",
		"l[:n], {?:x}, {'k' :v}, l[1 :n]", "E'it\\'s ?', E'\\\\'?",
	} {
		for style := range uint8(4) {
			f.Add(seed, style)
		}
	}
	f.Fuzz(func(t *testing.T, sql string, style uint8) {
		rules := Rules{Standard: style&1 != 0}
		if style&2 != 0 {
			rules.Names = func(name string) bool { return len(name)%2 == 0 }
		}
		before := bindable(sql, rules.Standard)
		bound, at, err := fill(sql, rules)
		if err != nil {
			require.ErrorIs(t, err, ErrComment)
			return
		}
		placeholders := map[int]Placeholder{}
		for _, p := range at {
			require.True(t, p.Name == "" || rules.Names != nil)
			placeholders[p.Pos] = p
		}
		var want []string
		for i := 0; i < len(before); i++ {
			p, is := placeholders[before[i].Pos]
			switch {
			case before[i].Kind == Space:
			case is:
				require.True(t, before[i].Is("?") || before[i].Is(":") || before[i].Is("@"), "a literal or a comment is no placeholder")
				want = append(want, mark(p))
				if p.Name != "" || p.Escaped {
					i++
				}
			default:
				want = append(want, before[i].Text)
			}
		}
		var got []string
		for _, tok := range bindable(bound, rules.Standard) {
			if tok.Kind != Space {
				got = append(got, tok.Text)
			}
		}
		require.Equal(t, want, got, "%q became %q", sql, bound)
	})
}
