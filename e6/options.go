package e6

import (
	"context"
	"log/slog"
	"net"

	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/e6/store"
)

// Option configures a client with values that are not data: loggers, stores, hooks, policies.
// A later option replaces an earlier one, except hooks and dial options, which are added. A nil
// Option has no effect.
type Option func(*options)

type options struct {
	tagComment, traceComment bool // sent with every statement
	logger                   *slog.Logger
	logLevels                logLevels
	store                    store.Store
	replay                   ReplayPolicy
	dialer                   func(context.Context, string) (net.Conn, error)
	lookup                   func(context.Context, string) ([]string, error)
	dial                     []grpc.DialOption
	hooks                    hooks
	escape                   Escape
	serverParams             bool
	health                   *RollbackPolicy
	fleet                    *FleetPolicy
	lazy                     bool
	recorder                 *recorder.Recorder
}

// WithLogger logs the events of the client and its failures to l. Without it, the client logs
// as Config.LogLevel describes. No record has a secret or the text of a statement.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.logger = l } }

// WithLogLevel sets the minimum level of the events that are logged about the components,
// or about all if none is named: see events.Event.Level. It replaces the levels of the
// Config, and a later option replaces an earlier one. The level is a slog.Level, or a
// *slog.LevelVar to change it at run time; one above slog.LevelError turns the components
// off. The handler of the logger may leave out more. Records that are not about an event
// have the level of Config.LogLevel.
func WithLogLevel(level slog.Leveler, components ...events.Component) Option {
	return func(o *options) { o.logLevels.set(level, components) }
}

// WithStore shares the active side with the other clients of the store. By default a client
// has no store.
func WithStore(s store.Store) Option { return func(o *options) { o.store = s } }

// WithLazyOpen makes Open return without a call to the cluster. The first call detects the
// active side and returns the errors that Open would return. Until a detection has succeeded,
// each call fails as soon as waiting cannot help. It is for programs that start before their
// cluster, or that resume a suspended one.
func WithLazyOpen() Option { return func(o *options) { o.lazy = true } }

// WithReplay sets the replay policy of all queries. The default is ReplaySafe. Replay sets the
// policy of one query.
func WithReplay(p ReplayPolicy) Option { return func(o *options) { o.replay = p } }

// WithDialer replaces the function that opens connections. It may be called by any goroutine.
func WithDialer(d func(ctx context.Context, address string) (net.Conn, error)) Option {
	return func(o *options) { o.dialer = d }
}

// WithLookup replaces the function that resolves the host of Config.Address. The client calls
// it on a separate goroutine, with a deadline of 10 seconds: for the first connection, after a
// connection is lost or fails to open, and when no side accepts; at most once per second.
// After an error, the previous addresses stay in use. It is not called for an IP address, with
// WithDialer, or if a proxy resolves the name (HTTPS_PROXY). The default is
// net.DefaultResolver.
func WithLookup(l func(ctx context.Context, host string) (addresses []string, err error)) Option {
	return func(o *options) { o.lookup = l }
}

// WithDialOptions adds options to the gRPC connections, such as interceptors or stats handlers
// for tracing. The options cannot enable gRPC retries, because a repeated fetch would lose
// rows. Set the limits of messages with Config.MaxReceiveBytes and MaxSendBytes; with a
// default service config, responses without rows have the limit of MaxReceiveBytes instead of
// their lower one.
func WithDialOptions(opts ...grpc.DialOption) Option {
	return func(o *options) { o.dial = append(o.dial, opts...) }
}

// WithEscape sets the escaping of string arguments in statements. The default is EscapeSafe.
func WithEscape(e Escape) Option { return func(o *options) { o.escape = e } }

// WithRollback enables automatic rollback: the client returns to the old side when the new one
// breaches the policy. By default it is disabled.
func WithRollback(p RollbackPolicy) Option { return func(o *options) { o.health = &p } }

// problems lists the invalid options.
func (o *options) problems() []Problem {
	problems := append(o.hooks.problems(), o.logLevels.problems()...)
	if o.health != nil {
		problems = append(problems, o.health.problems()...)
	}
	if o.fleet != nil {
		problems = append(problems, o.fleet.problems(o.store)...)
	}
	return problems
}

// rollbackPolicy is the policy for the router.
func (o *options) rollbackPolicy() router.Policy {
	var p RollbackPolicy
	if o.health != nil {
		p = *o.health
	}
	p = p.withDefaults()
	return router.Policy{
		Automatic: o.health != nil, MinRequests: p.MinRequests, ErrorRate: p.ErrorRate,
		LatencyRatio: p.LatencyRatio, Probation: p.Probation, CoolDown: p.CoolDown,
	}
}

