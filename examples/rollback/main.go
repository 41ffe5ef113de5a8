// Rollback shows a client that leaves a bad deployment by itself. The new side
// passes every check when it takes over, and then its engine begins to fail. The
// exit status is 0 if the client went back, stayed there although the cluster goes
// on announcing the bad side, and no query failed meanwhile.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/emulator"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx); err != nil {
		log.Fatal("rollback: ", err)
	}
}

func run(ctx context.Context) error {
	em, err := emulator.Start(emulator.Options{NoSample: true})
	if err != nil {
		return err
	}
	defer func() { _ = em.Close() }()
	client, err := e6.Open(ctx, e6.Config{Address: em.Addr(), User: "me@example.com", Token: "any-token"},
		e6.WithRollback(e6.RollbackPolicy{MinRequests: 20, ErrorRate: 0.2, CoolDown: 10 * time.Minute}))
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()

	began := time.Now()
	client.Subscribe(func(e events.Event) {
		fmt.Printf("%6.3fs  %-7s  %s\n", e.Time.Sub(began).Seconds(), "client", e)
	}, events.Kinds(events.KindTransition, events.KindHealthBreached))

	// The load: eight goroutines, each with one query after the other.
	var done, failed atomic.Int64
	var workers sync.WaitGroup
	play, stop := context.WithCancel(ctx)
	for range 8 {
		workers.Go(func() {
			for play.Err() == nil {
				if _, err := client.QueryAll(ctx, "SELECT sum(i) FROM range(10000) t(i)"); err != nil {
					failed.Add(1)
					fmt.Println("failed:", err)
				}
				done.Add(1)
			}
		})
	}
	defer stop()
	logCluster := func(what string) { fmt.Printf("%6.3fs  %-7s  %s\n", time.Since(began).Seconds(), "cluster", what) }
	logCluster("green opens and is announced")
	em.Cluster().OpenSide(e6.Green)
	em.Cluster().Announce(e6.Green)
	if err := wait(ctx, func() bool {
		return client.Strategy().State == fsm.StateGreen && client.Health().Sides[1].Requests >= 30
	}); err != nil {
		return err
	}
	logCluster("the engine of green breaks: from now on every execution there is UNAVAILABLE")
	em.Cluster().Inject(e6test.Fault{
		Side: e6.Green, Method: "executeStatement", Times: -1,
		Action: e6test.Fail, Code: codes.Unavailable, Message: "out of executors",
	})
	if err := wait(ctx, func() bool { return client.Strategy().State == fsm.StateBlue }); err != nil {
		return err
	}
	before := done.Load()
	if err := wait(ctx, func() bool { return done.Load() >= before+100 }); err != nil {
		return err
	}
	logCluster("has announced green in every answer of the last hundred queries, in vain")
	stop()
	workers.Wait()
	health := client.Health()
	fmt.Println()
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "side\texecutions\tno answer\tmedian\tleft alone for\t")
	for _, s := range health.Sides {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t\n", s.Side, s.Requests, s.Failures, s.P50.Round(10*time.Microsecond), s.CoolDown.Round(time.Second))
	}
	_ = t.Flush()
	fmt.Printf("\nserves=%s queries=%d failed=%d run_again=%d\n", health.Strategy.Active, done.Load(), failed.Load(), health.Queries.Replayed)
	if client.Strategy().State != fsm.StateBlue || failed.Load() != 0 {
		return fmt.Errorf("%d queries failed, and the strategy is %s", failed.Load(), client.Strategy())
	}
	return nil
}

// wait polls until something holds.
func wait(ctx context.Context, holds func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
