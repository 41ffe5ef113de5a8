package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// The limits of the text. The JSON form has all.
const (
	textQueries = 40
	textClients = 10
)

// clock is the form of a time of day.
const clock = "15:04:05.000"

// JSON writes the report as one JSON document.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Text writes the report as text with lines of about 100 columns.
func (r *Report) Text(w io.Writer) error {
	var b bytes.Buffer
	r.textSummary(&b)
	for i := range r.Changes {
		r.textChange(&b, &r.Changes[i])
	}
	var general []Finding
	for _, f := range r.Findings {
		if f.Change == 0 {
			general = append(general, f)
		}
	}
	if len(general) > 0 {
		b.WriteString("\nClients\n")
		r.textFindings(&b, general)
	}
	r.textQueries(&b)
	_, err := w.Write(b.Bytes())
	return err
}

// line writes a name and a text, which continues on further lines.
func line(b *bytes.Buffer, indent int, name, text string) {
	const width = 100
	prefix := fmt.Sprintf("%*s%-9s ", indent, "", name)
	at := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			b.WriteString(prefix)
			at = len(prefix)
		case at+1+len(word) > width:
			fmt.Fprintf(b, "\n%*s", len(prefix), "")
			at = len(prefix)
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	b.WriteByte('\n')
}

// window is the time of the report.
func (r *Report) window() string {
	if r.From.IsZero() {
		return "no entries"
	}
	from, to := r.From.In(r.zone), r.To.In(r.zone)
	last := to.Format(time.DateTime)
	if from.Format(time.DateOnly) == to.Format(time.DateOnly) {
		last = to.Format(time.TimeOnly)
	}
	return fmt.Sprintf("%s to %s %s, %s", from.Format(time.DateTime), last, to.Format("MST"), Duration(to.Sub(from)))
}

// queriesText is the number of queries by outcome.
func (r *Report) queriesText() string {
	total := 0
	for _, n := range r.Queries {
		total += n
	}
	if total == 0 {
		return "0"
	}
	return fmt.Sprintf("%d: %s", total, strings.Join(countsText(r.Queries), ", "))
}

func (r *Report) textSummary(b *bytes.Buffer) {
	for i, c := range r.Clients {
		name := ""
		if i == 0 {
			name = "clients"
		}
		if i == textClients && len(r.Clients) > textClients+1 {
			line(b, 0, name, fmt.Sprintf("and %d more", len(r.Clients)-i))
			break
		}
		line(b, 0, name, c.text())
	}
	line(b, 0, "time", r.window())
	line(b, 0, "changes", r.changesText())
	line(b, 0, "queries", r.queriesText())
}

// text describes a client in one line.
func (c Client) text() string {
	text := c.Name + ": " + plural(int64(c.Entries), "entry", "entries")
	if c.Strategy != "" {
		text += ", last on " + c.Strategy
	}
	if c.Damaged > 0 {
		text += fmt.Sprintf(", %s left out, not whole", plural(int64(c.Damaged), "record", "records"))
	}
	return text
}

// changesText is the number of changes, and of those that were not made.
func (r *Report) changesText() string {
	not := 0
	for _, c := range r.Changes {
		if !c.Made {
			not++
		}
	}
	text := fmt.Sprint(len(r.Changes))
	if not > 0 {
		text += fmt.Sprintf(", %d not made", not)
	}
	return text
}

func (r *Report) textChange(b *bytes.Buffer, c *Change) {
	fmt.Fprintf(b, "\nChange %d at %s\n", c.Number, c.Began.In(r.zone).Format("2006-01-02 15:04:05.000 MST"))
	line(b, 2, "summary", c.Summary)
	line(b, 2, "cause", c.Cause)
	for i, one := range c.Clients {
		indent, name := 2, ""
		if len(c.Clients) > 1 {
			if i == textClients && len(c.Clients) > textClients+1 {
				line(b, 2, "client", fmt.Sprintf("and %d more", len(c.Clients)-i))
				break
			}
			line(b, 2, "client", fmt.Sprintf("%s at %s, %s", one.Name, one.Began.In(r.zone).Format(clock), one.Took))
			indent = 4
		}
		if len(one.Phases) > 0 {
			name = "phases"
			line(b, indent, name, strings.Join(phasesText(one.Phases), ", "))
		}
		line(b, indent, "ended", c.resultText(one))
		line(b, indent, "queries", c.affectedText(one))
	}
	r.textFindings(b, r.findingsOf(c.Number))
}

