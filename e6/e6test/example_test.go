package e6test_test

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// A client under test is given the address of the cluster, and the cluster
// changes sides beneath it.
func ExampleCluster_Cutover() {
	cluster, err := e6test.Start()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Close()

	// ... open the client under test on cluster.Addr() and run queries ...
	fmt.Println(cluster.Active())
	err = cluster.Cutover(context.Background(), e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(cluster.Active(), cluster.IsOpen(fsm.Blue))
	// ... run more queries, and then look at what the server holds and saw ...
	fmt.Println(len(cluster.OpenQueries()), cluster.Stats().Violations)
	// Output:
	// blue
	// green false
	// 0 []
}

// A cluster in memory is reached through its dialer. Here the second
// authentication is refused, as if the side had just closed.
func ExampleCluster_Inject() {
	cluster, err := e6test.Start(e6test.InMemory(), e6test.WithRefusal(e6test.RefuseGRPC))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Close()
	cluster.Inject(e6test.Fault{Side: fsm.Blue, Method: "authenticate", Nth: 2, Action: e6test.Refuse456})

	conn, err := grpc.NewClient("passthrough:///"+cluster.Addr(),
		grpc.WithContextDialer(cluster.Dialer()), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "strategy", "blue")
	for range 3 {
		answer := new(e6xv1.AuthenticateResponse)
		err := conn.Invoke(ctx, "/QueryEngineService/authenticate", &e6xv1.AuthenticateRequest{User: "me", Password: "a token"}, answer)
		fmt.Println(status.Code(err), answer.GetSessionId() != "")
	}
	fmt.Println(cluster.Stats().Calls["authenticate"], cluster.Stats().Refused456)
	// Output:
	// OK true
	// Unknown false
	// OK true
	// 3 1
}
