package output

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/visible"
)

// jsonLines writes an object for each row, each on a line of its own.
type jsonLines struct {
	w      *bufio.Writer
	fields []vector.Field
	keys   [][]byte // with the colon behind them
	line   []byte
	rows   int64
}

func (j *jsonLines) Begin(fields []vector.Field) error {
	j.fields = fields
	for i, name := range distinct(fields) {
		key, ok := quoted(nil, name)
		if !ok {
			return fmt.Errorf("column %d: the name %s: %s", i+1, visible.Line(name), notUTF8("JSON"))
		}
		j.keys = append(j.keys, append(key, ':'))
	}
	return nil
}

func (j *jsonLines) Batch(b *vector.Batch) error {
	for row := range b.Rows() {
		if err := j.object(b, row); err != nil {
			return err
		}
		j.line = append(j.line, '\n')
		if _, err := j.w.Write(j.line); err != nil {
			return err
		}
	}
	return nil
}

// object makes a row an object, which is the line then.
func (j *jsonLines) object(b *vector.Batch, row int) error {
	j.rows++
	j.line = append(j.line[:0], '{')
	for i, key := range j.keys {
		if i > 0 {
			j.line = append(j.line, ',')
		}
		var ok bool
		if j.line, ok = value(append(j.line, key...), b.Column(i), row); !ok {
			return &ValueError{Column: j.fields[i].Name, Row: j.rows, Value: b.Column(i).Text(row), Problem: notUTF8("JSON")}
		}
	}
	j.line = append(j.line, '}')
	return nil
}

func (j *jsonLines) End(bool) error { return nil }

// jsonArray writes the objects as one array.
type jsonArray struct {
	lines jsonLines
}

func (j *jsonArray) Begin(fields []vector.Field) error { return j.lines.Begin(fields) }

func (j *jsonArray) Batch(b *vector.Batch) error {
	for row := range b.Rows() {
		before := ",\n"
		if j.lines.rows == 0 {
			before = "[\n"
		}
		if err := j.lines.object(b, row); err != nil {
			return err
		}
		_, _ = j.lines.w.WriteString(before) // the next write returns its error
		if _, err := j.lines.w.Write(j.lines.line); err != nil {
			return err
		}
	}
	return nil
}

func (j *jsonArray) End(bool) error {
	end := "\n]\n"
	if j.lines.rows == 0 {
		end = "[]\n"
	}
	_, err := j.lines.w.WriteString(end)
	return err
}

// value appends a value as JSON, and reports whether JSON can hold it: its texts are
// UTF-8. Numbers have all their digits; what JSON has no number for, and what is no
// number, is text, but for arrays, maps and structs.
func value(line []byte, c *vector.Column, row int) ([]byte, bool) {
	if c.IsNull(row) {
		return append(line, "null"...), true
	}
	switch c.Type() {
	case vector.Boolean, vector.Integer, vector.Long, vector.Decimal128:
		return append(line, c.Text(row)...), true
	case vector.Float, vector.Double:
		f := c.Float64(row)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return quoted(line, c.Text(row))
		}
		return strconv.AppendFloat(line, f, jsonFormat(f), -1, 64), true
	case vector.Array, vector.Map, vector.Struct:
		var compact bytes.Buffer
		if text := c.Str(row); utf8.ValidString(text) && json.Compact(&compact, []byte(text)) == nil {
			return escaped(line, compact.Bytes()), true
		}
	}
	return quoted(line, cell(c, row, ""))
}

// jsonFormat is the shorter way to write a number.
func jsonFormat(f float64) byte {
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return 'e'
	}
	return 'f'
}

// quoted appends a string as JSON, and reports whether it is UTF-8.
func quoted(line []byte, s string) ([]byte, bool) {
	if !utf8.ValidString(s) {
		return line, false
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be encoded
	return escaped(line, bytes.TrimSuffix(b.Bytes(), []byte("\n"))), true
}

// escaped appends JSON with the control characters of its strings as \u009b, which
// means the same and does nothing to a terminal.
func escaped(line, text []byte) []byte {
	if !bytes.ContainsFunc(text, visible.IsControl) {
		return append(line, text...)
	}
	for _, r := range string(text) {
		if visible.IsControl(r) {
			line = fmt.Appendf(line, `\u%04x`, r)
		} else {
			line = utf8.AppendRune(line, r)
		}
	}
	return line
}
