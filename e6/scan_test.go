package e6_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// one is a column of one value, which may be null.
func one(kind vector.Type, null bool, set func(*e6test.Column)) e6test.Column {
	c := e6test.Column{Type: kind, Nulls: []bool{null}}
	set(&c)
	return c
}

func long(n int64) e6test.Column {
	return one(vector.Long, false, func(c *e6test.Column) { c.Ints = []int64{n} })
}

func integer(n int32) e6test.Column {
	return one(vector.Integer, false, func(c *e6test.Column) { c.Ints = []int64{int64(n)} })
}

func double(f float64) e6test.Column {
	return one(vector.Double, false, func(c *e6test.Column) { c.Floats = []float64{f} })
}

func float(f float64) e6test.Column {
	return one(vector.Float, false, func(c *e6test.Column) { c.Floats = []float64{f} })
}

func str(s string) e6test.Column {
	return one(vector.String, false, func(c *e6test.Column) { c.Strings = []string{s} })
}

func null(kind vector.Type) e6test.Column {
	return one(kind, true, func(c *e6test.Column) { c.Ints, c.Strings, c.Floats = []int64{0}, []string{""}, []float64{0} })
}

func decimal(t *testing.T, unscaled string, scale int32) e6test.Column {
	n, ok := new(big.Int).SetString(unscaled, 10)
	require.True(t, ok)
	return one(vector.Decimal128, false, func(c *e6test.Column) { c.Decimals, c.Scale = [][]byte{e6test.TwosComplement(n)}, &scale })
}

// read serves one row and returns the rows with that row read.
func read(t *testing.T, columns ...e6test.Column) *e6.Rows {
	t.Helper()
	engine := e6test.NewCannedEngine()
	fields := make([]vector.Field, len(columns))
	for i, c := range columns {
		fields[i] = vector.Field{Name: string(rune('a' + i)), Type: c.Type}
	}
	engine.AddTable("one", fields, e6test.Batch{Rows: 1, Columns: columns})
	rows, err := open(t, start(t, e6test.WithEngine(engine), e6test.InMemory())).Query(t.Context(), "SELECT * FROM one")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rows.Close()) })
	require.True(t, rows.Next(), "%v", rows.Err())
	return rows
}

