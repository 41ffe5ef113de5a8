package e6

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/address"
	"github.com/e6data/e6data-go/e6/internal/settings"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// Side is one half of a blue/green deployment: Blue, Green or None.
type Side = fsm.Side

// The sides.
const (
	None  = fsm.None
	Blue  = fsm.Blue
	Green = fsm.Green
)

// Config identifies a cluster and has the settings of a client. The zero value of a field means
// its default. Address is required, and one of User with Token, Credentials, and Bearer.
type Config struct {
	// Address is the cluster's host and port, such as "e6.example.com:443".
	Address string
	// ClusterName is the name of the cluster. It is required if several clusters share an
	// address. It is sent in lower case.
	ClusterName string
	// ApplicationName names the program: at the beginning of the user agent, before the
	// name and version of this SDK, and in the comments of WithTagComment. At most 64
	// bytes of printable ASCII without spaces, such as billing/2.1. Default: no name.
	ApplicationName string

	// User and Token are the credentials: the e-mail address of a user and a
	// personal access token. Without TLS they are sent in clear text: see
	// AllowClearText.
	User  string
	Token string
	// Credentials is called for every authentication, from any goroutine, so that tokens
	// can rotate. It replaces User and Token.
	Credentials func(ctx context.Context) (user, token string, err error)
	// Bearer returns an OAuth access token. It is called for each call, from any
	// goroutine: package auth caches a token until it expires. With Bearer there is no
	// session, and TLS is required. It replaces User, Token and Credentials; the client
	// never falls back to them.
	Bearer func(ctx context.Context) (token string, err error)

	// TLS encrypts the connection. CAFile or CAPEM replaces the root certificates of the
	// system with those in PEM form; ServerName replaces the host name that the
	// certificate of the server must have.
	TLS        bool
	CAFile     string
	CAPEM      []byte
	ServerName string
	// AllowClearText allows credentials, statements and rows to cross a network without
	// TLS. Otherwise a configuration without TLS is refused, unless the address is a
	// loopback address (localhost, 127.0.0.1, ::1), or an option sets a dialer or
	// transport credentials. Bearer always needs TLS.
	AllowClearText bool

	// Catalog and Schema are the defaults for unqualified names in statements.
	Catalog string
	Schema  string

	// PreferredSide is the side that the first detection probes first, unless a store or
	// a hook selects another one. Default: blue.
	PreferredSide Side

	// NoAutoResume disables the resume of a suspended cluster: calls return ErrSuspended.
	// By default the client resumes it.
	NoAutoResume bool
	// ResumeTimeout limits the resume of a cluster. Default: 5 minutes.
	ResumeTimeout time.Duration
	// ResumePoll is the interval between status calls while the cluster resumes.
	// Default: 5 seconds.
	ResumePoll time.Duration

	// DetectionTimeout limits a detection of the active side. Queries that wait for it
	// fail when it has passed. Default: 30 seconds.
	DetectionTimeout time.Duration
	// ProbeTimeout limits one health probe or authentication.
	// Default: 10 seconds.
	ProbeTimeout time.Duration
	// ReadyTimeout limits the time in which an announced side refuses. When it has
	// passed, the announcement is dropped. Default: 10 minutes.
	ReadyTimeout time.Duration
	// SharedTimeout limits the phase in which a Selector sends new queries to both sides.
	// Default: 30 minutes.
	SharedTimeout time.Duration
	// DrainTimeout limits the wait of a cutover for the running queries of the old side.
	// They continue when it has passed. Default: 15 minutes.
	DrainTimeout time.Duration
	// RefreshInterval is the interval between health probes of an idle client.
	// Default: 5 minutes.
	RefreshInterval time.Duration

	// PrepareTimeout limits the preparation of one statement.
	// Default: 10 minutes.
	PrepareTimeout time.Duration
	// MaxInFlight limits the statements of this client that run at the same time. Others
	// wait for a free slot, in the order of arrival, within their contexts. A statement
	// runs until its rows have been read or closed, so a program that opens rows within
	// a loop over rows needs a slot for each. An abandoned statement counts until it is
	// cancelled on the server, at most for CloseTimeout. 0 sets no limit.
	MaxInFlight int
	// Admission requests a planner from the cluster before each statement, and waits,
	// within PrepareTimeout, while the cluster starts one. It has no effect on an engine
	// without admission. Default: statements are sent without this request.
	Admission bool
	// MaxAttempts limits the attempts of a statement whose calls get no response. Refused
	// calls do not count, because they had no effect. Default: 5.
	MaxAttempts int
	// RetryPause is the upper limit of the random pause before the first retry. It
	// doubles with each retry. Default: 200 milliseconds.
	RetryPause time.Duration
	// CloseTimeout limits Close, which waits until the server has confirmed the
	// cancellation of running queries, and then closes the connections. It also limits
	// the cancellation of a single query on the server.
	// Default: 5 seconds.
	CloseTimeout time.Duration

	// MaxConnections limits the connections for statements. The client opens another one
	// when all have StreamsPerConnection calls in flight, and closes it after some idle
	// time. Control calls have a separate connection. Ingresses limit the calls on a
	// connection: HAProxy to 100, nginx to 128, Envoy mostly to 100, net/http of Go to
	// 250. Further calls wait, so MaxConnections times that limit bounds the calls that
	// run at the same time. Default: 16.
	MaxConnections int
	// StreamsPerConnection is the number of calls in flight on each connection at which
	// another one is opened. An ingress that allows fewer lowers it. A statement whose first rows
	// are requested early makes two calls. Default: 64.
	StreamsPerConnection int
	// KeepaliveTime is the time without data after which a connection with calls in flight
	// gets an HTTP/2 PING. gRPC servers allow one in 5 minutes while they send nothing;
	// after more of them they end the connection and its calls, with GOAWAY
	// "too_many_pings". A shorter time needs a server that allows it. TCP keepalive
	// probes every connection besides, every 30 seconds, which no server counts.
	// Default: 6 minutes, the minimum 10 seconds.
	KeepaliveTime time.Duration
	// KeepaliveTimeout limits the response to a PING, and the time in which the peer leaves
	// data without a TCP acknowledgement. Default: 1 minute.
	KeepaliveTimeout time.Duration
	// MaxReceiveBytes limits one response with rows. Set it lower for an untrusted server
	// or little memory: a batch needs a small multiple of it. Default: 2147483647, which
	// is the limit of gRPC.
	MaxReceiveBytes int
	// MaxSendBytes limits one request: a statement with its arguments. Default: 100 MiB.
	MaxSendBytes int

	// HookBudget limits one call of a hook. Default: 100 milliseconds.
	HookBudget time.Duration
	// GuardBudget limits one call of a Guard, with its queries.
	// Default: 30 seconds.
	GuardBudget time.Duration
	// HealthWindow is the sliding window of the health of a side. Default: 1 minute.
	HealthWindow time.Duration

	// LogLevel is the minimum level of the client's log records: its events and its
	// failures. Without WithLogger, the client writes them to the standard error. With
	// WithLogger, its handler may leave out more. The value is a slog.Level, or a
	// *slog.LevelVar to change the level at run time. A level above slog.LevelError turns
	// logging off. Default: without WithLogger only panics of the application's code are
	// logged, to slog.Default(); with WithLogger, its handler decides.
	LogLevel slog.Leveler
	// StrategyLogLevel is the minimum level of events about the active side.
	// Default: LogLevel.
	StrategyLogLevel slog.Leveler
	// GRPCLogLevel is the minimum level of records about calls to the cluster: failed ones
	// have slog.LevelWarn, the others slog.LevelDebug. Default: no calls are logged.
	GRPCLogLevel slog.Leveler
	// LogFormat is the format of records on the standard error: "text", which is key=value
	// as slog.TextHandler writes it, or "json", one object per line. Default: text.
	LogFormat string

	// Prefetch and PrefetchBytes limit the read-ahead of a result: the decoded batches and
	// the received bytes that wait for the caller. While more bytes wait than
	// PrefetchBytes, no further response is requested, so a result holds at most
	// PrefetchBytes and one response of the engine, beside the batch that the caller
	// reads. The columns of decoded batches are not included; one decoded batch always
	// waits, and another one for room.
	// Default: 2 batches, 64 MiB.
	Prefetch      int
	PrefetchBytes int
	// FetchAfterMetadata delays the request for the first batch of a result until the
	// columns are known. By default the client requests both at once, which saves a round
	// trip, for statements that it may replay (see ReplayPolicy): if the connection breaks
	// while the engine computes, the batch may be lost, and only a replay returns it. A
	// replay always requests the columns first. Set it if the time limit of the ingress
	// for a call (nginx: grpc_read_timeout) is shorter than the queries: each of them
	// would run twice.
	FetchAfterMetadata bool
	// ContinueWindow is the maximum size of the rows that have reached the caller, in
	// bytes as received, at which the client still continues a result that is cut off: see
	// ReplayPolicy. A row counts at least one byte for each column. The client keeps up to
	// that many bytes in memory for each result that is being read, until the result ends
	// or exceeds the window. ReplayContinue has no such limit: it hashes the rows beyond
	// the window and does not keep them. With ReplayNever no result is continued. A window
	// of 1 byte disables continuation, and changes nothing for replays.
	// Default: 1 MiB.
	ContinueWindow int
	// TrustRowCount ends a result after the number of rows that the engine declares, and
	// does not request the end mark, which saves a round trip. Set it only if the engine
	// declares the number of a complete result; otherwise rows are missing without an
	// error. Default: only the engine's end mark ends a result.
	TrustRowCount bool
	// EventHistory is the number of events that the client keeps for Client.History and
	// new subscribers. Default: 256.
	EventHistory int
}

