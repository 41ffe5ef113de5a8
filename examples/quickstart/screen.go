package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/e6data/e6data-go/e6"
)

// screen prints lines from any goroutine. On a terminal it shows a line of progress
// below them.
type screen struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	began    time.Time
	status   string // the line of progress on the terminal
}

func newScreen(w io.Writer) *screen {
	f, ok := w.(*os.File)
	return &screen{w: w, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

// begin starts the clock of log.
func (s *screen) begin() { s.began = time.Now() }

func (s *screen) print(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	_, _ = fmt.Fprintf(s.w, format+"\n", args...)
	_, _ = io.WriteString(s.w, s.status)
}

// log prints a line with the time and the component.
func (s *screen) log(who, format string, args ...any) { s.logAt(time.Now(), who, format, args...) }

// logAt is log for an event of that time.
func (s *screen) logAt(at time.Time, who, format string, args ...any) {
	s.print("%7.3fs  %-7s  %s", at.Sub(s.began).Seconds(), who, fmt.Sprintf(format, args...))
}

// clear removes the line of progress. The caller holds the lock.
func (s *screen) clear() {
	if s.status != "" {
		_, _ = io.WriteString(s.w, "\r\x1b[K")
	}
}

// progress shows what line returns, a few times in a second, until stop is
// called. It does nothing without a terminal.
func (s *screen) progress(line func() string) (stop func()) {
	if !s.terminal {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.show("  ... " + line())
			case <-quit:
				s.show("")
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}

func (s *screen) show(status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	s.status = status
	_, _ = io.WriteString(s.w, status)
}

// table prints the results of each worker, and how the client kept its queries.
func (s *screen) table(l *load, stats e6.Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintln(s.w)
	t := tabwriter.NewWriter(s.w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "who\tqueries\ton blue\ton green\trows\tslowest\tfailed\twrong\t")
	for _, w := range l.workers {
		w.mu.Lock()
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%s\t%d\t%d\t\n", w.name, w.result.queries, w.on[e6.Blue], w.on[e6.Green],
			w.rows, w.slow.Round(time.Millisecond), w.result.failed, w.result.wrong)
		w.mu.Unlock()
	}
	_ = t.Flush()
	_, _ = fmt.Fprintf(s.w, "\nretried after a refusal: %d, replayed on the other side: %d, of these continued between two rows: %d, lost: %d\n\n",
		stats.Retried, stats.Replayed, stats.Continued, stats.Lost)
	for _, w := range l.workers {
		w.mu.Lock()
		for _, err := range w.errs {
			_, _ = fmt.Fprintf(s.w, "%s: %v\n", w.name, err)
		}
		w.mu.Unlock()
	}
}
