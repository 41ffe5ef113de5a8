package events_test

import (
	"context"
	"fmt"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

func Example() {
	bus := events.NewBus(events.Options{Cluster: "demo"})
	bus.Subscribe(func(e events.Event) { fmt.Println(e.Seq, e.Kind(), e) })

	bus.Publish(fsm.Cause{}, events.AnnouncementReceived{Source: fsm.Blue, Target: fsm.Green, Accepted: true})
	bus.Publish(fsm.Cause{}, events.Closed{})
	bus.Close()
	if err := bus.Wait(context.Background()); err != nil {
		panic(err)
	}
	// Output:
	// 1 announcement_received blue announced green
	// 2 closed closed
}
