package e6_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
)

func TestJSONReadsNestedValuesForDatabaseSQL(t *testing.T) {
	tags := []string{"old"}
	require.NoError(t, e6.JSON(&tags).Scan(`["a","b"]`))
	require.Equal(t, []string{"a", "b"}, tags)
	require.NoError(t, e6.JSON(&tags).Scan(nil))
	require.Nil(t, tags)
	var point struct{ X, Y int }
	require.NoError(t, e6.JSON(&point).Scan([]byte(`{"x":1,"y":2}`)))
	require.Equal(t, 2, point.Y)
	point.X = 7
	require.NoError(t, e6.JSON(&point).Scan(nil))
	require.Zero(t, point, "a null leaves nothing of an earlier row")
	require.ErrorContains(t, e6.JSON(&tags).Scan("{"), "scan into a string for the text")
	require.ErrorContains(t, e6.JSON(&tags).Scan(5), "a int is not the text of an ARRAY, MAP or STRUCT")
	require.Error(t, e6.JSON(nil).Scan("1"))
}

func TestScan_NestedValueHasNoDataOfTheRowBefore(t *testing.T) {
	scores := map[string]int{"of the row before": 1}
	require.NoError(t, e6.JSON(&scores).Scan(`{"a":1}`))
	require.Equal(t, map[string]int{"a": 1}, scores)
	type person struct {
		Name string
		Age  int
	}
	ann := person{"Ann", 40}
	require.NoError(t, e6.JSON(&ann).Scan(`{"name":"Bob","age":null}`))
	require.Equal(t, person{Name: "Bob"}, ann)
	for _, text := range []string{`{"name":"Eve","age":"x"}`, `{"name":"Eve"} {}`, `{"name":"Eve"}}`, `{"name":"Eve"`, ``} {
		require.ErrorContains(t, e6.JSON(&ann).Scan(text), "scan into a string for the text", "%s", text)
		require.Equal(t, person{Name: "Bob"}, ann, "half of a value is none: %s", text)
	}
	require.NoError(t, e6.JSON(&ann).Scan(" {} \n"), "white space may follow")
	var nothing *[]int
	require.Error(t, e6.JSON(nothing).Scan("[1]"))
	require.Error(t, e6.JSON(ann).Scan("{}"), "a value is no destination")
}

func TestNumbersInNestedValuesKeepTheirDigits(t *testing.T) {
	var all any
	require.NoError(t, e6.JSON(&all).Scan(`[9007199254740993, {"a": 12345678901234567890.10}]`))
	require.Equal(t, []any{json.Number("9007199254740993"), map[string]any{"a": json.Number("12345678901234567890.10")}}, all)
	type line struct {
		Price e6.Decimal
		Tax   *e6.Decimal
	}
	var lines []line
	require.NoError(t, e6.JSON(&lines).Scan(`[{"price": 12345678901234567890.10, "tax": "0.190"}, {"price": -1.5E-3, "tax": null}, {"price": null}]`))
	require.Equal(t, []string{"12345678901234567890.10", "-0.0015", "0"}, []string{lines[0].Price.String(), lines[1].Price.String(), lines[2].Price.String()})
	require.Equal(t, "0.190", lines[0].Tax.String())
	require.Nil(t, lines[1].Tax)
	for _, wrong := range []string{`{"price": true}`, `{"price": "x"}`, `{"price": [1]}`, `{"price": ""}`} {
		require.Error(t, e6.JSON(&line{}).Scan(wrong), wrong)
	}
}
