// Callbacks shows how a program is told of changes of the strategy, and raises an
// alert for those that somebody should look at: a slow cutover, a lost query, a
// veto, a rollback. The exit status is 0 if exactly these were noticed.
package main

import (
	"context"
	"fmt"
	"log"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/emulator"
)

const slow = time.Second // a cutover that takes longer deserves an alert
var watched = events.Kinds(events.KindTransition, events.KindQueryLost)

// alarm is a subscriber: one goroutine calls event, in the order of the events.
type alarm struct {
	start, began time.Time   // of the program, and of the last cutover
	told         chan string // what it noticed
}

func (a *alarm) event(e events.Event) {
	alert := ""
	step, ok := e.Data.(events.Transition) // or events.QueryLost
	switch {
	case !ok:
		alert = "lost"
	case step.Event == fsm.EventAnnounce:
		a.began = step.At
	case step.Event == fsm.EventRollback:
		alert, a.began = "rollback", step.At
	case step.Event == fsm.EventAbort && step.Cause.Reason == fsm.ReasonVeto:
		alert = "veto"
	case step.Event == fsm.EventCommit && step.At.Sub(a.began) > slow:
		alert = "slow"
	}
	fmt.Printf("%8.3fs  %-8s  %s\n", e.Time.Sub(a.start).Seconds(), alert, e)
	if alert != "" || step.Event == fsm.EventCommit {
		a.told <- alert
	}
}

type freeze struct{ on atomic.Bool }

// Guard keeps the client where it is while the freeze is on.
func (f *freeze) Guard(context.Context, *e6.Proposal) e6.Decision {
	return e6.Decision{Veto: f.on.Load(), Reason: "no deployments this week"}
}

func main() {
	ctx := context.Background()
	time.AfterFunc(30*time.Second, func() { log.Fatal("callbacks: it took too long") })
	check := func(err error) {
		if err != nil {
			log.Fatal("callbacks: ", err)
		}
	}
	em, err := emulator.Start(emulator.Options{NoSample: true})
	check(err)
	cluster, guard := em.Cluster(), &freeze{}
	client, err := e6.Open(ctx, e6.Config{Address: em.Addr(), User: "me@example.com", Token: "any-token"}, e6.WithHooks(guard))
	check(err)
	a := &alarm{start: time.Now(), told: make(chan string, 100)}
	unsubscribe := client.Subscribe(a.event, watched)
	expect := func(want string) {
		if got := <-a.told; got != want {
			log.Fatalf("callbacks: the alarm noticed %q instead of %q", got, want)
		}
	}
	announce := func(side e6.Side) {
		cluster.OpenSide(side)
		cluster.Announce(side)
		_, err := client.QueryAll(ctx, "SELECT 42") // every answer carries the announcement
		check(err)
	}
	fmt.Println("A cutover as it should be, without an alert:")
	announce(e6.Green)
	expect("")
	fmt.Println("One that has to wait for somebody who reads slowly:")
	rows, err := client.Query(ctx, "SELECT i FROM range(50000) t(i)")
	check(err)
	announce(e6.Blue)
	time.AfterFunc(slow*3/2, func() { check(rows.Close()) })
	expect("slow")
	fmt.Println("An abrupt one, in the middle of somebody's reading:")
	rows, err = client.Query(ctx, "SELECT i FROM range(50000) t(i)")
	check(err)
	rows.Next()
	check(cluster.Cutover(ctx, e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
	for rows.Next() {
	}
	expect("lost")
	fmt.Println("One that a guard does not allow:")
	guard.on.Store(true)
	announce(e6.Blue)
	expect("veto")
	guard.on.Store(false)
	fmt.Println("The operator goes back:")
	check(client.Rollback(ctx, "the answers look wrong"))
	expect("rollback")
	expect("")
	fmt.Println("The alarm is off. Whoever comes late reads first what was before:")
	unsubscribe()
	check(client.Switch(ctx, e6.Green))
	steps := 0
	for e := range client.Events(ctx, watched, events.Replay(256)) {
		if steps++; e.Cause.Reason == fsm.ReasonCaller && e.Data.(events.Transition).Event == fsm.EventAnnounce {
			break // the Switch above
		}
	}
	fmt.Printf("%21s%d events; since then the alarm told %d times\n", "", steps, len(a.told))
	check(client.Close())
}
