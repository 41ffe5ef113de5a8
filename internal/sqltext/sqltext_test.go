package sqltext

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNormalize_RemovesOneFinalSemicolon(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT 1":                       "SELECT 1",
		" \n SELECT 1 ; \t":              "SELECT 1",
		"SELECT ';'":                     "SELECT ';'",
		`SELECT 'it\'s;'`:                `SELECT 'it\'s;'`,
		`SELECT "a;b"`:                   `SELECT "a;b"`,
		"SELECT 1 -- x;":                 "SELECT 1 -- x;",
		"SELECT 1 /* ; */;":              "SELECT 1 /* ; */",
		"SELECT 1; -- done":              "SELECT 1  -- done",
		"SELECT 1;-- done":               "SELECT 1 -- done",
		"SELECT 1 -;-- done":             "SELECT 1 - -- done",
		"SELECT 1 -- c\n; /* x\n */":     "SELECT 1 -- c\n  /* x\n */",
		"SELECT 1;;":                     "SELECT 1;;",
		"SELECT 1; SELECT 2":             "SELECT 1; SELECT 2",
		"SELECT 1; SELECT 2;":            "SELECT 1; SELECT 2;",
		";":                              "",
		"":                               "",
		"SELECT 'open; ":                 "SELECT 'open;",
		`SELECT 'it\'s';`:                `SELECT 'it\'s'`,
		`SELECT 'C:\';`:                  `SELECT 'C:\'`, // of standard SQL
		`SELECT '\'';--'`:                `SELECT '\'';--'`,
		`SELECT '\'', ';--';`:            `SELECT '\'', ';--';`, // where they disagree
		`SELECT '\\'';--';`:              `SELECT '\\'';--'`,
		"SELECT 1 // a comment; of e6\n": "SELECT 1 // a comment; of e6",
	} {
		require.Equal(t, want, Normalize(in), "%q", in)
	}
}

func TestReadOnly_AcceptsReads(t *testing.T) {
	for _, sql := range []string{
		"SELECT 1", "select * from orders;", "(SELECT 1) UNION ALL (SELECT 2)", "WITH a AS (SELECT 1) SELECT * FROM a",
		"VALUES (1)", "SHOW TABLES", "DESCRIBE orders", "EXPLAIN SELECT 1", "-- a comment\nSELECT 1",
		"SELECT 'INSERT INTO x'", `SELECT "update" FROM t`, "SELECT replace(a, 'b', 'c') FROM t", "SELECT t.update FROM t",
		"SELECT 1 /* INSERT */", "/* first */ SELECT 1", "SELECT 'a''b; DELETE'", `SELECT 'a\'; DELETE FROM t'`,
		"WITH RECURSIVE a (n) AS (SELECT 1), b AS NOT MATERIALIZED ((SELECT 2)) SELECT * FROM a, b",
		"WITH recursive AS (SELECT 1) SELECT * FROM recursive", "(WITH a AS (VALUES (1)) SELECT * FROM a)",
		"WITH a AS (WITH b AS (SELECT 1) SELECT * FROM b) SELECT * FROM a", "EXPLAIN SHOW TABLES", "DESC t;",
		"SELECT 1.5e-3, .5, 2., 1e5 FROM t1", "SELECT 1 -- dos\r\nFROM t", `SELECT "t"."update" FROM t`,
		`SELECT "drop".insert FROM t`, "SELECT $1", "SELECT sum(a) OVER w FROM t WINDOW w AS (PARTITION BY b)",
	} {
		require.True(t, ReadOnly(sql), "%q", sql)
	}
}

