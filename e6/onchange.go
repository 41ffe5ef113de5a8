package e6

import "github.com/e6data/e6data-go/e6/events"

// OnStrategyChange calls fn with every change of the active side from now on: announced,
// abrupt, detected, aborted, rolled back, requested, by the store, or a reset. It returns a
// function that ends the subscription; a call of fn that runs then is not waited for.
//
// The calls are made one at a time and in order, on a separate goroutine: fn may block, may
// call the client, and delays no query. No change is dropped, even if fn is slow.
// A panic of fn is handled as for Subscribe, which delivers all other events too. After
// Close fn gets the changes that are still queued, and then no more.
func (c *Client) OnStrategyChange(fn func(events.StrategyChanged)) (unsubscribe func()) {
	return c.Subscribe(func(e events.Event) {
		if change, ok := e.Data.(events.StrategyChanged); ok {
			fn(change)
		}
	}, events.Kinds(events.KindStrategyChanged), events.Lossless())
}
