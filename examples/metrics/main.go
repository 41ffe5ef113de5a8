// Metrics serves the client's metrics to Prometheus on 127.0.0.1, runs queries, an
// announced cutover and an abrupt one, reads its own page as Prometheus would, and
// prints its metrics of them. With -serve it runs until it is interrupted. The
// exit status is 0 if the page has both cutovers.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	e6otel "github.com/e6data/e6data-go/e6/otel"
	"github.com/e6data/e6data-go/emulator"
)

// shown are the metrics that are printed; the page has more.
var shown = regexp.MustCompile(`^(e6_client_(state|cutovers|requests|refusals|cutover_duration_seconds_(count|sum)|authentications)|db_client_operation_duration_seconds_count)(_total)?\{`)

// cutovers are the series of an announced change to green and of an abrupt one to blue.
var cutovers = regexp.MustCompile(`^e6_client_cutovers_total\{.*e6_kind="(announced".*e6_to="green|abrupt".*e6_to="blue)"`)

func check(err error) {
	if err != nil {
		log.Fatal("metrics: ", err)
	}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "the `address` of the page")
	serve := flag.Bool("serve", false, "go on until interrupted")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	registry := prometheus.NewRegistry()
	exporter, err := otelprom.New(otelprom.WithRegisterer(registry), otelprom.WithoutScopeInfo(), otelprom.WithoutTargetInfo())
	check(err)
	inst, err := e6otel.New(e6otel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))))
	check(err)
	paramEngine, err := net.Listen("tcp", *listen)
	check(err)
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	go func() { check(http.Serve(paramEngine, nil)) }()
	page := "http://" + paramEngine.Addr().String() + "/metrics"

	em, err := emulator.Start(emulator.Options{NoSample: true})
	check(err)
	client, err := e6.Open(ctx, e6.Config{Address: em.Addr(), User: "me@example.com", Token: "any-token"}, inst.Options()...)
	check(err)

	// Four goroutines query, until the client has followed the cluster to green.
	play, enough := context.WithCancel(ctx)
	var load sync.WaitGroup
	var done atomic.Int64
	for range 4 {
		load.Go(func() {
			pace := time.NewTicker(10 * time.Millisecond)
			defer pace.Stop()
			for play.Err() == nil {
				_, err := client.QueryAll(context.WithoutCancel(play), "SELECT i FROM range(3000) t(i)")
				check(err)
				done.Add(1)
				<-pace.C
			}
		})
	}
	em.Cluster().OpenSide(e6.Green)
	em.Cluster().Announce(e6.Green)
	for n := 0; client.Strategy().State != fsm.StateGreen; n++ {
		if n > 1000 {
			log.Fatal("metrics: the client did not follow to green")
		}
		time.Sleep(10 * time.Millisecond)
	}
	// Green serves for a while. Then an abrupt change takes the client back: green
	// closes without an announcement.
	for served := done.Load(); done.Load() < served+20; {
		time.Sleep(10 * time.Millisecond)
	}
	check(em.Cluster().Cutover(ctx, e6test.Cutover{To: e6.Blue, Kind: e6test.Abrupt}))
	for client.Strategy().State != fsm.StateBlue {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond)
	// Print the page as `curl` shows it, without buckets and without the address
	// of the cluster, which is on every line.
	response, err := http.Get(page)
	check(err)
	fmt.Printf("%s returns:\n\n", page)
	address := regexp.MustCompile(`,?server_(address|port)="[^"]*"`)
	table, followed := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0), 0
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "} ")
		if !shown.MatchString(name) {
			continue
		}
		name = strings.TrimSuffix(address.ReplaceAllString(name+"}", ""), "{}")
		_, _ = fmt.Fprintf(table, "%s\t%s\n", name, value)
		if kind := cutovers.FindString(name); kind != "" && value == "1" {
			followed++ // each kind of change has a count of its own
		}
	}
	check(lines.Err())
	check(response.Body.Close())
	check(table.Flush())
	if followed != 2 {
		log.Fatal("metrics: the page does not have both cutovers")
	}
	if *serve {
		fmt.Println("\nThe queries go on, and so does the page, until you interrupt.")
		<-ctx.Done()
	}
	enough()
	load.Wait()
	check(client.Close())
	check(em.Close())
}
