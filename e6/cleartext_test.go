package e6_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/auth"
	"github.com/e6data/e6data-go/e6/sqldriver"
)

func credentialsFor(address string) e6.Config {
	return e6.Config{Address: address, User: "me@example.com", Token: "secret"}
}

func TestClearText_CredentialsNeedAllowClearText(t *testing.T) {
	for _, address := range []string{
		"e6.example.com:80", "10.0.0.1:80", "[2001:db8::1]:80", "0.0.0.0:80", "localhost.example.com:80",
		"127.0.0.1.example.com:80", "[::ffff:10.0.0.1]:80", "notlocalhost:80",
	} {
		_, err := e6.Open(t.Context(), credentialsFor(address))
		wrong, ok := errors.AsType[*e6.ConfigError](err)
		require.True(t, ok, "%s: %v", address, err)
		require.Len(t, wrong.Problems, 1, address)
		require.Equal(t, "TLS", wrong.Problems[0].Field, address)
		require.Equal(t, "false", wrong.Problems[0].Value, address)
		require.Contains(t, wrong.Problems[0].Want, "AllowClearText", address)

		allowed := credentialsFor(address)
		allowed.AllowClearText = true
		require.NoError(t, allowed.Validate(), address)
		encrypted := credentialsFor(address)
		encrypted.TLS = true
		require.NoError(t, encrypted.Validate(), address)
	}
}

func TestClearText_LoopbackNeedsNoPermission(t *testing.T) {
	for _, address := range []string{"127.0.0.1:80", "127.8.8.8:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "localhost:80", "LocalHost.:80", "blue.localhost:80"} {
		require.NoError(t, credentialsFor(address).Validate(), address)
	}
}

func TestBearer_IsNeverSentInClearText(t *testing.T) {
	cfg := e6.Config{Address: "localhost:80", Bearer: auth.Static("x"), AllowClearText: true}
	require.ErrorContains(t, cfg.Validate(), "a bearer must not be sent in clear text")
}

func TestDialOptions_OwnTransportNeedsNoTLS(t *testing.T) {
	cfg := credentialsFor("cluster.test:80")
	dialer := e6.WithDialer(func(context.Context, string) (net.Conn, error) { return nil, errors.New("not here") })
	require.NoError(t, cfg.Validate(dialer))
	own := grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13}))
	require.NoError(t, cfg.Validate(e6.WithDialOptions(own)))
	require.Error(t, cfg.Validate(e6.WithDialOptions(grpc.WithUserAgent("x"))), "an option that encrypts nothing")
	require.Error(t, cfg.Validate(e6.WithDialOptions(grpc.WithTransportCredentials(insecure.NewCredentials()))))

	_, err := sqldriver.NewConnector(cfg)
	require.Error(t, err)
	connector, err := sqldriver.NewConnector(cfg, sqldriver.WithClientOptions(dialer))
	require.NoError(t, err)
	require.NoError(t, connector.Close())
}

func TestDialOptions_CannotDisableTLS(t *testing.T) {
	cfg := credentialsFor("localhost:80")
	cfg.TLS = true
	_, err := e6.Open(t.Context(), cfg, e6.WithDialOptions(grpc.WithTransportCredentials(insecure.NewCredentials())))
	require.ErrorContains(t, err, "the gRPC options turn TLS off")
}
