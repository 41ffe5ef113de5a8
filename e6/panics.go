package e6

import (
	"context"
	"log/slog"
	"net"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/hookcall"
)

// panicLogger is where panics of the application's code are logged: the logger of the
// client, and that of package slog if it has none, as a panic must not be hidden. A
// client whose log is off logs none.
func (c *Client) panicLogger() *slog.Logger {
	if c.logging.panicsToDefault {
		return slog.New(safeHandler{slog.Default().Handler()}.WithAttrs(clusterAttrs(c.cfg)))
	}
	return c.log
}

// onPanic logs a panic of a subscriber.
func (c *Client) onPanic(e events.Event) {
	switch {
	case c.logging.panicsToDefault:
		slog.Default().LogAttrs(context.Background(), e.Level(), e.Message(), e.Attrs()...)
	case c.logging.events != nil:
		logWriter(c.logging.events, c.logging.levels)(e)
	}
}

// onStorePanic logs a panic of the store. The event about it is a StoreFailed.
func (c *Client) onStorePanic(p any, stack []byte) {
	c.callbacks.store.LogPanic(hook.PointStore, p, stack)
}

// callbacks report the panics of functions of the application that are no hooks.
type callbacks struct{ credentials, bearer, dialer, lookup, store *hookcall.Caller }

func newCallbacks(env *hookcall.Env) callbacks {
	of := env.NewCaller
	return callbacks{of("Config.Credentials"), of("Config.Bearer"), of("WithDialer"), of("WithLookup"), of("WithStore")}
}

// bearer is Config.Bearer without its panics, and nil if there is none.
func (c *Client) bearer() func(context.Context) (string, error) {
	ask := c.cfg.Bearer
	if ask == nil {
		return nil
	}
	return func(ctx context.Context) (token string, err error) {
		err = c.callbacks.bearer.Protect(hook.PointBearer, func() error {
			token, err = ask(ctx)
			return err
		})
		return token, err
	}
}

// dialer is the function of WithDialer without its panics, and nil if there is none.
func (c *Client) dialer() func(context.Context, string) (net.Conn, error) {
	dial := c.opts.dialer
	if dial == nil {
		return nil
	}
	return func(ctx context.Context, address string) (conn net.Conn, err error) {
		err = c.callbacks.dialer.Protect(hook.PointDialer, func() error {
			conn, err = dial(ctx, address)
			return err
		})
		return conn, err
	}
}

// lookup is the function of WithLookup without its panics, and nil if there is none.
func (c *Client) lookup() func(context.Context, string) ([]string, error) {
	find := c.opts.lookup
	if find == nil {
		return nil
	}
	return func(ctx context.Context, host string) (addresses []string, err error) {
		err = c.callbacks.lookup.Protect(hook.PointLookup, func() error {
			addresses, err = find(ctx, host)
			return err
		})
		return addresses, err
	}
}