// withCredentials moves the token into the callback: a field would show in a dump of the
// value that holds the Config.
func (c Config) withCredentials() Config {
	if c.Credentials == nil {
		user, token := c.User, c.Token
		c.Credentials = func(context.Context) (string, string, error) { return user, token, nil }
		c.Token = ""
	}
	return c
}

// withDefaults sets the fields that have their zero value to their defaults.
func (c Config) withDefaults() Config {
	settings.Fill(&c)
	if a, err := address.Parse(c.Address); err == nil {
		c.Address = a.String() // the key of the cluster in a store: one for all its forms
	}
	return c.withCredentials()
}

// limits lists the fields whose values are outside of the limits of their settings.
func (c Config) limits() (problems []Problem) {
	for _, s := range settings.All() {
		if want := s.Check(&c); want != "" {
			problems = append(problems, Problem{Field: s.Field, Value: s.Text(&c), Want: want})
		}
	}
	return problems
}

// Validate returns a *ConfigError with all problems of the configuration and of the options
// for Open, or nil. Open calls it.
func (c Config) Validate(opts ...Option) error {
	var o options
	applyAll(&o, opts)
	return c.validate(&o)
}

// validate is Validate with the options applied.
func (c Config) validate(o *options) error {
	e := &ConfigError{Problems: o.problems()}
	bad := func(field, value, want string) {
		e.Problems = append(e.Problems, Problem{Field: field, Value: value, Want: want})
	}

	e.Problems = append(e.Problems, c.addressProblems()...)
	if !wire.Printable(settings.SentName(c.ClusterName)) {
		bad("ClusterName", strconv.Quote(c.ClusterName), "printable ASCII, as it is sent in a header")
	}
	if !validName(c.ApplicationName) {
		bad("ApplicationName", strconv.Quote(c.ApplicationName), "at most 64 bytes of printable ASCII without spaces, such as billing/2.1")
	}
	if c.Bearer != nil {
		if c.User != "" || c.Token != "" || c.Credentials != nil {
			bad("Bearer", "set together with User, Token or Credentials", "one of them")
		}
		if !c.TLS {
			bad("TLS", "false", "true, as a bearer must not be sent in clear text")
		}
	} else if c.Credentials == nil {
		if c.User == "" {
			bad("User", "empty", "a user name, or Credentials, or Bearer (E6DATA_USERNAME, or user in a DSN or a profile)")
		}
		if c.Token == "" {
			bad("Token", "empty", "an access token, or Credentials, or Bearer (E6DATA_PASSWORD, or token_file in a profile)")
		}
	} else if c.User != "" || c.Token != "" {
		bad("Credentials", "set together with User or Token", "one of them")
	}
	if !c.TLS && (c.CAFile != "" || len(c.CAPEM) > 0 || c.ServerName != "") {
		bad("TLS", "false", "true, as a CA or a server name is given")
	}
	e.Problems = append(e.Problems, c.clearText(o)...)
	if c.CAFile != "" && len(c.CAPEM) > 0 {
		bad("CAFile", strconv.Quote(c.CAFile), "nothing, as CAPEM is given too")
	}
	e.Problems = append(e.Problems, c.tlsProblems(o)...)
	e.Problems = append(e.Problems, c.limits()...)
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}

