package examples_test

import (
	"database/sql"
	"errors"
	"math/big"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/sqldriver"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/emulator"
	"github.com/e6data/e6data-go/internal/stress"
)

// shop opens sqlx over the driver, on the sample data.
func shop(t *testing.T) (*sqlx.DB, *emulator.Emulator, *e6.Client) {
	t.Helper()
	em, err := emulator.Start(emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, em.Close()) })
	connector, err := sqldriver.NewConnector(e6.Config{
		Address: em.Addr(), User: "me@example.com", Token: "token", Catalog: emulator.SampleCatalog, Schema: emulator.SampleSchema})
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	client, err := connector.Client(t.Context())
	require.NoError(t, err)
	sqlx.BindDriver("e6", sqlx.QUESTION)
	return sqlx.NewDb(db, "e6"), em, client
}

// sold is a row of orders, and as an embedded struct the customer with it.
type sold struct {
	ID      int64          `db:"order_id"`
	Amount  vector.Decimal `db:"amount"`
	Status  string         `db:"status"`
	Express bool           `db:"express"`
	At      time.Time      `db:"ordered_at"`
	Note    *string        `db:"note"`
	buyer
}

type buyer struct {
	Customer string `db:"name"`
}

const selectSold = "SELECT o.order_id, o.amount, o.status, o.express, o.ordered_at, o.note, c.name FROM orders o JOIN customers c USING (customer_id)"

// requireSold compares an order with the known one.
func requireSold(t *testing.T, id int64, got sold) {
	t.Helper()
	want := emulator.SampleOrder(id)
	require.Equal(t, id, got.ID)
	require.Zero(t, got.Amount.Cmp(cents(t, want.AmountCents)), "%s", got.Amount)
	require.Equal(t, want.Status, got.Status)
	require.Equal(t, want.Express, got.Express)
	require.True(t, want.OrderedAt.Equal(got.At), "%s", got.At)
	require.Equal(t, emulator.SampleCustomer(want.CustomerID).Name, got.Customer)
	if want.Note == "" {
		require.Nil(t, got.Note)
	} else {
		require.Equal(t, &want.Note, got.Note)
	}
}

func TestSqlxReadsStructs(t *testing.T) {
	db, _, _ := shop(t)
	ctx := t.Context()

	var all []sold
	require.NoError(t, db.SelectContext(ctx, &all, selectSold+" WHERE order_id BETWEEN ? AND ? ORDER BY 1", 95, 105))
	require.Len(t, all, 11)
	for i, got := range all {
		requireSold(t, int64(95+i), got)
	}

	var one sold
	require.NoError(t, db.GetContext(ctx, &one, selectSold+" WHERE order_id = ?", 100))
	requireSold(t, 100, one)
	require.ErrorIs(t, db.GetContext(ctx, &one, selectSold+" WHERE order_id = ?", -1), sql.ErrNoRows)
	var names []string
	require.NoError(t, db.SelectContext(ctx, &names, "SELECT name FROM customers WHERE customer_id < 3 ORDER BY 1"))
	require.Equal(t, []string{"Customer 00001", "Customer 00002"}, names)
	require.ErrorContains(t, db.GetContext(ctx, &one, "SELECT 1 AS elsewhere"), "elsewhere")
	require.NoError(t, db.Unsafe().GetContext(ctx, &one, "SELECT 1 AS elsewhere, 'new' AS status"))
	require.Equal(t, "new", one.Status)
}

