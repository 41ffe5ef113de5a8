package e6_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/lockedbuffer"
)

// defaultLog collects what is written to the default logger of package slog.
func defaultLog(t *testing.T) *lockedbuffer.Buffer {
	t.Helper()
	out, before := &lockedbuffer.Buffer{}, slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(out, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return out
}

// badSubscriber is what a stack has to name.
func badSubscriber(events.Event) { panic("planted secret") }

func TestSubscriberPanic_IsVisibleWithALoggerAndWithoutOne(t *testing.T) {
	own := &lockedbuffer.Buffer{}
	for name, c := range map[string]struct {
		opts      []e6.Option
		cfg       func(*e6.Config)
		byDefault bool
		none      bool
	}{
		"no logger":      {byDefault: true},
		"a logger":       {opts: []e6.Option{e6.WithLogger(slog.New(slog.NewTextHandler(own, nil)))}},
		"a bad logger":   {opts: []e6.Option{e6.WithLogger(slog.New(badHandler{}))}, byDefault: true},
		"it is shut off": {cfg: func(cfg *e6.Config) { cfg.LogLevel = slog.LevelError + 1 }, none: true},
	} {
		t.Run(name, func(t *testing.T) {
			written, cluster := defaultLog(t), start(t)
			cfg := config(cluster)
			if c.cfg != nil {
				c.cfg(&cfg)
			}
			client, err := e6.Open(t.Context(), cfg, append(c.opts, e6.WithDialer(cluster.Dialer()))...)
			require.NoError(t, err)
			defer func() { require.NoError(t, client.Close()) }()
			before := client.Stats().SubscriberPanics
			client.Subscribe(badSubscriber, events.Kinds(events.KindStrategyChanged))
			require.NoError(t, client.Reset(t.Context()))
			require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
			ready(t, "both panics are counted: it goes on with the next event", func() bool {
				return client.Stats().SubscriberPanics-before >= 2
			})
			published := func() (n int) {
				for _, e := range client.History() {
					if d, ok := e.Data.(events.SubscriberPanicked); ok && strings.Contains(d.Stack, "badSubscriber") {
						n++
						require.NotContains(t, e.String(), "planted")
					}
				}
				return n
			}
			ready(t, "they are published", func() bool { return published() >= 2 }) // that of the first use may be one more
			log := own
			if c.byDefault {
				log = written
			}
			if c.none {
				require.NotContains(t, written.String(), "badSubscriber") // another test's client may still end
				return
			}
			const record = `level=ERROR msg="subscriber panicked" event=subscriber_panicked component=client`
			ready(t, "both are logged", func() bool { return strings.Count(log.String(), "badSubscriber") >= 2 })
			require.Contains(t, log.String(), record)
			require.NotContains(t, log.String(), "planted")
			if !c.byDefault {
				require.NotContains(t, written.String(), "badSubscriber")
			}
		})
	}
}

// badHandler is a handler that panics.
type badHandler struct{ slog.Handler }

func (badHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (badHandler) Handle(context.Context, slog.Record) error { panic("a bad handler") }
func (h badHandler) WithAttrs([]slog.Attr) slog.Handler      { return h }
func (h badHandler) WithGroup(string) slog.Handler           { return h }

func TestPanic_InAnyCallbackOfTheApplicationIsShownWithItsStackAndEndsNoProcess(t *testing.T) {
	bad := errors.New("planted secret")
	inline := func(fail func()) e6.Option { return e6.WithQueryHook(badInline{fail}) }
	for name, c := range map[string]struct {
		cfg   func(*e6.Config)
		opt   e6.Option
		fails string // the error of the first statement, if it fails
		point string // of the HookFailed event; empty if there is another one
	}{
		"credentials": {
			cfg: func(cfg *e6.Config) {
				cfg.User, cfg.Token = "", ""
				cfg.Credentials = func(context.Context) (string, string, error) { panic(bad) }
			},
			fails: "Config.Credentials panicked: a value of type *errors.errorString", point: hook.PointCredentials,
		},
		"dialer": {
			opt:   e6.WithDialer(func(context.Context, string) (net.Conn, error) { panic(bad) }),
			fails: "WithDialer panicked", point: hook.PointDialer,
		},
		"lookup": {
			cfg: func(cfg *e6.Config) { cfg.Address = "e6.example.com:80"; cfg.AllowClearText = true },
			opt: e6.WithLookup(func(context.Context, string) ([]string, error) { panic(bad) }), fails: "no side accepts", point: hook.PointLookup,
		},
		"store":                       {opt: e6.WithStore(&badStore{})},
		"a hook":                      {opt: e6.WithQueryHook(badQueryHook{}), point: hook.PointQueryStart},
		"a hook on the query's stack": {opt: inline(nil), point: hook.PointQueryStart},
		"a question to a hook":        {opt: inline(func() { panic(bad) }), point: hook.PointQueryStart},
	} {
		t.Run(name, func(t *testing.T) {
			written, cluster := defaultLog(t), start(t)
			cfg := config(cluster)
			cfg.DetectionTimeout = 300 * time.Millisecond
			if c.cfg != nil {
				c.cfg(&cfg)
			}
			opts := []e6.Option{e6.WithLazyOpen()}
			if name != "lookup" {
				opts = append(opts, e6.WithDialer(cluster.Dialer()))
			}
			if c.opt != nil {
				opts = append(opts, c.opt)
			}
			client, err := e6.Open(t.Context(), cfg, opts...)
			require.NoError(t, err)
			defer func() { require.NoError(t, client.Close()) }()
			err = client.Exec(within(t, 20*time.Second), "SELECT 1")
			if c.fails == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.fails)
				require.NotContains(t, err.Error(), "planted")
			}
			ready(t, "it is logged", func() bool { return strings.Contains(written.String(), "panics_test.go") })
			require.Contains(t, written.String(), `level=ERROR msg="hook panicked"`)
			require.NotContains(t, written.String(), "planted")
			if c.point == "" {
				return
			}
			ready(t, "it is published", func() bool {
				for _, e := range client.History() {
					if d, ok := e.Data.(events.HookFailed); ok && d.Point == c.point && d.Problem == "panic" {
						return true
					}
				}
				return false
			})
		})
	}
}

