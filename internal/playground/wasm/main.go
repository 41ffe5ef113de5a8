//go:build js && wasm

// Command wasm runs the playground in a browser. The page has an object, e6playground, through
// which both talk:
//
//   - opened(machine) is called once with the edges of the strategy machine, as JSON.
//   - show(snapshot) is called several times a second with a playground.Snapshot, as JSON.
//   - draw(timeline) is called once a second with the timeline, as an SVG element of the width
//     timelineWidth, in CSS pixels.
//   - failed(error) is called if the playground cannot start.
//   - command(name, side) is set for the page. It returns at once; an error is the problem of a
//     later snapshot.
package main

import (
	"context"
	"encoding/json"
	"syscall/js"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/playground"
)

func main() {
	page := js.Global().Get("e6playground")
	page.Call("failed", run(context.Background(), page).Error())
}

// run serves the page. It returns only an error.
func run(ctx context.Context, page js.Value) error {
	p, err := playground.Open(ctx)
	if err != nil {
		return err
	}
	// One goroutine keeps the order of the clicks. A click is dropped while many wait.
	commands := make(chan playground.Command, 16)
	go func() {
		for c := range commands {
			_ = p.Do(ctx, c) // the next snapshot has the problem
		}
	}()
	page.Set("command", js.FuncOf(func(_ js.Value, args []js.Value) any {
		c := playground.Command{Name: args[0].String()}
		if len(args) > 1 {
			c.Side, _ = fsm.ParseSide(args[1].String()) // Do refuses a command without its side
		}
		select {
		case commands <- c:
		default:
		}
		return nil
	}))
	if err := call(page, "opened", playground.Machine()); err != nil {
		return err
	}
	snapshots := time.NewTicker(250 * time.Millisecond)
	timelines := time.NewTicker(time.Second)
	for {
		if err := call(page, "show", p.Snapshot()); err != nil {
			return err
		}
		select {
		case <-snapshots.C:
		case <-p.Changed():
		case <-timelines.C:
			svg, err := p.Timeline(page.Get("timelineWidth").Int())
			if err != nil {
				return err
			}
			page.Call("draw", svg)
		}
	}
}

// call calls a function of the page with a value as JSON.
func call(page js.Value, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	page.Call(name, string(text))
	return nil
}
