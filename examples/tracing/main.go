// Tracing shows the traces of two cutovers as trees, one announced and one abrupt, with
// links to the queries that they met; with -otlp a collector gets them too. It exits
// with 0 if both traces are whole.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/xlab/treeprint"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	e6otel "github.com/e6data/e6data-go/e6/otel"
	"github.com/e6data/e6data-go/emulator"
)

// smoke is a Guard. Its span becomes a part of the cutover's trace.
type smoke struct{ tracer trace.Tracer }

func (s smoke) Guard(ctx context.Context, p *hook.Proposal) hook.Decision {
	ctx, span := s.tracer.Start(ctx, "smoke test of this program")
	defer span.End()
	_, err := p.Query(ctx, "SELECT 42")
	return hook.Decision{Veto: err != nil}
}

func check(err error) {
	if err != nil {
		log.Fatal("tracing: ", err)
	}
}

func main() {
	endpoint := flag.String("otlp", "", "send the spans to an OpenTelemetry collector at this `address` too, such as 127.0.0.1:4317")
	flag.Parse()
	ctx := context.Background()
	time.AfterFunc(30*time.Second, func() { log.Fatal("tracing: it took too long") })
	memory := tracetest.NewInMemoryExporter()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(memory))
	if *endpoint != "" {
		collector, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(*endpoint), otlptracegrpc.WithInsecure())
		check(err)
		tracers.RegisterSpanProcessor(sdktrace.NewBatchSpanProcessor(collector))
	}
	inst, err := e6otel.New(e6otel.WithTracerProvider(tracers))
	check(err)
	em, err := emulator.Start(emulator.Options{NoSample: true})
	check(err)
	client, err := e6.Open(ctx, e6.Config{Address: em.Addr(), User: "me@example.com", Token: "any-token"},
		append(inst.Options(), e6.WithGuard(smoke{tracers.Tracer("example")}))...)
	check(err)
	// A cutover, while a query reads on the old side.
	rows, err := client.Query(ctx, "SELECT i FROM range(20000) t(i)")
	check(err)
	em.Cluster().OpenSide(e6.Green)
	em.Cluster().Announce(e6.Green)
	for on := e6.None; on != e6.Green || len(memory.GetSpans()) < 20; {
		r, err := client.QueryAll(ctx, "SELECT 42") // the answer announces green
		check(err)
		on = r.Handle.Side
	}
	check(rows.Close())
	for ; client.Strategy().State != fsm.StateGreen; time.Sleep(time.Millisecond) {
	}
	// And one without an announcement, while a query waits for a response.
	answered := make(chan error, 1)
	go func() { _, err := client.QueryAll(ctx, "SELECT count(*) FROM range(300000000) t(i)"); answered <- err }()
	for ; em.Cluster().Stats().CallsBySide[e6.Green]["getResultMetadata"] < 2; time.Sleep(time.Millisecond) {
	}
	check(em.Cluster().Cutover(ctx, e6test.Cutover{To: e6.Blue, Kind: e6test.Abrupt}))
	check(<-answered)
	check(client.Close()) // spans that wait for something end now
	spans := memory.GetSpans()
	slices.SortFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	whole := 0
	for _, s := range spans {
		if line := known(s.Attributes); s.Name == "e6.cutover" && len(s.Links) > 0 {
			root := treeprint.NewWithRoot("trace " + s.SpanContext.TraceID().String())
			grow(root, spans, s, s.StartTime)
			fmt.Print(root)
			if announced := strings.Contains(line, "kind announced") && len(s.Events) >= 5; announced || strings.Contains(line, "kind abrupt") {
				whole++
			}
		}
	}
	if whole != 2 {
		log.Fatal("tracing: the spans of the cutovers are not whole")
	}
	check(tracers.ForceFlush(ctx)) // the error is that of the collector
}

// grow adds a span, and what belongs to it, with the milliseconds since zero.
func grow(to treeprint.Tree, all tracetest.SpanStubs, s tracetest.SpanStub, zero time.Time) {
	ms := func(t time.Time) string { return fmt.Sprintf("%7.2f", float64(t.Sub(zero))/1e6) }
	branch := to.AddMetaBranch(ms(s.StartTime), fmt.Sprintf("%s, %s long%s", s.Name, s.EndTime.Sub(s.StartTime).Round(10*time.Microsecond), known(s.Attributes)))
	for _, other := range all {
		for _, l := range s.Links {
			if other.SpanContext.Equal(l.SpanContext) {
				branch.AddMetaNode(ms(other.StartTime), "-> link to "+other.Name+known(append(l.Attributes, other.Attributes...)))
			}
		}
	}
	for i, e := range s.Events {
		for _, child := range all { // it began between the event before and this one
			if child.Parent.SpanID() == s.SpanContext.SpanID() && child.StartTime.Before(e.Time) && (i == 0 || !child.StartTime.Before(s.Events[i-1].Time)) {
				grow(branch, all, child, zero)
			}
		}
		branch.AddMetaNode(ms(e.Time), "* "+e.Name)
	}
}

// shown are the attributes that fit on a line.
var shown = regexp.MustCompile(`^(e6\.(link|side|purpose|rows|cutover\.(kind|result|drained|replayed|retried|lost))|db\.query\.text)$`)

func known(all []attribute.KeyValue) (line string) {
	for _, a := range all {
		if shown.MatchString(string(a.Key)) {
			line += fmt.Sprintf(", %s %v", path.Ext(string(a.Key))[1:], a.Value.AsInterface())
		}
	}
	return line
}
