package audit

import (
	"context"
	"sync/atomic"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
)

// hooks make the records of one client.
type hooks struct {
	log    *Log
	client atomic.Pointer[client]
}

// client is an open client with the names of its cluster.
type client struct {
	*e6.Client
	address, cluster string
	last             chan struct{} // closed with the last event
}

var (
	_ e6.ClientHook   = (*hooks)(nil)
	_ hook.QueryHook  = (*hooks)(nil)
	_ hook.InlineHook = (*hooks)(nil)
)

// Options returns the options of a client that write its records to the log. Call it once
// for each client.
func (l *Log) Options() []e6.Option {
	h := &hooks{log: l}
	return []e6.Option{e6.WithClientHook(h), e6.WithQueryHook(h)}
}

// String names the hooks in events.
func (h *hooks) String() string { return "audit" }

// Inline implements hook.InlineHook: a record is only put into the queue.
func (h *hooks) Inline(_ context.Context, point string) bool {
	return point == hook.PointQueryStart || point == hook.PointQueryEnd
}

// ClientOpened implements e6.ClientHook.
func (h *hooks) ClientOpened(c *e6.Client) {
	health := c.Health()
	opened := &client{Client: c, address: health.Address, cluster: health.Cluster, last: make(chan struct{})}
	h.client.Store(opened)
	c.Subscribe(func(e events.Event) {
		if r, class, ok := eventRecord(c, e); ok {
			h.log.put(class, r)
		}
		if e.Kind() == events.KindClosed {
			close(opened.last)
		}
	}, events.Lossless())
}

// ClientClosed implements e6.ClientHook. It returns when the last event is in the queue.
func (h *hooks) ClientClosed(*e6.Client) {
	if c := h.client.Load(); c != nil {
		<-c.last
	}
}

// QueryStart implements hook.QueryHook.
func (h *hooks) QueryStart(ctx context.Context, _ hook.QueryStart) context.Context { return ctx }

// QueryEnd implements hook.QueryHook.
func (h *hooks) QueryEnd(_ context.Context, e hook.QueryEnd) {
	r := statementRecord(h, e)
	h.log.put(ClassPerformance, r)
	if e.Err != nil {
		h.log.put(ClassErrors, r)
	}
}
