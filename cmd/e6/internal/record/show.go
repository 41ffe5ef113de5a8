package record

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/visible"
)

// A Header is what a recording has in total.
type Header struct {
	// Kind is "recording".
	Kind string `json:"kind"`
	// File is the path of the file, as it was given.
	File string `json:"file"`
	// From and To are the earliest and the latest time of an entry. Both are nil in a
	// recording without entries.
	From *time.Time `json:"from,omitempty"`
	To   *time.Time `json:"to,omitempty"`
	// Entries counts the entries of each kind, and Queries the queries of each outcome.
	Entries map[string]int `json:"entries"`
	Queries map[string]int `json:"queries"`
	// Strategy is the last state of the strategy machine, and nil if none was recorded.
	Strategy *fsm.Report `json:"strategy,omitempty"`
	// Damaged is the number of records that are not whole.
	Damaged int `json:"damaged"`

	strategy fsm.Snapshot
}

// NewHeader returns the header of a recording.
func NewHeader(file string, r *recorder.Recording) Header {
	h := Header{Kind: "recording", File: file, Entries: map[string]int{}, Queries: map[string]int{}, Damaged: r.Damaged}
	for _, e := range r.Entries {
		if h.From == nil || e.Time.Before(*h.From) {
			h.From = &e.Time
		}
		if h.To == nil || e.Time.After(*h.To) {
			h.To = &e.Time
		}
		h.Entries[kindOf(e)]++
		switch d := e.Data.(type) {
		case recorder.Query:
			h.Queries[d.Outcome()]++
		case fsm.Transition:
			report := d.After.Report()
			h.Strategy, h.strategy = &report, d.After
		}
	}
	return h
}

// A Printer writes entries. Its methods write whole lines; the first error of the writer
// ends it.
type Printer struct {
	w     io.Writer
	json  bool
	zone  *time.Location
	day   string // of the last entry
	last  time.Time
	begun bool // something was written
}

// NewPrinter returns a Printer of text, or of lines of JSON. Times are shown in the zone.
func NewPrinter(w io.Writer, asJSON bool, zone *time.Location) *Printer {
	return &Printer{w: w, json: asJSON, zone: zone}
}

// The forms of times. clock has microseconds, as many steps of a cutover are in one
// millisecond.
const clock = "15:04:05.000000"

// Header writes a header. It is followed by shown of its entries, which the filter selects.
func (p *Printer) Header(h Header, shown int, f Filter) error {
	if p.json {
		return json.NewEncoder(p.w).Encode(h)
	}
	var b strings.Builder
	line := func(name, text string) { fmt.Fprintf(&b, "%-9s %s\n", name, visible.Line(text)) }
	line("file", h.File)
	if h.From == nil {
		line("entries", "none: the program has not opened its client yet")
	} else {
		from, to := h.From.In(p.zone), h.To.In(p.zone)
		last := to.Format(time.DateTime)
		if from.Format(time.DateOnly) == to.Format(time.DateOnly) {
			last = to.Format(time.TimeOnly)
		}
		line("time", fmt.Sprintf("%s to %s %s, %s", from.Format(time.DateTime), last, to.Format("MST"), short(to.Sub(from))))
		line("entries", counts(h.Entries, kinds, plural))
	}
	if len(h.Queries) > 0 {
		line("queries", counts(h.Queries, outcomes, func(name string, _ int) string { return name }))
	}
	if h.Strategy != nil {
		line("strategy", fmt.Sprintf("%s, epoch %d, since %s (%s)", h.strategy, h.strategy.Epoch, h.strategy.Since.In(p.zone).Format(time.DateTime), h.strategy.Cause))
	}
	if h.Damaged > 0 {
		line("damaged", fmt.Sprintf("%d left out, not whole: the program ended, or wrote, at that time", h.Damaged))
	}
	total := 0
	for _, n := range h.Entries {
		total += n
	}
	if shown < total {
		text := fmt.Sprintf("%d of %d entries", shown, total)
		if !f.All && len(f.Kinds) == 0 {
			text += "; --all adds the messages of the router"
		}
		line("shown", text)
	}
	p.begun = true
	_, err := io.WriteString(p.w, b.String())
	return err
}

// plural is the name of a number of entries of a kind.
func plural(kind string, n int) string {
	switch {
	case n == 1:
		return kind
	case kind == kindQuery:
		return "queries"
	}
	return kind + "s"
}

// counts lists numbers by their names, in an order.
func counts(n map[string]int, order []string, named func(name string, n int) string) string {
	var parts []string
	total := 0
	for _, name := range order {
		if n[name] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[name], named(name, n[name])))
			total += n[name]
		}
	}
	return fmt.Sprintf("%d: %s", total, strings.Join(parts, ", "))
}

// Entries writes entries.
func (p *Printer) Entries(entries []recorder.Entry) error {
	w := bufio.NewWriter(p.w)
	for _, e := range entries {
		if p.json {
			if err := json.NewEncoder(w).Encode(document(e)); err != nil {
				return err
			}
			continue
		}
		if err := p.dayOf(w, e.Time); err != nil {
			return err
		}
		at := e.Time.In(p.zone).Format(clock)
		if back := p.last.Sub(e.Time); !p.last.IsZero() && back > time.Second {
			if _, err := fmt.Fprintf(w, "%s  %-10s  set back by %s or more\n", at, "clock", back.Round(time.Second)); err != nil {
				return err
			}
		}
		p.last = e.Time
		for i, text := range describe(e) {
			if i > 0 {
				at = strings.Repeat(" ", len(clock))
			}
			if _, err := fmt.Fprintln(w, at+"  "+visible.Line(text)); err != nil {
				return err
			}
		}
	}
	return w.Flush()
}

