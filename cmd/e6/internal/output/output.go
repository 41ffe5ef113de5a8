// Package output writes results as text: as a table, as CSV, or as JSON. It keeps no
// more of a result than it needs to, whatever the result's length.
package output

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/e6data/e6data-go/e6/vector"
)

// Options change how a result is written.
type Options struct {
	// Null is the text of a null in tables and in CSV.
	Null string
	// NoHeader leaves the names of the columns out of tables and CSV.
	NoHeader bool
}

// Writer writes one result: Begin, then any number of batches, then End. The first
// error of the underlying writer ends it.
type Writer interface {
	Begin(fields []vector.Field) error
	Batch(b *vector.Batch) error
	// End ends the result; more says that it has rows which were left out.
	End(more bool) error
}

// formats are the forms, in the order of their importance.
var formats = []struct {
	name string
	make func(w *bufio.Writer, o Options) Writer
}{
	{"table", func(w *bufio.Writer, o Options) Writer { return &grid{w: w, options: o} }},
	{"expanded", func(w *bufio.Writer, o Options) Writer { return &expanded{w: w, options: o} }},
	{"csv", func(w *bufio.Writer, o Options) Writer { return newCSV(w, o) }},
	{"json", func(w *bufio.Writer, _ Options) Writer { return &jsonArray{lines: jsonLines{w: w}} }},
	{"jsonl", func(w *bufio.Writer, _ Options) Writer { return &jsonLines{w: w} }},
}

// Formats lists the names of the formats.
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.name
	}
	return names
}

// Check reports a name that is no format.
func Check(format string) error {
	if !slices.Contains(Formats(), format) {
		return fmt.Errorf("format %q: want one of %s", format, strings.Join(Formats(), ", "))
	}
	return nil
}

// New returns a Writer of a format, which must be one of Formats.
func New(format string, w io.Writer, o Options) Writer {
	for _, f := range formats {
		if f.name == format {
			buffered := bufio.NewWriterSize(w, 64<<10)
			return &flushed{Writer: f.make(buffered, o), w: buffered}
		}
	}
	panic("output: no format " + format)
}

// flushed is a Writer whose text is on its way after each batch.
type flushed struct {
	Writer
	w *bufio.Writer
}

func (f *flushed) Batch(b *vector.Batch) error {
	if err := f.Writer.Batch(b); err != nil {
		return err
	}
	return f.w.Flush()
}

func (f *flushed) End(more bool) error {
	if err := f.Writer.End(more); err != nil {
		return err
	}
	return f.w.Flush()
}

// cell is a value as text; binary values are \x and hexadecimal digits.
func cell(c *vector.Column, row int, null string) string {
	switch {
	case c.IsNull(row):
		return null
	case c.Type() == vector.Binary:
		return `\x` + c.Text(row)
	}
	return c.Text(row)
}

// count says how many rows there are.
func count(rows int64, more bool) string {
	text := fmt.Sprintf("%d rows", rows)
	if rows == 1 {
		text = "1 row"
	}
	if more {
		text = "first " + text + ", there are more"
	}
	return "(" + text + ")"
}
