package output

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/visible"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// batch makes a batch of text columns, of which each value stands for itself; "null"
// is a null.
func batch(t *testing.T, names []string, rows ...[]string) ([]vector.Field, *vector.Batch) {
	t.Helper()
	fields := make([]vector.Field, len(names))
	columns := make([]e6test.Column, len(names))
	for i, name := range names {
		fields[i] = vector.Field{Name: name, Type: vector.String, TypeName: "STRING"}
		columns[i].Type = vector.String
		for _, row := range rows {
			columns[i].Strings = append(columns[i].Strings, row[i])
			columns[i].Nulls = append(columns[i].Nulls, row[i] == "null")
		}
	}
	raw, err := e6test.EncodeBatch(e6test.Batch{Rows: len(rows), Columns: columns})
	require.NoError(t, err)
	b, err := vector.Decode(raw, fields)
	require.NoError(t, err)
	return fields, b
}

func write(t *testing.T, format string, o Options, fields []vector.Field, batches ...*vector.Batch) string {
	t.Helper()
	var out bytes.Buffer
	w := New(format, &out, o)
	require.NoError(t, w.Begin(fields))
	for _, b := range batches {
		require.NoError(t, w.Batch(b))
	}
	require.NoError(t, w.End(false))
	return out.String()
}

func TestResults_NoControlCharacterReachesTheTerminal(t *testing.T) {
	fields, b := batch(t, []string{"a\x1b[2J"}, []string{"line\nline\r\t\x07\u202e\u0085 \\ 日本"})
	want := ` a\x1b[2J` + "\n" + strings.Repeat("-", 37) + "\n" + ` line\nline\r\t\a\u202e\u0085 \ 日本` + "\n(1 row)\n"
	require.Equal(t, want, write(t, "table", Options{}, fields, b))
	require.NotContains(t, write(t, "expanded", Options{}, fields, b), "\x1b")
	require.Contains(t, write(t, "csv", Options{}, fields, b), "\x1b", "other programs get the value itself")
}

// steering are texts that a terminal obeys: escape sequences, their one-byte forms as
// characters and as bytes that are no UTF-8, and marks of direction.
var steering = []string{"\x1b[2J", "\u009b2J", "\x9b2J", "\x9d0;title\x9c", "a\x80b", "\x7f", "\u202e", "\r", "\a", "\xff\xfe", "é\xc3"}

func TestVisible_IsTextThatNoTerminalObeys(t *testing.T) {
	for _, text := range steering {
		got := visible.Line(text)
		require.True(t, utf8.ValidString(got), "%q", text)
		require.False(t, strings.ContainsFunc(got, visible.IsControl), "%q became %q", text, got)
		require.NotContains(t, got, "\ufffd", "nothing is replaced in silence")
	}
	require.Equal(t, `\x9b2J \u009b \x1b é`, visible.Line("\x9b2J \u009b \x1b é"))
	require.Equal(t, "\ufffd", visible.Line("\ufffd"))
}

func TestResults_NothingThatATerminalObeysReachesOne(t *testing.T) {
	for _, text := range steering {
		for _, where := range []string{"cell", "name"} {
			name, value := "a", text
			if where == "name" {
				name, value = text, "a"
			}
			fields, b := batch(t, []string{name}, []string{value})
			for _, format := range Texts() {
				var out bytes.Buffer
				w := New(format, &out, Options{Terminal: true})
				err := w.Begin(fields)
				if err == nil {
					err = w.Batch(b)
				}
				if err == nil {
					err = w.End(false)
				}
				require.Equal(t, strings.HasPrefix(format, "json") && !utf8.ValidString(text), err != nil, "%s of %q: %v", format, text, err)
				shown := out.String()
				if err != nil {
					shown += err.Error()
				}
				shown = strings.ReplaceAll(shown, "\n", "")
				require.True(t, utf8.ValidString(shown))
				require.False(t, strings.ContainsFunc(shown, visible.IsControl), "%s of %q in a %s: %q", format, text, where, shown)
			}
		}
	}
}

