package e6

import (
	"context"
	"math"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/recorder"
)

// WithRecorder writes the messages and decisions of the router, the events and the outcome
// of each query to a flight recorder, such as recorder.File("e6.rec"). The client opens and
// closes it. Open fails if the file cannot be written, or if another client uses it. By
// default nothing is recorded.
func WithRecorder(r *recorder.Recorder) Option { return func(o *options) { o.recorder = r } }

// Recorder is the flight recorder of WithRecorder, and nil without one. Its Recording can be read at
// any time, also after Close. Any goroutine may call it.
func (c *Client) Recorder() *recorder.Recorder { return c.opts.recorder }

// openRecorder opens the recorder, if there is one. It is called before the hooks and the
// router are made, which write to it.
func (c *Client) openRecorder() error {
	r := c.opts.recorder
	if r == nil {
		return nil
	}
	if err := r.Open(); err != nil {
		return errtext.Errorf("open %s: %w", c.cfg.Address, err)
	}
	c.opts.hooks.Queries = append(c.opts.hooks.Queries, r)
	c.recorded = make(chan struct{})
	c.bus.Subscribe(func(e events.Event) {
		r.Event(e)
		if e.Kind() == events.KindClosed {
			close(c.recorded)
		}
	}, events.Queue(logQueue), events.History(math.MaxInt))
	return nil
}

// routerRecorder is the recorder for the router, and nil if there is none.
func (c *Client) routerRecorder() router.Recorder {
	if c.opts.recorder == nil {
		return nil
	}
	return c.opts.recorder
}

// closeRecorder closes the recorder when the last event is in it, or when ctx ends.
func (c *Client) closeRecorder(ctx context.Context) {
	if c.recorded == nil {
		return
	}
	select {
	case <-c.recorded:
	case <-ctx.Done():
	}
	if err := c.opts.recorder.Close(); err != nil {
		c.log.Warn("recorder not closed", "component", events.ComponentClient, "error", err)
	}
}
