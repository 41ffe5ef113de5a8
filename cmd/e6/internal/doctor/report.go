package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/e6data/e6data-go/internal/visible"
)

// Verdict is how a check came out.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Warn    Verdict = "warn"
	Fail    Verdict = "fail"
	Skipped Verdict = "skip"
)

// Line is the outcome of one check.
type Line struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	// Seen is what was found, Next what to do if that is not well.
	Seen string `json:"seen"`
	Next string `json:"next,omitempty"`
}

// Report is the outcome of all checks, in their order.
type Report struct {
	Lines []Line `json:"checks"`
	// OnLine is called with every line as soon as it is known, if it is not nil.
	OnLine func(Line) `json:"-"`

	secrets secrets // which no archive may hold
	active  string  // the side that is, once it is known
	// wantsCertificate: the server has requested a client certificate.
	wantsCertificate bool
}

func (r *Report) add(check string, verdict Verdict, seen, next string) {
	l := Line{check, verdict, r.secrets.hide(seen), r.secrets.hide(next)} // an answer may quote a token
	r.Lines = append(r.Lines, l)
	if r.OnLine != nil {
		r.OnLine(l)
	}
}

func (r *Report) ok(check, format string, args ...any) {
	r.add(check, OK, fmt.Sprintf(format, args...), "")
}

// skip adds checks that cannot be made.
func (r *Report) skip(reason string, checks ...string) {
	for _, check := range checks {
		r.add(check, Skipped, reason, "")
	}
}

// Failed reports whether something is not well.
func (r *Report) Failed() bool {
	for _, l := range r.Lines {
		if l.Verdict == Fail {
			return true
		}
	}
	return false
}

// width is that of the longest name of a check.
const width = 13

// WriteTo writes a line as text.
func (l Line) WriteTo(w io.Writer) (int64, error) {
	indent := "\n" + strings.Repeat(" ", width+8)
	text := fmt.Sprintf("%-4s  %-*s  %s\n", l.Verdict, width, l.Check, strings.ReplaceAll(printable(l.Seen), "\n", indent))
	if l.Next != "" {
		text += strings.Repeat(" ", width+8) + "-> " + strings.ReplaceAll(printable(l.Next), "\n", indent+"   ") + "\n"
	}
	n, err := io.WriteString(w, text)
	return int64(n), err
}

// printable returns a text of several lines without control characters. It escapes tabs.
func printable(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = visible.Line(line)
	}
	return strings.Join(lines, "\n")
}

// WriteJSON writes the whole report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}
