package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"

	"github.com/e6data/e6data-go/e6"
)

// progress is the line that shows the progress of a query.
type progress struct {
	w     io.Writer
	shown bool // there is a terminal, and --quiet is not set
	mu    sync.Mutex
	bar   *progressbar.ProgressBar
	total int64
	ended bool
}

// newProgress returns a progress that shows only on a terminal where a line can be
// taken away again.
func newProgress(w io.Writer, quiet bool) *progress {
	_, terminal := onTerminal(w)
	return &progress{w: w, shown: terminal && !quiet && !dumbTerminal()}
}

// patience is how long a query runs before its progress is worth a line.
const patience = 300 * time.Millisecond

// show shows how far a query is.
func (p *progress) show(now e6.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || now.Elapsed < patience && p.bar == nil {
		return
	}
	if now.Step == e6.StepDone {
		p.clear()
		return
	}
	if p.bar == nil || p.total != now.TotalRows {
		p.clear()
		p.total = now.TotalRows
		p.bar = progressbar.NewOptions64(max(now.TotalRows, -1),
			progressbar.OptionSetWriter(p.w),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionUseANSICodes(!noColor()),
			progressbar.OptionSetWidth(20),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetSpinnerChangeInterval(0),
			progressbar.OptionSpinnerType(14),
		)
	}
	p.bar.Describe(step(now))
	_ = p.bar.Set64(now.Rows)
}

// step describes the step of a query, without the part that a bar shows.
func step(now e6.Progress) string {
	words := []string{now.Step.String()}
	if side := now.Handle.Side; side != e6.None {
		words = append(words, "on "+side.String())
	}
	if now.Rows > 0 {
		words = append(words, humanize.Comma(now.Rows)+" rows", humanize.IBytes(uint64(now.Bytes)))
		if s := now.Elapsed.Seconds(); s > 0 {
			words = append(words, humanize.IBytes(uint64(float64(now.Bytes)/s))+"/s")
		}
	} else if now.ServerRows > 0 {
		words = append(words, humanize.Comma(now.ServerRows)+" rows computed")
	}
	text := strings.Join(words, " ")
	if now.TotalRows > 0 {
		return text // a bar shows the time itself
	}
	return fmt.Sprintf("%s, %s", text, now.Elapsed.Round(100*time.Millisecond))
}

func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}

// end removes the line. Later calls write none.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.clear()
}

// before returns a writer that takes the line away before it writes to w, if w is
// the terminal too.
func (p *progress) before(w io.Writer, toTerminal bool) io.Writer {
	if !p.shown || !toTerminal {
		return w
	}
	return writerFunc(func(b []byte) (int, error) {
		p.end()
		return w.Write(b)
	})
}

type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
