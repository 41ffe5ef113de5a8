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
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/internal/workers"
)

// Client is a client of one cluster. It holds a connection for control calls, a few for
// statements (see Config.MaxConnections), and one session on each side that is in use. Its methods may be called by any number of
// goroutines. A Client must be closed.
type Client struct {
	cfg       Config
	opts      options
	log       *slog.Logger
	logging   logging
	logged    chan struct{} // closed when the last event has been logged; nil if none is
	recorded  chan struct{} // closed when the last event has been recorded; nil if none is
	bus       *events.Bus
	exec      *exec.Executor
	hooks     *hookSet
	callbacks callbacks
	workers   workers.Pool // for what happens beside a query

	close  sync.Once
	closed chan struct{}
}

var _ io.Closer = (*Client)(nil)

// Open returns a client. It asks the cluster which side is active, within ctx and
// Config.DetectionTimeout. It fails after one round if waiting is of no use: rejected
// credentials, a connection that is refused, an unknown host, TLS or certificates that
// do not fit. The error is a *ConfigError, which lists everything that is wrong, a
// *DetectionError, which says what each side answered, or that of the context. A client
// that has been opened keeps trying whatever it meets.
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

// newClient makes a client without asking anyone.
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
		return nil, err // Validate has read the same files a moment ago
	}
	c.bus = events.NewBus(events.Options{
		Address: cfg.Address, Cluster: cfg.ClusterName, History: cfg.EventHistory, Snapshot: func() fsm.Snapshot { return c.Strategy() }, OnPanic: c.onPanic,
	})
	if err := c.openRecorder(); err != nil {
		return nil, err
	}
	env := &hookEnv{workers: &c.workers, bus: c.bus, panics: c.panicLogger}
	c.hooks, c.callbacks = newHookSet(env, cfg, &c.opts.hooks), newCallbacks(env)
	c.hooks.health, c.hooks.query = c.sideHealth, c.queryTarget
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
	c.hooks.opened(c)
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
		HealthWindow: cfg.HealthWindow, Policy: c.opts.rollbackPolicy(), Fleet: c.opts.fleetPolicy(), Hooks: c.hooks.router(), Recorder: c.routerRecorder(),
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

// Strategy returns what the client knows about the sides. It takes no lock.
func (c *Client) Strategy() fsm.Snapshot { return c.exec.Router().Routing().Snapshot }

// Subscribe calls fn with every event from now on, one at a time and in order,
// on a goroutine of its own: fn may take its time, and may call the client. It
// returns a function that ends the subscription. See events.Bus.Subscribe.
//
// A panic of fn costs it that event. It is logged with its stack, to the client's
// logger or else to slog.Default(), counted in Stats.SubscriberPanics, and published
// as SubscriberPanicked.
func (c *Client) Subscribe(fn func(events.Event), opts ...events.SubscribeOption) (unsubscribe func()) {
	return c.bus.Subscribe(fn, opts...)
}

// Events returns the events from now on, until ctx ends, the client is closed,
// or the loop is left.
func (c *Client) Events(ctx context.Context, opts ...events.SubscribeOption) iter.Seq[events.Event] {
	return c.bus.Events(ctx, opts...)
}

// History returns the last events, the oldest first; Config.EventHistory says
// how many are kept.
func (c *Client) History() []events.Event { return c.bus.History() }

// Ping reports whether the cluster serves this client now: it probes the active side, or
// looks for one. It returns within ctx. The errors are those of Refresh.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.Refresh(ctx)
	return err
}

// Refresh asks the cluster now which side is active, and returns what is known
// then.
func (c *Client) Refresh(ctx context.Context) (fsm.Snapshot, error) {
	return c.exec.Router().Refresh(ctx)
}

// Switch moves the client to a side, as if the cluster had announced it: new
// queries go there once it accepts. It waits for that, within ctx. Running
// queries stay where they are. The error says why the side was not taken.
//
// A cluster that goes on naming the other side takes the client back: what side
// says counts once it is active.
func (c *Client) Switch(ctx context.Context, side Side) error {
	return c.exec.Router().Switch(ctx, side)
}

// Rollback goes back to the side that is not active: new queries go there once
// it accepts, and running ones stay where they are. It waits for that, within
// ctx. Announcements of the side that is left are ignored for the policy's
// CoolDown (see WithRollback; 30 minutes without one), unless it is the only
// side that accepts; Switch ends that. A transition whose target has not accepted
// yet is taken back. The reason is for events. The error says why the old side was
// not taken.
func (c *Client) Rollback(ctx context.Context, reason string) error {
	return c.exec.Router().Rollback(ctx, reason)
}

// Reset forgets which side is active. The next query looks for it.
func (c *Client) Reset(ctx context.Context) error { return c.exec.Router().Reset(ctx) }

// Closed reports whether the client takes no more queries, as Close or Shutdown
// was called.
func (c *Client) Closed() bool { return c.exec.Router().Routing().Closed }
