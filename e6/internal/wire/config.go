package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/address"
)

// Defaults of a Config.
const (
	// DefaultKeepaliveTime is the time without traffic after which a connection with
	// calls in flight gets an HTTP/2 PING. gRPC servers and some ingresses allow one PING
	// in 5 minutes while they send nothing; on more they end the connection and its calls
	// with GOAWAY too_many_pings. Clocks differ, so the default is a minute longer.
	DefaultKeepaliveTime = 6 * time.Minute
	// DefaultKeepaliveTimeout is the maximum time for the answer to a PING, or for the
	// acknowledgement of data by TCP, before the connection counts as lost.
	DefaultKeepaliveTimeout = time.Minute
)

// The backoff between attempts to connect. It is short, because a call during such a
// pause fails at once, and the caller decides about retries.
const (
	connectBase    = 100 * time.Millisecond
	connectMax     = 2 * time.Second
	connectTimeout = 10 * time.Second
)

// The HTTP/2 flow-control windows. The windows of gRPC begin at 64 KiB and grow with the
// traffic of a connection up to 16 MiB: until then a batch of a megabyte needs four more
// round trips.
const (
	streamWindow = 16 << 20
	connWindow   = 64 << 20
)

// Config describes a connection to a cluster.
type Config struct {
	// Target is host:port, or any target that gRPC understands. Required.
	Target string
	// ClusterName is sent in the header cluster-name, in lower case. Empty:
	// the header is left out.
	ClusterName string
	// TLS is the configuration of TLS. Nil: clear text. It is copied, with TLS 1.2
	// at least. It must verify the server's certificate.
	TLS *tls.Config
	// Bearer returns the bearer token of a call. Nil: calls have none. It requires TLS.
	Bearer Bearer
	// KeepaliveTime is the time without traffic after which a connection with active
	// calls gets an HTTP/2 PING, and KeepaliveTimeout the maximum time for its answer.
	// Zero: the defaults. A negative KeepaliveTime turns PINGs off. gRPC sends one in
	// 10 s at most. TCP keepalive probes every connection in any case.
	KeepaliveTime, KeepaliveTimeout time.Duration
	// MaxReceiveBytes and MaxSendBytes limit the size of a message. Zero: as
	// large as gRPC allows.
	MaxReceiveBytes, MaxSendBytes int
	// UserAgent is put before gRPC's own in the header user-agent.
	UserAgent string
	// Dialer opens the connections, given the address of the target as it was
	// written. Nil: TCP, after the name is resolved.
	Dialer func(ctx context.Context, addr string) (net.Conn, error)
	// Observer stamps the calls and receives the announcements in their responses.
	// Required.
	Observer Observer
	// OnSilence, if it is set, is called when calls to a side were outstanding for
	// SilenceAfter without any response of the side, also if their callers cancelled
	// them, and again after each further SilenceAfter. The stamp is from the begin of the
	// silence, in the current epoch. It is called on its own goroutine.
	OnSilence    func(side fsm.Side, at Stamp, silent time.Duration)
	SilenceAfter time.Duration
	// OnStreamWait, if it is set, is called when calls have waited for a stream for 1
	// second without a break, each time that wait has doubled, and, if it was reported, when no call
	// waits any longer. It is called on the goroutine of a call, and must not block.
	OnStreamWait func(StreamWait)
	// Failure, if it is set, returns the error of a failed call, which wraps the *Error. Nil:
	// calls return the *Error.
	Failure func(*Error) error
	// OnCall, if it is set, is called after the end of every call.
	OnCall func(context.Context, CallRecord)
	// MaxConnections is the maximum number of connections for statements, and
	// StreamsPerConnection the number of calls on each from which another one is opened.
	// Zero: the defaults.
	MaxConnections, StreamsPerConnection int
	// Lookup resolves the host of the target to IP addresses. Nil: the resolver of the
	// operating system. It is not called if there is a Dialer, if the target is an IP
	// address, or if a proxy resolves the name (HTTPS_PROXY).
	Lookup func(ctx context.Context, host string) ([]string, error)
	// DialOptions are applied last, and may override what is set here. They may not
	// turn TLS off.
	DialOptions []grpc.DialOption
}

// CallRecord is a call that has ended.
type CallRecord struct {
	Method string
	Side   fsm.Side
	Took   time.Duration
	Err    error
}

// Stamp is taken when a call is sent, and reported with its result, so that the receiver
// recognises late results.
type Stamp struct{ Epoch, Transition uint64 }

// Observer receives the observations of the transport. Its methods are called
// concurrently on the goroutines of the calls and must not block.
type Observer interface {
	// Stamp returns the current stamp. It is called as each call is sent.
	Stamp() Stamp
	// Announced is called when a response of source announced a side. ctx is the
	// context of the call.
	Announced(ctx context.Context, source fsm.Side, at Stamp, target fsm.Side)
	// Agreed is called when a response of side could have named another side, and
	// named none or side itself. It is called for nearly every response.
	Agreed(side fsm.Side, at Stamp)
	// AnnouncedUnknown is called when a response of source announced a value that is
	// no side. The value may have any length.
	AnnouncedUnknown(ctx context.Context, source fsm.Side, at Stamp, value string)
}

