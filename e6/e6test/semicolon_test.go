package e6test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASemicolonCountsOutsideOfLiteralsNamesAndComments(t *testing.T) {
	for sql, want := range map[string]bool{
		"":                              false,
		"SELECT 1":                      false,
		"SELECT 1;":                     true,
		"; SELECT 1":                    true,
		"SELECT ';'":                    false,
		"SELECT ';';":                   true,
		`SELECT '\';'`:                  false,
		`SELECT '\\';`:                  true,
		"SELECT 'it''s;'":               false,
		`SELECT 1 AS ";"`:               false,
		`SELECT 1 AS "\";`:              true,
		"SELECT 1 AS `;`":               false,
		"SELECT 1 -- ;":                 false,
		"SELECT 1 -- ;\n;":              true,
		"SELECT 1 // ;\n + 1":           false,
		"SELECT 1 /* ; */":              false,
		"SELECT 1 /* ; */;":             true,
		"SELECT 1 /**/;":                true,
		"SELECT 1 /* never closed ;":    false,
		"SELECT ' never closed ;":       false,
		`SELECT ' ends in a backslash\`: false,
		"SELECT 4 / 2 - 1;":             true,
	} {
		require.Equal(t, want, hasSemicolon(sql), sql)
	}
}

func FuzzASemicolonIsFoundWithoutPanic(f *testing.F) {
	for _, sql := range []string{"SELECT ';'", "--\n;", "/*;*/", `'\`, "//", "/*/"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		if found := hasSemicolon(sql); found {
			require.Contains(t, sql, ";")
		} else if !strings.ContainsAny(sql, "'\"`-/") {
			require.NotContains(t, sql, ";")
		}
	})
}
