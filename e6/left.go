package e6

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// errSideLeft ends the wait for calls that had no effect yet: the client has left the side
// of the execution, which starts over on the active side.
var errSideLeft = errors.New("no response before the client left the side")

// await waits until done is closed, ctx has ended, or the client has left the side of x,
// and returns nil, the cause of ctx, or errSideLeft. A response that is due is waited for:
// see patience.
func (x *execution) await(ctx context.Context, done <-chan struct{}) error {
	began := time.Now()
	for {
		r := x.c.route.Routing()
		var late <-chan time.Time
		if limit, limited := x.patience(r); limited {
			timer := time.NewTimer(limit - time.Since(began))
			defer timer.Stop() // there are few changes
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

// patience is how long after it was sent a call without an effect is waited for, if the
// active side has changed meanwhile. Once the client has settled on the other side, that
// is as long as for a login; a refusal comes earlier. After any other change (the origin
// drains, or a detection has come back to the same side, whose engine may be another one)
// it is Config.ProbeTimeout.
func (x *execution) patience(r *router.Routing) (limit time.Duration, limited bool) {
	settled := r.State == fsm.StateBlue || r.State == fsm.StateGreen
	switch {
	case settled && r.Active != x.pin.Side:
		return x.c.cfg.ProbeTimeout / resendsPerProbe, true
	case r.Epoch != x.pin.Epoch:
		return x.c.cfg.ProbeTimeout, true
	}
	return 0, false
}

// unlessLeft runs f, which makes calls without an effect, and ends its context when the
// client leaves the side of x. The error is errSideLeft then.
func (x *execution) unlessLeft(ctx context.Context, f func(context.Context) error) error {
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Add(1)
	x.c.workers.Go(ctx, func() {
		defer watch.Done()
		if x.await(limited, done) == errSideLeft {
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

// leave starts a statement over that had no effect on a side which the client has left.
// It costs no attempt: there is at most one for each change of the active side.
func (q *query) leave(x *execution) {
	q.again = func(to Side) {
		q.c.stats.retried.Add(1)
		q.c.bus.Publish(causeOf(q.ctx, errSideLeft), events.QueryRetried{
			QueryID: x.queryID, Tag: q.opts.tag, From: x.pin.Side, To: to, Method: x.step.String()})
	}
}
