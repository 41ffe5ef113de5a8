package e6_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// openOrders opens a client of a cluster with a table orders of three rows.
func openOrders(t *testing.T, opts ...e6test.Option) *e6.Client {
	t.Helper()
	engine := e6test.NewCannedEngine()
	scale := int32(2)
	engine.AddTable("orders", []vector.Field{
		{Name: "order_id", Type: vector.Long}, {Name: "TOTAL", Type: vector.Decimal128}, {Name: "note", Type: vector.String},
	}, e6test.Batch{Rows: 3, Columns: []e6test.Column{
		{Type: vector.Long, Ints: []int64{1, 2, 3}},
		{Type: vector.Decimal128, Scale: &scale, Decimals: [][]byte{{0x04, 0xD2}, {0xFF}, {0x05}}},
		{Type: vector.String, Strings: []string{"first", "", "last"}, Nulls: []bool{false, true, false}},
	}})
	engine.AddTable("nothing", []vector.Field{{Name: "order_id", Type: vector.Long}}, e6test.Batch{Columns: []e6test.Column{{Type: vector.Long}}})
	return open(t, start(t, append(opts, e6test.WithEngine(engine), e6test.InMemory())...))
}

// query runs a statement whose rows the test reads.
func query(t *testing.T, client *e6.Client, text string) *e6.Rows {
	t.Helper()
	rows, err := client.Query(within(t, 20*time.Second), text)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rows.Close()) })
	return rows
}

type noted struct{ Note *string }

type order struct {
	OrderID int64
	Sum     vector.Decimal `db:"total"`
	noted                  // embedded and not exported: its fields count all the same
	Other   int            `e6:",optional"`
	Skipped int            `e6:"-"`
}

func TestCollect_ReturnsTheRowsAsStructs(t *testing.T) {
	client := openOrders(t, e6test.WithBatchRows(2))
	requireOrders := func(orders []order) {
		t.Helper()
		require.Len(t, orders, 3)
		require.Equal(t, []int64{1, 2, 3}, []int64{orders[0].OrderID, orders[1].OrderID, orders[2].OrderID})
		require.Equal(t, "12.34", orders[0].Sum.String())
		require.Equal(t, "-0.01", orders[1].Sum.String())
		require.Equal(t, "first", *orders[0].Note)
		require.Nil(t, orders[1].Note)
		require.Equal(t, "last", *orders[2].Note)
	}
	rows := query(t, client, "SELECT * FROM orders")
	orders, err := e6.Collect[order](rows)
	require.NoError(t, err)
	requireOrders(orders)
	require.False(t, rows.Next(), "the rows are closed")
	require.ErrorIs(t, rows.Scan(nil), e6.ErrRowsClosed)

	orders, err = e6.QueryAll[order](t.Context(), client, "SELECT * FROM orders")
	require.NoError(t, err)
	requireOrders(orders)

	pointers, err := e6.Collect[*order](query(t, client, "SELECT * FROM orders"))
	require.NoError(t, err)
	require.NotSame(t, pointers[0], pointers[1])
	requireOrders([]order{*pointers[0], *pointers[1], *pointers[2]})
}

func TestCollect_ReturnsTheRowsAsMapsAndValues(t *testing.T) {
	client := openOrders(t)
	maps, err := e6.Collect[map[string]any](query(t, client, "SELECT * FROM orders"))
	require.NoError(t, err)
	minus, err := vector.ParseDecimal("-0.01")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"order_id": int64(2), "TOTAL": minus, "note": nil}, maps[1])

	numbers, err := e6.Collect[uint8](query(t, client, "SELECT 42"))
	require.NoError(t, err)
	require.Equal(t, []uint8{42}, numbers)
	nullable, err := e6.Collect[sql.Null[int64]](query(t, client, "SELECT 42"))
	require.NoError(t, err)
	require.Equal(t, []sql.Null[int64]{{V: 42, Valid: true}}, nullable)

	none, err := e6.Collect[int](query(t, client, "SELECT * FROM nothing"))
	require.NoError(t, err)
	require.Equal(t, []int{}, none, "a result without rows is empty and not nil")
}

func TestCollect_ReadsTheRowsThatNextHasLeft(t *testing.T) {
	rows := query(t, openOrders(t), "SELECT * FROM orders")
	require.True(t, rows.Next())
	orders, err := e6.Collect[order](rows)
	require.NoError(t, err)
	require.Len(t, orders, 2)
	require.Equal(t, int64(2), orders[0].OrderID)
}

func TestCollect_RefusesRowsThatWereClosedBeforeTheirEnd(t *testing.T) {
	client := openOrders(t)
	rows := query(t, client, "SELECT * FROM orders")
	require.NoError(t, rows.Close())
	orders, err := e6.Collect[order](rows)
	require.ErrorIs(t, err, e6.ErrRowsClosed, "an empty result would look complete")
	require.Nil(t, orders)

	rows = query(t, client, "SELECT * FROM orders")
	n := 0
	for _, err := range e6.Each[order](rows) {
		if n++; n == 1 {
			require.NoError(t, err)
			require.NoError(t, rows.Close())
			continue
		}
		require.ErrorIs(t, err, e6.ErrRowsClosed)
	}
	require.Equal(t, 2, n)
}

func TestEach_YieldsTheFailureOfTheQuery(t *testing.T) {
	cluster := start(t, e6test.InMemory(), e6test.WithBatchRows(10))
	client := open(t, cluster)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rows, err := client.Query(ctx, "SELECT * FROM numbers(1000000)")
	require.NoError(t, err)
	n := 0
	var last error
	for _, last = range e6.Each[map[string]any](rows) {
		if n++; n == 15 {
			cancel()
		}
	}
	require.ErrorIs(t, last, context.Canceled)
}

