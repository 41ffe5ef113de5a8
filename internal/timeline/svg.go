package timeline

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// CSS are the styles of the element that SVG returns. They define colours for light and dark
// schemes as custom properties of .e6-timeline, which a page may override.
//
//go:embed timeline.css
var CSS string

//go:embed timeline.svg.tmpl
var source string

var drawing = template.Must(template.New("timeline").Parse(source))

// SVG returns the timeline as an svg element for an HTML page that includes CSS.
func (t Timeline) SVG() (template.HTML, error) {
	var b bytes.Buffer
	if err := drawing.Execute(&b, t.draw("")); err != nil {
		return "", fmt.Errorf("draw timeline: %w", err)
	}
	return template.HTML(validXML(b.Bytes())), nil
}

// WriteFile writes the timeline as an SVG file with its styles.
func (t Timeline) WriteFile(w io.Writer) error {
	var b bytes.Buffer
	err := drawing.Execute(&b, t.draw(template.CSS(CSS)))
	if err == nil {
		_, err = w.Write(validXML(b.Bytes()))
	}
	if err != nil {
		return fmt.Errorf("draw timeline: %w", err)
	}
	return nil
}

// The measures of a drawing, in pixels.
const (
	flagRow   = 22
	titleRow  = 22
	captions  = 15 // a row of labels above a lane, if it is narrow
	phaseRow  = 22
	queryRow  = 46
	signalRow = 14
	gap       = 6
	axisRow   = 20
	legendRow = 18
	margin    = 6
	letter    = 6.3 // the width of a letter of 11 px
)

// plot is the horizontal place of the lanes.
type plot struct{ x, width int }

func (t *Timeline) plot() plot {
	if t.Width < NarrowWidth {
		return plot{margin, t.Width - 2*margin}
	}
	return plot{72, t.Width - 72 - margin}
}

// The parts of a drawing, as the template writes them.
type (
	drawn struct {
		Width, Height int
		Title, Desc   string
		CSS           template.CSS
		Labels        []label
		Lanes         []rect
		Grid          []line
		Bands         []rect
		Cells         []cell
		Flags         []chip
		Cursor        line
		Legend        []mark
	}
	label struct {
		X, Y        string
		Class, Text string
	}
	rect struct {
		X, Y, W, H         string
		Class, Text, Title string
		TX, TY             string
	}
	cell struct {
		Title string
		Bars  []rect
		Marks []mark
	}
	line struct {
		X, Y, Y2, Text string
		TX, TY         string
		Anchor         string
	}
	mark struct {
		Class, D   string
		X, Y, Text string
	}
	chip struct {
		rect
		LX, LY, LY2 string
	}
)

// px writes a coordinate with one decimal.
func px(v float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
}

// pen draws a timeline from top to bottom.
type pen struct {
	t    *Timeline
	plot plot
	y    float64
	d    drawn
	seen map[string]bool // kinds with a mark
}

func (t Timeline) draw(css template.CSS) drawn {
	p := &pen{t: &t, plot: t.plot(), seen: map[string]bool{}}
	p.d.Width, p.d.CSS = t.Width, css
	p.d.Title, p.d.Desc = t.describe()
	p.y = flagRow
	for _, c := range t.Clients {
		p.client(c)
	}
	top := float64(flagRow)
	p.flags(p.y)
	if !t.cursor.IsZero() {
		p.d.Cursor = line{X: px(p.x(t.cursor)), Y: px(flagRow - 4), Y2: px(p.y - gap), Text: p.clock(t.cursor)}
	}
	p.axis(top)
	p.legend()
	p.d.Height = int(math.Ceil(p.y))
	return p.d
}

// x is the place of a time.
func (p *pen) x(at time.Time) float64 {
	part := float64(at.Sub(p.t.From)) / float64(p.t.To.Sub(p.t.From))
	return float64(p.plot.x) + min(max(part, 0), 1)*float64(p.plot.width)
}

// caption writes the name of a lane: at its left, or above it if the drawing is narrow.
func (p *pen) caption(text, class string, height float64) {
	if p.t.Width < NarrowWidth {
		p.d.Labels = append(p.d.Labels, label{px(margin), px(p.y + captions - 4), class, text})
		p.y += captions
		return
	}
	p.d.Labels = append(p.d.Labels, label{px(margin), px(p.y + height/2 + 4), class, text})
}

// lane draws the background of a lane.
func (p *pen) lane(height float64, class string) {
	p.d.Lanes = append(p.d.Lanes, rect{X: px(float64(p.plot.x)), Y: px(p.y), W: px(float64(p.plot.width)), H: px(height), Class: class})
}

