package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/timeline"
)

//go:embed page.css
var pageCSS string

//go:embed page.html.tmpl
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// The limits of the timelines of a page. Clients and changes beyond them have a row in the
// tables, but no timeline.
const (
	pageClients   = 6         // in the timeline of all
	changeClients = 3         // in the timeline of a change
	pageDrawings  = 512 << 10 // bytes of the timelines of changes
	pageRows      = 10        // clients of a change
	pageChanges   = 100
	pageQueries   = 250
)

// The widths of the timelines, for a desktop and for a phone.
const (
	wide   = 976
	narrow = 328
)

// page is what the template writes.
type page struct {
	Report   *Report
	CSS      template.CSS
	Window   string
	Total    int
	Repeated int
	Made     int
	Kinds    string
	Headline string
	Tone     string
	Timeline template.HTML
	NotDrawn int
	Advice   []pageAdvice
	Changes  []pageChange
	// NotListed is the number of changes that are left out.
	NotListed int
	Queries   []pageQuery
	More      int
	Several   bool
}

type pageAdvice struct {
	Finding
	Where string
	Items []Finding
}

type pageChange struct {
	*Change
	At       string
	KindText string
	Rows     []pageClient
	MoreRows int
	Findings []Finding
	Timeline template.HTML
}

type pageClient struct {
	ClientChange
	At, Phases, Ended, Queries string
}

type pageQuery struct {
	Query
	At, Reason string
}

// Page writes the report as an HTML page without external resources and without scripts.
func (r *Report) Page(w io.Writer) error {
	p := &page{Report: r, CSS: template.CSS(pageCSS + timeline.CSS), Window: r.window(), Several: len(r.Clients) > 1}
	for outcome, n := range r.Queries {
		p.Total += n
		if outcome == "retried" || outcome == "replayed" || outcome == "continued" {
			p.Repeated += n
		}
	}
	p.Headline, p.Tone = r.headline()
	p.Made, p.Kinds = r.made()
	shown := r.shownQueries(pageQueries)
	p.More = len(r.Affected) - len(shown)
	for _, q := range shown {
		p.Queries = append(p.Queries, pageQuery{q, q.Time.In(r.zone).Format(clock), q.reasonText()})
	}
	p.Advice = r.adviceByRule()
	sources := r.sources[:min(len(r.sources), pageClients)]
	p.NotDrawn = len(r.sources) - len(sources)
	var err error
	if p.Timeline, err = r.draw(r.From, r.To, sources); err != nil {
		return err
	}
	if p.Changes, err = r.changesOfPage(); err != nil {
		return err
	}
	p.NotListed = len(r.Changes) - len(p.Changes)
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// made is the number of changes from one side to another, and their kinds.
func (r *Report) made() (n int, kinds string) {
	counts := map[events.ChangeKind]int{}
	for _, c := range r.Changes {
		if c.Made && c.From.Valid() {
			n++
			counts[c.Kind]++
		}
	}
	var parts []string
	for _, k := range events.AllChangeKinds() {
		if counts[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[k], kindTexts[k]))
		}
	}
	return n, strings.Join(parts, ", ")
}

// headline is the result in one line, and how good it is: good, warn or bad.
func (r *Report) headline() (text, tone string) {
	made, _ := r.made()
	text = plural(int64(made), "change of the active side", "changes of the active side")
	lost := r.Queries["lost"]
	switch {
	case lost > 0:
		return text + ", " + plural(int64(lost), "query", "queries") + " lost", "bad"
	case len(r.Findings) > 0:
		return text + ", no query lost", "warn"
	}
	return text + ", no query lost", "good"
}

// Timeline writes the timeline of the whole report as an SVG file.
func (r *Report) Timeline(w io.Writer) error {
	sources := r.sources[:min(len(r.sources), pageClients)]
	return timeline.New(timeline.Options{From: r.From, To: r.To, Width: wide, Zone: r.zone, Flags: r.flags()}, sources...).WriteFile(w)
}

// flags are the numbers of the changes in a timeline.
func (r *Report) flags() []timeline.Flag {
	flags := []timeline.Flag{}
	for _, c := range r.Changes {
		at := c.Began
		if first := c.Clients[0].Changed; first != nil {
			at = *first
		}
		flags = append(flags, timeline.Flag{At: at, Label: fmt.Sprint(c.Number), Title: fmt.Sprintf("change %d: %s", c.Number, c.Summary)})
	}
	return flags
}

