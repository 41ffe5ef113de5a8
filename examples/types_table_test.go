package examples_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/proto/thrift/chunk"
)

// carrier is the type of the vector that carries a declared type. The types that
// no vector has are those of metadata only.
func carrier(declared vector.Type) vector.Type {
	switch declared {
	case vector.Short, vector.Byte:
		return vector.Integer
	case vector.Char:
		return vector.String
	}
	return declared
}

// column is a column of two rows, with a value that goes into as many Go types as
// its type lets it.
func column(declared vector.Type, constant bool) e6test.Column {
	c := e6test.Column{Type: carrier(declared), Nulls: []bool{false, false}, Constant: constant}
	scale, text := int32(0), "1"
	switch c.Type {
	case vector.Array:
		text = "[1]"
	case vector.Map, vector.Struct:
		text = `{"a":1}`
	case vector.Binary:
		text = "\x00\xff"
	case vector.Boolean:
		c.Bools = []bool{true, true}
	case vector.Float, vector.Double:
		c.Floats = []float64{1, 1}
	case vector.Decimal128:
		c.Scale, c.Decimals = &scale, [][]byte{{1}, {1}}
	case vector.Null:
		c.Nulls = []bool{true, true}
	}
	switch c.Type {
	case vector.String, vector.Binary, vector.Array, vector.Map, vector.Struct:
		c.Strings = []string{text, text}
	case vector.Integer, vector.Long, vector.Date, vector.Datetime, vector.Timestamp, vector.TimestampTZ, vector.Int96:
		c.Ints = []int64{1, 1}
	}
	if constant {
		c.Nulls, c.Bools, c.Ints, c.Floats = c.Nulls[:1], c.Bools[:min(1, len(c.Bools))], c.Ints[:min(1, len(c.Ints))], c.Floats[:min(1, len(c.Floats))]
		c.Strings, c.Decimals = c.Strings[:min(1, len(c.Strings))], c.Decimals[:min(1, len(c.Decimals))]
	}
	return c
}

// onTheWire is the number of a vector's type and the member of the union that
// holds its data, as the code that Apache Thrift generated reads them.
func onTheWire(t *testing.T, c e6test.Column) (number int, member string) {
	t.Helper()
	encoded, err := e6test.EncodeBatch(e6test.Batch{Rows: 2, Columns: []e6test.Column{c}})
	require.NoError(t, err)
	read := chunk.NewChunk()
	require.NoError(t, read.Read(context.Background(), thrift.NewTBinaryProtocolConf(&thrift.TMemoryBuffer{Buffer: bytes.NewBuffer(encoded)}, nil)))
	data := reflect.ValueOf(read.Vectors[0].Data).Elem()
	for i := range data.NumField() {
		if !data.Field(i).IsNil() {
			member = strings.Split(data.Type().Field(i).Tag.Get("thrift"), ",")[0]
		}
	}
	return int(read.Vectors[0].VectorType), member
}

// targets are the Go types that a column of the table may name, besides those
// that take everything.
var targets = []any{false, int64(0), uint64(0), float64(0), e6.Decimal{}, time.Time{}, vector.DateValue{}, vector.TimestampValue{}, []int(nil), map[string]int(nil), struct{ A int }{}}

// shown is the name of a Go type in the document.
func shown(t reflect.Type) string {
	switch {
	case t == nil:
		return "`nil`"
	case t == reflect.TypeFor[e6.Decimal]():
		return "`e6.Decimal`"
	case t == reflect.TypeFor[any]():
		return "`any`"
	case t == reflect.TypeFor[[]byte]():
		return "`[]byte`"
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		return t.Kind().String() + "s"
	case t.Name() == "":
		return "structs"
	}
	name := regexp.MustCompile(`[\w.-]+/`).ReplaceAllString(t.String(), "")
	return "`" + strings.Replace(name, "vector.Decimal", "e6.Decimal", 1) + "`"
}

