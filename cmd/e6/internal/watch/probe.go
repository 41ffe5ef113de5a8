package watch

import (
	"context"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/debug"
)

// Client is a client of this process that only probes: it runs a statement again and
// again, so that it has something to do.
type Client struct {
	name   string
	client *e6.Client

	mu          sync.Mutex
	lastFailure string // the last failure, or empty after a success
	fresh       []debug.Event
}

// NewClient returns a client that is watched under a name. Close closes it.
func NewClient(name string, c *e6.Client) *Client { return &Client{name: name, client: c} }

// Close closes the client.
func (c *Client) Close() error { return c.client.Close() }

// Source returns the client as a source. Beside the client's own events it has those of
// its statement, which no program would want to have among its events.
func (c *Client) Source() Source {
	s := Local(c.name, c.client)
	s.probe = c
	return s
}

// Probe runs a statement again and again, until ctx ends. That it fails is an event, and
// so is that it succeeds after that; describe returns the cause in one line. A statement that
// keeps failing with the same text is reported once.
func (c *Client) Probe(ctx context.Context, sql string, every time.Duration, describe func(error) string) {
	for {
		err := c.client.Exec(ctx, sql)
		if ctx.Err() != nil {
			return
		}
		c.record(err, describe)
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// record keeps the outcome of a statement.
func (c *Client) record(err error, describe func(error) string) {
	lastFailure := ""
	if err != nil {
		lastFailure = describe(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if lastFailure == c.lastFailure {
		return
	}
	e := debug.Event{Time: time.Now(), Kind: "statement_failed", Level: "ERROR", Text: "the statement fails: " + lastFailure}
	if err == nil {
		e.Kind, e.Level, e.Text = "statement_succeeded", "INFO", "the statement succeeds again"
	}
	c.lastFailure = lastFailure
	c.fresh = append(c.fresh, e)
	c.fresh = c.fresh[max(0, len(c.fresh)-kept):]
}

// take returns what was noted since the last call.
func (c *Client) take() []debug.Event {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := c.fresh
	c.fresh = nil
	return fresh
}