// validate returns all errors of the configuration, joined.
func (c *Config) validate() error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if strings.TrimSpace(c.Target) == "" {
		wrong("target is empty: expected host:port")
	}
	if c.Observer == nil {
		wrong("observer is nil: every call needs one")
	}
	if c.Bearer != nil && c.TLS == nil {
		wrong("a bearer without TLS would be sent in clear text")
	}
	if c.TLS != nil {
		switch {
		case c.TLS.InsecureSkipVerify:
			wrong("TLS that verifies no certificate is as good as none: give the CA instead")
		case c.TLS.MaxVersion != 0 && c.TLS.MaxVersion < tls.VersionTLS12:
			wrong("%s is the newest version that TLS may have: expected TLS 1.2 or newer", tls.VersionName(c.TLS.MaxVersion))
		case len(c.DialOptions) > 0 && !Encrypts(c.TLS, c.DialOptions):
			wrong("the gRPC options turn TLS off, which the configuration asks for")
		}
	}
	if c.KeepaliveTimeout < 0 {
		wrong("keepalive timeout %v is negative", c.KeepaliveTimeout)
	}
	if c.MaxReceiveBytes < 0 {
		wrong("largest answer of %d bytes is negative", c.MaxReceiveBytes)
	}
	if c.MaxSendBytes < 0 {
		wrong("largest request of %d bytes is negative", c.MaxSendBytes)
	}
	if c.MaxConnections < 0 {
		wrong("at most %d connections is negative", c.MaxConnections)
	}
	if c.StreamsPerConnection < 0 {
		wrong("%d streams per connection is negative", c.StreamsPerConnection)
	}
	if !Printable(c.ClusterName) {
		wrong("cluster name %q cannot be sent in a header: expected printable ASCII", c.ClusterName)
	}
	return errors.Join(problems...)
}

// Printable reports whether gRPC accepts s as the value of a header.
func Printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// target returns the target for gRPC. A dialer of the caller gets the address as it
// was written: only the dialer may know the name, and a DNS lookup would reveal it.
func (c *Config) target() string {
	switch {
	case strings.Contains(c.Target, "://") || strings.HasPrefix(c.Target, "unix:"):
		return c.Target
	case c.Dialer != nil:
		return address.Target("passthrough", c.Target)
	}
	return address.Target("dns", c.Target)
}

// options returns the options for gRPC, for a link whose target names resolves.
func (c *Config) options(l *link, names resolver.Builder) []grpc.DialOption {
	creds := insecure.NewCredentials()
	if c.TLS != nil {
		creds = credentials.NewTLS(atLeast12(c.TLS))
	}
	pause := backoff.Config{BaseDelay: connectBase, Multiplier: 1.6, Jitter: 0.2, MaxDelay: connectMax}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(&watched{creds, l}),
		// The service config below is used; one from DNS is ignored.
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultServiceConfig(l.conn.limits),
		grpc.WithMaxHeaderListSize(maxHeaderBytes),
		grpc.WithDisableRetry(),
		// No idle timeout: the first query after a quiet time should not wait for a
		// handshake.
		grpc.WithIdleTimeout(0),
		grpc.WithInitialWindowSize(streamWindow),
		grpc.WithInitialConnWindowSize(connWindow),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: pause, MinConnectTimeout: connectTimeout}),
	}
	if a, err := address.Parse(c.Target); err == nil && strings.Contains(a.Host, "%") && (c.TLS == nil || c.TLS.ServerName == "") {
		// The zone of an IPv6 address is local: the server and its certificate do not know it.
		opts = append(opts, grpc.WithAuthority(a.Authority()))
	}
	if len(c.DialOptions) > 0 {
		// A service config among them replaces the one above, and its limits.
		opts = append(opts, grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(orLargest(c.MaxReceiveBytes)),
			grpc.MaxCallSendMsgSize(orLargest(c.MaxSendBytes)),
		))
	}
	if c.KeepaliveTime >= 0 {
		opts = append(opts, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time:    orDefault(c.KeepaliveTime, DefaultKeepaliveTime),
			Timeout: orDefault(c.KeepaliveTimeout, DefaultKeepaliveTimeout),
		}))
	}
	if c.Bearer != nil {
		opts = append(opts, grpc.WithPerRPCCredentials(c.Bearer))
	}
	if c.UserAgent != "" {
		opts = append(opts, grpc.WithUserAgent(c.UserAgent))
	}
	if c.Dialer != nil {
		opts = append(opts, grpc.WithContextDialer(c.Dialer))
	}
	opts = append(opts, c.DialOptions...)
	// gRPC takes the first resolver that fits, so those of the caller come first.
	return append(opts, grpc.WithResolvers(names))
}

// orLargest returns the limit of a message, by default the largest that gRPC allows.
func orLargest(limit int) int {
	if limit == 0 {
		return math.MaxInt32
	}
	return limit
}

func orDefault[T ~int | ~int64](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}
