package sqlvalue

import (
	"bufio"
	"database/sql"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// columnsOf are the columns of a result by their names.
func columnsOf(names ...string) []vector.Field {
	columns := make([]vector.Field, len(names))
	for i, name := range names {
		columns[i] = vector.Field{Name: name, Type: vector.Long}
	}
	return columns
}

// rowOf is a batch of one row, in which column i has the value i+1, or NULL.
func rowOf(t testing.TB, columns []vector.Field, nulls ...int) *vector.Batch {
	t.Helper()
	b := e6test.Batch{Rows: 1}
	for i := range columns {
		c := e6test.Column{Type: vector.Long, Ints: []int64{int64(i + 1)}, Nulls: []bool{false}}
		for _, n := range nulls {
			c.Nulls[0] = c.Nulls[0] || n == i
		}
		b.Columns = append(b.Columns, c)
	}
	raw, err := e6test.EncodeBatch(b)
	require.NoError(t, err)
	batch, err := vector.Decode(raw, columns)
	require.NoError(t, err)
	return batch
}

// decode decodes a row of the values 1, 2, ... into a T.
func decode[T any](t testing.TB, names ...string) (T, error) {
	t.Helper()
	var v T
	p, err := NewPlan(reflect.TypeFor[T](), columnsOf(names...))
	if err != nil {
		return v, err
	}
	if err := p.Decode(rowOf(t, columnsOf(names...)), 0, &v); err != nil {
		return v, err
	}
	return v, nil
}

// The types of the cases.
type (
	named struct {
		OrderID    int64
		HTTPStatus int
		Address2   int
		URL        int
	}
	tagged struct {
		A int `e6:"first" db:"other"`
		B int `db:"second,omitempty"`
		C int `e6:",optional" db:"third"`
		D int `e6:"-" db:"fourth"`
		E int `db:"-"`
	}
	base    struct{ ID, Depth int }
	Audit   struct{ CreatedBy int }
	derived struct {
		base
		*Audit
		ID int // hides that of base
	}
	optionalPart struct {
		ID     int
		*Audit `e6:",optional"`
	}
	tree struct {
		//lint:ignore U1000 the plan looks at it
		*tree `e6:"-"`
		ID    int
	}
	Loop struct {
		*Loop
		ID int
	}
	folded struct {
		Lower int `e6:"id"`
		Upper int `e6:"ID"`
	}
	embeddedValue struct {
		sql.NullInt64
		ID int
	}
	renamed struct {
		Audit `e6:"id"`
	}
	twice  struct{ ID, Id int }
	hidden struct {
		//lint:ignore U1000 the plan looks at it
		id int
	}
	unusable struct {
		//lint:ignore U1000 the plan looks at it
		id int `e6:"id"`
	}
	pointerToHidden struct {
		*base
		ID int
	}
	misspelt struct {
		ID int `e6:"id,omitempty"`
	}
	count int64
)

func TestPlan_MapsColumnsToFields(t *testing.T) {
	for _, columns := range [][]string{
		{"order_id", "http_status", "address2", "url"}, {"OrderID", "HTTPStatus", "Address2", "URL"},
		{"ORDER_ID", "HTTPSTATUS", "address_2", "Url"}, {"orderid", "http_Status", "ADDRESS2", "_url"},
	} {
		v, err := decode[named](t, columns...)
		require.NoError(t, err, "%q", columns)
		require.Equal(t, named{1, 2, 3, 4}, v, "%q", columns)
	}

	v, err := decode[tagged](t, "second", "c", "FIRST")
	require.NoError(t, err)
	require.Equal(t, tagged{A: 3, B: 1, C: 2}, v, "an e6 tag hides the db tag")
	v, err = decode[tagged](t, "first", "second")
	require.NoError(t, err)
	require.Equal(t, tagged{A: 1, B: 2}, v, "an optional field needs no column")

	d, err := decode[derived](t, "id", "depth", "created_by")
	require.NoError(t, err)
	require.Equal(t, derived{base{Depth: 2}, &Audit{3}, 1}, d)

	o, err := decode[optionalPart](t, "id")
	require.NoError(t, err)
	require.Equal(t, optionalPart{ID: 1}, o)
	o, err = decode[optionalPart](t, "id", "created_by")
	require.NoError(t, err)
	require.Equal(t, optionalPart{1, &Audit{2}}, o)

	f, err := decode[folded](t, "ID", "id")
	require.NoError(t, err)
	require.Equal(t, folded{Lower: 2, Upper: 1}, f, "the exact name of a tag comes first")

	loop, err := decode[Loop](t, "id")
	require.NoError(t, err)
	require.Equal(t, Loop{ID: 1}, loop)
	_, err = decode[tree](t, "id")
	require.NoError(t, err)

	e, err := decode[embeddedValue](t, "id", "null_int64")
	require.NoError(t, err)
	require.Equal(t, embeddedValue{sql.NullInt64{Int64: 2, Valid: true}, 1}, e, "an embedded sql.NullInt64 is one value")
}

func TestPlan_DecodesPointersMapsAndValues(t *testing.T) {
	p, err := decode[*named](t, "order_id", "http_status", "address2", "url")
	require.NoError(t, err)
	require.Equal(t, &named{1, 2, 3, 4}, p)
	type row map[string]any
	m, err := decode[map[string]any](t, "a", "B")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": int64(1), "B": int64(2)}, m)
	r, err := decode[row](t, "a", "B")
	require.NoError(t, err)
	require.Equal(t, row{"a": int64(1), "B": int64(2)}, r)
	n, err := decode[count](t, "n")
	require.NoError(t, err)
	require.Equal(t, count(1), n)
	pointer, err := decode[*int](t, "n")
	require.NoError(t, err)
	require.Equal(t, 1, *pointer)
	anything, err := decode[any](t, "n")
	require.NoError(t, err)
	require.Equal(t, int64(1), anything)
	null, err := decode[sql.Null[int]](t, "n")
	require.NoError(t, err)
	require.Equal(t, sql.Null[int]{V: 1, Valid: true}, null)
	type amount sql.NullInt64
	own, err := decode[amount](t, "n")
	require.NoError(t, err)
	require.Equal(t, amount{Int64: 1, Valid: true}, own)
	pair, err := decode[struct {
		V     int
		Valid int
	}](t, "v", "valid")
	require.NoError(t, err)
	require.Equal(t, 2, pair.Valid)
}

// mappingCases are types that do not fit their columns.
func mappingCases(t testing.TB) map[string]error {
	fails := func(_ any, err error) error { return err }
	return map[string]error{
		"a column without a field":      fails(decode[named](t, "order_id", "http_status", "address2", "url", "note")),
		"a field without a column":      fails(decode[named](t, "order_id", "http_status", "address2")),
		"a tag without a column":        fails(decode[folded](t, "id")),
		"a db tag without a column":     fails(decode[tagged](t, "first")),
		"a skipped field":               fails(decode[tagged](t, "first", "second", "fourth")),
		"the db tag of an e6 field":     fails(decode[tagged](t, "other", "second")),
		"two columns for a field":       fails(decode[Audit](t, "created_by", "CreatedBy")),
		"two fields for a column":       fails(decode[twice](t, "id")),
		"a column without a name":       fails(decode[Audit](t, "")),
		"a struct without a name":       fails(decode[struct{ A int }](t, "b")),
		"an embedded struct with a tag": fails(decode[renamed](t, "id", "created_by")),
		"an unexported field":           fails(decode[hidden](t, "id")),
		"an unexported field, tagged":   fails(decode[unusable](t, "id")),
		"an unexported pointer":         fails(decode[pointerToHidden](t, "id", "depth")),
		"an unknown option":             fails(decode[misspelt](t, "id")),
		"two columns for a value":       fails(decode[int](t, "a", "b")),
		"two columns for a time":        fails(decode[time.Time](t, "a", "b")),
		"no columns for a value":        fails(decode[int](t)),
		"two columns of a name":         fails(decode[map[string]any](t, "a", "b", "a")),
		"a map of numbers":              fails(decode[map[string]int](t, "a", "b")),
	}
}

// TestPlan_ErrorsNameTheDefect compares the messages with testdata/mapping.golden, a line for
// each case.
func TestPlan_ErrorsNameTheDefect(t *testing.T) {
	file, err := os.Open("testdata/mapping.golden")
	require.NoError(t, err)
	defer file.Close()
	want := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		name, text, ok := strings.Cut(lines.Text(), ": ")
		require.True(t, ok, lines.Text())
		want[name] = text
	}
	got := map[string]string{}
	for name, err := range mappingCases(t) {
		wrong, ok := errors.AsType[*MappingError](err)
		require.True(t, ok, "%s: %v", name, err)
		require.NotEmpty(t, wrong.Type)
		require.True(t, wrong.Column == "" || strings.Contains(wrong.Problem, wrong.Column), name)
		require.Contains(t, wrong.Problem, wrong.Field, name)
		got[name] = wrong.Problem
	}
	require.Equal(t, want, got)
}

func TestPlan_NamesTheFieldOfAValueThatDoesNotFit(t *testing.T) {
	columns := columnsOf("depth", "id")
	p, err := NewPlan(reflect.TypeFor[derived](), append(columns, columnsOf("created_by")...))
	require.NoError(t, err)
	var d derived
	wrong := p.Decode(rowOf(t, columnsOf("depth", "id", "created_by"), 2), 0, &d)
	require.NotNil(t, wrong)
	require.ErrorIs(t, wrong, ErrNull)
	require.Equal(t, ValueError{Column: 2, Field: "sqlvalue.derived.CreatedBy", Dest: "*int", Err: wrong.Err}, *wrong)
}
