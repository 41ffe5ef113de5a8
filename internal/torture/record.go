package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// A record is what happened in a world.
type record struct {
	mu       sync.Mutex
	windows  []window
	injected map[kind]int
	ended    map[verdict]int
	wrong    []string
	rows     int64
	retried  int64
	replayed int64
	// continued is how many replays went on behind the rows that the caller had.
	continued int64
	orphans   int
	// steps is the number of steps of routers whose replay was equal.
	steps int64
	// keep is the directory for the recordings; empty: they are in memory.
	keep string
}

// A window is the time in which something may have had an effect. It is open while
// end is zero.
type window struct {
	kind       kind
	begin, end time.Time
}

func newRecord() *record {
	return &record{injected: make(map[kind]int), ended: make(map[verdict]int)}
}

// begin notes that something happens from now on, until end is called.
func (r *record) begin(k kind) (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.injected[k]++
	r.windows = append(r.windows, window{kind: k, begin: time.Now()})
	i := len(r.windows) - 1
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.windows[i].end = time.Now()
	}
}

// during lists what happened at some time between from and now. A fault reaches a
// client some time after it was made.
func (r *record) during(from time.Time) map[kind]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[kind]bool)
	for _, w := range slices.Backward(r.windows) {
		felt := w.end
		if !slices.Contains(allCutovers, w.kind) {
			felt = felt.Add(echo) // a cutover is over when all have followed
		}
		if !w.end.IsZero() && felt.Before(from) {
			if w.begin.Before(from.Add(-time.Minute)) {
				break // all before it are over too
			}
			continue
		}
		all[w.kind] = true
	}
	return all
}

// echo is how long after its end a fault may still be felt, on a busy machine.
const echo = 2 * time.Second

// end notes how a query ended.
func (r *record) end(v verdict, rows int64, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended[v]++
	r.rows += rows
	if v == wrong {
		r.wrong = append(r.wrong, reason)
	}
}

// replayedSteps adds steps of a router whose replay was equal.
func (r *record) replayedSteps(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps += n
}

// violation notes that a promise was broken.
func (r *record) violation(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

func (r *record) violations() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.wrong)
}

func (r *record) cutovers() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range allCutovers {
		n += r.injected[k]
	}
	return n
}

// add takes in what another record has.
func (r *record) add(o *record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, n := range o.injected {
		r.injected[k] += n
	}
	for v, n := range o.ended {
		r.ended[v] += n
	}
	r.wrong = append(r.wrong, o.wrong...)
	r.rows, r.retried, r.replayed, r.orphans = r.rows+o.rows, r.retried+o.retried, r.replayed+o.replayed, r.orphans+o.orphans
	r.continued += o.continued
	r.steps += o.steps
}

// table writes the records of worlds side by side, and their sum.
func table(w io.Writer, worlds []string, records map[string]*record) {
	sum := newRecord()
	for _, name := range worlds {
		sum.add(records[name])
	}
	columns := append(slices.Clone(worlds), "all")
	at := func(name string) *record {
		if name == "all" {
			return sum
		}
		return records[name]
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(title string, value func(*record) int64) {
		fmt.Fprintf(t, "%s\t", title)
		for _, name := range columns {
			fmt.Fprintf(t, "%d\t", value(at(name)))
		}
		fmt.Fprintln(t)
	}
	title := func(text string) {
		fmt.Fprintf(t, "%s\t", text)
		for _, name := range columns {
			fmt.Fprintf(t, "%s\t", name)
		}
		fmt.Fprintln(t)
	}
	title("CUTOVERS")
	for _, k := range allCutovers {
		line(string(k), func(r *record) int64 { return int64(r.injected[k]) })
	}
	line("all", func(r *record) int64 { return int64(r.cutovers()) })
	title("FAULTS")
	for _, k := range slices.Sorted(maps.Keys(sum.injected)) {
		if !slices.Contains(allCutovers, k) {
			line(string(k), func(r *record) int64 { return int64(r.injected[k]) })
		}
	}
	title("QUERIES")
	for _, v := range verdicts {
		line(string(v), func(r *record) int64 { return int64(r.ended[v]) })
	}
	title("MORE")
	line("rows read", func(r *record) int64 { return r.rows })
	line("retried after a refusal", func(r *record) int64 { return r.retried })
	line("replayed", func(r *record) int64 { return r.replayed })
	line("continued after rows", func(r *record) int64 { return r.continued })
	line("prepared, and the answer lost", func(r *record) int64 { return int64(r.orphans) })
	line("steps of routers, replayed", func(r *record) int64 { return r.steps })
	line("BROKEN PROMISES", func(r *record) int64 { return int64(len(r.wrong)) })
	_ = t.Flush()
}
