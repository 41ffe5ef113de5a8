package emulator_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/emulator"
)

func TestEveryTypeArrivesAsItsVector(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	for _, tc := range []struct {
		expr string
		wire vector.Type
		want string
	}{
		{`true`, vector.Boolean, "true"},
		{`(-128)::TINYINT`, vector.Integer, "-128"},
		{`255::UTINYINT`, vector.Integer, "255"},
		{`(-32768)::SMALLINT`, vector.Integer, "-32768"},
		{`65535::USMALLINT`, vector.Integer, "65535"},
		{`(-2147483648)::INTEGER`, vector.Integer, "-2147483648"},
		{`4294967295::UINTEGER`, vector.Long, "4294967295"},
		{`(-9223372036854775808)::BIGINT`, vector.Long, "-9223372036854775808"},
		{`18446744073709551615::UBIGINT`, vector.Decimal128, "18446744073709551615"},
		{`99999999999999999999999999999999999999::HUGEINT`, vector.Decimal128, strings.Repeat("9", 38)},
		{`(-99999999999999999999999999999999999999)::HUGEINT`, vector.Decimal128, "-" + strings.Repeat("9", 38)},
		{`(-18446744073709551616)::HUGEINT`, vector.Decimal128, "-18446744073709551616"},
		{`7::UHUGEINT`, vector.Decimal128, "7"},
		{`0.1::FLOAT`, vector.Float, "0.10000000149011612"},
		{`0.1::DOUBLE`, vector.Double, "0.1"},
		{`(-99.99)::DECIMAL(4,2)`, vector.Decimal128, "-99.99"},
		{`0.00001::DECIMAL(9,5)`, vector.Decimal128, "0.00001"},
		{`(-123456789012.345678)::DECIMAL(18,6)`, vector.Decimal128, "-123456789012.345678"},
		{`99999999999999999999999999999999999999::DECIMAL(38,0)`, vector.Decimal128, strings.Repeat("9", 38)},
		{`'-0.99999999999999999999999999999999999999'::DECIMAL(38,38)`, vector.Decimal128, "-0." + strings.Repeat("9", 38)},
		{`'Grüße 🌍, longer than twelve bytes'`, vector.String, "Grüße 🌍, longer than twelve bytes"},
		{`''`, vector.String, ""},
		{`chr(0) || 'x'`, vector.String, "\x00x"},
		{`'\x00\xFF'::BLOB`, vector.Binary, "00ff"},
		{`'{"a": [1]}'::JSON`, vector.String, `{"a": [1]}`},
		{`DATE '2024-02-29'`, vector.Date, "2024-02-29"},
		{`DATE '1969-12-31'`, vector.Date, "1969-12-31"},
		{`DATE '11756-12-31'`, vector.Date, "+11756-12-31"},
		{`TIMESTAMP '2024-02-29 12:34:56.789012'`, vector.Datetime, "2024-02-29T12:34:56.789012Z"},
		{`TIMESTAMP '1969-12-31 12:00:00'`, vector.Datetime, "1969-12-31T12:00:00.000000Z"},
		{`TIMESTAMP_S '1969-12-31 23:59:59'`, vector.Datetime, "1969-12-31T23:59:59.000000Z"},
		{`TIMESTAMP_MS '2024-02-29 12:34:56.789'`, vector.Datetime, "2024-02-29T12:34:56.789000Z"},
		{`TIMESTAMP_NS '1969-12-31 23:59:59.123456789'`, vector.Datetime, "1969-12-31T23:59:59.123456Z"},
		{`TIMESTAMPTZ '2024-02-29 12:34:56+05:30'`, vector.TimestampTZ, "2024-02-29T07:04:56.000000Z"},
		{`[1, NULL, 3]`, vector.Array, `[1,null,3]`},
		{`[[1], [], NULL]`, vector.Array, `[[1],[],null]`},
		{`['1.5'::DOUBLE, 'nan', '-infinity']::DOUBLE[3]`, vector.Array, `[1.5,"NaN","-Inf"]`},
		{`[(-12.345)::DECIMAL(38,3), 0.001, NULL]`, vector.Array, `[-12.345,0.001,null]`},
		{`[DATE '0044-03-15', '12345-01-02']`, vector.Array, `["0044-03-15","+12345-01-02"]`},
		{`[TIMESTAMP '1969-12-31 23:59:59.5']`, vector.Array, `["1969-12-31 23:59:59.5"]`},
		{`[TIMESTAMPTZ '2024-01-01 00:00:00+01']`, vector.Array, `["2023-12-31 23:00:00Z"]`},
		{`['\xAB'::BLOB]`, vector.Array, `["ab"]`},
		{`['{"a":1}'::JSON]`, vector.Array, `[{"a":1}]`},
		{`[true, false]`, vector.Array, `[true,false]`},
		{`['a"b\\c\r\n\t' || chr(1)]`, vector.Array, `["a\"b\\c\r\n\t\u0001"]`},
		{`MAP {1: 'x', 2: NULL}`, vector.Map, `{"1":"x","2":null}`},
		{`MAP {'k': {'a': [1, 2]}}`, vector.Map, `{"k":{"a":[1,2]}}`},
		{`{'a': 1, 'b': NULL, 'c': {'d': 'x'}}`, vector.Struct, `{"a":1,"b":null,"c":{"d":"x"}}`},
		{`union_value(num := 5)`, vector.Struct, `{"num":5}`},
		{`NULL`, vector.Integer, null},
		{`NULL::DECIMAL(38,2)`, vector.Decimal128, null},
		{`NULL::VARCHAR`, vector.String, null},
		{`NULL::STRUCT(a INTEGER)`, vector.Struct, null},
		{`NULL::TIMESTAMPTZ`, vector.TimestampTZ, null},
	} {
		t.Run(tc.expr, func(t *testing.T) {
			t.Parallel()
			r := execute(t, e, e6test.Statement{SQL: "SELECT " + tc.expr + " AS v"})
			require.Equal(t, tc.wire, r.Fields()[0].Type)
			require.Equal(t, tc.wire.String(), r.Fields()[0].TypeName)
			require.Equal(t, "v", r.Fields()[0].Name)
			require.Equal(t, [][]string{{tc.want}}, read(t, r, 10))
		})
	}
}

