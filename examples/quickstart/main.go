// The quickstart shows queries that survive blue/green deployments.
//
// It starts a local cluster with a million orders. Several goroutines read from it and
// compare each row with the known answer, while the cluster cuts over three times.
// It prints each step of the client's strategy machine when it happens, then a table,
// and the result in its last line.
// The exit status is 0 if no query failed, no answer was wrong and all three
// cutovers took place.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/emulator"
)

// minDuration leaves room for three cutovers.
const minDuration = time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	// After the first interrupt, which ends the run early, the next one kills.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program. It returns the exit status: 1 if something went wrong, 2
// if the flags are wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stderr)
	duration := flags.Duration("duration", 10*time.Second, "`time` for which queries run, such as 10s; at least 1s")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2 // the flag set has printed the error and the usage
	case flags.NArg() > 0 || *duration < minDuration:
		_, _ = fmt.Fprintf(stderr, "quickstart: want no arguments, and a -duration of at least %s\n", minDuration)
		flags.Usage()
		return 2
	}
	result, err := show(ctx, *duration, newScreen(stdout))
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "quickstart: %v\n", err)
	}
	_, _ = fmt.Fprintf(stdout, "queries=%d failed=%d cutovers=%d wrong=%d\n",
		result.queries, result.failed, result.cutovers, result.wrong)
	if err != nil || result.failed != 0 || result.wrong != 0 || result.cutovers != 3 {
		return 1
	}
	return 0
}

// result is the last line.
type result struct{ queries, failed, cutovers, wrong int }

// show starts the cluster and the load, runs the cutovers and prints the table.
func show(ctx context.Context, duration time.Duration, out *screen) (result, error) {
	out.print("Starting a local cluster: two sides, blue and green, over one database of a million orders.")
	em, err := emulator.Start(emulator.Options{})
	if err != nil {
		return result{}, err
	}
	defer func() { _ = em.Close() }()

	client, err := e6.Open(ctx, e6.Config{
		Address: em.Addr(), User: "newcomer@example.com", Token: "any-token",
		Catalog: emulator.SampleCatalog, Schema: emulator.SampleSchema,
	})
	if err != nil {
		return result{}, err
	}
	defer func() { _ = client.Close() }()

	l := newLoad(client, duration)
	out.print("For %s, %d goroutines run queries and compare each row with the known answer:", duration, len(l.workers))
	for _, w := range l.workers {
		out.print("  %-8s %s", w.name, w.does)
	}
	out.print("The cluster cuts over three times during that.\n")
	out.begin()
	out.log("client", "uses %s", client.Strategy())
	closed := make(chan struct{})
	client.Subscribe(func(e events.Event) {
		switch step := e.Data.(type) {
		case events.Transition:
			out.logAt(step.At, "client", "%-8s -> %s  (%s)", step.Event, step.After, step.Cause.Reason)
		case events.Closed:
			close(closed)
		}
	}, events.Kinds(events.KindTransition, events.KindClosed))

	running, end := context.WithCancel(ctx)
	defer end()
	timer := time.NewTimer(duration)
	defer timer.Stop()
	l.start(running)
	stopProgress := out.progress(func() string {
		n := l.total()
		return fmt.Sprintf("%d queries, %d failed, %d wrong; %s", n.queries, n.failed, n.wrong, client.Strategy())
	})
	d := director{cluster: em.Cluster(), client: client, out: out}
	cutovers, err := d.direct(running, duration)
	// On a slow machine the cutovers may take longer than planned. The queries end after
	// them.
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	end()
	l.wait()
	stopProgress()

	total := l.total()
	total.cutovers = cutovers
	// The last event comes after all others have been printed.
	_ = client.Close()
	<-closed
	out.table(l, client.Stats())
	return total, err
}

// director makes the cluster cut over.
type director struct {
	cluster *e6test.Cluster
	client  *e6.Client
	out     *screen
}

// direct runs the three cutovers, spread over the duration, and returns the number
// that the client has followed.
func (d *director) direct(ctx context.Context, duration time.Duration) (followed int, err error) {
	began := time.Now()
	for i, step := range []struct {
		at  float64 // as a part of the duration
		cut func(context.Context, e6.Side) error
		to  e6.Side
	}{
		{0.15, d.graceful, e6.Green},
		{0.45, d.abrupt, e6.Blue},
		{0.7, d.graceful, e6.Green},
	} {
		start := time.NewTimer(time.Until(began.Add(time.Duration(step.at * float64(duration)))))
		select {
		case <-start.C:
		case <-ctx.Done():
			start.Stop()
			return followed, fmt.Errorf("interrupted before cutover %d", i+1)
		}
		if err := step.cut(ctx, step.to); err != nil {
			return followed, fmt.Errorf("cutover %d, to %s: %w", i+1, step.to, err)
		}
		followed++
	}
	return followed, nil
}

// graceful cuts over as a planned deployment does: the new side opens and is announced.
// The old one closes when its queries have ended.
func (d *director) graceful(ctx context.Context, to e6.Side) error {
	d.out.log("cluster", "graceful cutover: %s opens and is announced", to)
	d.cluster.OpenSide(to)
	d.cluster.Announce(to)
	if err := d.followed(ctx, to); err != nil {
		return err
	}
	d.cluster.CloseSide(to.Other())
	d.out.log("cluster", "%s has no queries any more and closes", to.Other())
	return nil
}

// abrupt cuts over as an accident does: the new side opens and the old one refuses all
// calls from the same moment, without an announcement. Every query in flight there is cut
// off. The client replays it on the new side. If the program has read rows of it, the
// client compares these rows with the replay, and the stream continues with the next row.
func (d *director) abrupt(ctx context.Context, to e6.Side) error {
	d.out.log("cluster", "abrupt cutover without an announcement: %s opens, %s refuses all calls", to, to.Other())
	if err := d.cluster.Cutover(ctx, e6test.Cutover{To: to, Kind: e6test.Abrupt}); err != nil {
		return err
	}
	return d.followed(ctx, to)
}

// followed waits until the client has settled on a side and has no query on the other one.
func (d *director) followed(ctx context.Context, side e6.Side) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for d.client.Strategy().State != fsm.Settled(side) || d.client.Stats().InFlight[side.Other()] > 0 {
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("the client did not follow: its strategy is %s: %w", d.client.Strategy(), context.Cause(ctx))
		}
	}
	return nil
}