func TestSqlxBindsNamesAndLists(t *testing.T) {
	db, _, _ := shop(t)
	ctx := t.Context()

	rows, err := db.NamedQueryContext(ctx, selectSold+" WHERE order_id = :order_id OR status = :status AND order_id < 20 ORDER BY 1", sold{ID: 100, Status: "done"})
	require.NoError(t, err)
	seen := 0
	for rows.Next() {
		var got sold
		require.NoError(t, rows.StructScan(&got))
		requireSold(t, got.ID, got)
		seen++
	}
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
	require.Equal(t, 5, seen, "4, 9, 14 and 19 are done, and 100 is the other")

	query, args, err := sqlx.In(selectSold+" WHERE order_id IN (?) AND status <> ? ORDER BY 1", []int{3, 1, 2}, "it's")
	require.NoError(t, err)
	var some []sold
	require.NoError(t, db.SelectContext(ctx, &some, db.Rebind(query), args...))
	require.Len(t, some, 3)

	s, err := db.PrepareNamedContext(ctx, "SELECT count(*) FROM orders WHERE status = :status AND order_id <= :most")
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	var n int
	require.NoError(t, s.GetContext(ctx, &n, map[string]any{"status": "paid", "most": 1000}))
	require.Equal(t, 200, n)

	p, err := db.PreparexContext(ctx, "SELECT order_id, note FROM orders WHERE order_id = ?")
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	into := map[string]any{}
	require.NoError(t, p.QueryRowxContext(ctx, 200).MapScan(into))
	require.Equal(t, map[string]any{"order_id": int64(200), "note": "note 200"}, into)
	slice, err := p.QueryRowxContext(ctx, 201).SliceScan()
	require.NoError(t, err)
	require.Equal(t, []any{int64(201), nil}, slice)
}

func TestSqlxWritesRows(t *testing.T) {
	db, _, _ := shop(t)
	ctx := t.Context()
	type remark struct {
		ID   int64          `db:"id"`
		Text sql.NullString `db:"text"`
		At   time.Time      `db:"written"`
	}
	db.MustExecContext(ctx, "CREATE TABLE remarks (id BIGINT, text VARCHAR, written TIMESTAMP)")
	at := time.Date(2024, 2, 29, 12, 0, 0, 123_456_000, time.UTC)
	want := []remark{{1, sql.NullString{String: `a 'b' \ :c ? @d`, Valid: true}, at}, {2, sql.NullString{}, at.Add(time.Microsecond)}}
	_, err := db.NamedExecContext(ctx, "INSERT INTO remarks (id, text, written) VALUES (:id, :text, :written)", want)
	require.NoError(t, err)
	var got []remark
	require.NoError(t, db.SelectContext(ctx, &got, "SELECT * FROM remarks ORDER BY id"))
	require.Len(t, got, 2)
	for i := range want {
		require.True(t, want[i].At.Equal(got[i].At))
		require.Equal(t, want[i].Text, got[i].Text)
	}
	_, err = db.BeginTxx(ctx, nil)
	require.ErrorIs(t, err, sqldriver.ErrTransactions)
}

func TestSqlx_SurvivesACutover(t *testing.T) {
	db, em, client := shop(t)
	var reads atomic.Int64
	until := make(chan struct{})
	done := make(chan error, 4)
	for range 4 {
		go func() {
			for {
				select {
				case <-until:
					done <- nil
					return
				default:
				}
				n := 1 + reads.Add(1)
				var got sold
				if err := db.Get(&got, selectSold+" WHERE order_id = ?", n); err != nil || got.Status != emulator.SampleOrder(n).Status {
					done <- errors.Join(err, errors.New("order "+got.Status))
					return
				}
			}
		}()
	}
	ready := func(what func() bool) { require.Eventually(t, what, stress.Patience, time.Millisecond) }
	ready(func() bool { return reads.Load() > 20 })
	for _, c := range []e6test.Cutover{{To: e6.Green, Kind: e6test.Graceful, Grace: time.Second}, {To: e6.Blue, Kind: e6test.Abrupt}} {
		require.NoError(t, em.Cluster().Cutover(t.Context(), c))
		before := reads.Load()
		ready(func() bool { return client.Strategy().Active == c.To && reads.Load() > before+20 })
	}
	close(until)
	for range 4 {
		require.NoError(t, <-done)
	}
}

// cents is an amount.
func cents(t *testing.T, n int64) vector.Decimal {
	t.Helper()
	d, err := vector.NewDecimal(big.NewInt(n), 2)
	require.NoError(t, err)
	return d
}