type badQueryHook struct{}

func (badQueryHook) QueryStart(context.Context, hook.QueryStart) context.Context {
	panic("planted secret")
}
func (badQueryHook) QueryEnd(context.Context, hook.QueryEnd) {}

// badInline panics in Inline, or in the call that is made at once.
type badInline struct{ fail func() }

func (h badInline) Inline(context.Context, string) bool {
	if h.fail != nil {
		h.fail()
	}
	return true
}
func (badInline) QueryStart(context.Context, hook.QueryStart) context.Context {
	panic("planted secret")
}
func (badInline) QueryEnd(context.Context, hook.QueryEnd) {}

// badStore is a store that panics.
type badStore struct{ store.Memory }

func (*badStore) Load(context.Context, string) (store.Record, error) { panic("a bad store") }

func TestPanic_OfABearerIsAnError(t *testing.T) {
	written := defaultLog(t)
	serverTLS, ca := certificate(t)
	cluster := start(t, e6test.WithTLS(serverTLS), e6test.WithBearer(func(string) bool { return true }))
	var broken atomic.Bool
	client := open(t, cluster, func(c *e6.Config) {
		c.User, c.Token, c.DetectionTimeout = "", "", time.Second
		c.TLS, c.CAPEM, c.ServerName = true, ca, "cluster.test"
		c.Bearer = func(context.Context) (string, error) {
			if broken.Load() {
				panic("planted secret")
			}
			return "token", nil
		}
	})
	require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
	broken.Store(true)
	err := client.Exec(within(t, 20*time.Second), "SELECT 1")
	require.ErrorContains(t, err, "Config.Bearer panicked: a value of type string")
	require.NotContains(t, err.Error(), "planted")
	ready(t, "it is logged", func() bool { return strings.Contains(written.String(), "panics_test.go") })
	require.NotContains(t, written.String(), "planted")
	broken.Store(false)
	require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
}
