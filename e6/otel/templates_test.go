package e6otel

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A program that uses literals may have no two equal statements.
func TestTemplates_AreBoundedAndReused(t *testing.T) {
	var entries templates
	made := 0
	get := func(sql string) *spanTemplate {
		return entries.get(statementKey{sql: sql}, func() *spanTemplate {
			made++
			return &spanTemplate{name: sql}
		})
	}
	for i := range 10 * mostTemplates {
		sql := fmt.Sprintf("SELECT %d", i)
		require.Same(t, get(sql), get(sql))
		require.LessOrEqual(t, len(entries.entries), mostTemplates)
	}
	require.Equal(t, 10*mostTemplates, made)
	long := strings.Repeat("x", mostTemplateBytes+1)
	require.NotSame(t, get(long), get(long), "a long statement is not kept")
}

func TestTemplates_Concurrent(t *testing.T) {
	var entries templates
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 2000 {
				sql := fmt.Sprint((i*g + i) % (2 * mostTemplates))
				got := entries.get(statementKey{sql: sql}, func() *spanTemplate { return &spanTemplate{name: sql} })
				if got.name != sql {
					t.Errorf("the template of %s for %s", got.name, sql)
				}
			}
		})
	}
	all.Wait()
}

func TestTemplates_LookupAllocatesNothing(t *testing.T) {
	var entries templates
	key := statementKey{sql: "SELECT a FROM t WHERE b = ?", template: "", catalog: "lake", schema: "sales"}
	fresh := func() *spanTemplate { return &spanTemplate{} }
	entries.get(key, fresh)
	require.Zero(t, testing.AllocsPerRun(100, func() { entries.get(key, fresh) }))
}
