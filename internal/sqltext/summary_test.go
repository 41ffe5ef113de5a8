package sqltext

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSummary_ListsOperationsAndTheirObjects(t *testing.T) {
	for in, want := range map[string]string{
		// Queries.
		"SELECT * FROM wuser_table WHERE username = ?": "SELECT wuser_table",
		"select a from T": "select T",
		"SELECT * FROM songs, artists WHERE songs.artist_id = artists.id":        "SELECT songs artists",
		"SELECT d FROM (SELECT * FROM orders o JOIN customers c ON o.id = c.id)": "SELECT SELECT orders customers",
		`SELECT * FROM "song list", ` + "`art ists`":                             `SELECT "song list" ` + "`art ists`",
		"SELECT 1": "SELECT",
		"SELECT a FROM lake . sales.orders AS o, x LEFT JOIN y USING (id), z WHERE o.a > 1": "SELECT lake.sales.orders x y z",
		"SELECT a FROM (b JOIN c ON b.i = c.i), d":                                          "SELECT b c d",
		"(SELECT a FROM b) UNION ALL (SELECT c FROM d ORDER BY e, f)":                       "SELECT b SELECT d",
		"SELECT a, b, c FROM t GROUP BY a, b ORDER BY c, d LIMIT 5":                         "SELECT t",
		"SELECT a FROM t JOIN u ON t.a IN (1, v) AND t.b = [w, x], y":                       "SELECT t u y",
		"SELECT a FROM t WHERE b IN (SELECT c FROM d) AND EXISTS (SELECT 1 FROM e)":         "SELECT t SELECT d SELECT e",
		"SELECT extract(year FROM at), trim(both ' ' FROM name) FROM t":                     "SELECT t",
		"SELECT a IS NOT DISTINCT FROM b, c IS DISTINCT FROM d FROM t":                      "SELECT t",
		"SELECT DISTINCT a FROM t":                                                          "SELECT t",
		"SELECT a FROM numbers(10), LATERAL unnest(b) AS x":                                 "SELECT numbers unnest",
		"SELECT a FROM (VALUES (1, 2), (3, 4)) v (a, b)":                                    "SELECT",
		"SELECT a FROM 'file.parquet'":                                                      "SELECT",
		"SELECT a FROM E'secret', N'secret', t":                                             "SELECT t",
		"SELECT a.from, b.join FROM t x WHERE x.select = 1":                                 "SELECT t",
		"VALUES (1, 2)": "VALUES",
		"TABLE t":       "TABLE t",
		// Common table expressions.
		"WITH a AS (SELECT 1 FROM t), b (x, y) AS (SELECT x, y FROM a) SELECT * FROM A, b, u": "SELECT t SELECT SELECT u",
		"WITH RECURSIVE r AS (SELECT 1 UNION SELECT n FROM r) SELECT n FROM r":                "SELECT SELECT SELECT",
		"WITH a AS (SELECT 1 FROM t) INSERT INTO u SELECT * FROM a":                           "SELECT t INSERT u SELECT",
		"SELECT CAST(a AS TIMESTAMP WITH TIME ZONE) FROM t":                                   "SELECT t",
		// Changes.
		"INSERT INTO shipping_details (order_id, address) SELECT a, b FROM orders WHERE c = ?": "INSERT shipping_details SELECT orders",
		"INSERT INTO t VALUES (1, 'x'), (2, 'y')":                                              "INSERT t",
		"INSERT OVERWRITE TABLE t SELECT 1":                                                    "INSERT t SELECT",
		"UPDATE t SET a = (SELECT max(b) FROM u), c = 1 FROM v WHERE d = 1":                    "UPDATE t SELECT u v",
		"DELETE FROM t USING u WHERE t.a = u.a":                                                "DELETE t u",
		"MERGE INTO t USING (SELECT * FROM s) x ON t.a = x.a WHEN MATCHED THEN UPDATE SET b = 1, c = 2 WHEN NOT MATCHED THEN INSERT (a) VALUES (1)": "MERGE t SELECT s",
		"TRUNCATE TABLE t":                 "TRUNCATE t",
		"COPY t FROM 's3://bucket/secret'": "COPY t",
		"CALL lake.refresh('secret', t)":   "CALL lake.refresh",
		// Definitions and the rest.
		"CREATE OR REPLACE TEMPORARY TABLE IF NOT EXISTS a.b AS SELECT 1 FROM c": "CREATE TABLE a.b SELECT c",
		"create view v as with x as (select 1 from t) select * from x":           "create view v select t select",
		"DROP VIEW IF EXISTS v":                              "DROP VIEW v",
		"ALTER TABLE t ADD COLUMN secret INT":                "ALTER TABLE t",
		"CREATE USER bob":                                    "CREATE",
		"EXPLAIN ANALYZE SELECT a FROM t":                    "EXPLAIN SELECT t",
		"EXPLAIN INSERT INTO t SELECT 1":                     "EXPLAIN INSERT t SELECT",
		"DESCRIBE EXTENDED a.t":                              "DESCRIBE a.t",
		"SHOW TABLES FROM lake.sales":                        "SHOW TABLES lake.sales",
		"SHOW COLUMNS IN t":                                  "SHOW COLUMNS t",
		"SHOW CREATE TABLE t":                                "SHOW CREATE TABLE t",
		"USE SCHEMA sales":                                   "USE sales",
		"SET secret = 'x'":                                   "SET",
		"GRANT SELECT ON t TO u":                             "GRANT",
		"ANALYZE TABLE t":                                    "ANALYZE t",
		"-- c\n/* FROM x */ SELECT /* FROM y */ a FROM t --": "SELECT t",
		"SELECT 1 FROM t;":                                   "SELECT t",
		"SELECT 1 FROM t; DELETE FROM u":                     "SELECT t DELETE u",
		// An unknown statement has no summary.
		"":                          "",
		"FAIL secret":               "",
		"secret FROM t":             "",
		"'SELECT' FROM t":           "",
		"SELECT 1 FROM t; secret u": "SELECT t",
	} {
		require.Equal(t, want, Summary(in), "%q", in)
	}
}