func (p *pen) client(c Client) {
	if c.Name != "" {
		if p.y > flagRow {
			p.y += gap
		}
		p.d.Labels = append(p.d.Labels, label{px(margin), px(p.y + titleRow - 7), "name", fit(c.Name, float64(p.t.Width-2*margin)*6.3/7)})
		p.y += titleRow
	}
	p.caption("strategy", "row", phaseRow)
	p.lane(phaseRow, "lane")
	for _, b := range c.Phases {
		p.band(b)
	}
	p.y += phaseRow + gap
	for _, l := range c.Sides {
		height := float64(queryRow + signalRow)
		p.caption(l.Side.String(), "row on-"+l.Side.String(), height)
		p.lane(height, "lane")
		for _, b := range c.Phases {
			p.routing(b, l.Side, height)
		}
		if l.Runs != nil {
			p.runs(l.Runs)
		} else {
			p.queries(l.Queries)
		}
		p.signals(l.Signals, p.y+queryRow+signalRow/2)
		p.y += height + gap
	}
	p.caption("signals", "row", signalRow+4)
	p.lane(signalRow+4, "lane")
	p.signals(c.Signals, p.y+signalRow/2+2)
	p.y += signalRow + 4 + gap
}

// span is the place of a band: at least wide enough to be seen.
func (p *pen) span(b Band) (x, width float64) {
	x = p.x(b.From)
	width = max(p.x(b.To)-x, 1.5)
	return min(x, float64(p.plot.x+p.plot.width)-width), width
}

func (p *pen) band(b Band) {
	x, width := p.span(b)
	class := "band " + b.Strategy.State
	if b.Phases > 1 {
		class = "band mixed"
	} else if b.Strategy.Phase != "" {
		class = "band " + b.Strategy.Phase + " to-" + b.Strategy.Target
	}
	p.d.Bands = append(p.d.Bands, rect{
		X: px(x), Y: px(p.y), W: px(width), H: px(phaseRow), Class: class, Title: p.clock(b.From) + " " + b.Title,
		Text: fit(b.Label, width-8), TX: px(x + 5), TY: px(p.y + phaseRow/2 + 4),
	})
}

// routing draws in the lane of a side when it gets new queries, and when it is drained or
// prepared.
func (p *pen) routing(b Band, side fsm.Side, height float64) {
	s, class := b.Strategy, ""
	name := side.String()
	switch {
	case b.Phases > 1:
		class = "mixed"
	case s.Phase == "shared", s.Active == name:
		class = "serves"
	case s.Phase == "draining":
		class = "drains"
	case s.Phase == "preparing" && s.Target == name:
		class = "prepares"
	default:
		return
	}
	x, width := p.span(b)
	p.d.Bands = append(p.d.Bands, rect{X: px(x), Y: px(p.y), W: px(width), H: px(height), Class: class + " on-" + name, Title: p.clock(b.From) + " " + b.Title})
}

// queries draws the cells of queries: a bar whose height grows with the number of queries, and a
// mark for each outcome but ok.
func (p *pen) queries(cells []Cell) {
	most := 1
	for _, c := range cells {
		most = max(most, c.total())
	}
	for _, c := range cells {
		x := p.x(c.From)
		height := 3 + (queryRow-8)*math.Log1p(float64(c.total()))/math.Log1p(float64(most))
		d := cell{Title: p.cellTitle(c)}
		d.Bars = append(d.Bars, rect{X: px(x + 1), Y: px(p.y + queryRow - height), W: px(cellWidth - 2), H: px(height), Class: "bar"})
		y := p.y + queryRow - 6
		for i := len(c.Counts) - 1; i >= 0; i-- { // the most severe outcome is on top
			kind := c.Counts[i].Kind
			p.seen[kind] = true
			if kind != "ok" {
				d.Marks = append(d.Marks, markOf(kind, x+cellWidth/2.0, y))
				y -= cellWidth
			}
		}
		p.d.Cells = append(p.d.Cells, d)
	}
}

func (p *pen) signals(cells []Cell, y float64) {
	for _, c := range cells {
		kind := c.Counts[0].Kind
		p.seen[kind] = true
		p.d.Cells = append(p.d.Cells, cell{Title: p.cellTitle(c), Marks: []mark{markOf(kind, p.x(c.From)+cellWidth/2.0, y)}})
	}
}

func markOf(kind string, x, y float64) mark {
	return mark{Class: "mark " + strings.ReplaceAll(kind, " ", "-"), D: shapeOf(kind).at(x, y)}
}

// flags draws the lines of flags. Flags within a few pixels have one line, and labels that would
// overlap become one, such as 2–4.
func (p *pen) flags(bottom float64) {
	const near = 3
	labelled, first, end := -1, "", math.Inf(-1) // the last chip with a label
	last := math.Inf(-1)
	for i, f := range p.t.Flags {
		x := p.x(f.At)
		if x-last >= near {
			last = x
			p.d.Flags = append(p.d.Flags, chip{LX: px(x), LY: px(flagRow - 4), LY2: px(bottom - gap)})
			p.d.Flags[len(p.d.Flags)-1].Title = p.clock(f.At) + " " + f.Title
			if from := p.chipAt(x, f.Label); from >= end+2 {
				labelled, first = i, f.Label
				end = p.label(len(p.d.Flags)-1, x, f.Label)
				continue
			}
		}
		if text := first + "–" + f.Label; labelled >= 0 && f.Label != first {
			end = p.label(p.labelledChip(), p.x(p.t.Flags[labelled].At), text)
		}
	}
}

