package e6test_test

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
)

// A program under test is given the address of the cluster, and the cluster
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

// A cluster in memory is reached through its dialer.
func ExampleInMemory() {
	cluster, err := e6test.Start(e6test.InMemory(), e6test.WithBatchRows(10))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Close()

	conn, err := grpc.NewClient("passthrough:///"+cluster.Addr(),
		grpc.WithContextDialer(cluster.Dialer()), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	answer, err := client{conn: conn, side: fsm.Blue}.authenticate(context.Background())
	fmt.Println(answer.GetSessionId() != "", err)
	// Output: true <nil>
}

// The second prepare on the green side is refused, whoever sends it.
func ExampleCluster_Inject() {
	cluster, err := e6test.Start(e6test.WithActive(fsm.Green))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Close()

	remove := cluster.Inject(e6test.Fault{
		Side: fsm.Green, Method: "prepareStatementV2", Nth: 2, Action: e6test.Refuse456,
	})
	defer remove()
	// Output:
}