func TestResults_OtherProgramsGetEveryByteOrAnError(t *testing.T) {
	for _, text := range steering {
		fields, b := batch(t, []string{"a"}, []string{"ok"}, []string{text})
		read, err := csv.NewReader(strings.NewReader(write(t, "csv", Options{}, fields, b))).ReadAll()
		require.NoError(t, err)
		require.Equal(t, text, read[2][0])
		for _, format := range []string{"json", "jsonl", "parquet"} {
			var out bytes.Buffer
			w := New(format, &out, Options{})
			require.NoError(t, w.Begin(fields))
			err := w.Batch(b)
			if !utf8.ValidString(text) {
				var wrong *ValueError
				require.ErrorAs(t, err, &wrong, format)
				require.Regexp(t, `^row 2, column a: .*: the text is not valid UTF-8, as (JSON|Parquet) wants it: CAST it to BINARY in the statement`, err.Error())
				continue
			}
			require.NoError(t, err)
			require.NoError(t, w.End(false))
			if format == "json" {
				var rows []map[string]string
				require.NoError(t, json.Unmarshal(out.Bytes(), &rows))
				require.Equal(t, text, rows[1]["a"])
			}
		}
	}
	// Texts within arrays, maps and structs.
	fields := []vector.Field{{Name: "a", Type: vector.Array}}
	nested := func(text string) *vector.Batch {
		raw, err := e6test.EncodeBatch(e6test.Batch{Rows: 1, Columns: []e6test.Column{{Type: vector.Array, Strings: []string{text}}}})
		require.NoError(t, err)
		b, err := vector.Decode(raw, fields)
		require.NoError(t, err)
		return b
	}
	require.Equal(t, `{"a":["\u009b",{"k":"\u202e"}]}`+"\n", write(t, "jsonl", Options{}, fields, nested("[\"\u009b\", {\"k\": \"\u202e\"}]")))
	w := New("jsonl", &bytes.Buffer{}, Options{})
	require.NoError(t, w.Begin(fields))
	require.ErrorContains(t, w.Batch(nested("[\"\x9b\"]")), "not valid UTF-8")
}

func TestJSON_KeysAreUnique(t *testing.T) {
	fields, b := batch(t, []string{"a", "a", "a_2", "a"}, []string{"1", "2", "3", "4"})
	require.Equal(t, "{\"a\":\"1\",\"a_2\":\"2\",\"a_2_2\":\"3\",\"a_3\":\"4\"}\n", write(t, "jsonl", Options{}, fields, b))
}

func TestNullsAndEmptyTextsOfCSV(t *testing.T) {
	fields, b := batch(t, []string{"a"}, []string{""}, []string{"null"}, []string{"x,\"y\"\n"})
	require.Equal(t, "a\n\"\"\n\\N\n\"x,\"\"y\"\"\n\"\n", write(t, "csv", Options{Null: `\N`}, fields, b))
	require.Equal(t, "\"\"\n\"\"\n\"x,\"\"y\"\"\n\"\n", write(t, "csv", Options{NoHeader: true}, fields, b))
}

func TestALongTableIsWrittenInPortionsOfOneWidth(t *testing.T) {
	rows := make([][]string, measured)
	for i := range rows {
		rows[i] = []string{"wide text", "x"}
	}
	fields, first := batch(t, []string{"a", "b"}, rows...)
	_, second := batch(t, []string{"a", "b"}, []string{"y", "null"})
	text := write(t, "table", Options{Null: "NULL"}, fields, first, second)
	lines := strings.Split(text, "\n")
	require.Equal(t, " a         | b", lines[0])
	require.Equal(t, "-----------+---", lines[1])
	require.Equal(t, " wide text | x", lines[measured+1])
	require.Equal(t, " y         | NULL", lines[measured+2])
	require.Equal(t, "(1001 rows)", lines[measured+3])
}

func TestAStatementWithoutColumnsPrintsNothing(t *testing.T) {
	for _, format := range []string{"table", "expanded", "csv", "jsonl"} {
		require.Empty(t, write(t, format, Options{}, nil))
	}
}

// full is a writer on which nothing fits.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestResults_AValueThatCannotBeWrittenIsAnError(t *testing.T) {
	fields, b := batch(t, []string{"a"}, []string{strings.Repeat("x", 1<<17)}, []string{strings.Repeat("y", 1<<17)})
	for _, format := range Formats() {
		w := New(format, full{}, Options{})
		err := w.Begin(fields)
		if err == nil {
			err = w.Batch(b)
		}
		if err == nil {
			err = w.End(false)
		}
		require.ErrorIs(t, err, errFull, format)
	}
	require.ErrorContains(t, Check("xml", Formats()), "want one of table, expanded, csv, json, jsonl, parquet")
}
