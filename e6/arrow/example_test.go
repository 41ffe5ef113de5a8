package e6arrow_test

import (
	"context"
	"fmt"
	"log"

	"github.com/e6data/e6data-go/e6"
	e6arrow "github.com/e6data/e6data-go/e6/arrow"
	"github.com/e6data/e6data-go/e6/e6test"
)

func ExampleNewReader() {
	cluster, err := e6test.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	ctx := context.Background()
	client, err := e6.Open(ctx, e6.Config{Address: cluster.Addr(), User: "me", Token: "token"})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	rows, err := client.Query(ctx, "SELECT * FROM numbers(3)")
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	reader, err := e6arrow.NewReader(rows)
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Release()
	for reader.Next() {
		fmt.Println(reader.RecordBatch().Column(0))
	}
	fmt.Println(reader.Err())
	// Output:
	// [0 1 2]
	// <nil>
}
