package events_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

func Example() {
	bus := events.NewBus(events.Options{Cluster: "prod"})
	bus.Subscribe(func(e events.Event) { fmt.Println(e.Seq, e.Kind(), e) })
	bus.Publish(fsm.Cause{}, events.AnnouncementReceived{Source: fsm.Blue, Target: fsm.Green, Accepted: true})
	bus.Publish(fsm.Cause{}, events.Closed{})
	bus.Close()
	_ = bus.Wait(context.Background())
	// Output:
	// 1 announcement_received blue announced green
	// 2 closed client closed
}

// Filters are combined: this subscriber gets what may need a person and concerns green.
// Client.Subscribe takes the same options.
func ExampleBus_Subscribe() {
	bus := events.NewBus(events.Options{})
	bus.Subscribe(func(e events.Event) {
		switch d := e.Data.(type) {
		case events.QueryLost:
			fmt.Println("lost:", d.QueryID)
		case events.EventsDropped: // passes every filter
			fmt.Println("dropped:", d.Count)
		default:
			fmt.Println(e)
		}
	}, events.MinLevel(slog.LevelWarn), events.Sides(fsm.Green))
	bus.Publish(fsm.Cause{}, events.QueryLost{QueryID: "q-1", Side: fsm.Blue})
	bus.Publish(fsm.Cause{}, events.QueryLost{QueryID: "q-2", Side: fsm.Green})
	bus.Publish(fsm.Cause{}, events.SessionExpired{Side: fsm.Green, Generation: 3})
	bus.Publish(fsm.Cause{}, events.GuardDecided{Guard: "load", Target: fsm.Green, Decision: "veto", Reason: "too many queries"})
	bus.Close()
	_ = bus.Wait(context.Background())
	// Output:
	// lost: q-2
	// guard load: veto green: too many queries
}

func ExampleBus_Events() {
	bus := events.NewBus(events.Options{})
	bus.Publish(fsm.Cause{}, events.SessionOpened{Side: fsm.Blue, Generation: 1})
	bus.Publish(fsm.Cause{}, events.StrategyChanged{To: fsm.Blue, Change: events.ChangeDetected})
	for e := range bus.Events(context.Background(), events.Components(events.ComponentStrategy), events.History(10)) {
		fmt.Println(e)
		break
	}
	// Output: active side is blue (detected) after 0s
}