func TestScan_AcceptsDestinationsWithoutLoss(t *testing.T) {
	micros := time.Date(2026, 2, 3, 4, 5, 6, 789_012_000, time.UTC).UnixMicro()
	stamp := one(vector.TimestampTZ, false, func(c *e6test.Column) { c.Ints, c.Zones = []int64{micros}, []string{"+05:30"} })
	day := one(vector.Date, false, func(c *e6test.Column) { c.Ints = []int64{-86_400_000_000} })
	yes := one(vector.Boolean, false, func(c *e6test.Column) { c.Bools = []bool{true} })
	bin := one(vector.Binary, false, func(c *e6test.Column) { c.Strings = []string{"\x00\xff"} })
	const all38 = "12345678901234567890123456789012345678"
	exact, err := vector.ParseDecimal("123456789012345678901234567890123456.78")
	require.NoError(t, err)
	seven := int64(7)

	for name, test := range map[string]struct {
		col  e6test.Column
		want any
	}{
		"a long into an int64":                     {long(math.MaxInt64), int64(math.MaxInt64)},
		"a long into an int":                       {long(-7), -7},
		"a long into an int8":                      {long(-128), int8(-128)},
		"a long into a uint64":                     {long(math.MaxInt64), uint64(math.MaxInt64)},
		"a long into a float64 that holds it":      {long(1 << 53), float64(1 << 53)},
		"a long into a float32 that holds it":      {long(1 << 24), float32(1 << 24)},
		"the least long into a float64":            {long(math.MinInt64), float64(math.MinInt64)},
		"a long into a string":                     {long(-7), "-7"},
		"a long into a pointer":                    {long(7), &seven},
		"a long into anything":                     {long(7), any(int64(7))},
		"a long into bytes":                        {long(7), []byte("7")},
		"a long into a sql.NullInt64":              {long(7), sql.NullInt64{Int64: 7, Valid: true}},
		"an integer into an int64":                 {integer(math.MinInt32), int64(math.MinInt32)},
		"an integer into a float32":                {integer(1 << 20), float32(1 << 20)},
		"a double into a float64":                  {double(0.1), 0.1},
		"a double into a float32 that holds it":    {double(0.25), float32(0.25)},
		"a float into a float32":                   {float(0.1), float32(0.1)},
		"a float into a float64":                   {float(0.1), 0.1},
		"the largest float into a float32":         {float(math.MaxFloat32), float32(math.MaxFloat32)},
		"an infinite float into a float32":         {float(math.Inf(-1)), float32(math.Inf(-1))},
		"a float of nothing into a float32":        {float(0), float32(0)},
		"the largest decimal into a uint64":        {decimal(t, "18446744073709551615", 0), uint64(math.MaxUint64)},
		"a whole decimal with zeros into a uint64": {decimal(t, "1844674407370955161500", 2), uint64(math.MaxUint64)},
		"a whole decimal into a uint8":             {decimal(t, "255", 0), uint8(255)},
		"the largest whole decimal into an int64":  {decimal(t, "9223372036854775807", 0), int64(math.MaxInt64)},
		"a boolean into a bool":                    {yes, true},
		"a boolean into a string":                  {yes, "true"},
		"text into a string":                       {str("naïve 🚀"), "naïve 🚀"},
		"text into bytes":                          {str("x"), []byte("x")},
		"binary into bytes":                        {bin, []byte{0, 0xFF}},
		"binary into a string":                     {bin, "\x00\xff"},
		"a date into a time":                       {day, time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)},
		"a date into its own type":                 {day, vector.DateValue{Days: -1}},
		"a date into a string":                     {day, "1969-12-31"},
		"a timestamp into its own type":            {stamp, vector.TimestampValue{Micros: micros, Zone: "+05:30"}},
		"a timestamp into a string":                {stamp, "2026-02-03T09:35:06.789012+05:30"},
		"a decimal into its own type":              {decimal(t, all38, 2), exact},
		"a decimal of 38 digits into a string":     {decimal(t, all38, 2), "123456789012345678901234567890123456.78"},
		"a decimal into a sql.NullString":          {decimal(t, all38, 2), sql.NullString{String: "123456789012345678901234567890123456.78", Valid: true}},
		"a whole decimal into an int64":            {decimal(t, "-9223372036854775808", 0), int64(math.MinInt64)},
		"a decimal with nothing behind the point":  {decimal(t, "-1200", 2), int16(-12)},
		"a null into a pointer":                    {null(vector.Long), (*int64)(nil)},
		"a null into a pointer to text":            {null(vector.String), (*string)(nil)},
		"a null into a pointer to a decimal":       {null(vector.Long), (*vector.Decimal)(nil)},
		"a null into bytes":                        {null(vector.String), []byte(nil)},
		"a null into a sql.NullString":             {null(vector.String), sql.NullString{}},
		"a null into a sql.NullTime":               {null(vector.Date), sql.NullTime{}},
		"a null into a sql.Null of a whole number": {null(vector.Long), sql.Null[int64]{}},
	} {
		t.Run(name, func(t *testing.T) {
			dest := reflect.New(reflect.TypeOf(test.want))
			require.NoError(t, read(t, test.col).Scan(dest.Interface()))
			require.Equal(t, test.want, dest.Elem().Interface())
		})
	}
	t.Run("a timestamp into a time keeps its zone", func(t *testing.T) {
		var got time.Time
		require.NoError(t, read(t, stamp).Scan(&got))
		require.True(t, got.Equal(time.UnixMicro(micros)))
		_, offset := got.Zone()
		require.Equal(t, 19_800, offset)
	})
	t.Run("a null into anything", func(t *testing.T) {
		got := any("before")
		require.NoError(t, read(t, null(vector.Long)).Scan(&got))
		require.Nil(t, got)
	})
}

