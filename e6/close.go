package e6

import (
	"context"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/exec"
)

// ShutdownError reports that Shutdown has closed the client before all its queries had
// ended: the rest was cancelled, and each of them has an error.
type ShutdownError struct {
	// Queries is how many queries were cut off: those that were in flight when the
	// context of Shutdown ended, or those that a concurrent Close or Shutdown has
	// cancelled.
	Queries int64
	// Err is the reason: the error of the context, or ErrClosed for the concurrent call.
	Err error
}

// Error implements error.
func (e *ShutdownError) Error() string {
	return errtext.Once(fmt.Sprintf("shutdown: %d queries were still running: %s", e.Queries, e.Err))
}

// Unwrap returns the reason.
func (e *ShutdownError) Unwrap() error { return e.Err }

// Shutdown drains the client and closes it. New queries fail with ErrClosed; running queries
// may end until ctx does. Then they are cancelled, and Shutdown returns a *ShutdownError with
// the error of the context. It waits at most a tenth of a second longer for the cancellation
// on the server; the rest continues in the background, within Config.CloseTimeout. If Close,
// or another Shutdown whose context ends first, cancels queries meanwhile, Shutdown returns
// a *ShutdownError with ErrClosed. It returns nil if every query ended by itself, and if the
// client was closed before. It does not cancel queries of Submit that are not being fetched.
func (c *Client) Shutdown(ctx context.Context) error {
	select {
	case <-c.closed:
		return nil
	default:
	}
	idle := c.exec.Drain()
	var err error
	select {
	case <-idle:
	default:
		select {
		case <-idle:
		case <-c.closed:
		case <-ctx.Done():
			err = &ShutdownError{Queries: c.exec.Running(), Err: ctxerr.Cause(ctx)}
		}
	}
	// The last query that Close has cancelled is counted before it leaves its side.
	if cut := c.exec.Cut(); cut > 0 && err == nil {
		err = &ShutdownError{Queries: cut, Err: ErrClosed}
	}
	go func() { _ = c.Close() }()
	select {
	case <-c.closed:
		return err
	case <-ctx.Done():
	}
	select {
	case <-c.closed:
	case <-time.After(exec.CloseGrace):
	}
	return err
}

// Close closes the client within Config.CloseTimeout. It cancels running queries, on the
// server too if the server answers in time. Connections that do not close in time are
// aborted. It is idempotent and safe for concurrent use, also in a subscriber. It returns
// nil.
func (c *Client) Close() error {
	c.close.Do(func() {
		defer close(c.closed)
		ctx, cancel := context.WithTimeout(context.Background(), c.cfg.CloseTimeout)
		defer cancel()
		c.end(ctx)
	})
	<-c.closed
	return nil
}

// end does what Close does, within ctx.
func (c *Client) end(ctx context.Context) {
	c.exec.Close(ctx)
	c.bus.Publish(fsm.Cause{Reason: fsm.ReasonCaller}, events.Closed{})
	c.bus.Close()
	c.observers.closed(ctx, c)
	c.workers.End()
	if c.logged != nil {
		select {
		case <-c.logged:
		case <-ctx.Done():
		}
	}
	c.closeRecorder(ctx)
}