func TestSummary_EndsAtAnAmbiguousLiteral(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT a FROM t, 'secret FROM u":        "SELECT t",
		"SELECT a FROM t /* secret":              "SELECT t",
		`SELECT a FROM t WHERE b = 'C:\' FROM u`: "SELECT t",
		"SELECT a FROM t, $$ FROM secret $$":     "SELECT t",
		"SELECT a FROM $x$ secret $x$":           "SELECT",
		`SELECT a FROM "secret`:                  "SELECT",
	} {
		require.Equal(t, want, Summary(in), "%q", in)
	}
}

func TestSummary_EndsBetweenWordsWhenItIsLong(t *testing.T) {
	long := "SELECT a FROM " + strings.Repeat("größe, ", 100) + "z"
	got := Summary(long)
	require.LessOrEqual(t, utf8.RuneCountInString(got), MaxSummary)
	require.Greater(t, utf8.RuneCountInString(got), MaxSummary-len(" größe"))
	require.True(t, strings.HasSuffix(got, " größe"), got)
	require.Equal(t, "SELECT", Summary("SELECT a FROM "+strings.Repeat("x", MaxSummary)))
}

func TestSummary_HoldsNoLiteralInAnyQuoting(t *testing.T) {
	const secret = "xyzzysecret"
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom(append([]string{"INTO", "JOIN", "FROM", "WITH", "AS", "."}, harmless...)), 0, 12)
		sql := "SELECT " + strings.Join(parts.Draw(t, "before"), " ") + " "
		if rapid.Bool().Draw(t, "ended") {
			sql += fmt.Sprintf(rapid.SampledFrom(quotings).Draw(t, "quoting"), secret) + " " + strings.Join(parts.Draw(t, "behind"), " ")
		} else {
			sql += fmt.Sprintf(rapid.SampledFrom(unended).Draw(t, "unended"), secret)
		}
		require.NotContains(t, Summary(sql), secret, "%q", sql)
	})
}

func FuzzSummary(f *testing.F) {
	for _, q := range quotings {
		f.Add("SELECT a FROM t, " + q + " JOIN u")
	}
	f.Add("WITH a AS (SELECT 1), b AS (SELECT \xff FROM [x, {y: z}]) SELECT a FROM b, c")
	f.Fuzz(func(t *testing.T, sql string) {
		s := Summary(sql)
		require.True(t, utf8.ValidString(s))
		require.LessOrEqual(t, utf8.RuneCountInString(s), MaxSummary)
		for tok := range Tokens(s) {
			require.NotContains(t, []Kind{Literal, Comment}, tok.Kind, "%q in %q from %q", tok.Text, s, sql)
		}
	})
}
