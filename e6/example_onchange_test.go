package e6_test

import (
	"context"
	"fmt"
	"log"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
)

// Every change of the active side is one call. This one is announced by the cluster.
func ExampleClient_OnStrategyChange() {
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
	unsubscribe := client.OnStrategyChange(func(change events.StrategyChanged) {
		fmt.Println(change.From, "->", change.To, change.Change)
		close(changed)
	})
	defer unsubscribe()

	cluster.OpenSide(e6.Green)
	cluster.Announce(e6.Green)
	if _, err := client.QueryAll(ctx, "SELECT 1"); err != nil { // its response has the announcement
		log.Fatal(err)
	}
	<-changed
	// Output:
	// blue -> green announced
}
