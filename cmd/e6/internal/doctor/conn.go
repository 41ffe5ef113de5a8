package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// conn is a connection to a cluster, without the client's judgement.
type conn struct {
	cc   *grpc.ClientConn
	name string
	auth func(context.Context) (string, error)
}

// dial returns a connection, which is made when it is first used.
func dial(cfg e6.Config) (*conn, error) {
	transport := insecure.NewCredentials()
	if cfg.TLS {
		t, err := tlsConfig(cfg)
		if err != nil {
			return nil, err
		}
		transport = credentials.NewTLS(t)
	}
	cc, err := grpc.NewClient("dns:///"+cfg.Address, grpc.WithTransportCredentials(transport), grpc.WithDisableRetry(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)))
	if err != nil {
		return nil, err
	}
	return &conn{cc: cc, name: strings.ToLower(strings.TrimSpace(cfg.ClusterName)), auth: cfg.Bearer}, nil
}

// tlsConfig is how the configuration wants the server to be checked.
func tlsConfig(cfg e6.Config) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: cfg.ServerName, NextProtos: []string{"h2"}}
	pem := cfg.CAPEM
	if cfg.CAFile != "" {
		var err error
		if pem, err = os.ReadFile(cfg.CAFile); err != nil {
			return nil, err
		}
	}
	if len(pem) > 0 {
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("the file of certificates holds none")
		}
	}
	return t, nil
}

// reply is what came back on a call, beside its message.
type reply struct {
	err             error
	header, trailer metadata.MD
	took            time.Duration
}

// calls are the calls to one side. They are made one at a time.
type calls struct {
	e6xv1.QueryEngineServiceClient
	e6xv1.ClusterServiceClient
	caller *caller
}

// last is the reply to the last call.
func (c calls) last() reply { return c.caller.last }

// to returns the calls to a side: a header that says so sends them there.
func (c *conn) to(side, planner string) calls {
	b := &caller{conn: c, headers: []string{"strategy", side}}
	if c.name != "" {
		b.headers = append(b.headers, "cluster-name", c.name)
	}
	if planner != "" {
		b.headers = append(b.headers, "plannerip", planner)
	}
	return calls{e6xv1.NewQueryEngineServiceClient(b), e6xv1.NewClusterServiceClient(b), b}
}

// caller makes calls under the names that the services have on the wire, which are
// without a package.
type caller struct {
	*conn
	headers []string
	last    reply
}

// Invoke implements grpc.ClientConnInterface.
func (b *caller) Invoke(ctx context.Context, method string, args, into any, opts ...grpc.CallOption) error {
	headers := b.headers
	if b.auth != nil {
		token, err := b.auth(ctx)
		if err != nil {
			return err
		}
		headers = append(headers[:len(headers):len(headers)], "authorization", "Bearer "+token)
	}
	ctx = metadata.AppendToOutgoingContext(ctx, headers...)
	var r reply
	begin := time.Now()
	path := "/" + method[strings.LastIndexByte(method[:strings.LastIndexByte(method, '/')], '.')+1:]
	r.err = b.cc.Invoke(ctx, path, args, into, append(opts, grpc.Header(&r.header), grpc.Trailer(&r.trailer))...)
	r.took = time.Since(begin)
	b.last = r
	return r.err
}

// NewStream implements grpc.ClientConnInterface. The protocol has no streams.
func (b *caller) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("the protocol has no streams")
}

// The forms in which an ingress refuses a call: see the protocol's signals.
const (
	httpReply    = "unexpected HTTP status code received from server: "
	refusedHTTP  = httpReply + "456 ("
	asleepHTTP   = httpReply + "503 ("
	refusedText  = "status: 456"
	asleepText   = "status: 503"
	refusedMock  = "Wrong strategy. Status: 456."
	accessDenied = "Access denied"
)

// outcome is what a reply says about its side.
type outcome string

const (
	accepts     outcome = "accepts"
	refuses     outcome = "refuses"
	asleep      outcome = "is suspended"
	denies      outcome = "rejects the credentials"
	fails       outcome = "fails"
	foreign     outcome = "is no cluster"
	unreachable outcome = "cannot be reached"
	puzzling    outcome = "gives an answer that is not known"
)

// judge tells what a reply means, and in which form it came.
func (r reply) judge() (o outcome, form string) {
	s := status.Convert(r.err)
	m := s.Message()
	ingress := len(r.header) == 0 && len(r.trailer) == 0
	switch {
	case r.err == nil:
		return accepts, ""
	case s.Code() == codes.Unknown && strings.HasPrefix(m, refusedHTTP):
		return refuses, "HTTP status 456"
	case s.Code() == codes.Unknown && m == refusedText:
		return refuses, "gRPC status with the text " + refusedText
	case s.Code() == codes.InvalidArgument && strings.HasPrefix(m, refusedMock):
		return refuses, "gRPC status of the mock server"
	case s.Code() == codes.Unavailable && strings.HasPrefix(m, asleepHTTP):
		return asleep, "HTTP status 503"
	case s.Code() == codes.Unavailable && strings.HasPrefix(m, asleepText):
		return asleep, "gRPC status with the text " + asleepText
	case s.Code() == codes.Unauthenticated, s.Code() == codes.PermissionDenied,
		strings.HasPrefix(m, httpReply+"401 ("), strings.HasPrefix(m, httpReply+"403 ("), strings.Contains(m, accessDenied):
		return denies, raw(r.err)
	case s.Code() == codes.Unavailable, s.Code() == codes.DeadlineExceeded, s.Code() == codes.Canceled:
		return unreachable, raw(r.err)
	case s.Code() == codes.Unimplemented && strings.HasPrefix(m, httpReply):
		return foreign, raw(r.err) // a web server, which knows no gRPC
	case !ingress && s.Code() != codes.Unknown, s.Code() == codes.Unimplemented:
		return accepts, raw(r.err) // an engine has answered
	}
	return puzzling, raw(r.err)
}

// raw is an error as gRPC has it.
func raw(err error) string {
	s, ok := status.FromError(err)
	if !ok {
		return err.Error()
	}
	return fmt.Sprintf("%s: %q", s.Code(), s.Message())
}
