// Package output writes results: as a table, as CSV, as JSON, or as a Parquet file. Its
// memory does not grow with the length of the result.
package output

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/visible"
)

// Options change how a result is written.
type Options struct {
	// Null is the text of a null in tables and in CSV.
	Null string
	// NoHeader leaves the names of the columns out of tables and CSV.
	NoHeader bool
	// Terminal is set if the result goes to a terminal: CSV then has escape sequences
	// for control characters. Other programs get the bytes of a value.
	Terminal bool
}

// Writer writes one result: Begin, then any number of batches, then End. The first
// error of the underlying writer ends it.
type Writer interface {
	Begin(fields []vector.Field) error
	// Batch writes a batch, which is the writer's from then on: it may keep it.
	Batch(b *vector.Batch) error
	// End ends the result; more is true if rows were left out.
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
	{Parquet, func(w *bufio.Writer, _ Options) Writer { return &parquetWriter{w: w} }},
}

// Parquet is the name of the format that is no text.
const Parquet = "parquet"

// distinct returns the names of columns, with numbers where one would be there twice:
// it would hide a value.
func distinct(fields []vector.Field) []string {
	taken := map[string]bool{}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
		for n := 2; taken[names[i]]; n++ {
			names[i] = fmt.Sprintf("%s_%d", f.Name, n)
		}
		taken[names[i]] = true
	}
	return names
}

// Formats lists the names of the formats.
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.name
	}
	return names
}

// Texts lists the names of the formats that are text, of which several results may
// follow each other.
func Texts() []string {
	return slices.DeleteFunc(Formats(), func(name string) bool { return name == Parquet })
}

// Check reports a name that is none of some formats.
func Check(format string, known []string) error {
	if !slices.Contains(known, format) {
		return fmt.Errorf("format %q: want one of %s", format, strings.Join(known, ", "))
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

// A ValueError reports a value that a format cannot hold.
type ValueError struct {
	// Column is the column's name, Row the row of the result, counted from 1.
	Column string
	Row    int64
	// Value is the value as text.
	Value string
	// Problem is the cause and the next step.
	Problem string
}

// Error implements error. The value is cut to a length that fits a line.
func (e *ValueError) Error() string {
	value := e.Value
	if len(value) > 64 {
		value = value[:64] + "..."
	}
	return fmt.Sprintf("row %d, column %s: %s: %s", e.Row, visible.Line(e.Column), visible.Line(value), e.Problem)
}

// notUTF8 is what is wrong with a text whose format wants UTF-8.
func notUTF8(format string) string {
	return "the text is not valid UTF-8, as " + format + " wants it: CAST it to BINARY in the statement, or use --format csv"
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

// count describes the number of rows.
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