func TestText_EqualsDuckDBsFormat(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	for _, expr := range []string{
		`unnest([TIME '00:00:00', TIME '23:59:59.999999', TIME '01:02:03.04', TIME '24:00:00'])`,
		`unnest([TIMETZ '12:34:56+00', TIMETZ '12:34:56.7-05:30', TIMETZ '00:00:00+15:59:59', TIMETZ '00:00:00-15:59:59'])`,
		`unnest([INTERVAL '0 days', INTERVAL '1 year', INTERVAL '-1 year', INTERVAL '25 months', INTERVAL '-25 months 3 days',
			INTERVAL '100 hours 1 microsecond', INTERVAL '-1 hour', INTERVAL '2 days -00:00:01.5', INTERVAL '1 day'])`,
		`unnest(['00000000-0000-0000-0000-000000000001'::UUID, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '80000000-1234-5678-9abc-def012345678'])`,
		`unnest(['1'::BIT, '0101', '101010101', '11111111', '000000000000000001'])`,
		`unnest(['a', 'b', 'c']::ENUM('c', 'b', 'a')[])`,
	} {
		t.Run(expr[:24], func(t *testing.T) {
			t.Parallel()
			r := execute(t, e, e6test.Statement{SQL: "SELECT v, v::VARCHAR FROM (SELECT " + expr + " AS v)"})
			require.Equal(t, vector.String, r.Fields()[0].Type)
			rows := read(t, r, 2)
			require.NotEmpty(t, rows)
			for _, row := range rows {
				require.Equal(t, row[1], row[0])
			}
		})
	}
}

