package sqltext

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNormalizeRemovesOneSemicolonThatEndsTheStatement(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT 1":                       "SELECT 1",
		" \n SELECT 1 ; \t":              "SELECT 1",
		"SELECT ';'":                     "SELECT ';'",
		`SELECT 'it\'s;'`:                `SELECT 'it\'s;'`,
		`SELECT "a;b"`:                   `SELECT "a;b"`,
		"SELECT 1 -- x;":                 "SELECT 1 -- x;",
		"SELECT 1 /* ; */;":              "SELECT 1 /* ; */",
		"SELECT 1; -- done":              "SELECT 1 -- done",
		"SELECT 1;;":                     "SELECT 1;;",
		"SELECT 1; SELECT 2":             "SELECT 1; SELECT 2",
		"SELECT 1; SELECT 2;":            "SELECT 1; SELECT 2;",
		";":                              "",
		"":                               "",
		"SELECT 'open; ":                 "SELECT 'open;",
		"SELECT 1 // a comment; of e6\n": "SELECT 1 // a comment; of e6",
	} {
		require.Equal(t, want, Normalize(in), "%q", in)
	}
}

func TestReadOnlyKnowsWhatOnlyReads(t *testing.T) {
	for _, sql := range []string{
		"SELECT 1", "select * from orders;", "(SELECT 1) UNION ALL (SELECT 2)", "WITH a AS (SELECT 1) SELECT * FROM a",
		"VALUES (1)", "SHOW TABLES", "DESCRIBE orders", "EXPLAIN SELECT 1", "-- a comment\nSELECT 1",
		"SELECT 'INSERT INTO x'", `SELECT "update" FROM t`, "SELECT replace(a, 'b', 'c') FROM t", "SELECT t.update FROM t",
		"SELECT 1 /* INSERT */", "/* first */ SELECT 1", "SELECT 'a''b; DELETE'", `SELECT 'a\'; DELETE FROM t'`,
	} {
		require.True(t, ReadOnly(sql), "%q", sql)
	}
}

func TestReadOnlyTakesEverythingElseForAWrite(t *testing.T) {
	for _, sql := range []string{
		"", ";", "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "CREATE TABLE t (a int)", "DROP TABLE t",
		"MERGE INTO t USING s ON 1 = 1", "CALL f()", "COPY t TO 'x'", "SELECT 1; DELETE FROM t", "SELECT * INTO t FROM s",
		"WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
		"SELECT * FROM t FOR UPDATE", "EXPLAIN ANALYZE SELECT 1", "explain (analyze) DELETE FROM t", "SELECT 'open",
		`SELECT "open`, "SELECT 1 /* open", "'SELECT' 1", "REFRESH x", "SET a = 1", "((", "SELECTx",
	} {
		require.False(t, ReadOnly(sql), "%q", sql)
	}
}

func FuzzTokens(f *testing.F) {
	for _, seed := range []string{"SELECT 'a''b' -- c\n;", `'\`, "/*", "//", "\"a\"\"b\"", "\xff\xfe ", "a.b(1)`c`"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		var all strings.Builder
		for tok := range Tokens(sql) {
			require.NotEmpty(t, tok.Text)
			require.Equal(t, all.Len(), tok.Pos)
			all.WriteString(tok.Text)
		}
		require.Equal(t, sql, all.String(), "the tokens are the statement")
		if once := Normalize(sql); !strings.Contains(once, ";") {
			require.Equal(t, once, Normalize(once))
		}
		ReadOnly(sql)
	})
}
