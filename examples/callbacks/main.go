// Callbacks subscribes to changes of the active side and to other events, and raises an
// alert for an abrupt change, a rollback, a slow drain, a lost query and a veto. The exit
// status is 0 if exactly these were reported.
package main

import (
	"context"
	"fmt"
	"log"
	"slices"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/emulator"
)

const slow = time.Second // a drain that takes longer deserves an alert
var watched = events.Kinds(events.KindDrainEnded, events.KindGuardDecided, events.KindQueryLost)

// alarm has two subscriptions: changed gets the changes of the active side, event the rest.
type alarm struct {
	start   time.Time   // of the program
	changes chan string // the changes and alerts that it reported
}

func (a *alarm) changed(change events.StrategyChanged) {
	kind, alert := string(change.Change), ""
	if change.Change == events.ChangeAbrupt || change.Change == events.ChangeRolledBack {
		alert = kind
	}
	a.report(alert, change)
	a.changes <- kind
}

func (a *alarm) event(e events.Event) {
	alert := ""
	switch d := e.Data.(type) { // a type switch, as an EventsDropped may come among the watched kinds
	case events.DrainEnded:
		if d.Took > slow {
			alert = "slow"
		}
	case events.GuardDecided:
		if d.Decision == "veto" {
			alert = "veto"
		}
	case events.QueryLost:
		alert = "lost"
	}
	a.report(alert, e)
	if alert != "" {
		a.changes <- alert
	}
}

func (a *alarm) report(alert string, what fmt.Stringer) {
	fmt.Printf("%8.3fs  %-11s  %s\n", time.Since(a.start).Seconds(), alert, what)
}

type freeze struct{ on atomic.Bool }

// Guard keeps the client where it is while the freeze is on.
func (f *freeze) Guard(context.Context, *hook.Proposal) hook.Decision {
	return hook.Decision{Veto: f.on.Load(), Reason: "no deployments this week"}
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
	client, err := e6.Open(ctx, e6.Config{Address: em.Addr(), User: "me@example.com", Token: "any-token"}, e6.WithGuard(guard))
	check(err)
	a := &alarm{start: time.Now(), changes: make(chan string, 100)}
	unsubscribe := client.OnStrategyChange(a.changed)
	unwatch := client.Subscribe(a.event, watched)
	expect := func(want ...string) { // in any order
		var got []string
		for range want {
			got = append(got, <-a.changes)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			log.Fatalf("callbacks: the alarm reported %q instead of %q", got, want)
		}
	}
	announce := func(side e6.Side) {
		cluster.OpenSide(side)
		cluster.Announce(side)
		_, err := client.QueryAll(ctx, "SELECT 42") // every answer carries the announcement
		check(err)
	}
	fmt.Println("An announced change, as it should be, without an alert:")
	announce(e6.Green)
	expect("announced")
	fmt.Println("One whose drain waits for a slow reader:")
	rows, err := client.Query(ctx, "SELECT i FROM range(50000) t(i)")
	check(err)
	announce(e6.Blue)
	expect("announced")
	time.AfterFunc(slow*3/2, func() { check(rows.Close()) })
	expect("slow")
	fmt.Println("An abrupt change, in the middle of a reading that must not be continued:")
	rows, err = client.Query(e6.WithQueryOptions(ctx, e6.Replay(e6.ReplayNever)), "SELECT i FROM range(50000) t(i)")
	check(err)
	rows.Next()
	check(cluster.Cutover(ctx, e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
	for rows.Next() {
	}
	expect("abrupt", "lost")
	fmt.Println("A change that a guard vetoes:")
	guard.on.Store(true)
	announce(e6.Blue)
	expect("veto")
	guard.on.Store(false)
	fmt.Println("The operator goes back:")
	check(client.Rollback(ctx, "the answers look wrong"))
	expect("rolled_back")
	fmt.Println("The alarm is unsubscribed. A late subscriber replays earlier events first:")
	unsubscribe()
	unwatch()
	check(client.Switch(ctx, e6.Green))
	steps := 0
	for e := range client.Events(ctx, watched, events.Kinds(events.KindStrategyChanged), events.History(256)) {
		steps++
		if d, ok := e.Data.(events.StrategyChanged); ok && d.Change == events.ChangeRequested {
			break // the Switch above
		}
	}
	fmt.Printf("%21s%d events; since then the alarm reported %d times\n", "", steps, len(a.changes))
	check(client.Close())
}
