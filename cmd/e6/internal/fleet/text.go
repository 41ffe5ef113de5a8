package fleet

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/e6data/e6data-go/cmd/e6/internal/output"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/visible"
)

// Name is what people call the cluster.
func (s State) Name() string { return visible.Line(strings.TrimSuffix(s.Cluster, "/")) }

// Line is the state in one line.
func (s State) Line() string {
	text := Record(s.Record)
	switch n := len(s.Clients); {
	case s.Clients == nil:
		return text
	case n == 0:
		return text + "; no clients"
	case n == 1:
		return text + "; 1 client: " + Sides(s.Clients)
	default:
		return fmt.Sprintf("%s; %d clients: %s", text, n, Sides(s.Clients))
	}
}

// Record is what is known about the sides.
func Record(f store.Record) string {
	if f.Version == 0 {
		return "nothing is known yet"
	}
	text := fmt.Sprintf("%s is active", f.Active)
	if !f.Active.Valid() {
		text = "no side is known to be active"
	}
	if f.Announced.Valid() && f.Announced != f.Active {
		text += fmt.Sprintf(", %s is announced", f.Announced)
	}
	return fmt.Sprintf("%s, epoch %d", text, f.Epoch)
}

// Veto is a veto that stands, in one line.
func Veto(v store.Veto) string {
	by := "a client"
	if v.Directive {
		by = "directive of " + v.Writer
	}
	return visible.Line(fmt.Sprintf("%s for %s more, by %s: %s", v.Side, v.Remaining().Round(time.Second), by, v.Reason))
}

// Client groups and single clients are shown as tables.
var (
	groupHeader  = table.Row{"side", "state", "clients", "program", "version", "host", "here since"}
	clientHeader = table.Row{"side", "state", "program", "version", "host", "here since", "id"}
)

// Write writes the state for people: the clients in groups, or each of them.
func (s State) Write(w io.Writer, each bool) error {
	var b strings.Builder
	line := func(name, text string) { fmt.Fprintf(&b, "%-8s %s\n", name, text) }
	line("cluster", s.Name())
	line("sides", Record(s.Record))
	if s.Record.Version > 0 {
		line("updated", visible.Line(humanize.Time(s.Record.At)+" by "+s.Record.Writer))
	}
	for _, v := range s.Record.ActiveVetoes() {
		line("veto", "on "+Veto(v))
	}
	switch {
	case s.Clients == nil:
		line("clients", "a store of this kind does not list them")
	case len(s.Clients) == 0:
		line("clients", "none")
	default:
		line("clients", fmt.Sprintf("%d: %s", len(s.Clients), Sides(s.Clients)))
	}
	if len(s.Clients) > 0 {
		b.WriteString("\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil || len(s.Clients) == 0 {
		return err
	}
	return output.Render(w, s.table(each))
}

func (s State) table(each bool) table.Writer {
	t := table.NewWriter()
	t.SetStyle(output.Style)
	if each {
		t.AppendHeader(clientHeader)
		for _, c := range s.Clients {
			t.AppendRow(visibleCells(c.Side, c.State, c.Program, c.Version, c.Host, humanize.Time(c.Since), c.ID))
		}
		return t
	}
	t.AppendHeader(groupHeader)
	for _, g := range s.Groups() {
		t.AppendRow(visibleCells(g.Side, g.State, g.Clients, g.Program, g.Version, g.Where(), humanize.Time(g.Since)))
	}
	return t
}

// visibleCells returns a row without control characters: other programs wrote its texts.
func visibleCells(cells ...any) table.Row {
	row := make(table.Row, len(cells))
	for i, c := range cells {
		row[i] = visible.Line(fmt.Sprint(c))
	}
	return row
}
