package e6

import (
	"context"
	"crypto/tls"
	"io"
	"iter"
	"log/slog"
	"os"
	"sync"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/exec"
	"github.com/e6data/e6data-go/e6/internal/hookcall"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/internal/workers"
)

// Client is a client of one cluster. It holds one connection for control calls, up to
// Config.MaxConnections for statements, and one session on each side that is in use. Its
// methods are safe for concurrent use. A Client must be closed.
type Client struct {
	cfg       Config
	opts      options
	log       *slog.Logger
	logging   logging
	logged    chan struct{} // closed when the last event has been logged; nil if none is
	recorded  chan struct{} // closed when the last event has been recorded; nil if none is
	bus       *events.Bus
	exec      *exec.Executor
	hookEnv   *hookcall.Env
	hooks     *hookcall.Set
	observers clientHooks
	callbacks callbacks
	workers   workers.Pool // runs background work: cancels, clears, calls of hooks

	close  sync.Once
	closed chan struct{}
}

var _ io.Closer = (*Client)(nil)

// Open returns a client. It detects the active side of the cluster, within ctx and
// Config.DetectionTimeout. It fails after one probe of each side if a retry cannot help:
// rejected credentials, a refused connection, an unknown host, or a failed TLS handshake.
// The error is a *ConfigError with all problems of the configuration, a *DetectionError
// with the last error of each side, or that of the context. Later detections retry after
// these failures too.
func Open(ctx context.Context, cfg Config, opts ...Option) (*Client, error) {
	c, err := newClient(cfg, opts)
	if err != nil {
		return nil, err
	}
	if c.opts.lazy {
		return c, nil
	}
	pin, err := c.exec.Router().Pin(ctx)
	if err != nil {
		_ = c.Close()
		return nil, errtext.Errorf("open %s: %w", cfg.Address, err)
	}
	c.exec.Router().Unpin(pin)
	return c, nil
}

// newClient makes a client. It makes no call to the cluster.
func newClient(cfg Config, opts []Option) (*Client, error) {
	c := &Client{closed: make(chan struct{})}
	applyAll(&c.opts, opts)
	if err := cfg.validate(&c.opts); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	c.cfg = cfg
	c.logging = newLogging(cfg, &c.opts, os.Stderr)
	c.log = c.logging.other
	tlsConfig, err := cfg.tlsConfig()
	if err != nil {
		return nil, err // the CA file has changed since validate read it
	}
	c.bus = events.NewBus(events.Options{
		Address: cfg.Address, Cluster: cfg.ClusterName, History: cfg.EventHistory, Snapshot: func() fsm.Snapshot { return c.Strategy() }, OnPanic: c.onPanic,
	})
	if err := c.openRecorder(); err != nil {
		return nil, err
	}
	c.hookEnv = &hookcall.Env{Workers: &c.workers, Events: c.bus, Panics: c.panicLogger}
	c.hooks = hookcall.NewSet(c.hookEnv, hookcall.Config{
		Budget: cfg.HookBudget, GuardBudget: cfg.GuardBudget, Health: c.sideHealth, GuardQuery: c.queryTarget,
	}, &c.opts.hooks.Hooks)
	c.observers, c.callbacks = hookcall.Concurrent(c.hookEnv, c.opts.hooks.clients), newCallbacks(c.hookEnv)
	c.exec, err = exec.New(exec.Config{
		Settings: c.settings(), Router: c.routerConfig(), Wire: c.wireConfig(tlsConfig),
		Events: c.bus, Logger: c.log, Workers: &c.workers, Retry: backoff.Policy{Base: cfg.RetryPause, Max: 5 * cfg.RetryPause},
		Hooks: c.hooks, Failures: failures{}, Credentials: c.credentials,
	})
	if err != nil {
		c.bus.Close()
		_ = c.opts.recorder.Close()
		return nil, errtext.Errorf("open %s: %w", cfg.Address, err)
	}
	c.logEvents()
	c.observers.opened(c)
	return c, nil
}

// settings are the settings of statements.
func (c *Client) settings() exec.Settings {
	cfg := c.cfg
	return exec.Settings{
		ProbeTimeout: cfg.ProbeTimeout, DetectionTimeout: cfg.DetectionTimeout, PrepareTimeout: cfg.PrepareTimeout,
		ResumeTimeout: cfg.ResumeTimeout, ResumePoll: cfg.ResumePoll, CloseTimeout: cfg.CloseTimeout,
		MaxAttempts: cfg.MaxAttempts, MaxInFlight: cfg.MaxInFlight,
		Prefetch: cfg.Prefetch, PrefetchBytes: cfg.PrefetchBytes, ContinueWindow: cfg.ContinueWindow,
		Admission: cfg.Admission, NoAutoResume: cfg.NoAutoResume,
		FetchAfterMetadata: cfg.FetchAfterMetadata, TrustRowCount: cfg.TrustRowCount,
		WithoutSessions: cfg.Bearer != nil,
		Comment:         exec.Comment{Tag: c.opts.tagComment, Application: cfg.ApplicationName, Trace: c.opts.traceComment},
	}
}

