package e6_test

import (
	"context"
	"fmt"
	"log"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
)

// A test of an application: the cluster cuts over between two queries, and the
// application does not notice.
func Example() {
	ctx := context.Background()
	cluster, err := e6test.Start(e6test.InMemory())
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	client, err := e6.Open(ctx, e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "secret"}, e6.WithDialer(cluster.Dialer()))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for range 2 {
		result, err := client.QueryAll(ctx, "SELECT * FROM numbers(1000)")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(result.Len(), "rows on", result.Handle.Side)
		if err := cluster.Cutover(ctx, e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 1000 rows on blue
	// 1000 rows on green
}

// A program that wants to know of every change of the active side. This one comes
// without an announcement.
func ExampleClient_Subscribe() {
	ctx := context.Background()
	cluster, err := e6test.Start(e6test.InMemory())
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	client, err := e6.Open(ctx, e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "secret"}, e6.WithDialer(cluster.Dialer()))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	changed := make(chan struct{})
	client.Subscribe(func(e events.Event) {
		if d, ok := e.Data.(events.StrategyChanged); ok && d.Change == events.ChangeAbrupt {
			fmt.Printf("%s -> %s (%s): %s\n", d.From, d.To, d.Change, d.Cause)
			close(changed)
		}
	}, events.Kinds(events.KindStrategyChanged))

	if err := cluster.Cutover(ctx, e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}); err != nil {
		log.Fatal(err)
	}
	if _, err := client.QueryAll(ctx, "SELECT 1"); err != nil { // it is refused by blue, and runs on green
		log.Fatal(err)
	}
	<-changed
	// Output:
	// blue -> green (abrupt): refusal: blue refused a call
}
