package exec

import (
	"context"
	"errors"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// CloseGrace is the time that Close may take beyond its limit: to abort connections that do
// not close, and to receive the responses of the server.
const CloseGrace = 100 * time.Millisecond

// Drain refuses new statements. Submitted statements that are not being read stay on the
// server. The channel is closed when no statement runs.
func (x *Executor) Drain() (idle <-chan struct{}) {
	x.submitted.leave(x.route)
	return x.route.Drain()
}

// Running is the number of statements that run.
func (x *Executor) Running() (n int64) {
	for _, side := range fsm.Sides {
		n += x.route.InFlight(side)
	}
	return n
}

// Cut is the number of statements that have ended because of Close.
func (x *Executor) Cut() int64 { return x.cut.Load() }

// countCut counts a statement that ends with err, if the reason is Close. It is called
// before the statement leaves its side.
func (x *Executor) countCut(err error) {
	if errors.Is(err, ErrClosed) {
		x.cut.Add(1)
	}
}

// Close cancels the statements, waits within ctx for the server to confirm that, and closes
// the connections and the router. It is called once.
func (x *Executor) Close(ctx context.Context) {
	idle := x.Drain()
	x.cancel(ErrClosed)
	select {
	case <-idle:
	case <-ctx.Done():
		x.log.Warn("closing before the server has confirmed that all queries are cancelled", "component", events.ComponentClient)
	}
	x.disconnect(ctx)
	if err := x.route.Close(ctx); err != nil {
		x.log.Warn("closed before all work ended", "component", events.ComponentClient, "error", err)
	}
}

// disconnect closes the connections, and aborts them when ctx ends: gRPC waits for seconds
// until its last frames are written, which a peer that reads nothing prevents.
func (x *Executor) disconnect(ctx context.Context) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = x.conn.Close() // always returns nil
	}()
	select {
	case <-closed:
		return
	case <-ctx.Done():
	}
	select {
	case <-closed:
	case <-time.After(CloseGrace / 2):
		x.conn.Abort()
	}
}
