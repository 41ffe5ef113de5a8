package etcd_test

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/store/etcd"
)

// A client of a fleet shares the active side, and is listed with its own.
func Example() {
	ctx := context.Background()
	cfg := e6.Config{Address: "engine.example.com:443", User: "user@example.com", Token: "a token"}

	shared, err := etcd.Open(
		clientv3.Config{Endpoints: []string{"https://etcd-1.example.com:2379", "https://etcd-2.example.com:2379"}},
		etcd.WithNamespace("analytics/"),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shared.Close()

	client, err := e6.Open(ctx, cfg, e6.WithStore(shared), e6.WithFleet(e6.FleetPolicy{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	// ... run queries ...

	clients, err := shared.Clients(ctx, cfg.Address+"/"+cfg.ClusterName)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range clients {
		fmt.Println(c.Host, c.Program, c.Side, c.State)
	}
}
