package emulator_test

import (
	"context"
	"fmt"
	"log"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/emulator"
)

// A cluster within the process: dial Addr with any client of e6data, steer it
// by Cluster.
func ExampleStart() {
	em, err := emulator.Start(emulator.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = em.Close() }()

	cutover := e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt}
	if err := em.Cluster().Cutover(context.Background(), cutover); err != nil {
		log.Fatal(err)
	}
	fmt.Println(em.Cluster().Active())
	// Output: green
}

// The engine alone, without a client.
func ExampleNew() {
	ctx := context.Background()
	engine, err := emulator.New(emulator.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = engine.Close() }()

	statement, err := engine.Prepare(ctx, e6test.Statement{SQL: "SELECT status FROM orders WHERE order_id = 7"})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = statement.Close() }()
	result, err := statement.Execute(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = result.Close() }()
	batch, err := result.Next(ctx, 10)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(batch.Columns[0].Strings, emulator.SampleOrder(7).Status)
	// Output: [packed] packed
}
