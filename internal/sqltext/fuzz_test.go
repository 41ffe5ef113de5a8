package sqltext

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// writing are statements that change something, in any context.
var writing = []string{"DELETE FROM t", "INSERT INTO t VALUES (1)", "DROP TABLE t", "MERGE INTO t", "CALL p()", "SET a = 1", "EXPLAIN ANALYZE SELECT 1"}

func FuzzReadOnlyIsNeverTrueOfAWrite(f *testing.F) {
	for _, s := range []string{"-- c\n", "/* c */", "// c\n", "/* /* */ */ ", "(", "--\r", "'", `"`, "WITH a AS (SELECT 1) ", "SELECT 1;", "$$", "\u00a0", "SELECT 'a\\'"} {
		f.Add(s, s, uint8(len(s)))
	}
	f.Fuzz(func(t *testing.T, before, text string, which uint8) {
		write := writing[int(which)%len(writing)]
		// Behind space and comments stands the write: it is the statement.
		blank := true
		for tok := range Tokens(before) {
			blank = blank && (tok.Kind == Space || tok.Kind == Comment)
		}
		if blank {
			sql := before + "\n" + write
			require.False(t, ReadOnly(sql), "%q", sql)
			require.False(t, ReadOnly("("+sql+")"), "%q", sql)
			require.False(t, ReadOnly("EXPLAIN "+sql), "%q", sql)
			require.False(t, ReadOnly("WITH a AS ("+sql+"\n) SELECT 1"), "%q", sql)
			require.Equal(t, strings.ToUpper(strings.Fields(write)[0]), Operation(sql), "%q", sql)
		}
		// Behind a statement of any kind, another one.
		if ReadOnly(text) {
			require.False(t, ReadOnly(text+"\n;\n"+write), "%q", text)
			require.False(t, ReadOnly(write+"\n;\n"+text), "%q", text)
			require.True(t, ReadOnly("("+text+"\n)") || strings.Contains(text, ";"), "%q in parentheses", text)
			require.Contains(t, []string{"SELECT", "VALUES", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN"}, Operation(text), "%q", text)
			// The text for the engine has the same tokens.
			require.True(t, ReadOnly(Normalize(text)), "%q", text)
		}
	})
}

func FuzzOperationIsTheFirstWord(f *testing.F) {
	for _, s := range []string{"select 1", " ( (SELECT", "-- a\nWITH", "'x'", "\xff", "é", "1", "ſelect", "$$x$$"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		op := Operation(sql)
		require.Equal(t, op, Operation("/* c */ ("+sql), "%q", sql)
		if op == "" {
			return
		}
		require.Equal(t, strings.ToUpper(op), op)
		require.Contains(t, strings.ToUpper(sql), op)
		require.False(t, strings.ContainsAny(op, "'$"), "no text of a literal: %q", op)
	})
}