func TestCollectOne_ReturnsTheFirstRow(t *testing.T) {
	client := openOrders(t)
	rows := query(t, client, "SELECT * FROM orders")
	first, err := e6.CollectOne[order](rows)
	require.NoError(t, err)
	require.Equal(t, int64(1), first.OrderID)
	require.False(t, rows.Next(), "the rows are closed")
	only, err := e6.CollectOne[int](query(t, client, "SELECT 42"))
	require.NoError(t, err)
	require.Equal(t, 42, only)
	one, err := e6.QueryOne[*order](t.Context(), client, "SELECT * FROM orders")
	require.NoError(t, err)
	require.Equal(t, int64(1), one.OrderID)
	many, err := e6.QueryOne[int64](t.Context(), client, "SELECT ?", 7)
	require.NoError(t, err)
	require.Equal(t, int64(7), many)
}

func TestCollectOne_ReturnsErrNoRowsWithoutARow(t *testing.T) {
	client := openOrders(t)
	for name, call := range map[string]func() (int, error){
		"CollectOne":        func() (int, error) { return e6.CollectOne[int](query(t, client, "SELECT * FROM nothing")) },
		"CollectExactlyOne": func() (int, error) { return e6.CollectExactlyOne[int](query(t, client, "SELECT * FROM nothing")) },
		"QueryOne":          func() (int, error) { return e6.QueryOne[int](t.Context(), client, "SELECT * FROM nothing") },
	} {
		t.Run(name, func(t *testing.T) {
			n, err := call()
			require.ErrorIs(t, err, e6.ErrNoRows)
			require.ErrorIs(t, err, sql.ErrNoRows)
			require.Regexp(t, `^e6: query \w+: the result has no rows$`, err.Error())
			require.Zero(t, n)
		})
	}
}

func TestCollectExactlyOne_RefusesASecondRow(t *testing.T) {
	client := openOrders(t)
	only, err := e6.CollectExactlyOne[int](query(t, client, "SELECT 42"))
	require.NoError(t, err)
	require.Equal(t, 42, only)
	one, err := e6.CollectExactlyOne[order](query(t, client, "SELECT * FROM orders"))
	require.ErrorIs(t, err, e6.ErrTooManyRows)
	require.NotErrorIs(t, err, sql.ErrNoRows)
	require.Zero(t, one)
}

func TestEach_ClosesTheRowsWhenTheLoopBreaks(t *testing.T) {
	client := openOrders(t)
	rows := query(t, client, "SELECT * FROM numbers(1000000)")
	for _, err := range e6.Each[map[string]any](rows) {
		require.NoError(t, err)
		break
	}
	require.False(t, rows.Next())
	require.ErrorIs(t, rows.Scan(nil), e6.ErrRowsClosed)
	require.Panics(t, func() {
		rows = query(t, client, "SELECT * FROM orders")
		for range e6.Each[order](rows) {
			panic("the program's")
		}
	})
	require.False(t, rows.Next())
	require.ErrorIs(t, rows.Scan(nil), e6.ErrRowsClosed, "a panic closes them too")
}

func TestEach_YieldsTheErrorLast(t *testing.T) {
	type strict struct {
		OrderID int64
		Total   e6.Decimal
		Note    string
	}
	rows := query(t, openOrders(t, e6test.WithBatchRows(1)), "SELECT * FROM orders")
	var ids []int64
	var last error
	for o, err := range e6.Each[strict](rows) {
		require.NoError(t, last, "nothing follows an error")
		if last = err; err == nil {
			ids = append(ids, o.OrderID)
		} else {
			require.Zero(t, o)
		}
	}
	require.Equal(t, []int64{1}, ids)
	require.ErrorIs(t, last, e6.ErrNull)
	failed, ok := errors.AsType[*e6.ScanError](last)
	require.True(t, ok)
	require.Equal(t, []any{"note", 1, "e6_test.strict.Note", "*string"}, []any{failed.Column, failed.Row, failed.Field, failed.Dest})
	require.EqualError(t, last, `e6: scan column "note" (STRING) row 2 of query `+failed.QueryID+` into field e6_test.strict.Note (*string): `+
		"the value is null, and string cannot hold it: declare the destination as *string, sql.Null[string] or any, or use COALESCE in the statement")
	require.False(t, rows.Next())
	require.ErrorIs(t, rows.Scan(nil), e6.ErrRowsClosed)
}

func TestCollect_ReportsTheQueryOfATypeThatDoesNotFit(t *testing.T) {
	client := openOrders(t)
	type missing struct {
		OrderID int64
		Total   e6.Decimal
	}
	for name, call := range map[string]func() error{
		"Collect":  func() error { _, err := e6.Collect[missing](query(t, client, "SELECT * FROM orders")); return err },
		"QueryAll": func() error { _, err := e6.QueryAll[missing](t.Context(), client, "SELECT * FROM orders"); return err },
		"QueryOne": func() error { _, err := e6.QueryOne[missing](t.Context(), client, "SELECT * FROM orders"); return err },
		"Each": func() (last error) {
			for _, err := range e6.Each[missing](query(t, client, "SELECT * FROM orders")) {
				last = err
			}
			return last
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := call()
			wrong, ok := errors.AsType[*e6.MappingError](err)
			require.True(t, ok, "%v", err)
			require.NotEmpty(t, wrong.QueryID)
			require.Equal(t, e6.MappingError{QueryID: wrong.QueryID, Type: "e6_test.missing", Column: "note", Problem: wrong.Problem}, *wrong)
			require.ErrorContains(t, err, "e6: map the columns of query "+wrong.QueryID+`: column "note" has no field in e6_test.missing: add one`)
		})
	}
}
