package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/e6data/e6data-go/bench/report"
)

// comparisons are all of them, in the order of the table.
var comparisons = []comparison{
	pin, pinOnEight, unaryCall,
	toFirstRow, toTheEnd, newClient, newClientKnows, toNewSide,
	decodeReused, decodeFresh, decodeLongs, recorded, hashOfFresh, hashOfReused, rowsThroughSQL,
	queries(1), queries(64), throughHAProxy(512), graceful, abrupt,
	perConn, perClient,
}

func main() {
	only := flag.String("run", "", "measure only what has this `text` in its name")
	rounds := flag.Int("rounds", 21, "how `often` each is measured, 20 or more")
	write := flag.String("write", "", "replace the table between the marks of this `file`, and draw the charts beside it")
	profile := flag.String("cpuprofile", "", "write a profile of the processor to this `file`")
	flag.Parse()
	if err := profiled(*profile, func() error { return run(os.Stdout, os.Stderr, *only, *rounds, *write) }); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// profiled does something, and writes a profile of it if a file is given.
func profiled(path string, do func() error) error {
	if path == "" {
		return do()
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}

func run(w, progress io.Writer, only string, rounds int, write string) error {
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
		fmt.Fprintf(progress, "%s: %.2f %s\n", r.name, r.median, r.unit)
		results = append(results, r)
	}
	var curves []report.Curve
	for _, grow := range growths {
		if only != "" && !strings.Contains(grow.name, only) {
			continue
		}
		c, r, err := grow.measure()
		if err != nil {
			return fmt.Errorf("%s: %w", grow.name, err)
		}
		fmt.Fprintf(progress, "%s: %.2f %s\n", r.name, r.median, r.unit)
		curves, results = append(curves, c), append(results, r)
	}
	if len(results) == 0 {
		return fmt.Errorf("-run %q: nothing has that in its name", only)
	}
	text := rendered(results)
	if write == "" {
		_, err := io.WriteString(w, text)
		return err
	}
	for _, c := range curves {
		if err := c.Draw(filepath.Dir(write)); err != nil {
			return err
		}
	}
	return report.Replace(write, "bench", text)
}

// rendered is the table, in Markdown, with the reasons below it.
func rendered(results []result) string {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"what", "against", "median", "95 % interval", "goal", "met"})
	var reasons strings.Builder
	for _, r := range results {
		limit := "at most"
		if r.more {
			limit = "at least"
		}
		spread := "one run"
		if r.rounds > 1 {
			spread = fmt.Sprintf("%.2f to %.2f", r.low, r.high)
		}
		met := "yes"
		if !r.met() {
			met = "**no**"
			if r.reason != "" {
				fmt.Fprintf(&reasons, "- %s: %s.\n", r.name, r.reason)
			}
		}
		t.AppendRow(table.Row{r.name, r.against, fmt.Sprintf("%.2f %s", r.median, r.unit), spread, fmt.Sprintf("%s %.3g", limit, r.goal), met})
	}
	text := fmt.Sprintf("%d rounds each, %s, %d CPUs of %s/%s, %s.\n\n%s\n", results[0].rounds, runtime.Version(), runtime.NumCPU(),
		runtime.GOOS, runtime.GOARCH, time.Now().UTC().Format(time.DateOnly), t.RenderMarkdown())
	if reasons.Len() > 0 {
		text += "\nWhy a goal is not met:\n\n" + reasons.String()
	}
	return text
}