// draw returns a timeline in both widths. Without entries it is empty.
func (r *Report) draw(from, to time.Time, sources []timeline.Source) (template.HTML, error) {
	if r.From.IsZero() {
		return "", nil
	}
	var b strings.Builder
	for _, form := range []struct {
		class string
		width int
	}{{"e6-wide", wide}, {"e6-narrow", narrow}} {
		svg, err := timeline.New(timeline.Options{From: from, To: to, Width: form.width, Zone: r.zone, Flags: r.flags()}, sources...).SVG()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "<div class=\"%s\">%s</div>\n", form.class, svg)
	}
	return template.HTML(b.String()), nil
}

// changesOfPage are the changes with their timelines, up to pageChanges. Those with findings or
// affected queries come first where there is no room for all.
func (r *Report) changesOfPage() ([]pageChange, error) {
	order := make([]pageChange, len(r.Changes))
	for i := range r.Changes {
		order[i] = r.pageChange(&r.Changes[i])
	}
	slices.SortStableFunc(order, func(a, b pageChange) int { return b.weight() - a.weight() })
	order = order[:min(len(order), pageChanges)]
	left := pageDrawings
	for i := range order {
		c := &order[i]
		if left <= 0 || c.Kind == events.ChangeDetected && c.weight() == 0 {
			continue
		}
		from, to := c.window()
		var sources []timeline.Source
		for _, p := range c.passages[:min(len(c.passages), changeClients)] {
			sources = append(sources, r.sources[p.client])
		}
		var err error
		if c.Timeline, err = r.draw(from, to, sources); err != nil {
			return nil, err
		}
		left -= len(c.Timeline)
	}
	slices.SortFunc(order, func(a, b pageChange) int { return a.Number - b.Number })
	return order, nil
}

// weight is how much there is to see in a change.
func (c *pageChange) weight() int {
	n := 2 * len(c.Findings)
	if len(c.Change.Queries) > 0 {
		n++
	}
	return min(n, 3)
}

// window is the time around a change with the ends of its affected queries. A long drain and long
// queries are cut off, as the change itself would not be visible.
func (c *Change) window() (from, to time.Time) {
	changed := c.Began
	for _, one := range c.Clients {
		if one.Changed != nil {
			changed = later(changed, *one.Changed)
		}
	}
	took := changed.Sub(c.Began)
	to = earlier(c.Ended, changed.Add(max(10*took, 10*time.Second)))
	limit := to.Add(max(4*to.Sub(c.Began), time.Second))
	for _, p := range c.passages {
		for _, q := range p.affected {
			to = later(to, earlier(q.Time, limit))
		}
	}
	margin := max(to.Sub(c.Began)/4, 100*time.Millisecond)
	return c.Began.Add(-margin), to.Add(margin)
}

func (r *Report) pageChange(c *Change) pageChange {
	p := pageChange{Change: c, At: c.Began.In(r.zone).Format("2006-01-02 15:04:05.000 MST"), KindText: kindTexts[c.Kind], Findings: r.findingsOf(c.Number)}
	for i, one := range c.Clients {
		if i == pageRows {
			p.MoreRows = len(c.Clients) - i
			break
		}
		p.Rows = append(p.Rows, pageClient{one, one.Began.In(r.zone).Format(clock), strings.Join(phasesText(one.Phases), ", "), c.resultText(one), c.affectedText(one)})
	}
	return p
}

// Text describes the change without its sides, which are in its heading.
func (c pageChange) Text() string {
	if !c.Made {
		return c.Summary
	}
	return "took " + c.slowest().String()
}

// Arrow is the change of sides.
func (c pageChange) Arrow() string {
	if c.From == fsm.None {
		return "on " + c.To.String()
	}
	return c.From.String() + " → " + c.To.String()
}

// adviceByRule groups the findings by their rules, in the order of the table.
func (r *Report) adviceByRule() (list []pageAdvice) {
	for _, f := range r.Findings {
		if n := len(list); n > 0 && list[n-1].Rule == f.Rule {
			list[n-1].Items = append(list[n-1].Items, f)
			continue
		}
		list = append(list, pageAdvice{Finding: f, Items: []Finding{f}})
	}
	for i := range list {
		var where []string
		for _, f := range list[i].Items {
			if f.Change > 0 {
				where = append(where, fmt.Sprint(f.Change))
			}
		}
		switch {
		case len(where) == 1:
			list[i].Where = "change " + where[0]
		case len(where) > 1:
			list[i].Where = "changes " + strings.Join(where, ", ")
		case r.several():
			list[i].Where = clientsText(list[i].Clients)
		}
	}
	return list
}

func (r *Report) several() bool { return len(r.Clients) > 1 }
