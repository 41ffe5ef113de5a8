package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// verdicts reads the tables of a document: the verdict of each case of each program, without
// the counts, which differ from run to run.
func verdicts(document string) map[string]string {
	all := map[string]string{}
	var section string
	var checkers []string
	for line := range strings.Lines(document) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section, checkers = title, nil
			continue
		}
		if section == "" || !strings.HasPrefix(line, "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if checkers == nil {
			checkers = cells[1:]
			continue
		}
		for i, cell := range cells[1:] {
			if verdict, _, _ := strings.Cut(cell, ","); verdict != "" && i < len(checkers) {
				all[section+" / "+cells[0]+" / "+checkers[i]] = verdict
			}
		}
	}
	return all
}

// compare lists the cases of a run whose verdict is not the one of the document. A short run
// has some of the cases; one without Python has fewer.
func compare(document, run string) (differences []string) {
	want, got := verdicts(document), verdicts(run)
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if got[name] != want[name] && got[name] != notInstalled {
			differences = append(differences, fmt.Sprintf("%s: this run has %q, docs/conformance.md has %q", name, got[name], want[name]))
		}
	}
	return differences
}

func TestCompare_ReadsVerdictsWithoutCounts(t *testing.T) {
	const page = "# T\n\n| software | version |\n|---|---|\n| Envoy | 1 |\n\n## The ingress\n\n| case | Envoy | nginx |\n|---|---|---|\n" +
		"| graceful cutover | passed, 307 statements | not run |\n| the texts | passed |  |\n\n## Remarks\n\nEnvoy:\n\n- a | b\n"
	require.Equal(t, map[string]string{
		"The ingress / graceful cutover / Envoy": "passed",
		"The ingress / graceful cutover / nginx": "not run",
		"The ingress / the texts / Envoy":        "passed",
	}, verdicts(page))
	require.Empty(t, compare(page, strings.ReplaceAll(page, "307", "308")))
	require.Empty(t, compare(page, strings.Replace(page, "| the texts | passed |  |\n", "", 1)), "a short run")
	require.Empty(t, compare(page, strings.Replace(page, "passed, 307 statements", notInstalled, 1)), "without Python")
	require.Equal(t, []string{`The ingress / graceful cutover / Envoy: this run has "**failed**", docs/conformance.md has "passed"`},
		compare(page, strings.Replace(page, "passed, 307 statements", "**failed**", 1)))
	require.Equal(t, []string{`The ingress / another / Envoy: this run has "passed", docs/conformance.md has ""`},
		compare(page, strings.Replace(page, "| the texts", "| another", 1)))
}
