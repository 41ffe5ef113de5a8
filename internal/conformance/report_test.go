package conformance

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const introduction = `# Conformance

This page shows how the client and the emulator work with software that this project did not write. ` + "`make conformance`" + `
runs the cases and writes this page; do not edit it.

Each case of an ingress runs 16 goroutines of reads and writes, whose every answer is checked:
no wrong row, no write executed twice by the client, no lost statement that
[rules.md](rules.md) can save. *Cut off* counts the statements that ended with a typed error, as
no rule can save them: writes whose effect is unknown.

Each case of the connector runs with several ways to use it: the version 3.0.2 with a login, with a login and
` + "`enable_result_batch_v2`" + `, with asyncio, over OAuth with an issuer of tokens, and over OAuth with asyncio and ` + "`enable_result_batch_v2`" + `; and the
old version 2.3.15 with a login. Its values are compared with those of this client. The connector's own tests are those of the
source packages of both versions that need a server. A case that failed has its cause, outside this project, in the remarks.

`

// mockServer is what was seen once: the server is in no package.
const mockServer = `
## The connector's mock server

The repository of the connector (github.com/e6data/e6data-python-connector) has a mock server, ` + "`mock_grpc_server.py`" + `, which changes its side
every two minutes. It is in no package, so no run of ` + "`make conformance`" + ` has it. Its commit d915a1b (2026-06-29, version 2.3.15) was
tried on 2026-11-30:

| what | verdict | seen |
|---|---|---|
| ` + "`e6 watch`" + ` for five minutes | passed | the client follows both changes, 141 ms and 50 ms after they are announced; it recognises the refusal INVALID_ARGUMENT, "Wrong strategy. Status: 456." |
| ` + "`e6 doctor`" + ` | passed | it finds both sides and the form of the refusal; cluster status: unimplemented; the check of the query fails, for the reason of the next row |
| ` + "`e6 query`" + `, the client | **failed** | a typed error and no row: "decode metadata: byte 12: 21 bytes are left". The mock server writes the number of columns and their types with 8 bytes; the format has 4, so there are 0 columns and bytes behind the end |
| ` + "`e6 doctor --probe`" + ` | passed | each question is answered, those about values by that error |
`

// suiteOrder is the order of the suites.
var suiteOrder = []string{"ingress", "control plane", "doctor", "connector", "own tests", "alerts", "opentelemetry"}

// document is docs/conformance.md.
func document() string {
	results.Lock()
	defer results.Unlock()
	// Some tests run at the same time.
	slices.SortStableFunc(results.all, func(a, b *result) int {
		return cmp.Or(slices.Index(suiteOrder, a.Suite)-slices.Index(suiteOrder, b.Suite), strings.Compare(a.Checker, b.Checker))
	})
	var b strings.Builder
	b.WriteString(introduction)
	b.WriteString("| software | version | cases | passed | failed | not run |\n|---|---|---|---|---|---|\n")
	var checkers []string
	for _, r := range results.all {
		if !slices.Contains(checkers, r.Checker) {
			checkers = append(checkers, r.Checker)
		}
	}
	for _, checker := range checkers {
		var passed, failed, skipped int
		for _, r := range results.all {
			switch {
			case r.Checker != checker:
			case r.Skipped != "":
				skipped++
			case r.Failed != "":
				failed++
			default:
				passed++
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d |\n", checker, results.versions[checker], passed+failed+skipped, passed, failed, skipped)
	}
	table(&b, "ingress", "The ingress")
	table(&b, "control plane", "An ingress under a control plane")
	table(&b, "doctor", "The doctor behind an ingress")
	table(&b, "connector", "The public Python connector and the emulator")
	table(&b, "own tests", "The connector's own tests and the emulator")
	table(&b, "alerts", "Alerts of deploy/prometheus on the series of real clients")
	table(&b, "opentelemetry", "OpenTelemetry's collector")
	notes(&b)
	b.WriteString(mockServer)
	return b.String()
}

// table writes the cases of a suite, with a column for each program.
func table(b *strings.Builder, suite, title string) {
	var names, checkers []string
	cells := map[[2]string]*result{}
	for _, r := range results.all {
		if r.Suite != suite {
			continue
		}
		if !slices.Contains(names, r.Case) {
			names = append(names, r.Case)
		}
		if !slices.Contains(checkers, r.Checker) {
			checkers = append(checkers, r.Checker)
		}
		cells[[2]string{r.Case, r.Checker}] = r
	}
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n| case | %s |\n|---%s|\n", title, strings.Join(checkers, " | "), strings.Repeat("|---", len(checkers)))
	for _, name := range names {
		fmt.Fprintf(b, "| %s |", name)
		for _, checker := range checkers {
			fmt.Fprintf(b, " %s |", cell(cells[[2]string{name, checker}]))
		}
		b.WriteString("\n")
	}
}

func cell(r *result) string {
	switch {
	case r == nil:
		return ""
	case r.Skipped == notInstalled:
		return notInstalled
	case r.Skipped != "":
		return "not run"
	case r.Failed != "":
		return "**failed**"
	case r.Statements == 0:
		return "passed"
	}
	text := fmt.Sprintf("passed, %d statements", r.Statements)
	if r.CutOff > 0 {
		text += fmt.Sprintf(", %d cut off", r.CutOff)
	}
	return text
}

// notes lists reasons and remarks.
func notes(b *strings.Builder) {
	lines := map[string][]string{}
	var order []string
	for _, r := range results.all {
		for _, text := range []string{r.Failed, r.Skipped, r.Note} {
			if text == "" {
				continue
			}
			if !slices.Contains(order, r.Checker) {
				order = append(order, r.Checker)
			}
			lines[r.Checker] = append(lines[r.Checker], fmt.Sprintf("- %s: %s\n", r.Case, strings.ReplaceAll(text, "|", "\\|")))
		}
	}
	if len(lines) == 0 {
		return
	}
	b.WriteString("\n## Remarks\n")
	for _, checker := range order {
		fmt.Fprintf(b, "\n%s:\n\n%s", checker, strings.Join(lines[checker], ""))
	}
}
