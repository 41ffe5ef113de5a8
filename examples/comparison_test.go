package examples_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// between is what stands between two marks of a document.
func between(t *testing.T, text, name string) string {
	t.Helper()
	_, rest, begins := strings.Cut(text, "<!-- "+name+":begin -->\n")
	part, _, ends := strings.Cut(rest, "<!-- "+name+":end -->")
	require.True(t, begins && ends, name)
	return part
}

func TestComparison_EveryCellHasItsSource(t *testing.T) {
	text, err := os.ReadFile("../docs/comparison.md")
	require.NoError(t, err)
	rows := strings.Split(strings.TrimSpace(between(t, string(text), "table")), "\n")[2:]
	notes := regexp.MustCompile(`(?m)^\d+\. `).Split(between(t, string(text), "evidence"), -1)[1:]
	require.Len(t, notes, len(rows))
	// The yes of another driver is shown by a line of its source, ours by a name.
	place := regexp.MustCompile("`[\\w./-]+:\\d+`")
	for i, row := range rows {
		cells := strings.Split(strings.Trim(row, "| "), "|")
		require.Len(t, cells, 8, row)
		require.Equal(t, strconv.Itoa(i+1), strings.TrimSpace(cells[0]))
		note := strings.Join(strings.Fields(notes[i]), " ")
		others, ours, found := strings.Cut(note, "Ours")
		require.True(t, found, "note %d: ours", i+1)
		shown := 0
		for c, driver := range []string{"gosnowflake", "databricks", "trino", "clickhouse", "pgx"} {
			cell := strings.TrimSpace(cells[c+2])
			require.NotEmpty(t, cell, "row %d", i+1)
			if cell != "no" {
				shown++
				require.Contains(t, others, driver, "row %d has %q for %s", i+1, cell, driver)
			}
		}
		require.GreaterOrEqual(t, len(place.FindAllString(others, -1)), shown, "row %d: a place for each driver that has something", i+1)
		if mine := strings.TrimSpace(cells[7]); mine != "no" {
			require.Regexp(t, "`|\\.md", ours, "row %d: what shows ours", i+1)
		}
	}
}
