package emulator_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/emulator"
)

func TestFunctionsOfTheDialect(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	query(t, e, "CREATE TABLE t AS SELECT TIMESTAMP '2024-02-29 13:04:05.678' AS ts, DATE '2024-02-29' AS day, 'MM' AS unit")
	for sql, want := range map[string]string{
		"timestamp_add('year', 2, ts)":                                 "2026-02-28 13:04:05.678",
		"timestamp_add('minute', -5, ts)":                              "2024-02-29 12:59:05.678",
		"timestamp_add('quarter', 1, day)":                             "2024-05-29 00:00:00",
		"timestamp_add('year', 2, current_date()) > current_date()":    "true",
		"date_add('day', 1, day)":                                      "2024-03-01 00:00:00",
		"date_add(day, INTERVAL 1 MONTH)":                              "2024-03-29 00:00:00",
		"trunc(ts, 'DD')":                                              "2024-02-29 00:00:00",
		"trunc(ts, unit)":                                              "2024-02-01 00:00:00",
		"trunc(ts, 'yyyy')":                                            "2024-01-01 00:00:00",
		"trunc(ts, 'hour')":                                            "2024-02-29 13:00:00",
		"trunc(day, 'Q')":                                              "2024-01-01 00:00:00",
		"trunc(-1.5)":                                                  "-1",
		"trunc(current_timestamp, 'DD') <= current_timestamp":          "true",
		"date_format(ts, '%Y-%m-%d %H:%i:%s')":                         "2024-02-29 13:04:05",
		"date_format(ts, '%T, %W, %e %M %Y, %h %p')":                   "13:04:05, Thursday, 29 February 2024, 01 PM",
		"date_format(day, '%Y-%i')":                                    "2024-00",
		"from_unixtime(1609459200)":                                    "2021-01-01 00:00:00",
		"from_unixtime(-0.5)":                                          "1969-12-31 23:59:59.5",
		"to_timestamp('2023-01-02 12:13:14', 'YYYY-MM-DD HH24:MI:SS')": "2023-01-02 12:13:14",
		"to_timestamp('02/01/2023', 'dd/mm/yyyy')":                     "2023-01-02 00:00:00",
		"to_timestamp(strftime(ts, '%Y%m%d'), 'YYYYMMDD')":             "2024-02-29 00:00:00",
		"to_timestamp(CAST(NULL AS VARCHAR), 'YYYY')":                  null,
		"CAST(to_timestamp(1609459200) AS VARCHAR)":                    "2021-01-01 00:00:00+00",
		"date_trunc('month', ts)":                                      "2024-02-01 00:00:00",
		"date_diff('day', day, DATE '2024-03-02')":                     "2",
	} {
		require.Equal(t, [][]string{{want}}, query(t, e, "SELECT CAST("+sql+" AS VARCHAR) FROM t"), sql)
	}
	for sql, want := range map[string]string{
		"SELECT to_timestamp('2023', 'YYYY-MM')":             `"2023" is not of the form "YYYY-MM"`,
		"SELECT to_timestamp('12:13 Jan 23', 'HH24:MI Mon')": "reads YYYY, MM, DD, HH24, MI and SS",
		"SELECT trunc(DATE '2024-02-29', 'aeon')":            "aeon",
	} {
		p, err := e.Prepare(context.Background(), e6test.Statement{SQL: sql})
		if err == nil {
			_, err = p.Execute(context.Background())
			require.NoError(t, p.Close())
		}
		require.ErrorContains(t, err, want, sql)
	}
}

func TestFunctionsOfTheDialect_AreNoPartOfTheCatalog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mine.duckdb")
	for range 2 { // the second one finds what the first one left in the file
		e := newEngine(t, emulator.Options{Database: path})
		require.Equal(t, [][]string{{"2024-01-01 00:00:00"}}, query(t, e, "SELECT CAST(trunc(DATE '2024-02-29', 'YYYY') AS VARCHAR)"))
		schemas, err := e.Schemas(context.Background(), "mine")
		require.NoError(t, err)
		require.Equal(t, []string{"main"}, schemas)
		require.NoError(t, e.Close())
	}
	e := newEngine(t, emulator.Options{NoSample: true})
	query(t, e, "CREATE MACRO trunc(value, unit) AS 'mine'")
	require.Equal(t, [][]string{{"mine"}}, query(t, e, "SELECT trunc(DATE '2024-02-29', 'YYYY')"), "a function of the user comes first")
}