// routerConfig configures the router, except for what exec.New sets.
func (c *Client) routerConfig() router.Config {
	cfg := c.cfg
	return router.Config{
		OnPanic: c.onStorePanic,
		Key:     cfg.Address + "/" + cfg.ClusterName, Store: c.opts.store, Prefer: cfg.PreferredSide,
		ProbeTimeout: cfg.ProbeTimeout, DetectionTimeout: cfg.DetectionTimeout, PrepareTimeout: cfg.ReadyTimeout,
		SharedTimeout: cfg.SharedTimeout, DrainTimeout: cfg.DrainTimeout, RefreshInterval: cfg.RefreshInterval,
		HealthWindow: cfg.HealthWindow, Policy: c.opts.rollbackPolicy(), Fleet: c.opts.fleetPolicy(), Hooks: c.hooks.Router(), Recorder: c.routerRecorder(),
		Retry: backoff.Policy{Base: cfg.RetryPause / 4, Max: 10 * cfg.RetryPause},
	}
}

// wireConfig configures the transport, except for what exec.New sets.
func (c *Client) wireConfig(tlsConfig *tls.Config) wire.Config {
	cfg := c.cfg
	return wire.Config{
		Target: cfg.Address, ClusterName: cfg.ClusterName, TLS: tlsConfig,
		Bearer: c.bearer(), KeepaliveTime: cfg.KeepaliveTime, KeepaliveTimeout: cfg.KeepaliveTimeout,
		MaxReceiveBytes: cfg.MaxReceiveBytes, MaxSendBytes: cfg.MaxSendBytes,
		MaxConnections: cfg.MaxConnections, StreamsPerConnection: cfg.StreamsPerConnection, Lookup: c.lookup(),
		UserAgent: userAgent(cfg.ApplicationName), Dialer: c.dialer(), OnCall: c.logging.calls, DialOptions: c.opts.dial,
	}
}

// Strategy returns a snapshot of the state machine: the active side, and the transition in
// progress. It takes no lock.
func (c *Client) Strategy() fsm.Snapshot { return c.exec.Router().Routing().Snapshot }

// Subscribe calls fn with every later event, one at a time and in order, on a separate
// goroutine: fn may block, and may call the client. It returns a function that ends the
// subscription. See events.Bus.Subscribe.
//
// If fn panics, it does not get that event again. The panic is logged with its stack, to
// the client's logger or else to slog.Default(), counted in Stats.SubscriberPanics, and
// published as SubscriberPanicked.
func (c *Client) Subscribe(fn func(events.Event), opts ...events.SubscribeOption) (unsubscribe func()) {
	return c.bus.Subscribe(fn, opts...)
}

// Events returns every later event, until ctx ends, the client is closed, or the loop ends.
func (c *Client) Events(ctx context.Context, opts ...events.SubscribeOption) iter.Seq[events.Event] {
	return c.bus.Events(ctx, opts...)
}

// History returns the last events, at most Config.EventHistory of them, the oldest first.
func (c *Client) History() []events.Event { return c.bus.History() }

// Ping reports whether the cluster serves this client now: it probes the active side, or
// detects one. It returns within ctx. The errors are those of Refresh.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.Refresh(ctx)
	return err
}

// Refresh probes the active side now, or detects it, and returns the snapshot after that.
func (c *Client) Refresh(ctx context.Context) (fsm.Snapshot, error) {
	return c.exec.Router().Refresh(ctx)
}

// Switch starts a cutover to a side, as if the cluster had announced it, and waits within
// ctx until the side is active. New queries are then routed to it. Running queries continue
// on the side on which they started. The error has the reason if the side did not become
// active.
//
// The announcements of a side count once it is active: if the new side announces the other
// one, the client moves back.
func (c *Client) Switch(ctx context.Context, side Side) error {
	return c.exec.Router().Switch(ctx, side)
}

// Rollback makes the side that is not active the active one, and waits for that, within
// ctx. New queries are then routed to it. Running queries continue on the side on which
// they started. During the cool-down, the client ignores announcements of the side that it
// left, unless only that side accepts. The cool-down is RollbackPolicy.CoolDown (see
// WithRollback), or 30 minutes without a policy; Switch ends it. If the target of a
// transition has not accepted yet, Rollback aborts the transition. Events have the reason.
// The error has the cause if the side did not become active.
func (c *Client) Rollback(ctx context.Context, reason string) error {
	return c.exec.Router().Rollback(ctx, reason)
}

// Reset clears the active side. The next query detects it.
func (c *Client) Reset(ctx context.Context) error { return c.exec.Router().Reset(ctx) }

// Closed reports whether Close or Shutdown was called. The client then accepts no more
// queries.
func (c *Client) Closed() bool { return c.exec.Router().Routing().Closed }