func TestAValueThatWouldLoseSomethingIsAnErrorThatNamesItsColumn(t *testing.T) {
	for name, test := range map[string]struct {
		col  e6test.Column
		dest any
		want string
	}{
		"a long beyond an int8":                      {long(128), new(int8), "out of the destination's range"},
		"a negative long into a uint":                {long(-1), new(uint64), "out of the destination's range"},
		"a long beyond a float64's digits":           {long(1<<53 + 1), new(float64), "the value is out of the destination's range of exact whole numbers: use int64, or CAST to DOUBLE"},
		"the largest long into a float64":            {long(math.MaxInt64), new(float64), "range of exact whole numbers"},
		"the largest long into a float32":            {long(math.MaxInt64), new(float32), "range of exact whole numbers: use int64, or CAST to FLOAT"},
		"a long beyond a float32's digits":           {long(1<<24 + 1), new(float32), "range of exact whole numbers"},
		"the largest integer into a float32":         {integer(math.MaxInt32), new(float32), "range of exact whole numbers"},
		"a double beyond a float32's digits":         {double(0.1), new(float32), "a float32 would round the value: use float64, or CAST to FLOAT in the statement"},
		"a float beyond every float32":               {float(1e300), new(float32), "out of the destination's range"},
		"a float below every float32":                {float(1e-300), new(float32), "out of the destination's range"},
		"a decimal beyond a uint64":                  {decimal(t, "18446744073709551616", 0), new(uint64), "out of the destination's range"},
		"a negative decimal into a uint64":           {decimal(t, "-1", 0), new(uint64), "out of the destination's range"},
		"a decimal beyond a uint8":                   {decimal(t, "256", 0), new(uint8), "out of the destination's range"},
		"a decimal beyond an int8":                   {decimal(t, "-129", 0), new(int8), "out of the destination's range"},
		"a decimal below an int64":                   {decimal(t, "-9223372036854775809", 0), new(int64), "out of the destination's range"},
		"a decimal with a fraction into a uint":      {decimal(t, "-50", 2), new(uint), "not a whole number"},
		"text into a uint":                           {str("7"), new(uint), "STRING does not convert to uint: use string, or CAST to BIGINT in the statement"},
		"a double into a whole number":               {double(1), new(int), "DOUBLE does not convert to int: use float64, or CAST to BIGINT in the statement"},
		"a decimal into a float":                     {decimal(t, "1", 0), new(float64), "a float64 does not hold every decimal: use e6.Decimal, or CAST to DOUBLE in the statement"},
		"a decimal into a float32":                   {decimal(t, "1", 0), new(float32), "a float32 does not hold every decimal: use e6.Decimal, or CAST to FLOAT in the statement"},
		"a decimal with a fraction into a whole one": {decimal(t, "150", 2), new(int), "not a whole number"},
		"a decimal beyond an int64":                  {decimal(t, "9223372036854775808", 0), new(int64), "out of the destination's range"},
		"text into a number":                         {str("7"), new(int), "CAST to BIGINT"},
		"text into a time":                           {str("2026-01-01"), new(time.Time), "STRING does not convert to time.Time: use string, or CAST to TIMESTAMP in the statement"},
		"a long into a bool":                         {long(1), new(bool), "use int64, or CAST to BOOLEAN in the statement"},
		"a double into a decimal":                    {double(1), new(vector.Decimal), "not exact"},
		"a null into a number":                       {null(vector.Long), new(int64), "the value is null"},
		"a null into a string":                       {null(vector.String), new(string), "the value is null"},
		"a null into a time":                         {null(vector.Date), new(time.Time), "the value is null"},
		"a destination that is none":                 {long(1), 7, "not a pointer"},
		"a destination that is nil":                  {long(1), (*int8)(nil), "not a pointer"},
		"text into what nothing goes into":           {str("x"), new(chan int), "STRING does not convert to chan int: use string or any"},
		"a destination that nothing goes into":       {long(1), new(chan int), "LONG does not convert to chan int: use int64, string or any"},
	} {
		t.Run(name, func(t *testing.T) {
			err := read(t, str("first"), test.col).Scan(new(string), test.dest)
			var failed *e6.ScanError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, "b", failed.Column)
			require.Equal(t, test.col.Type, failed.Type)
			require.ErrorContains(t, err, `column "b"`)
			require.ErrorContains(t, err, test.want)
		})
	}
}

// sink is a sql.Scanner that is no pointer.
type sink map[string]any

func (s sink) Scan(v any) error {
	s["it"] = v
	return nil
}

func TestScan_NilDestinationIsAnError(t *testing.T) {
	for _, col := range []e6test.Column{long(1), str("x"), null(vector.Long), null(vector.String)} {
		rows := read(t, col)
		for _, dest := range []any{
			(*any)(nil), (*string)(nil), (*[]byte)(nil), (*bool)(nil), (*int)(nil), (*uint8)(nil), (*float32)(nil),
			(*time.Time)(nil), (*vector.Decimal)(nil), (*vector.DateValue)(nil), (*vector.TimestampValue)(nil),
			(**int)(nil), (*sql.NullInt64)(nil), (*nullAmount)(nil), (*nullFloat)(nil), (*sql.Null[string])(nil), (*struct{})(nil), sink(nil),
		} {
			var failed *e6.ScanError
			require.ErrorAs(t, rows.Scan(dest), &failed, "%T", dest)
			require.ErrorContains(t, failed, "not a pointer", "%T", dest)
		}
		into := sink{}
		require.NoError(t, rows.Scan(into))
		require.Contains(t, into, "it")
	}
}

