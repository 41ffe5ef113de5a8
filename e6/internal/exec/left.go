package exec

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// errSideLeft ends the wait for calls that had no effect: the client has left the side of
// the attempt, and the statement starts over on the active side.
var errSideLeft = errors.New("no response before the client left the side")

// await waits until done is closed, ctx has ended, or the client has left the side of the
// attempt, and returns nil, the cause of ctx, or errSideLeft. After the client has left, it
// still waits some time for a response: see patience.
func (a *attempt) await(ctx context.Context, done <-chan struct{}) error {
	began := time.Now()
	for {
		r := a.of.x.route.Routing()
		var late <-chan time.Time
		if limit, limited := a.patience(r); limited {
			timer := time.NewTimer(limit - time.Since(began))
			defer timer.Stop() // in a loop, but the active side changes rarely
			late = timer.C
		}
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late:
			return errSideLeft
		case <-r.Changed():
		}
	}
}

// patience is the maximum time from the start of a call without an effect to its response,
// if the active side has changed meanwhile. After the client has settled on the other side,
// it is that of a login; a refusal comes earlier. After any other change (the origin
// drains, or a detection has found the same side again, whose engine may be another one) it
// is Settings.ProbeTimeout.
func (a *attempt) patience(r *router.Routing) (limit time.Duration, limited bool) {
	x := a.of.x
	settled := r.State == fsm.StateBlue || r.State == fsm.StateGreen
	switch {
	case settled && r.Active != a.pin.Side:
		return x.ProbeTimeout / resendsPerProbe, true
	case r.Epoch != a.pin.Epoch:
		return x.ProbeTimeout, true
	}
	return 0, false
}

// whileOnSide runs f, which makes calls without an effect, and ends its context when the
// client leaves the side of the attempt. The error is errSideLeft then.
func (a *attempt) whileOnSide(ctx context.Context, f func(context.Context) error) error {
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Add(1)
	a.of.x.workers.Go(ctx, func() {
		defer watch.Done()
		if a.await(limited, done) == errSideLeft {
			cancel(errSideLeft)
		}
	})
	err := f(limited)
	close(done)
	watch.Wait()
	if err != nil && ctx.Err() == nil && context.Cause(limited) == errSideLeft {
		return errSideLeft
	}
	return err
}