// described computes a row of the table of types, without its last cell.
func described(t *testing.T, declared vector.Type) []string {
	t.Helper()
	number, member := onTheWire(t, column(declared, false))
	_, constant := onTheWire(t, column(declared, true))
	wire := fmt.Sprintf("%d, `%s`, `%s`", number, member, constant)
	if constant == member {
		wire = fmt.Sprintf("%d, `%s`", number, member)
	}
	if carrier(declared) != declared {
		wire = "a vector of `" + carrier(declared).String() + "`"
	}
	field := []vector.Field{{Name: "v", Type: declared}}
	w := serve(t, field, e6test.Batch{Rows: 2, Columns: []e6test.Column{column(declared, false)}})
	result, err := w.client.QueryAll(t.Context(), "SELECT * FROM t")
	require.NoError(t, err)
	require.Equal(t, declared, result.Fields[0].Type)
	value, err := values(result, nil)
	require.NoError(t, err)
	same, err := values(serve(t, field, e6test.Batch{Rows: 2, Columns: []e6test.Column{column(declared, true)}}).client.QueryAll(t.Context(), "SELECT * FROM t"))
	require.NoError(t, err)
	require.Equal(t, value, same, "a constant column has its value in every row")

	rows, err := w.db.QueryContext(t.Context(), "SELECT * FROM t")
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	types, err := rows.ColumnTypes()
	require.NoError(t, err)
	require.Equal(t, declared.String(), types[0].DatabaseTypeName())
	require.True(t, rows.Next())
	var driven any
	require.NoError(t, rows.Scan(&driven))
	scanned := reflect.New(types[0].ScanType())
	require.NoError(t, rows.Scan(scanned.Interface()), "a value goes into the type that is named for it")

	var others []string
	for _, target := range targets {
		dest := reflect.New(reflect.TypeOf(target))
		onlyFirst(t, w, func(r *e6.Rows) {
			if r.Scan(dest.Interface()) == nil {
				others = append(others, shown(reflect.TypeOf(target)))
			}
			var text string
			var raw []byte
			if value[0] != nil {
				require.NoError(t, r.Scan(&text))
			}
			require.NoError(t, r.Scan(&raw))
		})
	}
	return []string{"`" + declared.String() + "`", wire, shown(reflect.TypeOf(value[0])), shown(reflect.TypeOf(driven)), shown(types[0].ScanType()), strings.Join(others, ", ")}
}

func onlyFirst(t *testing.T, w ways, read func(*e6.Rows)) {
	t.Helper()
	rows, err := w.client.Query(t.Context(), "SELECT * FROM t")
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	require.True(t, rows.Next())
	read(rows)
}

// tableOf returns the rows of a table in the document, each by its first cell.
func tableOf(t *testing.T, name string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../docs/types.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "<!-- "+name+":begin -->\n")
	require.True(t, found)
	table, _, found := strings.Cut(rest, "<!-- "+name+":end -->")
	require.True(t, found)
	lines := strings.Split(strings.TrimSpace(table), "\n")
	require.Greater(t, len(lines), 2)
	rows := map[string][]string{}
	for _, line := range lines[2:] {
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), "|")
		require.Len(t, cells, strings.Count(lines[0], "|")-1, "%s", line)
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		require.NotContains(t, rows, cells[0])
		rows[cells[0]] = cells
	}
	return rows
}

func TestDocuments_TableOfTypesEqualsTheCode(t *testing.T) {
	t.Parallel()
	written := tableOf(t, "types")
	count := 0
	for declared := vector.Other + 1; !strings.HasPrefix(declared.String(), "Type("); declared++ {
		want := described(t, declared)
		row := written[want[0]]
		require.NotEmpty(t, row, "the row is missing: | %s | |", strings.Join(want, " | "))
		require.Equal(t, want, row[:len(want)], "the row should begin: | %s |", strings.Join(want, " | "))
		count++
	}
	require.Len(t, written, count)
}

func TestATypeOfAnotherNameKeepsItsName(t *testing.T) {
	t.Parallel()
	w := serve(t, []vector.Field{{Name: "v", TypeName: "GEOMETRY"}}, e6test.Batch{Rows: 1, Columns: []e6test.Column{{
		Type: vector.String, Nulls: []bool{false}, Strings: []string{"POINT(1 2)"}}}})
	rows, err := w.db.QueryContext(t.Context(), "SELECT * FROM t")
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	types, err := rows.ColumnTypes()
	require.NoError(t, err)
	require.Equal(t, "GEOMETRY", types[0].DatabaseTypeName())
	require.Equal(t, reflect.TypeFor[sql.NullString](), types[0].ScanType())
	into("POINT(1 2)")(t, w, "SELECT * FROM t")
}
