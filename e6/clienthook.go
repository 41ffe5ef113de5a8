package e6

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/hookcall"
)

// ClientHook observes the client itself. ClientOpened is called before the client makes
// its first call, so that the hook can subscribe to all events. ClientClosed is called at
// the end of Close, after the last event, and may take Config.CloseTimeout.
type ClientHook interface {
	ClientOpened(c *Client)
	ClientClosed(c *Client)
}

// WithClientHook adds a hook that observes the opening and the closing of the client.
func WithClientHook(h ClientHook) Option {
	return func(o *options) { o.hooks.clients = append(o.hooks.clients, h) }
}

// clientHooks are the hooks that observe the client itself.
type clientHooks []hookcall.Hook[ClientHook]

// opened calls the hooks before the first call of the client.
func (all clientHooks) opened(c *Client) {
	for _, h := range all {
		h.Call(context.Background(), hook.PointClientOpened, c.cfg.HookBudget, func() { h.Hook.ClientOpened(c) })
	}
}

// closed calls the hooks at the end of Close. Each may take Config.CloseTimeout, and at most
// the time until the deadline of ctx.
func (all clientHooks) closed(ctx context.Context, c *Client) {
	for _, h := range all {
		budget := c.cfg.CloseTimeout
		if deadline, ok := ctx.Deadline(); ok {
			budget = max(time.Until(deadline), time.Millisecond)
		}
		h.Call(context.Background(), hook.PointClientClosed, budget, func() { h.Hook.ClientClosed(c) })
	}
}
