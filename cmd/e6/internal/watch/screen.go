package watch

import (
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/debug"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/visible"
)

// column is one of the table of sources. Those at the end are left out first where
// there is little room.
type column struct {
	title string
	cell  func(s debug.State, now time.Time) string
}

var columns = []column{
	{"state", func(s debug.State, _ time.Time) string {
		text := s.Strategy.State
		if s.Strategy.Phase != "" {
			text += "/" + s.Strategy.Phase
		}
		return text
	}},
	{"active", func(s debug.State, _ time.Time) string {
		text := s.Strategy.Active
		if s.Strategy.Target != "" && s.Strategy.Target != s.Strategy.Active {
			text += " -> " + s.Strategy.Target
		}
		return text
	}},
	{"running", pair(func(h e6.SideReport) string { return fmt.Sprint(h.InFlight) })},
	{"failed", pair(func(h e6.SideReport) string { return fmt.Sprintf("%.0f%%", 100*h.ErrorRate()) })},
	{"since", func(s debug.State, now time.Time) string {
		return max(0, now.Sub(s.Strategy.Since)).Truncate(time.Second).String()
	}},
	{"median", pair(func(h e6.SideReport) string { return short(h.P50) })},
	{"99 %", pair(func(h e6.SideReport) string { return short(h.P99) })},
	{"lost", func(s debug.State, _ time.Time) string { return fmt.Sprint(s.Stats.Lost) }},
	{"run again", func(s debug.State, _ time.Time) string { return fmt.Sprint(s.Stats.Retried + s.Stats.Replayed) }},
	{"epoch", func(s debug.State, _ time.Time) string { return fmt.Sprint(s.Strategy.Epoch) }},
}

// pair is a cell with a value of each side, blue first.
func pair(of func(h e6.SideReport) string) func(s debug.State, _ time.Time) string {
	return func(s debug.State, _ time.Time) string {
		var cells []string
		for _, h := range s.Health.Sides {
			cells = append(cells, of(h))
		}
		return strings.Join(cells, "/")
	}
}

// short is a time in few characters.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// The colours of the sides, as terminals have them.
var (
	blue  = lipgloss.NewStyle().Foreground(lipgloss.Blue)
	green = lipgloss.NewStyle().Foreground(lipgloss.Green)
	loud  = lipgloss.NewStyle().Foreground(lipgloss.Red)
	faint = lipgloss.NewStyle().Faint(true)
	bold  = lipgloss.NewStyle().Bold(true)
)

// coloured colours a text by the side that is active.
func coloured(s debug.State, text string) string {
	side, _ := fsm.ParseSide(s.Strategy.Active) // none has no colour
	return of(side).Render(text)
}

// gap stands between two columns.
const gap = 2

// screen draws everything that fits: the sources, the lines of the fleets, the events.
func (p *panels) screen(width, height int, now time.Time, fleets []string) string {
	var lines []string
	add := func(text string) {
		if len(lines) < height {
			lines = append(lines, ansi.Truncate(text, width, "…"))
		}
	}
	add(bold.Render("e6 watch") + faint.Render(now.Format("  15:04:05  q quits; running, failed and times are blue/green")))
	add("")

	named := len(p.names) > 1
	nameWidth := 0
	for _, name := range p.names {
		nameWidth = max(nameWidth, lipgloss.Width(name))
	}
	nameWidth = min(nameWidth, width/3)
	widths, n := p.widths(width-nameWidth, now)
	header := pad("", nameWidth)
	for c := range n {
		header += strings.Repeat(" ", gap) + pad(columns[c].title, widths[c])
	}
	add(faint.Render(strings.TrimRight(header, " ")))
	for i, name := range p.names {
		row := pad(ansi.Truncate(visible.Line(name), nameWidth, "…"), nameWidth)
		if p.errs[i] != nil {
			add(row + strings.Repeat(" ", gap) + loud.Render("cannot be reached: "+visible.Line(p.errs[i].Error())))
			continue
		}
		for c := range n {
			text := pad(visible.Line(columns[c].cell(p.states[i], now)), widths[c])
			if c < 2 {
				text = coloured(p.states[i], text)
			}
			row += strings.Repeat(" ", gap) + text
		}
		add(strings.TrimRight(row, " "))
	}
	add("")
	for _, text := range fleets {
		add(text)
	}
	room := max(0, height-len(lines))
	for _, e := range p.events[max(0, len(p.events)-room):] {
		text := line(e, named)
		switch e.Level {
		case "ERROR", "WARN":
			text = loud.Render(text)
		case "DEBUG":
			text = faint.Render(text)
		}
		add(text)
	}
	return strings.Join(lines, "\n")
}

// widths returns how wide the columns are, and how many of them fit.
func (p *panels) widths(room int, now time.Time) (widths []int, n int) {
	for _, c := range columns {
		w := len(c.title)
		for i, s := range p.states {
			if p.errs[i] == nil {
				w = max(w, lipgloss.Width(visible.Line(c.cell(s, now))))
			}
		}
		if room -= w + gap; room < 0 {
			break
		}
		widths = append(widths, w)
	}
	return widths, len(widths)
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-lipgloss.Width(text)))
}