// dayOf writes the day if it is another one than before.
func (p *Printer) dayOf(w io.Writer, at time.Time) error {
	day := at.In(p.zone).Format("2006-01-02 MST")
	if day == p.day {
		return nil
	}
	p.day = day
	if p.begun {
		day = "\n" + day
	}
	p.begun = true
	_, err := fmt.Fprintln(w, day)
	return err
}

// describe is an entry as lines.
func describe(e recorder.Entry) []string {
	kind := fmt.Sprintf("%-10s  ", kindOf(e))
	switch d := e.Data.(type) {
	case recorder.Start:
		return []string{kind + "a client was opened"}
	case fsm.Transition:
		return []string{kind + d.String() + because(d.Cause.String())}
	case recorder.Event:
		return []string{kind + event(d)}
	case recorder.Query:
		return []string{kind + query(d)}
	case recorder.Step:
		lines := []string{kind + strings.TrimSpace(d.Message+" "+d.Fields)}
		for _, decision := range d.Decisions {
			lines = append(lines, strings.Repeat(" ", len(kind)+2)+decision)
		}
		return lines
	}
	return []string{kind + "the state of the router"}
}

func because(text string) string {
	if text == "" {
		return ""
	}
	return "  (" + text + ")"
}

// event is an event in one line: its attributes, then its cause. The number and an error
// that repeats the cause are left out.
func event(e recorder.Event) string {
	text := string(e.Kind)
	reason, _ := e.Attrs["reason"].(string)
	detail, _ := e.Attrs["detail"].(string)
	keys := slices.Sorted(maps.Keys(e.Attrs))
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	for _, key := range keys {
		value := word(e.Attrs[key])
		switch {
		case key == "seq", key == "reason", key == "detail", key == "error" && e.Attrs[key] == detail:
		default:
			text += " " + key + "=" + value
		}
	}
	if detail != "" {
		reason = strings.TrimPrefix(reason+": "+detail, ": ")
	}
	return text + because(reason)
}

// rank sorts the sides before the other attributes.
func rank(key string) int {
	if i := slices.Index([]string{"side", "from", "to"}, key); i >= 0 {
		return i
	}
	return 3
}

// word is a value of an attribute, in quotes if it is not one word.
func word(value any) string {
	text := fmt.Sprint(value)
	if n, ok := value.(float64); ok { // as JSON has all numbers
		text = strconv.FormatFloat(n, 'f', -1, 64)
	}
	if text == "" || strings.ContainsAny(text, " \"=\t\n") {
		return strconv.Quote(text)
	}
	return text
}

// query is the outcome of a query in one line.
func query(q recorder.Query) string {
	text := fmt.Sprintf("%s on %s", q.Outcome(), q.Side)
	if q.Side == fsm.None {
		text = q.Outcome() + " on no side"
	}
	text += " in " + short(q.Took)
	if q.Code != codes.OK {
		text += " code=" + q.Code.String()
	}
	for _, n := range []struct {
		name  string
		value int64
	}{{"rows", q.Rows}, {"retries", int64(q.Retries)}, {"replays", int64(q.Replays)}, {"continued", int64(q.Continued)}} {
		if n.value > 0 || n.name == "rows" {
			text += fmt.Sprintf(" %s=%d", n.name, n.value)
		}
	}
	return text + " id=" + cmp.Or(q.ID, "none")
}

// short is a duration with three or four digits.
func short(d time.Duration) string {
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}

// document is an entry in JSON.
func document(e recorder.Entry) any {
	head := entry{e.Time, kindOf(e)}
	switch d := e.Data.(type) {
	case fsm.Transition:
		return struct {
			entry
			Trigger string     `json:"trigger"`
			ID      uint64     `json:"id"`
			Before  fsm.Report `json:"before"`
			After   fsm.Report `json:"after"`
		}{head, d.Event.String(), d.ID, d.Before.Report(), d.After.Report()}
	case recorder.Event:
		return struct {
			entry
			recorder.Event
		}{head, d}
	case recorder.Step:
		return struct {
			entry
			recorder.Step
		}{head, d}
	case recorder.Query:
		return struct {
			entry
			Outcome   string  `json:"outcome"`
			ID        string  `json:"id,omitempty"`
			Side      string  `json:"side"`
			TookMS    float64 `json:"took_ms"`
			Rows      int64   `json:"rows"`
			Batches   int64   `json:"batches"`
			Bytes     int64   `json:"bytes"`
			Retries   int     `json:"retries"`
			Replays   int     `json:"replays"`
			Continued int     `json:"continued"`
			Code      string  `json:"code"`
		}{head, d.Outcome(), d.ID, d.Side.String(), float64(d.Took) / 1e6, d.Rows, d.Batches, d.Bytes, d.Retries, d.Replays, d.Continued, d.Code.String()}
	}
	return head
}

// entry is what every entry has in JSON.
type entry struct {
	Time time.Time `json:"time"`
	Kind string    `json:"kind"`
}
