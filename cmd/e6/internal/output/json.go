package output

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"github.com/e6data/e6data-go/e6/vector"
)

// jsonLines writes an object for each row, each on a line of its own.
type jsonLines struct {
	w    *bufio.Writer
	keys [][]byte // with the colon behind them
	line []byte
}

func (j *jsonLines) Begin(fields []vector.Field) error {
	for _, name := range distinct(fields) {
		j.keys = append(j.keys, append(quoted(nil, name), ':'))
	}
	return nil
}

func (j *jsonLines) Batch(b *vector.Batch) error {
	for row := range b.Rows() {
		j.line = append(j.object(b, row), '\n')
		if _, err := j.w.Write(j.line); err != nil {
			return err
		}
	}
	return nil
}

// object is a row as an object.
func (j *jsonLines) object(b *vector.Batch, row int) []byte {
	line := append(j.line[:0], '{')
	for i, key := range j.keys {
		if i > 0 {
			line = append(line, ',')
		}
		line = value(append(line, key...), b.Column(i), row)
	}
	return append(line, '}')
}

func (j *jsonLines) End(bool) error { return nil }

// jsonArray writes the objects as one array.
type jsonArray struct {
	lines jsonLines
	rows  int64
}

func (j *jsonArray) Begin(fields []vector.Field) error { return j.lines.Begin(fields) }

func (j *jsonArray) Batch(b *vector.Batch) error {
	for row := range b.Rows() {
		before := ",\n"
		if j.rows == 0 {
			before = "[\n"
		}
		j.rows++
		j.lines.line = j.lines.object(b, row)
		_, _ = j.lines.w.WriteString(before) // the next write returns its error
		if _, err := j.lines.w.Write(j.lines.line); err != nil {
			return err
		}
	}
	return nil
}

func (j *jsonArray) End(bool) error {
	end := "\n]\n"
	if j.rows == 0 {
		end = "[]\n"
	}
	_, err := j.lines.w.WriteString(end)
	return err
}

// value appends a value as JSON. Numbers have all their digits; what JSON has no
// number for, and what is no number, is text, but for arrays, maps and structs.
func value(line []byte, c *vector.Column, row int) []byte {
	if c.IsNull(row) {
		return append(line, "null"...)
	}
	switch c.Type() {
	case vector.Boolean, vector.Integer, vector.Long, vector.Decimal128:
		return append(line, c.Text(row)...)
	case vector.Float, vector.Double:
		f := c.Float64(row)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return quoted(line, c.Text(row))
		}
		return strconv.AppendFloat(line, f, jsonFormat(f), -1, 64)
	case vector.Array, vector.Map, vector.Struct:
		var compact bytes.Buffer
		if json.Compact(&compact, []byte(c.Str(row))) == nil {
			return append(line, compact.Bytes()...)
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

// quoted appends a string as JSON.
func quoted(line []byte, s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be encoded
	return append(line, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
