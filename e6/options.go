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

// Option adds to a client what is not data: things with behaviour.
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

// WithLogger makes the client log its events and what it could not do. By
// default it is silent. No record holds a secret or the text of a statement.
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

// WithStore shares what the client learns about the active side with the other
// clients of that store. By default a client keeps it to itself.
func WithStore(s store.Store) Option { return func(o *options) { o.store = s } }

// WithLazyOpen makes Open return at once: the first call asks the cluster which side
// is active, and gets the errors that Open would have got: until one call has found a
// side, each fails as soon as waiting is of no use. It is for programs that
// start before their cluster, or that control one which may be asleep.
func WithLazyOpen() Option { return func(o *options) { o.lazy = true } }

// WithReplay sets the policy for queries that are cut off. The default is
// ReplaySafe. A query can have its own: see Replay.
func WithReplay(p ReplayPolicy) Option { return func(o *options) { o.replay = p } }

// WithDialer replaces the way in which connections are made.
func WithDialer(d func(ctx context.Context, address string) (net.Conn, error)) Option {
	return func(o *options) { o.dialer = d }
}

// WithLookup replaces the way in which the host of Config.Address becomes IP addresses.
// The function is called from a goroutine of the client's, within 10 seconds each time:
// when the client connects first, when a connection is lost or cannot be made, and when
// neither side accepts, but once a second at the most. An error leaves the addresses
// from before in use. It is not called for an IP address, with WithDialer, or where a
// proxy resolves the name (HTTPS_PROXY). The default is net.DefaultResolver.
func WithLookup(l func(ctx context.Context, host string) (addresses []string, err error)) Option {
	return func(o *options) { o.lookup = l }
}

// WithDialOptions adds options to the gRPC connection, such as interceptors or
// stats handlers for tracing. Retries configured there stay off: a repeated
// fetch would lose rows. Limits of messages belong in Config.MaxReceiveBytes and
// MaxSendBytes; a default service config replaces the lower limit of answers without
// rows by the former.
func WithDialOptions(opts ...grpc.DialOption) Option {
	return func(o *options) { o.dial = append(o.dial, opts...) }
}

// WithEscape sets how string arguments are written into a statement. The default
// is EscapeSafe.
func WithEscape(e Escape) Option { return func(o *options) { o.escape = e } }

// WithRollback lets the client go back to the old side by itself when the new
// one breaks the policy. By default it does not.
func WithRollback(p RollbackPolicy) Option { return func(o *options) { o.health = &p } }

// problems lists what is wrong with the options.
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

// ReplayPolicy says which statements may run again on the other side when they
// are cut off after they were executed. A statement that was refused before it had an
// effect is always tried again.
//
// If rows have reached the caller, a statement that only reads is continued: it runs
// again, its first rows are compared with those that the caller has, by a hash for each
// column, and the caller gets the rows that follow. If they differ, the query is lost, and
// CutoverError.Reason says how. So a statement needs an ORDER BY that fixes the order, or
// an engine that keeps it, to be continued. A row has reached the caller when Rows.Next or
// Rows.Batches has begun to read its batch.
type ReplayPolicy uint8

// The policies.
const (
	// ReplaySafe replays statements that only read, as their text shows, and continues
	// them as long as the caller has no more than Config.ContinueWindow of the result.
	// This is the default.
	ReplaySafe ReplayPolicy = iota
	// ReplayNever replays nothing.
	ReplayNever
	// ReplayAlways replays every statement, also one that may have written: its
	// effect may then happen twice. It is for statements that are known to be
	// idempotent. What only reads is continued as with ReplaySafe.
	ReplayAlways
	// ReplayContinue is ReplaySafe without the window: a result is continued however
	// much of it the caller has. Beyond the window it costs the hash of every batch, no
	// memory, and after a cutover the transfer of all rows that the caller has.
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

// QueryOption changes one query.
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

// Tag names a query. Events and errors about the query carry the tag, so that
// the application can recognise it. It must hold no secret.
func Tag(tag string) QueryOption { return func(o *queryOptions) { o.tag = tag } }

// Label gives a query a label, for a Selector and other hooks. It is not sent to
// the cluster.
func Label(key, value string) QueryOption {
	return func(o *queryOptions) {
		if o.labels == nil {
			o.labels = make(map[string]string)
		}
		o.labels[key] = value
	}
}

// InCatalog resolves the query's names against another catalog.
func InCatalog(name string) QueryOption { return func(o *queryOptions) { o.catalog = name } }

// InSchema resolves the query's names against another schema.
func InSchema(name string) QueryOption { return func(o *queryOptions) { o.schema = name } }

// Replay sets the policy for this query.
func Replay(p ReplayPolicy) QueryOption { return func(o *queryOptions) { o.replay = p } }

// NoCache asks the engine not to answer from its cache of results, nor to add
// to it.
func NoCache() QueryOption { return func(o *queryOptions) { o.noCache = true } }

// MaxRows ends a result after n rows, on the server too: Rows.Truncated and
// Result.Truncated say that there was more. 0 and less are no limit, which is the
// default. It saves the transfer of rows; a LIMIT in the statement also saves the
// engine the work.
func MaxRows(n int64) QueryOption { return func(o *queryOptions) { o.maxRows = n } }

type queryOptionsKey struct{}

// WithQueryOptions returns a context that gives the options to the queries that
// are made with it, in addition to those that ctx gives already. They travel in
// the context so that they pass through other interfaces, such as database/sql.
func WithQueryOptions(ctx context.Context, opts ...QueryOption) context.Context {
	before, _ := ctx.Value(queryOptionsKey{}).([]QueryOption)
	all := make([]QueryOption, 0, len(before)+len(opts))
	return context.WithValue(ctx, queryOptionsKey{}, append(append(all, before...), opts...))
}

// queryOptions are the options of a query: the client's, changed by those of
// the context.
func (c *Client) queryOptions(ctx context.Context) queryOptions {
	o := queryOptions{catalog: c.cfg.Catalog, schema: c.cfg.Schema, replay: c.opts.replay}
	opts, _ := ctx.Value(queryOptionsKey{}).([]QueryOption)
	applyAll(&o, opts)
	return o
}

// applyAll applies options. One that is nil has no effect, as a variable of the caller's
// that was left empty.
func applyAll[O any, Opt ~func(*O)](to *O, opts []Opt) {
	for _, opt := range opts {
		if opt != nil {
			opt(to)
		}
	}
}