func TestScan_ANilDestinationSkipsItsColumn(t *testing.T) {
	rows := read(t, null(vector.Long), long(2), str("x"))
	var n int
	require.NoError(t, rows.Scan(nil, &n, nil))
	require.Equal(t, 2, n)
	require.NoError(t, rows.Scan(nil, nil, nil))
	require.ErrorContains(t, rows.Scan(nil, nil), "want 3 destinations", "a skipped column has a destination too")
	require.ErrorContains(t, rows.Scan((*int)(nil), &n, nil), "not a pointer", "a nil pointer is a mistake")
}

func TestScan_ANullNamesWhatHoldsIt(t *testing.T) {
	for dest, advice := range map[any]string{
		new(int64):          "int64 cannot hold it: declare the destination as *int64, sql.Null[int64] or any, or use COALESCE in the statement",
		new(string):         "string cannot hold it: declare the destination as *string",
		new(bool):           "bool cannot hold it",
		new(float32):        "sql.Null[float32]",
		new(time.Time):      "declare the destination as *time.Time, sql.Null[time.Time]",
		new(vector.Decimal): "declare the destination as *vector.Decimal",
		new([]int):          "declare the destination as *[]int",
	} {
		rows := read(t, str("first"), null(vector.Long))
		err := rows.Scan(nil, dest)
		require.ErrorIs(t, err, e6.ErrNull, "%T", dest)
		failed, ok := errors.AsType[*e6.ScanError](err)
		require.True(t, ok)
		require.Equal(t, e6.ScanError{Column: "b", Type: vector.Long, QueryID: rows.Handle().QueryID, Row: 0, Dest: fmt.Sprintf("%T", dest), Err: failed.Err,
			TypeName: failed.TypeName}, *failed)
		require.ErrorContains(t, err, fmt.Sprintf(`e6: scan column "b" (LONG) row 1 of query %s into %T: the value is null, and `, failed.QueryID, dest))
		require.ErrorContains(t, err, advice)
	}
}

func TestScanNeedsARowAndADestinationForEachColumn(t *testing.T) {
	rows := read(t, long(1), long(2))
	require.EqualError(t, rows.Scan(new(int)), fmt.Sprintf(
		`e6: scan row 1 of query %s: want 2 destinations, one for each of the columns ["a" "b"]: there are 1`, rows.Handle().QueryID))
	require.Equal(t, []any{int64(1), int64(2)}, rows.Values())
	require.False(t, rows.Next())
	require.ErrorContains(t, rows.Scan(new(int), new(int)), "there is no row")
	require.Nil(t, rows.Values())
}

func TestNestedValuesGoIntoSlicesMapsAndStructs(t *testing.T) {
	nested := func(typ vector.Type, text string) e6test.Column {
		col := str(text)
		col.Type = typ
		return col
	}
	type line struct {
		Item  string
		Price json.Number
	}
	var list []int
	require.NoError(t, read(t, nested(vector.Array, "[1, 2, 3]")).Scan(&list))
	require.Equal(t, []int{1, 2, 3}, list)
	var byName map[string]float64
	require.NoError(t, read(t, nested(vector.Map, `{"a": 1.5}`)).Scan(&byName))
	require.Equal(t, map[string]float64{"a": 1.5}, byName)
	var one line
	require.NoError(t, read(t, nested(vector.Struct, `{"item": "x", "price": 12345678901234567890.10}`)).Scan(&one))
	require.Equal(t, line{"x", "12345678901234567890.10"}, one)
	var all *[]line
	require.NoError(t, read(t, nested(vector.Array, `[{"Item": "y"}]`)).Scan(&all))
	require.Equal(t, []line{{Item: "y"}}, *all)

	require.NoError(t, read(t, nested(vector.Map, `{"b": 2}`)).Scan(&byName))
	require.Equal(t, map[string]float64{"b": 2}, byName, "nothing of an earlier row is left")
	var numbers []any
	require.NoError(t, read(t, nested(vector.Array, "[9007199254740993]")).Scan(&numbers))
	require.Equal(t, []any{json.Number("9007199254740993")}, numbers)

	var failed *e6.ScanError
	require.ErrorAs(t, read(t, nested(vector.Array, `[4, "x"]`)).Scan(&list), &failed)
	require.Equal(t, []int{1, 2, 3}, list, "half of a value is none")
	require.ErrorContains(t, failed, "scan into a string")
	require.ErrorContains(t, read(t, str("[1]")).Scan(&list), "STRING does not convert to []int: use string or any", "text is no list")
}
