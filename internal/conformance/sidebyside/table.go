package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"
)

// A run is one client's load.
type run struct {
	client   string
	report   report
	cutovers []time.Time
	d        time.Duration
}

// A row is a run in numbers.
type row struct {
	queries, failed, wrong int
	p99                    time.Duration // of queries that began in the second after a cutover
	rows                   float64       // a second
	peak                   float64       // MiB
	errors                 []string      // some
}

func (r run) row() (w row) {
	var at []int64
	total := 0
	for _, q := range r.report.Queries {
		w.queries++
		total += q.Rows
		switch {
		case q.Wrong:
			w.wrong++
		case q.Error != "":
			w.failed++
			if !slices.Contains(w.errors, q.Error) && len(w.errors) < 5 {
				w.errors = append(w.errors, q.Error)
			}
		}
		if slices.ContainsFunc(r.cutovers, func(c time.Time) bool {
			since := time.Unix(0, q.Began).Sub(c)
			return since >= 0 && since < time.Second
		}) {
			at = append(at, q.Took)
		}
	}
	w.p99 = percentile(at, 0.99)
	w.rows = float64(total) / r.d.Seconds()
	w.peak = float64(r.report.PeakKiB) / 1024
	return w
}

// percentile returns the smallest value that a share of all values does not exceed.
func percentile(values []int64, share float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return time.Duration(values[int(math.Ceil(share*float64(len(values))))-1])
}

// table writes the runs for people.
func table(runs []run) string {
	var b strings.Builder
	b.WriteString("| client | queries | failed | wrong | p99 in the second of a cutover | rows per second | resident memory |\n|---|---|---|---|---|---|---|\n")
	for _, r := range runs {
		w := r.row()
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d ms | %.0f | %.0f MiB |\n", r.client, w.queries, w.failed, w.wrong, w.p99.Milliseconds(), w.rows, w.peak)
	}
	return b.String()
}

// shortTable is the table for a page on which it is not the subject.
func shortTable(runs []run) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| client, %d cutovers | queries | failed | wrong |\n|---|---|---|---|\n", len(runs[0].cutovers))
	for _, r := range runs {
		w := r.row()
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", r.client, w.queries, w.failed, w.wrong)
	}
	return b.String()
}

// replace puts text between the marks of a document.
func replace(path, text string) error {
	const begin, end = "<!-- sidebyside:begin -->\n", "<!-- sidebyside:end -->"
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(old), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return fmt.Errorf("%s has no %q followed by %q", path, strings.TrimSpace(begin), end)
	}
	return os.WriteFile(path, []byte(before+begin+text+end+after), 0o644)
}
