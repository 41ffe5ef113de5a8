package e6_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
)

// Open finds the side that accepts. Validate reports every problem of a Config at once.
func ExampleOpen() {
	ctx := context.Background()
	cluster, err := e6test.Start(e6test.InMemory())
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()

	cfg := e6.Config{Address: cluster.Addr(), User: "me@example.com", MaxAttempts: 99}
	_, err = e6.Open(ctx, cfg, e6.WithDialer(cluster.Dialer()))
	if wrong, ok := errors.AsType[*e6.ConfigError](err); ok {
		for _, p := range wrong.Problems {
			fmt.Println(p.Field, "is", p.Value)
		}
	}

	cfg.Token, cfg.MaxAttempts = "secret", 3
	client, err := e6.Open(ctx, cfg, e6.WithDialer(cluster.Dialer()))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(client.Strategy().State)
	// Output:
	// Token is empty
	// MaxAttempts is 99
	// blue
}

func ExampleClient_Query() {
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
		if err := rows.Scan(&id, &total, nil, nil); err != nil {
			log.Fatal(err)
		}
		fmt.Println(id, total)
	}
	if err := rows.Err(); err != nil { // without it, a result that was cut off looks complete
		log.Fatal(err)
	}
	// Output:
	// 1 12.50
	// 2 99.90
	// 3 7.00
}

func ExampleQueryAll() {
	ctx := context.Background()
	client, stop := exampleClient(ctx)
	defer stop()
	counts, err := e6.QueryAll[int64](ctx, client, "SELECT count(*) FROM orders WHERE total_amount > ?", 10)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(counts)
	// Output: [2]
}

// A query in the background: its handle can be stored, and another process can fetch the
// rows.
func ExampleClient_Submit() {
	ctx := context.Background()
	client, stop := exampleClient(ctx)
	defer stop()
	handle, err := client.Submit(ctx, "SELECT sum(total_amount) FROM orders")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Wait(ctx, handle, nil); err != nil {
		log.Fatal(err)
	}
	rows, err := client.Fetch(ctx, handle)
	if err != nil {
		log.Fatal(err)
	}
	sum, err := e6.CollectOne[e6.Decimal](rows)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(handle.Side, sum)
	// Output: blue 119.40
}

// WithQueryOptions sets options of a query, also of one that passes through database/sql.
func ExampleWithQueryOptions() {
	ctx := context.Background()
	client, stop := exampleClient(ctx)
	defer stop()
	ctx = e6.WithQueryOptions(ctx, e6.Tag("nightly-report"), e6.MaxRows(2), e6.Replay(e6.ReplayNever))
	result, err := client.QueryAll(ctx, "SELECT order_id, total_amount, note, ordered_at FROM orders")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Len(), result.Truncated)
	// Output: 2 true
}

// ordersExist vetoes a cutover to a side that has no orders.
type ordersExist struct{}

func (ordersExist) Guard(ctx context.Context, p *hook.Proposal) hook.Decision {
	if _, err := p.Query(ctx, "SELECT order_id FROM orders"); err != nil {
		return hook.Veto("smoke test failed")
	}
	return hook.Allow()
}

// The guard runs a query on green before green gets a query of the application.
func ExampleWithGuard() {
	ctx := context.Background()
	cluster, err := e6test.Start(e6test.InMemory())
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	client, err := e6.Open(ctx, e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "secret"},
		e6.WithDialer(cluster.Dialer()), e6.WithGuard(ordersExist{}))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	cluster.OpenSide(e6.Green)
	err = client.Switch(ctx, e6.Green) // the canned engine has no table orders
	fmt.Println(errors.Is(err, e6.ErrVetoed), client.Strategy().Active)
	// Output: true blue
}

// The selector keeps queries with the label "report" on the old side while both sides take
// new queries.
func ExampleWithSelector() {
	ctx := context.Background()
	cluster, err := e6test.Start(e6test.InMemory())
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	client, err := e6.Open(ctx, e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "secret"},
		e6.WithDialer(cluster.Dialer()), e6.WithSelector(reportsStay{}), e6.WithSelector(hook.AllToTarget{}))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	shared := make(chan struct{})
	client.Subscribe(func(e events.Event) {
		if e.Data.(events.StrategyChanged).To == e6.Green {
			close(shared)
		}
	}, events.Kinds(events.KindStrategyChanged))
	cluster.OpenSide(e6.Green)
	if err := client.Switch(ctx, e6.Green); err != nil {
		log.Fatal(err)
	}
	<-shared
	for _, kind := range []string{"report", "lookup"} {
		result, err := client.QueryAll(e6.WithQueryOptions(ctx, e6.Label("kind", kind)), "SELECT 1")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(kind, result.Handle.Side)
	}
	// Output:
	// report blue
	// lookup green
}

// reportsStay routes queries with the label kind=report to the origin.
type reportsStay struct{}

func (reportsStay) Select(_ context.Context, c hook.Choice) fsm.Side {
	if c.Labels["kind"] == "report" {
		return c.Strategy.Origin()
	}
	return e6.None // the next selector decides
}
