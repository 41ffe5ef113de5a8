package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/e6data/e6data-go/e6"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// conn is a connection to a cluster, without the client's classification of errors.
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

// to returns the calls to a side: a header routes them. Without a side they have no such
// header.
func (c *conn) to(side, planner string) calls {
	b := &caller{conn: c}
	if side != "" {
		b.headers = append(b.headers, "strategy", side)
	}
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
