package e6_test

import (
	"database/sql/driver"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// TestARowOfDriverValuesHasThoseOfItsColumns reads over the ends of stretches and of
// batches, and keeps everything until the end.
func TestARowOfDriverValuesHasThoseOfItsColumns(t *testing.T) {
	const all = 2000
	client := open(t, start(t, e6test.WithBatchRows(600)))
	rows, err := client.Query(within(t, 20*time.Second), fmt.Sprintf("SELECT * FROM everything(%d)", all))
	require.NoError(t, err)
	defer rows.Close()
	columns := len(rows.Columns())
	require.ErrorContains(t, rows.DriverRow(make([]driver.Value, columns)), "there is no row")
	var got, want [][]driver.Value
	for n := 0; rows.Next(); n++ {
		row, single := make([]driver.Value, columns), make([]driver.Value, columns)
		if n%7 != 0 { // a row may be left out
			require.NoError(t, rows.DriverRow(row))
			for i := range single {
				single[i], err = rows.DriverValue(i)
				require.NoError(t, err)
			}
		}
		got, want = append(got, row), append(want, single)
	}
	require.NoError(t, rows.Err())
	require.Len(t, got, all)
	require.Equal(t, want, got)
	require.ErrorContains(t, rows.DriverRow(nil), "there is no row")
}

func TestARowOfDriverValuesFailsWhereAValueHasNone(t *testing.T) {
	engine := e6test.NewCannedEngine()
	engine.AddTable("times", []vector.Field{{Name: "n", Type: vector.Long}, {Name: "at", Type: vector.TimestampTZ}}, e6test.Batch{
		Rows: 4, Columns: []e6test.Column{{Type: vector.Long, Ints: []int64{1, 2, 3, 4}},
			{Type: vector.TimestampTZ, Ints: []int64{1, 2, 3, 4}, Zones: []string{"Z", "Z", "Middle-earth/Shire", "Z"}}}})
	client := open(t, start(t, e6test.WithEngine(engine)))
	rows, err := client.Query(within(t, 10*time.Second), "SELECT * FROM times")
	require.NoError(t, err)
	defer rows.Close()
	row := make([]driver.Value, 2)
	require.True(t, rows.Next())
	require.ErrorContains(t, rows.DriverRow(row[:1]), "1 destinations for 2 columns")
	for n := range int64(4) {
		err := rows.DriverRow(row)
		if n == 2 {
			failed, ok := err.(*e6.ScanError)
			require.True(t, ok, "%v", err)
			require.Equal(t, "at", failed.Column)
			require.Equal(t, 2, failed.Row)
		} else {
			require.NoError(t, err)
			require.Equal(t, []driver.Value{n + 1, time.UnixMicro(n + 1).UTC()}, row)
		}
		require.Equal(t, n < 3, rows.Next())
	}
}

func TestARowOfDriverValuesHardlyTakesMemory(t *testing.T) {
	const all = 20_000
	client := open(t, start(t, e6test.WithBatchRows(all)))
	rows, err := client.Query(within(t, 20*time.Second), fmt.Sprintf("SELECT * FROM numbers(%d)", all))
	require.NoError(t, err)
	defer rows.Close()
	require.True(t, rows.Next())
	row := make([]driver.Value, 2)
	// On average, and without the fraction: a value by itself takes one for each column.
	require.Zero(t, testing.AllocsPerRun(all-10, func() {
		rows.Next()
		_ = rows.DriverRow(row)
	}))
}
