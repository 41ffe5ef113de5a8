package sqlvalue

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSnakeCase_FollowsTheWordsOfAName(t *testing.T) {
	for name, want := range map[string]string{
		"ID": "id", "OrderID": "order_id", "HTTPStatus": "http_status", "A": "a", "AB": "ab", "ABc": "a_bc", "Address2": "address2",
		"Address2Line": "address2_line", "Snake_Case": "snake_case", "ÄrgerÜber": "ärger_über", "X_": "x_", "IPv6": "i_pv6", "Größe": "größe",
	} {
		require.Equal(t, want, snakeCase(name), name)
	}
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-z][a-z][a-z0-9]{0,4}`), 1, 5).Draw(t, "words")
		name := ""
		for _, w := range words {
			name += strings.ToUpper(w[:1]) + w[1:]
		}
		if got, want := snakeCase(name), strings.Join(words, "_"); got != want {
			t.Fatalf("%s became %s, want %s", name, got, want)
		}
	})
}

// TestPlan_FindsEveryFieldInEverySpelling maps structs of random fields to their columns, in
// random order and in the spellings that a statement may give them.
func TestPlan_FindsEveryFieldInEverySpelling(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Z][a-zA-Z0-9]{0,8}(_[a-zA-Z0-9]{1,4})?`), 1, 8,
			func(name string) string { return strings.ToLower(joined(name)) }).Draw(rt, "names")
		var fields []reflect.StructField
		var columns []string
		for _, name := range names {
			f := reflect.StructField{Name: name, Type: reflect.TypeFor[int64]()}
			spelling := rapid.SampledFrom([]func(string) string{
				func(s string) string { return s }, snakeCase, strings.ToUpper, strings.ToLower, joined,
				func(s string) string { return strings.ToUpper(snakeCase(s)) },
			}).Draw(rt, "spelling")
			column := spelling(name)
			switch rapid.IntRange(0, 3).Draw(rt, "tag") {
			case 0:
				column = "column " + strings.ToLower(joined(name)) // no field has this name by itself
				f.Tag = reflect.StructTag(`e6:"` + column + `"`)
			case 1:
				f.Tag = `e6:",optional"`
			}
			fields, columns = append(fields, f), append(columns, column)
		}
		typ := reflect.StructOf(fields)
		order := rapid.Permutation(columns).Draw(rt, "order")
		p, err := NewPlan(typ, columnsOf(order...))
		require.NoError(t, err)
		v := reflect.New(typ)
		if wrong := p.Decode(rowOf(t, columnsOf(order...)), 0, v.Interface()); wrong != nil {
			rt.Fatal(wrong)
		}
		for i, column := range order {
			for f, own := range columns {
				if own == column && v.Elem().Field(f).Int() != int64(i+1) {
					rt.Fatalf("column %d, %q, is not in field %s: %+v", i+1, column, names[f], v.Elem().Interface())
				}
			}
		}
	})
}

// FuzzPlan_ColumnNamesAndTags builds a plan for any names and any tag. The plan is right, or
// the error names the defect.
func FuzzPlan_ColumnNamesAndTags(f *testing.F) {
	f.Add("id", "order_id", `e6:"id"`)
	f.Add("", "ID", `e6:",optional"`)
	f.Add("a,b", "order__id", `db:"a,b,optional"`)
	f.Add("-", "ORDERID", `e6:"-,"`)
	f.Add("\xff", "\x00", "e6:\"\xff\"")
	f.Add("x", "x", `e6:"x,nonsense"`)
	f.Fuzz(func(t *testing.T, one, two, tag string) {
		typ := reflect.StructOf([]reflect.StructField{
			{Name: "Tagged", Type: reflect.TypeFor[int64](), Tag: reflect.StructTag(tag)},
			{Name: "OrderID", Type: reflect.TypeFor[int64]()},
		})
		columns := columnsOf(one, two)
		p, err := NewPlan(typ, columns)
		if err != nil {
			wrong, ok := errors.AsType[*MappingError](err)
			require.True(t, ok, "%v", err)
			require.NotEmpty(t, wrong.Problem)
			return
		}
		v := reflect.New(typ)
		require.Nil(t, p.Decode(rowOf(t, columns), 0, v.Interface()))
		tagged, own := v.Elem().Field(0).Int(), v.Elem().Field(1).Int()
		require.Equal(t, int64(3), tagged+own, "each column is in a field of its own")
		letters := strings.Map(func(r rune) rune {
			if r == '_' {
				return -1
			}
			return unicode.ToLower(r)
		}, columns[own-1].Name)
		require.True(t, strings.EqualFold(letters, "orderid"), "%q is in OrderID", columns[own-1].Name)
	})
}
