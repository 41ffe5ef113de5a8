package exec

import (
	"context"
	"sync"
	"time"
)

// hedge makes a call without an effect that matters, and sends it again after every pause
// without a response. The first response counts, also an error. Earlier calls stay in flight,
// so a slow server costs a few more calls, but no time. hedge returns within ctx, after it
// has cancelled the other calls.
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
