package examples_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/emulator"
)

func TestNestedValuesGoIntoSlicesMapsAndStructs(t *testing.T) {
	t.Parallel()
	one, two, a := 1, 2, "a"
	type deep struct {
		When   string         `json:"when"`
		Amount vector.Decimal `json:"amount"`
		None   *int           `json:"none"`
	}
	type order struct {
		ID   int64     `json:"id"`
		Tags []*string `json:"tags"`
		Deep deep      `json:"deep"`
	}
	w := openWays(t, emulator.Options{})
	requireAll(t, w, []sample{
		{name: "a list of lists", sql: "[[1, NULL, 2], NULL, []]", typ: vector.Array, value: "[[1,null,2],null,[]]", text: "[[1,null,2],null,[]]",
			checks: []check{native([][]*int{{&one, nil, &two}, nil, {}}), native(&[][]*int{{&one, nil, &two}, nil, {}}), refused[map[string]int]("JSON"), refused[int]("does not convert to int")}},
		{name: "a map of lists", sql: "MAP {'k': [1, 2], 'n': NULL}", typ: vector.Map, value: `{"k":[1,2],"n":null}`, text: `{"k":[1,2],"n":null}`,
			checks: []check{native(map[string][]int{"k": {1, 2}, "n": nil})}},
		{name: "a map with numbers for keys", sql: "MAP {7: {'a': 'x'}}", typ: vector.Map, value: `{"7":{"a":"x"}}`, text: `{"7":{"a":"x"}}`,
			checks: []check{native(map[int]map[string]string{7: {"a": "x"}})}},
		{name: "a struct of everything", sql: `{'id': 9007199254740993, 'tags': ['a', NULL], 'deep': {'when': TIMESTAMP '1969-12-31 23:59:59.5', 'amount': 12345678901234567890.10::DECIMAL(38,2), 'none': NULL}}`,
			typ:   vector.Struct,
			value: `{"id":9007199254740993,"tags":["a",null],"deep":{"when":"1969-12-31 23:59:59.5","amount":12345678901234567890.10,"none":null}}`,
			text:  `{"id":9007199254740993,"tags":["a",null],"deep":{"when":"1969-12-31 23:59:59.5","amount":12345678901234567890.10,"none":null}}`,
			checks: []check{func(t *testing.T, w ways, query string, args ...any) { // a struct has a column for each field in QueryAll
				var got order
				onlyRow(t, w, query, args, func(r *e6.Rows) { require.NoError(t, r.Scan(&got)) })
				require.Equal(t, order{9007199254740993, []*string{&a, nil}, deep{"1969-12-31 23:59:59.5", number(t, "12345678901234567890.10"), nil}}, got)
				all, err := e6.QueryAll[struct{ V order }](t.Context(), w.client, query, args...)
				require.NoError(t, err)
				require.Equal(t, []struct{ V order }{{got}}, all)
			}}},
	})
}

func TestScan_NestedValueHasNoDataOfTheRowBefore(t *testing.T) {
	t.Parallel()
	w := openWays(t, emulator.Options{})
	rows, err := w.client.Query(t.Context(), "SELECT * FROM (VALUES (1, MAP {'a': 1}, {'x': 1, 'y': 1}), (2, MAP {'b': 2}, {'x': 2, 'y': NULL})) ORDER BY 1")
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var i int
	var m map[string]int
	var s struct{ X, Y int }
	for rows.Next() {
		require.NoError(t, rows.Scan(&i, &m, &s))
	}
	require.NoError(t, rows.Err())
	require.Equal(t, "2 map[b:2] {2 0}", fmt.Sprint(i, m, s))
}

func TestJSONScansNestedValuesOverDatabaseSQL(t *testing.T) {
	t.Parallel()
	w := openWays(t, emulator.Options{})
	rows, err := w.db.QueryContext(t.Context(), `SELECT * FROM (VALUES
		(1, [1, 2], MAP {'a': 9007199254740993}, {'x': 1, 'y': 12345678901234567890.10::DECIMAL(38,2)}),
		(2, [3], MAP {'b': 2}, {'x': NULL, 'y': NULL}), (3, NULL, NULL, NULL)) ORDER BY 1`)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	type point struct {
		X int
		Y *e6.Decimal
	}
	var i int
	var list []int
	var m map[string]any
	var p point
	var got []string
	for rows.Next() {
		require.NoError(t, rows.Scan(&i, e6.JSON(&list), e6.JSON(&m), e6.JSON(&p)))
		got = append(got, fmt.Sprint(list, m, p.X, p.Y))
	}
	require.NoError(t, rows.Err())
	require.Equal(t, []string{"[1 2] map[a:9007199254740993] 1 12345678901234567890.10", "[3] map[b:2] 0 <nil>", "[] map[] 0 <nil>"}, got)
	require.ErrorContains(t, w.db.QueryRowContext(t.Context(), "SELECT [1]").Scan(e6.JSON(&m)), "JSON")
	require.ErrorContains(t, w.db.QueryRowContext(t.Context(), "SELECT 5").Scan(e6.JSON(&m)), "not the text of an ARRAY, MAP or STRUCT")
}

func TestLargeNumbersInsideKeepTheirDigitsInAny(t *testing.T) {
	t.Parallel()
	w := openWays(t, emulator.Options{})
	native([]any{json.Number("9007199254740993"), "x", nil})(t, w, "SELECT ['9007199254740993'::JSON, '\"x\"'::JSON, NULL]")
}
