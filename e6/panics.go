package e6

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
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
	c.callbacks.store.logPanic(hook.PointStore, p, stack)
}

// callbacks report the panics of functions of the application that are no hooks.
type callbacks struct{ credentials, bearer, dialer, lookup, store hookCaller }

func newCallbacks(env *hookEnv) callbacks {
	of := func(name string) hookCaller { return hookCaller{env: env, name: name} }
	return callbacks{of("Config.Credentials"), of("Config.Bearer"), of("WithDialer"), of("WithLookup"), of("WithStore")}
}

// protect calls a function of the application. A panic, or the end of its goroutine,
// becomes an error; it is logged with its stack and published as HookFailed.
func (h *hookCaller) protect(point string, call func() error) (err error) {
	began, returned := time.Now(), false
	defer func() {
		p := recover()
		if returned {
			return
		}
		h.logPanic(point, p, debug.Stack())
		h.failed(point, "panic", panicDetail(p), began)
		err = fmt.Errorf("%s panicked: %s: the log has the stack", h.name, panicDetail(p))
	}()
	err = call()
	returned = true
	return err
}

// panicDetail returns the text of a panic for events. A value of the application may hold a
// secret, so only its type is returned; a runtime.Error holds none.
func panicDetail(p any) string {
	if p == nil {
		return "it ended its goroutine"
	}
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a value of type %T", p)
}

// bearer is Config.Bearer without its panics, and nil if there is none.
func (c *Client) bearer() func(context.Context) (string, error) {
	ask := c.cfg.Bearer
	if ask == nil {
		return nil
	}
	return func(ctx context.Context) (token string, err error) {
		err = c.callbacks.bearer.protect(hook.PointBearer, func() error {
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
		err = c.callbacks.dialer.protect(hook.PointDialer, func() error {
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
		err = c.callbacks.lookup.protect(hook.PointLookup, func() error {
			addresses, err = find(ctx, host)
			return err
		})
		return addresses, err
	}
}
