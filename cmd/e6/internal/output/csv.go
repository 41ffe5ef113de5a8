package output

import (
	"bufio"
	"encoding/csv"

	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/visible"
)

// csvWriter writes a result as RFC 4180 has it, but with a line feed alone.
type csvWriter struct {
	out     *bufio.Writer
	w       *csv.Writer
	options Options
	record  []string
}

func newCSV(w *bufio.Writer, o Options) *csvWriter {
	return &csvWriter{out: w, w: csv.NewWriter(w), options: o}
}

func (c *csvWriter) Begin(fields []vector.Field) error {
	c.record = make([]string, len(fields))
	if c.options.NoHeader || len(fields) == 0 {
		return nil
	}
	for i, f := range fields {
		c.record[i] = c.text(f.Name)
	}
	return c.write()
}

func (c *csvWriter) Batch(b *vector.Batch) error {
	for row := range b.Rows() {
		for i := range c.record {
			c.record[i] = c.text(cell(b.Column(i), row, c.options.Null))
		}
		if err := c.write(); err != nil {
			return err
		}
	}
	c.w.Flush()
	return c.w.Error()
}

// text is a text as it is written: in escape sequences if a terminal would obey it.
func (c *csvWriter) text(s string) string {
	if c.options.Terminal {
		return visible.Line(s)
	}
	return s
}

// write writes the record. A line that is empty would be no record for readers.
func (c *csvWriter) write() error {
	if len(c.record) == 1 && c.record[0] == "" {
		c.w.Flush()
		_, err := c.out.WriteString("\"\"\n")
		return err
	}
	return c.w.Write(c.record)
}

func (c *csvWriter) End(bool) error {
	c.w.Flush()
	return c.w.Error()
}
