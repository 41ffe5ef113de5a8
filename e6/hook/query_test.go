package hook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/hook"
)

func TestQueryStart_SummaryIsThatOfTheTextWithPlaceholders(t *testing.T) {
	require.Equal(t, "SELECT orders", hook.QueryStart{SQL: "SELECT a FROM orders WHERE b = 'x'"}.Summary())
	require.Equal(t, "SELECT a", hook.QueryStart{SQL: `SELECT 'it\'s' FROM a`, Template: "SELECT ? FROM a"}.Summary())
}

// A statement may have 100 MB. Only a bounded part of it is read, and the literal or name at
// the bound is not cut in two.
func TestQueryStart_ReadsTheBeginningOfALongStatement(t *testing.T) {
	const secret = "xyzzysecret"
	for name, sql := range map[string]string{
		"a literal": "SELECT a FROM t WHERE b = '" + strings.Repeat(secret+" ", 1<<20) + "'",
		"a list":    "SELECT a FROM t WHERE b IN (" + strings.Repeat("'"+secret+"',", 1<<20) + "'')",
		"names":     "SELECT a FROM t WHERE b = " + strings.Repeat("column_name, '"+secret+"', ", 1<<19),
		"one word":  "SELECT a FROM t WHERE '" + strings.Repeat(secret, 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			q := hook.QueryStart{SQL: sql}
			text := q.Sanitized()
			require.NotContains(t, text, secret)
			require.LessOrEqual(t, len(text), 16<<10)
			require.True(t, strings.HasPrefix(text, "SELECT a FROM t WHERE"), text[:min(len(text), 50)])
			require.Equal(t, "SELECT t", q.Summary())
		})
	}
	tables := "SELECT a FROM " + strings.Repeat(" ", 16<<10-20) + "orders_of_customers"
	require.Equal(t, "SELECT", hook.QueryStart{SQL: tables}.Summary(), "a name is left out or whole")
}
