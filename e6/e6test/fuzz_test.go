package e6test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzTheCannedEngineAnswersOrRefuses(f *testing.F) {
	for _, sql := range []string{"SELECT 42", "select -9223372036854775808", "SELECT * FROM numbers(3)", "SELECT * FROM everything(2)", "INSERT INTO t VALUES (-1)", "SELECT ?, ?", "SELECT sleep(0)", "FAIL x", "SELECT * FROM nothing", "SELECT 99999999999999999999", "SELECT * FROM numbers(99999999999999999999)"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		e := NewCannedEngine()
		p, err := e.Prepare(t.Context(), Statement{SQL: sql})
		if err != nil {
			require.Nil(t, p)
			require.NotEmpty(t, err.Error())
			return
		}
		defer func() { require.NoError(t, p.Close()) }()
		lower := strings.ToLower(strings.TrimSpace(sql))
		require.True(t, strings.HasPrefix(lower, "select") || strings.HasPrefix(lower, "insert") || strings.HasPrefix(lower, "fail"), "%q", sql)
		if _, waits := p.(Parameterized); waits || strings.Contains(lower, "sleep") || strings.Contains(lower, "insert") {
			return
		}
		result, err := p.Execute(t.Context())
		require.Equal(t, strings.HasPrefix(lower, "fail"), err != nil, "%q: %v", sql, err)
		if err == nil {
			require.NotEmpty(t, result.Fields())
			require.NoError(t, result.Close())
		}
	})
}
