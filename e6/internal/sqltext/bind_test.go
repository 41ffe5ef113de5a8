package sqltext

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// mark is a literal, so that no statement has a placeholder once it is bound.
func mark(p Placeholder) (string, error) {
	if p.Escaped {
		return "=", nil
	}
	return "'v?'", nil
}

func TestBindReplacesPlaceholdersAndNothingElse(t *testing.T) {
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
		got, err := Bind(in, false, mark)
		require.NoError(t, err, "%q", in)
		require.Equal(t, want, got, "%q", in)
	}
}

func TestBindRefusesACommentOnWhoseEndEnginesDisagree(t *testing.T) {
	for _, sql := range []string{
		"SELECT 1 -- c\r || ' \n ? '", "SELECT 1 // c\r || ' \n ? '", "SELECT 1 -- \r\r\n, ?", "SELECT ? -- the last line\r",
	} {
		_, err := Bind(sql, false, mark)
		require.ErrorIs(t, err, ErrComment, "%q", sql)
	}
}

func TestBindGivesTheErrorOfAValue(t *testing.T) {
	broken := errors.New("broken")
	for _, sql := range []string{"?", "??", ":a", "@a"} {
		_, err := Bind(sql, false, func(Placeholder) (string, error) { return "", broken })
		require.ErrorIs(t, err, broken, sql)
	}
}

func TestBindTellsWhereAPlaceholderIsAndWhichOne(t *testing.T) {
	var got []Placeholder
	_, err := Bind("?, $$?$$, ??, :a, -- ?\n@b", false, func(p Placeholder) (string, error) {
		got = append(got, p)
		return "1", nil
	})
	require.NoError(t, err)
	require.Equal(t, []Placeholder{{Pos: 0}, {Index: 1, Pos: 10, Escaped: true}, {Name: "a", Index: 1, Pos: 14}, {Name: "b", Index: 2, Pos: 23}}, got)
}

func TestALiteralOfStandardSQLEndsAtItsQuote(t *testing.T) {
	for in, want := range map[string][2]string{
		`a LIKE ? ESCAPE '\' AND b = ?`: {`a LIKE 'v?' ESCAPE '\' AND b = ?`, `a LIKE 'v?' ESCAPE '\' AND b = 'v?'`},
		`'C:\' || ' ? '`:                {`'C:\' || ' 'v?' '`, `'C:\' || ' ? '`},
		`'it\'s ?' || ?`:                {`'it\'s ?' || 'v?'`, `'it\'s 'v?' ' || ?`},
		`'it''s ?' || ?`:                {`'it''s ?' || 'v?'`, `'it''s ?' || 'v?'`},
	} {
		for i, standard := range []bool{false, true} {
			got, err := Bind(in, standard, mark)
			require.NoError(t, err)
			require.Equal(t, want[i], got)
		}
	}
}

func FuzzBind(f *testing.F) {
	for _, seed := range []string{
		"SELECT a?, :b, @c, ??, x::int -- ?\n", "SELECT 1 -- c\r || ' \n ? '", "SELECT $a$ ? $a$, $$ ? $$, $1$ ? $1$", "/* ? /* ? */ ? */ ?", "'\\'?' ?", "????", ":a:b@c@@d",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, sql string, standard bool) {
		before, err := bindable(sql, standard)
		if err != nil {
			require.ErrorIs(t, err, ErrComment)
			return
		}
		placeholders := map[int]Placeholder{}
		bound, err := Bind(sql, standard, func(p Placeholder) (string, error) {
			placeholders[p.Pos] = p
			return mark(p)
		})
		require.NoError(t, err)
		var want []string
		for i := 0; i < len(before); i++ {
			p, is := placeholders[before[i].Pos]
			switch {
			case before[i].Kind == Space:
			case is:
				v, _ := mark(p)
				want = append(want, v)
				if p.Name != "" || p.Escaped {
					i++
				}
			default:
				want = append(want, before[i].Text)
			}
		}
		after, err := bindable(bound, standard)
		require.NoError(t, err)
		var got []string
		for _, tok := range after {
			if tok.Kind != Space {
				got = append(got, tok.Text)
			}
		}
		require.Equal(t, want, got, "%q became %q", sql, bound)
	})
}
