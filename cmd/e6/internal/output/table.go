package output

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/visible"
)

// measured is how many rows decide how wide the columns of a grid are. Rows behind
// them are written in portions of that size; a wider cell widens its portion.
const measured = 1000

// Style is that of all tables: lines between the columns and below the header.
var Style = func() table.Style {
	s := table.StyleDefault
	s.Format.Header = text.FormatDefault
	s.Options = table.Options{SeparateColumns: true, SeparateHeader: true}
	return s
}()

// grid writes a result as a table.
type grid struct {
	w       *bufio.Writer
	options Options
	fields  []vector.Field
	widths  []int
	portion []table.Row
	rows    int64
	begun   bool
}

func (g *grid) Begin(fields []vector.Field) error {
	g.fields = fields
	g.widths = make([]int, len(fields))
	return nil
}

func (g *grid) Batch(b *vector.Batch) error {
	for row := range b.Rows() {
		cells := make(table.Row, b.NumColumns())
		for i := range cells {
			cells[i] = visible.Line(cell(b.Column(i), row, g.options.Null))
		}
		g.portion = append(g.portion, cells)
		g.rows++
		if len(g.portion) == measured {
			if err := g.write(); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes the portion, below the header if it is the first.
func (g *grid) write() error {
	if len(g.fields) == 0 {
		return nil
	}
	t := table.NewWriter()
	t.SetStyle(Style)
	header := make(table.Row, len(g.fields))
	columns := make([]table.ColumnConfig, len(g.fields))
	for i, f := range g.fields {
		name := visible.Line(f.Name)
		header[i] = name
		g.widths[i] = max(g.widths[i], text.StringWidth(name))
		for _, row := range g.portion {
			g.widths[i] = max(g.widths[i], text.StringWidth(fmt.Sprint(row[i])))
		}
		columns[i] = table.ColumnConfig{Number: i + 1, Align: alignment(f.Type), WidthMin: g.widths[i]}
	}
	t.SetColumnConfigs(columns)
	if !g.begun && !g.options.NoHeader {
		t.AppendHeader(header)
	}
	t.AppendRows(g.portion)
	g.begun, g.portion = true, g.portion[:0]
	return Render(g.w, t)
}

func (g *grid) End(more bool) error {
	if len(g.fields) == 0 {
		return nil
	}
	if len(g.portion) > 0 || !g.begun {
		if err := g.write(); err != nil {
			return err
		}
	}
	_, err := g.w.WriteString(count(g.rows, more) + "\n")
	return err
}

func alignment(t vector.Type) text.Align {
	switch t {
	case vector.Integer, vector.Long, vector.Float, vector.Double, vector.Decimal128:
		return text.AlignRight
	}
	return text.AlignLeft
}

// expanded writes a result with one line for each value.
type expanded struct {
	w       *bufio.Writer
	options Options
	names   []string
	width   int
	rows    int64
}

func (e *expanded) Begin(fields []vector.Field) error {
	for _, f := range fields {
		name := visible.Line(f.Name)
		e.names = append(e.names, name)
		e.width = max(e.width, text.StringWidth(name))
	}
	return nil
}

func (e *expanded) Batch(b *vector.Batch) error {
	for row := range b.Rows() {
		e.rows++
		if _, err := fmt.Fprintf(e.w, "-- row %d\n", e.rows); err != nil {
			return err
		}
		for i, name := range e.names {
			value := visible.Line(cell(b.Column(i), row, e.options.Null))
			line := strings.TrimRight(text.Pad(name, e.width, ' ')+" | "+value, " ")
			if _, err := e.w.WriteString(line + "\n"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *expanded) End(more bool) error {
	if len(e.names) == 0 {
		return nil
	}
	_, err := e.w.WriteString(count(e.rows, more) + "\n")
	return err
}

// Render writes a table without space at the ends of its lines.
func Render(w io.Writer, t table.Writer) error {
	for line := range strings.Lines(t.Render()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}