// ReplayPolicy selects the statements that the client replays on the other side when they are
// cut off after their execution. A statement that was refused before it had an effect is
// always retried.
//
// If rows have reached the caller, a read-only statement is continued: the client runs it
// again, compares its first rows with those of the caller by a hash per column, and delivers
// the rows that follow. If they differ, the query is lost, and CutoverError.Reason has the
// difference. A continued statement therefore needs an ORDER BY that fixes the order, or an
// engine that keeps it. A row has reached the caller when Rows.Next or Rows.Batches has begun
// to read its batch.
type ReplayPolicy uint8

// The policies.
const (
	// ReplaySafe replays statements that are read-only according to their text, and
	// continues them while the caller has at most Config.ContinueWindow bytes of the
	// result. This is the default.
	ReplaySafe ReplayPolicy = iota
	// ReplayNever replays nothing.
	ReplayNever
	// ReplayAlways replays every statement, including one that may have written: its
	// effect may then happen twice. Use it for idempotent statements. Read-only
	// statements are continued as with ReplaySafe.
	ReplayAlways
	// ReplayContinue is ReplaySafe without the window: a result is continued at any
	// length. Beyond the window it costs a hash of every batch and no memory, and after
	// a cutover the transfer of all rows that the caller has.
	ReplayContinue
)

// String returns "safe", "never", "always" or "continue".
func (p ReplayPolicy) String() string {
	switch p {
	case ReplaySafe:
		return "safe"
	case ReplayNever:
		return "never"
	case ReplayAlways:
		return "always"
	case ReplayContinue:
		return "continue"
	}
	return "unknown"
}

// QueryOption configures one query: see WithQueryOptions. A nil QueryOption has no effect.
type QueryOption func(*queryOptions)

type queryOptions struct {
	tag             string
	catalog, schema string
	replay          ReplayPolicy
	noCache         bool
	maxRows         int64
	progress        func(Progress)
	labels          map[string]string
}

// Tag names a query. Events and errors about the query have the tag. It must not contain a
// secret.
func Tag(tag string) QueryOption { return func(o *queryOptions) { o.tag = tag } }

// Label adds a label to a query, for selectors and other hooks. It is not sent to the cluster.
func Label(key, value string) QueryOption {
	return func(o *queryOptions) {
		if o.labels == nil {
			o.labels = make(map[string]string)
		}
		o.labels[key] = value
	}
}

// InCatalog replaces Config.Catalog for the query.
func InCatalog(name string) QueryOption { return func(o *queryOptions) { o.catalog = name } }

// InSchema replaces Config.Schema for the query.
func InSchema(name string) QueryOption { return func(o *queryOptions) { o.schema = name } }

// Replay sets the replay policy of the query. The default is that of WithReplay.
func Replay(p ReplayPolicy) QueryOption { return func(o *queryOptions) { o.replay = p } }

// NoCache disables the result cache of the engine for the query: no read and no write.
func NoCache() QueryOption { return func(o *queryOptions) { o.noCache = true } }

// MaxRows ends the result after n rows, on the server too. Rows.Truncated and
// Result.Truncated report that there were more. If n is 0 or less, there is no limit, which is
// the default. It saves the transfer of rows; a LIMIT in the statement also saves the engine
// the computation.
func MaxRows(n int64) QueryOption { return func(o *queryOptions) { o.maxRows = n } }

type queryOptionsKey struct{}

// WithQueryOptions returns a context with options for the queries that use it, in addition to
// the options of ctx. The context passes them through other interfaces, such as database/sql.
func WithQueryOptions(ctx context.Context, opts ...QueryOption) context.Context {
	before, _ := ctx.Value(queryOptionsKey{}).([]QueryOption)
	all := make([]QueryOption, 0, len(before)+len(opts))
	return context.WithValue(ctx, queryOptionsKey{}, append(append(all, before...), opts...))
}

// queryOptions returns the options of a query: those of the context override those of the
// client.
func (c *Client) queryOptions(ctx context.Context) queryOptions {
	o := queryOptions{catalog: c.cfg.Catalog, schema: c.cfg.Schema, replay: c.opts.replay}
	opts, _ := ctx.Value(queryOptionsKey{}).([]QueryOption)
	applyAll(&o, opts)
	return o
}

// applyAll applies options. A nil option has no effect.
func applyAll[O any, Opt ~func(*O)](to *O, opts []Opt) {
	for _, opt := range opts {
		if opt != nil {
			opt(to)
		}
	}
}
