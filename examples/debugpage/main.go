// Debugpage serves the live page of a client next to pprof and a health check, on
// 127.0.0.1, and has something to show: queries run, and every few seconds the
// cluster cuts over. With -for it ends by itself; the exit status is 0 if the
// pages answered and the client followed the cutovers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/debug"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/emulator"
)

func check(err error) {
	if err != nil {
		log.Fatal("debugpage: ", err)
	}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:6060", "the `address` of the pages; keep it to yourself")
	every := flag.Duration("every", 5*time.Second, "the `time` from one cutover to the next")
	length := flag.Duration("for", 0, "end after this `time`; 0 goes on until you interrupt")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *length > 0 {
		ctx, stop = context.WithTimeout(ctx, *length)
		defer stop()
	}

	em, err := emulator.Start(emulator.Options{NoSample: true})
	check(err)
	client, err := e6.Open(context.Background(), e6.Config{Address: em.Addr(), User: "me@example.com", Token: "any-token"},
		e6.WithRecorder(recorder.Memory())) // for the timeline of the page; a service uses recorder.File
	check(err)

	mux := http.NewServeMux()
	mux.Handle("/debug/e6/", debug.Handler(client))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.Handle("/healthz", client.HealthHandler())
	paramEngine, err := net.Listen("tcp", *listen)
	check(err)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(paramEngine); !errors.Is(err, http.ErrServerClosed) {
			check(err)
		}
	}()
	site := "http://" + paramEngine.Addr().String()
	fmt.Printf("the live page  %s/debug/e6/\nhealth         %s/healthz\npprof          %s/debug/pprof/\n\n", site, site, site)

	// Queries of different lengths, one after the other in each goroutine.
	var load sync.WaitGroup
	for worker := range 4 {
		load.Go(func() {
			pace := time.NewTicker(time.Duration(10+10*worker) * time.Millisecond)
			defer pace.Stop()
			statement := fmt.Sprintf("SELECT i FROM range(%d) t(i)", 5000*(1+worker))
			for ctx.Err() == nil {
				_, err := client.QueryAll(e6.WithQueryOptions(context.Background(), e6.Tag(fmt.Sprintf("worker-%d", worker))), statement)
				check(err)
				<-pace.C
			}
		})
	}

	// Every other cutover is abrupt: then the client has to find the new side.
	cutovers := 0
	next := time.NewTicker(*every)
	defer next.Stop()
	for to := e6.Green; ctx.Err() == nil; to = to.Other() {
		select {
		case <-next.C:
		case <-ctx.Done():
			continue
		}
		kind := e6test.CutoverKind(cutovers % 2)
		check(em.Cluster().Cutover(context.Background(), e6test.Cutover{To: to, Kind: kind, Grace: *every / 4}))
		for client.Strategy().State != fsm.Settled(to) && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cutovers++
		fmt.Printf("%s  %s cutover: %s serves\n", time.Now().Format(time.TimeOnly), kind, client.Strategy().Active)
	}
	load.Wait()
	for _, path := range []string{"/debug/e6/", "/debug/e6/state.json", "/debug/e6/timeline.svg", "/debug/e6/report.txt", "/healthz", "/debug/pprof/"} {
		answer, err := http.Get(site + path)
		check(err)
		size, err := io.Copy(io.Discard, answer.Body)
		check(err)
		check(answer.Body.Close())
		fmt.Printf("GET %-23s %s, %d bytes\n", path, answer.Status, size)
		if answer.StatusCode != http.StatusOK {
			check(errors.New(path + " does not work"))
		}
	}
	check(client.Close()) // first, as it ends the streams of open pages
	check(server.Shutdown(context.Background()))
	check(em.Close())
	stats := client.Stats()
	fmt.Printf("cutovers=%d run_again=%d lost=%d\n", cutovers, stats.Replayed+stats.Retried, stats.Lost)
	if cutovers == 0 {
		check(errors.New("there was no cutover: give it a longer -for, or a shorter -every"))
	}
}
