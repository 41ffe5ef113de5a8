// Selection shows how a program steers a cutover. A Guard tests the new side: it
// runs a smoke query there, and forbids the change at peak hours. A Canary then
// moves one tenant after the other. The exit status is 0 if the guard did both and
// no tenant went back and forth.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/emulator"
)

// gate is the Guard. Its clock can be set.
type gate struct{ hour atomic.Int64 }

func (g *gate) String() string { return "gate" }

func (g *gate) Guard(ctx context.Context, p *hook.Proposal) hook.Decision {
	if h := g.hour.Load(); h >= 8 && h < 18 {
		return hook.Veto(fmt.Sprintf("it is %d o'clock, which is a peak hour", h))
	}
	answer, err := p.Query(ctx, "SELECT count(*) FROM products")
	if err != nil {
		return hook.Veto("the smoke query failed on " + p.To.String())
	}
	fmt.Printf("         the smoke query counts %v products on %s\n", answer.Rows[0][0], p.To)
	return hook.Allow()
}

var tenants = []string{"ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ide", "jay"}

func check(err error) {
	if err != nil {
		log.Fatal("selection: ", err)
	}
}

func main() {
	hour := flag.Int64("hour", 12, "the `hour` at which the cluster announces its new side; 8 to 17 are peak hours")
	flag.Parse()
	ctx := context.Background()
	time.AfterFunc(30*time.Second, func() { log.Fatal("selection: it took too long") })
	em, err := emulator.Start(emulator.Options{})
	check(err)
	guard := &gate{}
	guard.hour.Store(*hour)
	client, err := e6.Open(ctx, e6.Config{
		Address: em.Addr(), User: "me@example.com", Token: "any-token",
		Catalog: emulator.SampleCatalog, Schema: emulator.SampleSchema,
		HookBudget: time.Second, // a query may wait that long for its side
	}, e6.WithGuard(guard), e6.WithSelector(hook.Canary{From: 0.1, Ramp: 2 * time.Second, Key: "tenant"}))
	check(err)
	began := time.Now()
	decided := make(chan string, 8)
	client.Subscribe(func(e events.Event) {
		fmt.Printf("%6.3fs  %s\n", e.Time.Sub(began).Seconds(), e)
		if d, ok := e.Data.(events.GuardDecided); ok {
			decided <- d.Decision
		}
	}, events.Kinds(events.KindTransition, events.KindGuardDecided))
	// Every tenant runs one query after the other, and records the side of each.
	play, stop := context.WithCancel(ctx)
	var load sync.WaitGroup
	last := make([]atomic.Uint32, len(tenants)) // the side of its last query
	var back atomic.Int64                       // how often a tenant left the new side
	for i, tenant := range tenants {
		load.Go(func() {
			labelled := e6.WithQueryOptions(ctx, e6.Label("tenant", tenant))
			for n := 0; play.Err() == nil; n++ {
				answer, err := client.QueryAll(labelled, fmt.Sprintf("SELECT name FROM products WHERE product_id = %d", 1+n%500))
				check(err)
				if side := answer.Handle.Side; e6.Side(last[i].Swap(uint32(side))) == e6.Green && side != e6.Green {
					back.Add(1)
				}
			}
		})
	}
	em.Cluster().OpenSide(e6.Green)
	em.Cluster().Announce(e6.Green)
	if <-decided == "veto" {
		fmt.Println("         the operator tries it at 20 o'clock")
		guard.hour.Store(20)
		check(client.Switch(ctx, e6.Green))
	}
	// One line for each moment: where the last query of each tenant ran.
	shares := time.NewTicker(250 * time.Millisecond)
	fmt.Printf("\n          %s\n", strings.Join(tenants, " "))
	for green := 0; green < len(tenants); {
		<-shares.C
		line := fmt.Sprintf("%6.3fs ", time.Since(began).Seconds())
		green = 0
		for i := range tenants {
			side := last[i].Load() // 0 is none, 1 blue, 2 green
			line += "  " + string("?.G"[side]) + " "
			green += int(side / 2)
		}
		fmt.Printf("%s   %3d %% on green\n", line, 100*green/len(tenants))
	}
	for client.Strategy().State != fsm.StateGreen {
		<-shares.C
	}
	stop()
	load.Wait()
	check(client.Close())
	check(em.Close())
	if fmt.Printf("\ntimes that a tenant went back: %d\n", back.Load()); back.Load() > 0 {
		os.Exit(1)
	}
}