func TestReadOnly_RefusesEverythingElse(t *testing.T) {
	for _, sql := range []string{
		"", ";", "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "CREATE TABLE t (a int)", "DROP TABLE t",
		"MERGE INTO t USING s ON 1 = 1", "CALL f()", "COPY t TO 'x'", "SELECT 1; DELETE FROM t", "SELECT * INTO t FROM s",
		"WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
		"SELECT * FROM t FOR UPDATE", "EXPLAIN ANALYZE SELECT 1", "explain (analyze) DELETE FROM t", "SELECT 'open",
		`SELECT "open`, "SELECT 1 /* open", "'SELECT' 1", "REFRESH x", "SET a = 1", "((", "SELECTx",
		"WITH a AS (SELECT 1) REFRESH x", "WITH a AS (REFRESH x) SELECT 1", "WITH a AS (SELECT 1), b AS (CALL f()) SELECT 1",
		"WITH a AS (SELECT 1)", "WITH", "WITH a", "WITH a AS", "WITH a AS SELECT 1", "WITH a AS (SELECT 1), SELECT 1",
		"WITH a AS (WITH b AS (REFRESH x) SELECT 1) SELECT 1", "WITH FUNCTION f() RETURN 1 SELECT f()",
		"EXPLAIN INSERT INTO t VALUES (1)", "EXPLAIN", "EXPLAIN EXPLAIN ANALYZE SELECT 1", "EXPLAIN (FORMAT JSON) SELECT 1",
		"SELECT 1.INTO t", "SELECT 1INTO t", "SELECT 1. INTO t", "SELECT 1 .INTO t", "SELECT 1e5INTO t", "SELECT 'a'INTO t", "SELECT .5INTO t",
		"SELECT 1)", "SELECT (1", "(SELECT 1)) FROM (t", "SELECT 1;;", "SELECT 1; -- c\n;", "SHOW TABLES; DELETE FROM t",
		"SELECT 1 /* /* */ REFRESH */", "SELECT 1 -- x\rINTO t", "SELECT $$ ' $$ INTO t -- '", `SELECT r'\' INTO t -- '`,
		`SELECT U&'\' INTO t -- '`, "SELECT \"a\\\" INTO t -- \"", "SELECT `a",
		strings.Repeat("WITH a AS (", 1000) + "SELECT 1" + strings.Repeat(") SELECT 1", 1000), strings.Repeat("EXPLAIN ", 1000) + "SELECT 1",
	} {
		require.False(t, ReadOnly(sql), "%q", sql)
	}
}

func TestTokens_Kinds(t *testing.T) {
	type kinds []Kind
	for in, want := range map[string]kinds{
		"SELECT  a_1":      {Word, Space, Word},
		`'a''b\'c'`:        {Literal},
		`'a' 'b'`:          {Literal, Space, Literal},
		`"a""b".c`:         {Identifier, Symbol, Word},
		"`a``b`":           {Identifier},
		"1.5e-3":           {Number},
		"1e+":              {Number, Word, Symbol},
		"1abc":             {Number, Word},
		"a-1":              {Word, Symbol, Number},
		"--\n//x\n/*\n*/":  {Comment, Space, Comment, Space, Comment},
		"a/b- -c":          {Word, Symbol, Word, Symbol, Space, Symbol, Word},
		"/*/":              {Broken},
		`'\`:               {Broken},
		`"a""`:             {Broken},
		"größe":            {Word},
		"a\u00a0\xff":      {Word, Space, Symbol},
		"? = :name AND $1": {Symbol, Space, Symbol, Space, Symbol, Word, Space, Word, Space, Word},
	} {
		var got kinds
		for tok := range Tokens(in) {
			got = append(got, tok.Kind)
		}
		require.Equal(t, want, got, "%q", in)
	}
}

func TestTokens_IterationCanStopEarly(t *testing.T) {
	for tok := range Tokens("a b c") {
		require.Equal(t, Token{Word, "a", 0}, tok)
		break
	}
}

func TestReadOnly_FindsAWriteOutsideOfQuotes(t *testing.T) {
	harmless := []string{
		"'INSERT INTO t'", `'it\'s; DROP'`, `"delete"`, "/* UPDATE */", "-- MERGE;\n", "// COPY\n", "a", "t.insert",
		"replace(a, 'b')", "1.5", ",", "(SELECT 1)", " ",
	}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom(harmless), 0, 20).Draw(t, "harmless")
		require.True(t, ReadOnly("SELECT "+strings.Join(parts, " ")))
		at := rapid.IntRange(0, len(parts)).Draw(t, "at")
		word := rapid.SampledFrom(writers).Draw(t, "word")
		if rapid.Bool().Draw(t, "lower") {
			word = strings.ToLower(word)
		}
		parts = slices.Insert(parts, at, word+" x")
		require.False(t, ReadOnly("SELECT "+strings.Join(parts, " ")))
	})
}

func FuzzTokens(f *testing.F) {
	for _, seed := range []string{"SELECT 'a''b' -- c\n;", `'\`, "/*", "//", "\"a\"\"b\"", "\xff\xfe ", "a.b(1)`c`", "1.5e+x", "a;-- b\n;", "WITH a AS (VALUES (1)) SELECT 1;"} {
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
		once := Normalize(sql)
		require.Equal(t, once, Normalize(once), "what is normal stays as it is")
		ReadOnly(sql)
	})
}

func TestReadOnly_MemoryOfALongListOfLiterals(t *testing.T) {
	const n = 50_000
	list := "SELECT 1 IN ('a'" + strings.Repeat(", 'a'", n) + ")"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	only := ReadOnly(list)
	runtime.ReadMemStats(&after)
	require.True(t, only)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(n))
	require.False(t, ReadOnly("SELECT 1, 2, 'a' INTO t"))
	require.False(t, ReadOnly("WITH a AS (VALUES (1, 2, 3)) DELETE FROM a"))
}
