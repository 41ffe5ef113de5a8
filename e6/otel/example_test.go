package e6otel_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	e6otel "github.com/e6data/e6data-go/e6/otel"
)

// The spans of one query, and those of the first use of a side. An application has an exporter and a meter provider of
// its own.
func ExampleInstrumentation_Options() {
	cluster, err := e6test.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	ctx := context.Background()
	exporter := tracetest.NewInMemoryExporter()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))

	inst, err := e6otel.New(e6otel.WithTracerProvider(tracers))
	if err != nil {
		log.Fatal(err)
	}
	client, err := e6.Open(ctx, e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "token"}, inst.Options()...)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.QueryAll(ctx, "SELECT 42"); err != nil {
		log.Fatal(err)
	}
	if err := client.Close(); err != nil {
		log.Fatal(err)
	}

	var names []string
	for _, span := range exporter.GetSpans() {
		names = append(names, span.Name)
		for _, a := range span.Attributes {
			if a.Key == "db.query.text" {
				fmt.Println(a.Value.AsString())
			}
		}
	}
	slices.Sort(names)
	fmt.Println(names)
	// Output:
	// SELECT ?
	// [SELECT e6.cutover e6.detection e6.session.open execute fetch prepare]
}
