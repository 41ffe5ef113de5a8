package sqltext

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatements_SplitsAScriptAtItsSemicolons(t *testing.T) {
	for script, want := range map[string]struct {
		statements []string
		rest       string
		blank      bool
	}{
		"":                        {nil, "", true},
		" \n":                     {nil, " \n", true},
		"SELECT 1":                {nil, "SELECT 1", false},
		"SELECT 1;":               {[]string{"SELECT 1"}, "", true},
		";; SELECT 1 ;;":          {[]string{"SELECT 1"}, "", true},
		"SELECT 1; SELECT\n 2;\n": {[]string{"SELECT 1", "SELECT\n 2"}, "\n", true},
		"SELECT ';' , \";\", `;`; SELECT 'it''s; \\'; more'; x": {[]string{"SELECT ';' , \";\", `;`", "SELECT 'it''s; \\'; more'"}, " x", false},
		"SELECT 1 -- ;\n; /* ; */ SELECT 2 // ;":                {[]string{"SELECT 1 -- ;"}, " /* ; */ SELECT 2 // ;", false},
		"-- nothing;\n; SELECT 1;":                              {[]string{"SELECT 1"}, "", true},
		"SELECT 1; -- the end":                                  {[]string{"SELECT 1"}, " -- the end", true},
		"SELECT 'open; ":                                        {nil, "SELECT 'open; ", false},
	} {
		t.Run(script, func(t *testing.T) {
			statements, rest, blank := Statements(script)
			require.Equal(t, want.statements, statements)
			require.Equal(t, want.rest, rest)
			require.Equal(t, want.blank, blank)
		})
	}
}