// affectedText is the number of queries that a change affected.
func (c *Change) affectedText(one ClientChange) string {
	text := strings.Join(countsText(one.Queries), ", ")
	if text == "" {
		text = "none affected"
	}
	if one.InFlight > 0 && c.From != fsm.None {
		text += fmt.Sprintf("; %d in flight on %s at the change", one.InFlight, c.From)
	}
	return text
}

func (r *Report) findingsOf(change int) (list []Finding) {
	for _, f := range r.Findings {
		if f.Change == change {
			list = append(list, f)
		}
	}
	return list
}

func (r *Report) textFindings(b *bytes.Buffer, findings []Finding) {
	for _, f := range findings {
		observation := f.Observed
		if len(r.Clients) > 1 {
			observation += " (" + clientsText(f.Clients) + ")"
		}
		line(b, 2, "found", f.Rule+": "+observation)
		line(b, 2, "advice", f.adviceText())
	}
}

func clientsText(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("%s and %d more", names[0], len(names)-1)
}

// adviceText is the advice with the settings that it does not name in full.
func (f Finding) adviceText() string {
	if len(f.Settings) == 0 {
		return f.Advice
	}
	return f.Advice + " [" + strings.Join(f.Settings, ", ") + "]"
}

// shownQueries are the affected queries up to a limit, the most severe outcomes first.
func (r *Report) shownQueries(most int) []Query {
	if len(r.Affected) <= most {
		return r.Affected
	}
	list := slices.Clone(r.Affected)
	slices.SortStableFunc(list, bySeverity)
	list = list[:most]
	slices.SortStableFunc(list, func(a, b Query) int { return a.Time.Compare(b.Time) })
	return list
}

func (r *Report) textQueries(b *bytes.Buffer) {
	if len(r.Affected) == 0 {
		return
	}
	b.WriteString("\nAffected queries\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	several := len(r.Clients) > 1
	head := "  ended\tchange\toutcome\tside\ttook\trows\treason\tid"
	if several {
		head += "\tclient"
	}
	fmt.Fprintln(w, head)
	shown := r.shownQueries(textQueries)
	for _, q := range shown {
		row := fmt.Sprintf("  %s\t%s\t%s\t%s\t%s\t%d\t%s\t%s", q.Time.In(r.zone).Format(clock), q.changeText(), q.Outcome, q.Side, q.Took, q.Rows, q.reasonText(), q.ID)
		if several {
			row += "\t" + q.Client
		}
		fmt.Fprintln(w, row)
	}
	_ = w.Flush() // to memory
	if n := len(r.Affected) - len(shown); n > 0 {
		fmt.Fprintf(b, "  and %d more: the JSON form has all\n", n)
	}
}

func (q Query) changeText() string {
	if q.Change == 0 {
		return "-"
	}
	return fmt.Sprint(q.Change)
}

// reasonText is why a query was lost or failed, or how often it was repeated.
func (q Query) reasonText() string {
	var parts []string
	for _, n := range []struct {
		name  string
		value int
	}{{"retries", q.Retries}, {"replays", q.Replays}, {"continued", q.Continued}} {
		if n.value > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", n.name, n.value))
		}
	}
	if q.CodeName != "" && q.Reason == "" {
		parts = append(parts, q.CodeName)
	}
	if q.Reason != "" {
		parts = append(parts, q.Reason)
	}
	return strings.Join(parts, " ")
}
