package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// comparisons are all of them, in the order of the table.
var comparisons = []comparison{
	decodeReused, decodeFresh, decodeLongs,
	queries("short queries on 64 goroutines", 64), queries("short queries on one goroutine", 1),
	rowsThroughSQL,
}

func main() {
	only := flag.String("run", "", "measure only what has this `text` in its name")
	rounds := flag.Int("rounds", 21, "how `often` both are run in turn, 20 or more")
	write := flag.String("write", "", "replace the table between the marks of this `file`")
	flag.Parse()
	if err := run(os.Stdout, *only, *rounds, *write); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, only string, rounds int, write string) error {
	if rounds < 20 {
		return fmt.Errorf("-rounds %d: want 20 or more, as fewer leave the interval wide", rounds)
	}
	if write != "" && only != "" {
		return errors.New("-write with -run: a document has all of them")
	}
	var results []result
	for _, c := range comparisons {
		if !strings.Contains(c.name, only) {
			continue
		}
		r, err := c.measure(rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		results = append(results, r)
	}
	if len(results) == 0 {
		return fmt.Errorf("-run %q: nothing has that in its name", only)
	}
	text := rendered(results)
	if write != "" {
		return replace(write, text)
	}
	_, err := io.WriteString(w, text)
	return err
}

// rendered is the table, in Markdown.
func rendered(results []result) string {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"what", "against", "median", "95 % interval", "goal", "met"})
	for _, r := range results {
		limit := "at most"
		if r.more {
			limit = "at least"
		}
		t.AppendRow(table.Row{
			r.name, r.against, fmt.Sprintf("%.2f x %s", r.median, r.unit), fmt.Sprintf("%.2f to %.2f", r.low, r.high),
			fmt.Sprintf("%s %g", limit, r.goal), map[bool]string{true: "yes", false: "**no**"}[r.met()],
		})
	}
	return fmt.Sprintf("%d rounds each, %s, %d CPUs of %s/%s, %s.\n\n%s\n", results[0].rounds, runtime.Version(), runtime.NumCPU(),
		runtime.GOOS, runtime.GOARCH, time.Now().UTC().Format(time.DateOnly), t.RenderMarkdown())
}

// The marks in a document.
const (
	begins = "<!-- bench:begin -->\n"
	ends   = "<!-- bench:end -->"
)

// replace puts a text between the marks of a file.
func replace(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, hasBegin := bytes.Cut(old, []byte(begins))
	_, after, hasEnd := bytes.Cut(rest, []byte(ends))
	if !hasBegin || !hasEnd {
		return fmt.Errorf("%s: want the lines %q and %q", path, strings.TrimSpace(begins), ends)
	}
	return os.WriteFile(path, []byte(string(before)+begins+text+ends+string(after)), 0o644)
}
