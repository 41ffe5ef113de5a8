package e6_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

// exampleClient opens a client of a cluster in this process that knows the statements of the
// examples. stop closes both.
func exampleClient(ctx context.Context) (client *e6.Client, stop func()) {
	cluster, err := e6test.Start(e6test.InMemory())
	if err != nil {
		log.Fatal(err)
	}
	orders := e6test.Rows(
		e6test.Longs("order_id", 1, 2, 3),
		e6test.Decimals("total_amount", 2, "12.50", "99.90", "7.00"),
		e6test.Texts("note", "gift", "", "late").WithNulls(1),
		e6test.Timestamps("ordered_at", time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)))
	cluster.On("SELECT order_id, total_amount, note, ordered_at FROM orders", orders)
	cluster.On("SELECT order_id, total_amount, note, ordered_at FROM orders WHERE order_id = ?", e6test.Rows(
		e6test.Longs("order_id"), e6test.Decimals("total_amount", 2), e6test.Texts("note"), e6test.Timestamps("ordered_at")))
	cluster.On("SELECT count(*) FROM orders WHERE total_amount > ?", e6test.Rows(e6test.Longs("count", 2)))
	cluster.On("SELECT sum(total_amount) FROM orders", e6test.Rows(e6test.Decimals("sum", 2, "119.40")))
	client, err = e6.Open(ctx, e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "secret"}, e6.WithDialer(cluster.Dialer()))
	if err != nil {
		log.Fatal(err)
	}
	return client, func() {
		_ = client.Close()
		_ = cluster.Close()
	}
}

// exampleOrder is a row of the examples.
type exampleOrder struct {
	OrderID   int64            // column order_id
	Total     e6.Decimal       `e6:"total_amount"`
	Note      sql.Null[string] // a *string holds a NULL too
	OrderedAt time.Time
	Selected  bool `e6:"-"` // not a column
}

func ExampleCollect() {
	ctx := context.Background()
	client, stop := exampleClient(ctx)
	defer stop()
	rows, err := client.Query(ctx, "SELECT order_id, total_amount, note, ordered_at FROM orders")
	if err != nil {
		log.Fatal(err)
	}
	orders, err := e6.Collect[exampleOrder](rows) // closes the rows
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range orders {
		fmt.Println(o.OrderID, o.Total, o.Note.V, o.Note.Valid, o.OrderedAt.Format(time.DateOnly))
	}
	// Output:
	// 1 12.50 gift true 2026-02-01
	// 2 99.90  false 2026-02-02
	// 3 7.00 late true 2026-02-03
}

func ExampleCollectOne() {
	ctx := context.Background()
	client, stop := exampleClient(ctx)
	defer stop()
	rows, err := client.Query(ctx, "SELECT order_id, total_amount, note, ordered_at FROM orders WHERE order_id = ?", 9)
	if err != nil {
		log.Fatal(err)
	}
	_, err = e6.CollectOne[exampleOrder](rows)
	fmt.Println(errors.Is(err, e6.ErrNoRows), errors.Is(err, sql.ErrNoRows))
	// Output: true true
}

func ExampleEach() {
	ctx := context.Background()
	client, stop := exampleClient(ctx)
	defer stop()
	rows, err := client.Query(ctx, "SELECT order_id, total_amount, note, ordered_at FROM orders")
	if err != nil {
		log.Fatal(err)
	}
	for o, err := range e6.Each[exampleOrder](rows) { // one row at a time, for a result of any size
		if err != nil {
			log.Fatal(err)
		}
		if o.Note.V == "gift" {
			fmt.Println("the first gift is order", o.OrderID)
			break // closes the rows, and cancels the query
		}
	}
	// Output: the first gift is order 1
}

func ExampleQueryOne() {
	ctx := context.Background()
	client, stop := exampleClient(ctx)
	defer stop()
	n, err := e6.QueryOne[int](ctx, client, "SELECT count(*) FROM orders WHERE total_amount > ?", 10)
	fmt.Println(n, err)
	// Output: 2 <nil>
}

func ExampleRows_Scan() {
	ctx := context.Background()
	client, stop := exampleClient(ctx)
	defer stop()
	rows, err := client.Query(ctx, "SELECT order_id, total_amount, note, ordered_at FROM orders")
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var total e6.Decimal
		var note *string                                           // nil for NULL
		if err := rows.Scan(&id, &total, &note, nil); err != nil { // nil skips a column
			log.Fatal(err)
		}
		fmt.Println(id, total, note != nil)
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 12.50 true
	// 2 99.90 false
	// 3 7.00 true
}

func ExampleDecimal() {
	ctx := context.Background()
	client, stop := exampleClient(ctx)
	defer stop()
	sum, err := e6.QueryOne[e6.Decimal](ctx, client, "SELECT sum(total_amount) FROM orders")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum, sum.Unscaled(), sum.Scale())
	_, err = e6.QueryOne[float64](ctx, client, "SELECT sum(total_amount) FROM orders") // it would lose digits
	fmt.Println(errors.Unwrap(err))
	// Output:
	// 119.40 11940 2
	// a float64 does not hold every decimal: use e6.Decimal, or CAST to DOUBLE in the statement
}
