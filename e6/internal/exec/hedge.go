package exec

import (
	"context"
	"sync"
	"time"
)

// hedge makes a call without an effect that matters, and sends it again after every pause
// without a response. The first response counts, also an error. The earlier calls stay in
// flight beside the later ones, so that a slow server costs a few calls more and no time. It
// returns within ctx, and leaves no call behind.
func hedge[R any](ctx context.Context, pause time.Duration, call func(context.Context) (R, error)) (R, error) {
	type response struct {
		value R
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	var calls sync.WaitGroup
	defer calls.Wait()
	defer cancel()
	first := make(chan response, 1)
	send := func() {
		calls.Go(func() {
			value, err := call(ctx)
			select {
			case first <- response{value, err}:
			default: // another call was first
			}
		})
	}
	send()
	again := time.NewTicker(pause)
	defer again.Stop()
	for {
		select {
		case r := <-first:
			return r.value, r.err
		case <-again.C:
			send()
		}
	}
}