// chipAt is the left end of a chip with a text.
func (p *pen) chipAt(x float64, text string) float64 {
	width := chipWidth(text)
	return min(max(x-width/2, 1), float64(p.t.Width)-width-1)
}

func chipWidth(text string) float64 { return letter*float64(len([]rune(text))) + 10 }

// label sets the text of a chip, and returns the right end of the chip.
func (p *pen) label(i int, x float64, text string) float64 {
	left, width := p.chipAt(x, text), chipWidth(text)
	c := &p.d.Flags[i].rect
	c.X, c.Y, c.W, c.H, c.Text = px(left), px(2), px(width), px(16), text
	c.TX, c.TY = px(left+width/2), px(14)
	return left + width
}

// labelledChip is the last chip with a text.
func (p *pen) labelledChip() int {
	i := len(p.d.Flags) - 1
	for p.d.Flags[i].Text == "" {
		i--
	}
	return i
}

func (p *pen) axis(top float64) {
	bottom := p.y - gap
	for _, k := range ticks(p.t.From.In(p.t.zone), p.t.To.In(p.t.zone), max(2, p.plot.width/86)) {
		x := p.x(k.at)
		half := letter * float64(len(k.label)) / 2
		tx := min(max(x, half+1), float64(p.t.Width)-half-1)
		p.d.Grid = append(p.d.Grid, line{X: px(x), Y: px(top), Y2: px(bottom), Text: k.label, TX: px(tx), TY: px(bottom + 14)})
	}
	p.y = bottom + axisRow
}

// legend draws the marks that the timeline has, with their names.
func (p *pen) legend() {
	x := float64(p.plot.x)
	add := func(kind, text string) {
		width := 16 + letter*float64(len(text)) + 12
		if x+width > float64(p.t.Width) {
			x = float64(p.plot.x)
			p.y += legendRow
		}
		m := markOf(kind, x+6, p.y+10)
		m.X, m.Y, m.Text = px(x+16), px(p.y+14), text
		p.d.Legend = append(p.d.Legend, m)
		x += width
	}
	outcomes := Outcomes()
	for i := len(outcomes) - 1; i >= 0; i-- {
		if p.seen[outcomes[i]] {
			add(outcomes[i], outcomes[i])
		}
	}
	for _, kind := range SignalKinds() {
		if p.seen[kind] {
			add(kind, kind)
		}
	}
	if len(p.d.Legend) > 0 {
		p.y += legendRow
	}
	p.y += 4
}

func (p *pen) clock(at time.Time) string { return at.In(p.t.zone).Format(clock) }

// cellTitle describes a cell: its time, its numbers, and the first entries.
func (p *pen) cellTitle(c Cell) string {
	var parts []string
	for _, n := range c.Counts {
		parts = append(parts, fmt.Sprintf("%d %s", n.N, n.Kind))
	}
	title := p.clock(c.From) + " to " + p.clock(c.To) + ": " + strings.Join(parts, ", ")
	if len(c.Notes) > 0 {
		title += "\n" + strings.Join(c.Notes, "\n")
	}
	return title
}

func (c Cell) total() (n int) {
	for _, x := range c.Counts {
		n += x.N
	}
	return n
}

// describe is the accessible name and the description of the timeline.
func (t *Timeline) describe() (title, desc string) {
	title = fmt.Sprintf("Timeline from %s to %s", t.From.In(t.zone).Format("2006-01-02 15:04:05.000"), t.To.In(t.zone).Format("15:04:05.000 MST"))
	counts := map[string]int{}
	for _, c := range t.Clients {
		for _, l := range c.Sides {
			for _, cell := range l.Queries {
				for _, n := range cell.Counts {
					counts[n.Kind] += n.N
				}
			}
		}
	}
	var parts []string
	for _, f := range t.Flags {
		parts = append(parts, f.At.In(t.zone).Format(clock)+" "+f.Title)
	}
	if len(parts) > 8 {
		parts = append(parts[:8], fmt.Sprintf("and %d more changes", len(t.Flags)-8))
	}
	var queries []string
	for _, o := range Outcomes() {
		if counts[o] > 0 {
			queries = append(queries, fmt.Sprintf("%d %s", counts[o], o))
		}
	}
	if len(queries) > 0 {
		parts = append(parts, "queries: "+strings.Join(queries, ", "))
	}
	return title, strings.Join(parts, ". ")
}

// fit is a text that is cut to a width, and empty if less than three letters have room.
func fit(text string, width float64) string {
	n := int(width / letter)
	letters := []rune(text)
	switch {
	case len(letters) <= n:
		return text
	case n < 4:
		return ""
	}
	return string(letters[:n-1]) + "…"
}