// addressProblems lists the problems of the address.
func (c Config) addressProblems() []Problem {
	a, err := address.Parse(c.Address)
	p := Problem{Field: "Address", Value: strconv.Quote(c.Address)}
	switch {
	case c.Address == "":
		p.Value, p.Want = "empty", "a host and a port, such as e6.example.com:443"
	case err != nil:
		p.Value = strconv.Quote(address.Masked(c.Address))
		p.Want, _ = address.Want(err)
	case a.Port == "":
		p.Want = "a port too: " + net.JoinHostPort(a.Host, address.DefaultPort(c.TLS))
	default:
		return nil
	}
	return []Problem{p}
}

// tlsProblems lists the problems of the certificates, and gRPC options that disable TLS.
func (c Config) tlsProblems(o *options) []Problem {
	if !c.TLS {
		return nil
	}
	cfg, err := c.tlsConfig()
	if failed, ok := errors.AsType[*wire.CAError](err); ok {
		p := Problem{Field: "CAPEM", Value: fmt.Sprintf("%d bytes", len(c.CAPEM)), Want: "certificates in PEM form: " + failed.Err.Error()}
		if failed.Source == c.CAFile {
			p.Field, p.Value = "CAFile", strconv.Quote(c.CAFile)
		}
		if missing, ok := errors.AsType[*fs.PathError](failed.Err); ok {
			p.Want = "a file of certificates in PEM form that can be read: " + missing.Err.Error()
		}
		return []Problem{p}
	}
	if len(o.dial) > 0 && !wire.Encrypts(cfg, o.dial) {
		return []Problem{{Field: "WithDialOptions", Value: "without TLS", Want: "no transport credentials among them: the gRPC options turn TLS off, which Config.TLS asks for"}}
	}
	return nil
}

// String returns the configuration as a DSN with *** in place of the token. config.ParseDSN
// reads it.
func (c Config) String() string {
	if c.Token != "" || c.Credentials != nil {
		c.Token = "***"
	}
	return c.FormatDSN()
}

// GoString implements fmt.GoStringer, so that %#v shows no secret either.
func (c Config) GoString() string { return "e6.Config{" + c.String() + "}" }

// Format implements fmt.Formatter. Without it, verbs that are not for text would
// print the fields, and so the token.
func (c Config) Format(f fmt.State, verb rune) {
	if verb == 'v' && f.Flag('#') {
		_, _ = io.WriteString(f, c.GoString())
		return
	}
	_, _ = io.WriteString(f, c.String())
}

// tlsConfig is nil for clear text.
func (c Config) tlsConfig() (*tls.Config, error) {
	if !c.TLS {
		return nil, nil
	}
	return wire.TLSConfig(c.CAFile, c.CAPEM, c.ServerName)
}
