package e6otel

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A program that writes its values into its statements has no two that are the same.
func TestTemplates_AreBoundedAndFoundAgain(t *testing.T) {
	var known templates
	made := 0
	get := func(sql string) *spanTemplate {
		return known.get(statementKey{sql: sql}, func() *spanTemplate {
			made++
			return &spanTemplate{name: sql}
		})
	}
	for i := range 10 * mostTemplates {
		sql := fmt.Sprintf("SELECT %d", i)
		require.Same(t, get(sql), get(sql))
		require.LessOrEqual(t, len(known.known), mostTemplates)
	}
	require.Equal(t, 10*mostTemplates, made)
	long := strings.Repeat("x", mostTemplateBytes+1)
	require.NotSame(t, get(long), get(long), "a long statement is not kept")
}

func TestTemplates_ServeAnyNumberOfGoroutines(t *testing.T) {
	var known templates
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 2000 {
				sql := fmt.Sprint((i*g + i) % (2 * mostTemplates))
				got := known.get(statementKey{sql: sql}, func() *spanTemplate { return &spanTemplate{name: sql} })
				if got.name != sql {
					t.Errorf("the template of %s for %s", got.name, sql)
				}
			}
		})
	}
	all.Wait()
}

func TestTemplates_OfAStatementThatComesAgainCostNothing(t *testing.T) {
	var known templates
	key := statementKey{sql: "SELECT a FROM t WHERE b = ?", template: "", catalog: "lake", schema: "sales"}
	fresh := func() *spanTemplate { return &spanTemplate{} }
	known.get(key, fresh)
	require.Zero(t, testing.AllocsPerRun(100, func() { known.get(key, fresh) }))
}
