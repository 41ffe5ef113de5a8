package sim

import (
	"flag"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/bench/report"
)

var (
	write = flag.String("write", "", "write what the simulation shows into this `file`, and the charts beside it")
	large = flag.Int("clients", 10_000, "how `many` clients the largest fleet has")
)

// row is an outcome as a row of a table.
func (o outcome) row() table.Row {
	when := func(d time.Duration) string {
		switch {
		case d < 0:
			return "-"
		case d < time.Second:
			return fmt.Sprintf("%d ms", d.Milliseconds())
		}
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return table.Row{o.name, o.clients, when(o.half), when(o.most), when(o.all), fmt.Sprintf("%.2f", o.logins), o.peak, o.sharpest,
		o.refused, fmt.Sprintf("%d of %d", o.late, o.queries), o.failed, fmt.Sprintf("%.2f", o.storeCalls), o.storePeak}
}

func rendered(all []outcome) string {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"what happens", "clients", "50 % there", "99 %", "all", "logins each", "most in 1 s", "in 0.1 s",
		"refused calls", "queries to the old side", "failed", "store calls each", "most in 1 s"})
	for _, o := range all {
		t.AppendRow(o.row())
	}
	return t.RenderMarkdown() + "\n"
}

// TestTheDocumentIsWritten is the whole simulation. It runs with -write alone.
func TestTheDocumentIsWritten(t *testing.T) {
	if *write == "" {
		t.Skip("it takes minutes; make sim runs it")
	}
	began := time.Now()
	reported := func(all []outcome) []outcome {
		for _, o := range all {
			fmt.Printf("%6.0f s: %s, %d clients: 99 %% after %s, at most %d logins/s\n", time.Since(began).Seconds(), o.name, o.clients, o.most, o.peak)
			require.Zero(t, o.failed, o.name)
		}
		return all
	}
	logins := report.Curve{File: "scale-logins.svg", Title: "Logins on the new side", X: "clients", Y: "most within one second", Steep: true}
	times := report.Curve{File: "scale-times.svg", Title: "Until 99 % of the clients are on the new side", X: "clients", Y: "seconds"}
	var ways, rest []outcome
	for _, s := range []scenario{alone, shared, spread} {
		line := report.Line{Name: s.name}
		swift := line
		for _, n := range []int{100, 300, 1000, 3000} {
			if n > *large {
				break
			}
			o := reported(run(t, s, n, 1))[0]
			line.X, line.Y = append(line.X, float64(n)), append(line.Y, float64(o.peak))
			swift.X, swift.Y = append(swift.X, float64(n)), append(swift.Y, o.most.Seconds())
			if n == min(3000, *large) {
				ways = append(ways, o)
			}
		}
		logins.Lines, times.Lines = append(logins.Lines, line), append(times.Lines, swift)
	}
	for _, s := range others {
		rest = append(rest, reported(run(t, s, min(1000, *large), 1))...)
	}
	days := reported(run(t, badDays, *large, 1))

	text := fmt.Sprintf("%s on %d CPUs of %s/%s, %s; %.0f s in all.\n\nOne announced cutover, in three ways:\n\n%s\nMore that can happen:\n\n%s\nBad days of one fleet with a jitter of 5 s, one after the other:\n\n%s",
		runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, time.Now().UTC().Format(time.DateOnly), time.Since(began).Seconds(),
		rendered(ways), rendered(rest), rendered(days))
	require.NoError(t, report.Replace(*write, "sim", strings.TrimRight(text, "\n")+"\n"))
	for _, c := range []report.Curve{logins, times} {
		require.NoError(t, c.Draw(filepath.Dir(*write)))
	}
}
