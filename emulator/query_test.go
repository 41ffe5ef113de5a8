package emulator_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/emulator"
)

// null is how the tests write a null.
const null = "<null>"

func newEngine(t testing.TB, opts emulator.Options) *emulator.Engine {
	t.Helper()
	e, err := emulator.New(opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// execute runs a statement whose result the caller closes with the test.
func execute(t testing.TB, e *emulator.Engine, s e6test.Statement) e6test.Result {
	t.Helper()
	p, err := e.Prepare(context.Background(), s)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	r, err := p.Execute(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// read takes a whole result over the wire format and returns the texts.
func read(t testing.TB, r e6test.Result, batchRows int) [][]string {
	t.Helper()
	var rows [][]string
	for {
		batch, err := r.Next(context.Background(), batchRows)
		if errors.Is(err, io.EOF) {
			require.Len(t, rows, int(r.RowCount()))
			return rows
		}
		require.NoError(t, err)
		require.LessOrEqual(t, batch.Rows, batchRows)
		wire, err := e6test.EncodeBatch(*batch)
		require.NoError(t, err)
		decoded, err := vector.Decode(wire, r.Fields())
		require.NoError(t, err)
		require.Equal(t, batch.Rows, decoded.Rows())
		for i := range decoded.Rows() {
			row := make([]string, decoded.NumColumns())
			for c := range row {
				row[c] = null
				if col := decoded.Column(c); !col.IsNull(i) {
					row[c] = col.Text(i)
				}
			}
			rows = append(rows, row)
		}
	}
}

// query runs a statement of the default session.
func query(t testing.TB, e *emulator.Engine, sql string) [][]string {
	t.Helper()
	return read(t, execute(t, e, e6test.Statement{SQL: sql}), 1000)
}