func TestValuesThatTheProtocolCannotCarryAreErrorsThatNameThem(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	for _, tc := range []struct{ name, expr, want string }{
		{"an integer of 39 digits", `100000000000000000000000000000000000000::HUGEINT`, "more than 38 digits"},
		{"a negative integer of 39 digits", `(-100000000000000000000000000000000000000)::HUGEINT`, "more than 38 digits"},
		{"the lowest huge integer", `(-170141183460469231731687303715884105728)::HUGEINT`, "more than 38 digits"},
		{"the highest unsigned huge integer", `340282366920938463463374607431768211455::UHUGEINT`, "more than 38 digits"},
		{"an infinite date", `'infinity'::DATE`, "infinity"},
		{"an infinite date in the past", `'-infinity'::DATE`, "infinity"},
		{"an infinite timestamp", `'-infinity'::TIMESTAMP`, "infinity"},
		{"an infinite point in time", `'infinity'::TIMESTAMPTZ`, "infinity"},
		{"an infinite timestamp in a list", `['infinity'::TIMESTAMP]`, "infinity"},
		{"a date in the year 300000", `DATE '300000-01-01'`, "too far from 1970"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := execute(t, e, e6test.Statement{SQL: "SELECT 1 AS ok, CASE WHEN i = 5000 THEN " + tc.expr + " END AS bad FROM range(6000) t(i) ORDER BY i"})
			_, err := r.Next(context.Background(), 4500)
			require.NoError(t, err)
			_, err = r.Next(context.Background(), 4500)
			require.ErrorContains(t, err, "column 2 (bad), row 5001: ")
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestTypesThatTheProtocolCannotCarryAreRefusedBeforeTheStatementRuns(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	_, err := e.Prepare(context.Background(), e6test.Statement{SQL: "SELECT 1, 5::BIGNUM AS big"})
	require.ErrorContains(t, err, "column 2 (big) cannot be sent")
	require.ErrorContains(t, err, "cast it to VARCHAR")
}

func TestNullsAreSetInEveryColumnAndBatch(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	const columns = `CASE WHEN i % 3 <> 0 THEN i END AS l, CASE WHEN i % 5 = 0 THEN i::VARCHAR END AS s,
		CASE WHEN i % 7 = 0 THEN i::DECIMAL(20,2) END AS d, CASE WHEN i > 4000 THEN i::DOUBLE END AS f`
	for _, size := range []int{1, 7, 1000, 2048, 3000, 100_000} {
		rows := read(t, execute(t, e, e6test.Statement{SQL: "SELECT i, " + columns + " FROM range(5000) t(i) ORDER BY i"}), size)
		require.Len(t, rows, 5000)
		for i, row := range rows {
			require.Equal(t, i%3 == 0, row[1] == null, "row %d", i)
			require.Equal(t, i%5 != 0, row[2] == null, "row %d", i)
			require.Equal(t, i%7 != 0, row[3] == null, "row %d", i)
			require.Equal(t, i <= 4000, row[4] == null, "row %d", i)
			if row[2] != null {
				require.Equal(t, row[0], row[2])
			}
			if row[3] != null {
				require.Equal(t, row[0]+".00", row[3])
			}
		}
	}
}

func TestEveryRowHasANullFlagEvenIfNothingIsNull(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	r := execute(t, e, e6test.Statement{SQL: "SELECT 1, 'x', [1], 1.5, now(), true FROM range(5)"})
	batch, err := r.Next(context.Background(), 10)
	require.NoError(t, err)
	for _, c := range batch.Columns {
		require.Equal(t, make([]bool, 5), c.Nulls)
	}
}

func TestNumbersOfNullRowsAreZero(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	r := execute(t, e, e6test.Statement{SQL: "SELECT if(i % 2 = 0, i, NULL), if(i % 2 = 0, i::DOUBLE, NULL) FROM range(5000) t(i) ORDER BY i"})
	batch, err := r.Next(context.Background(), 5000)
	require.NoError(t, err)
	for i, null := range batch.Columns[0].Nulls {
		require.Equal(t, i%2 == 1, null)
		if null {
			require.Zero(t, batch.Columns[0].Ints[i])
			require.Zero(t, batch.Columns[1].Floats[i])
		}
	}
}

func TestAPointInTimeCarriesTheZoneOfTheSession(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true, Zone: "Asia/Kolkata"})
	r := execute(t, e, e6test.Statement{SQL: "SELECT TIMESTAMPTZ '2024-01-01 00:00:00' AS v, 1 AS n FROM range(3)"})
	require.Equal(t, "Asia/Kolkata", r.Fields()[0].Zone)
	require.Empty(t, r.Fields()[1].Zone)
	batch, err := r.Next(context.Background(), 10)
	require.NoError(t, err)
	require.Equal(t, []string{"Asia/Kolkata", "Asia/Kolkata", "Asia/Kolkata"}, batch.Columns[0].Zones)
	require.Equal(t, int64(1704047400_000000), batch.Columns[0].Ints[0], "midnight in India is 18:30 UTC of the day before")
}
