package etcd

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/e6data/e6data-go/internal/etcdserver"
	"github.com/e6data/e6data-go/internal/stress"
)

// patience bounds what a test waits for, so that a hang is a failure.
const patience = stress.Patience

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// A server is an etcd of the test's own, without TLS unless it has a scheme.
type server struct {
	*etcdserver.Server
	t      testing.TB
	addr   string
	scheme string
}

// startEtcd starts an etcd on loopback, and waits until it answers. tlsArgs make it
// speak TLS only.
func startEtcd(t testing.TB, tlsArgs ...string) *server {
	t.Helper()
	s := &server{Server: etcdserver.ForTest(t, tlsArgs...), t: t, scheme: "http"}
	s.addr = s.Addr()
	if len(tlsArgs) > 0 {
		s.scheme = "https"
	}
	s.answers()
	return s
}

// start starts it again after kill.
func (s *server) start() {
	s.t.Helper()
	require.NoError(s.t, s.Again())
	s.answers()
}

// answers waits until it answers, which it does after it listens. With TLS only the
// test's own configuration could set.
func (s *server) answers() {
	s.t.Helper()
	if s.scheme == "http" {
		first, err := Open(s.config(), WithCallTimeout(patience))
		require.NoError(s.t, err)
		_, err = first.Load(within(s.t), "any")
		require.NoError(s.t, errors.Join(err, first.Close()))
	}
}

func (s *server) config() clientv3.Config {
	return clientv3.Config{Endpoints: []string{s.scheme + "://" + s.addr}}
}

// open opens a store that is closed with the test.
func open(t testing.TB, cfg clientv3.Config, opts ...Option) *Store {
	t.Helper()
	s, err := Open(cfg, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// openAt opens a store at an address, without TLS.
func openAt(t testing.TB, addr string, opts ...Option) *Store {
	t.Helper()
	return open(t, clientv3.Config{Endpoints: []string{addr}}, opts...)
}
