package e6_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/auth"
	"github.com/e6data/e6data-go/e6/e6test"
)

// tokens is an OAuth server.
type tokens struct {
	made    atomic.Int64
	expiry  time.Duration
	fail    atomic.Bool // it gives no token
	revoked atomic.Bool // and none of its tokens is valid any longer
}

func (s *tokens) Token() (*oauth2.Token, error) {
	if s.fail.Load() {
		return nil, errors.New("the token endpoint is away")
	}
	return &oauth2.Token{AccessToken: fmt.Sprintf("planted-%d", s.made.Add(1)), Expiry: time.Now().Add(s.expiry)}, nil
}

func (s *tokens) accepts(token string) bool {
	return strings.HasPrefix(token, "planted-") && !s.revoked.Load()
}

// withBearer serves a cluster that takes the tokens, and opens a client.
func withBearer(t *testing.T, source *tokens) (*e6test.Cluster, *e6.Client) {
	serverTLS, ca := certificate(t)
	cluster := start(t, e6test.WithTLS(serverTLS), e6test.WithBearer(source.accepts))
	client := open(t, cluster, func(c *e6.Config) {
		c.User, c.Token = "", ""
		c.TLS, c.CAPEM, c.ServerName = true, ca, "cluster.test"
		c.Bearer = auth.OAuth2(source)
	})
	return cluster, client
}

func TestBearer_CutoverNeedsNoLogin(t *testing.T) {
	source := &tokens{expiry: time.Hour}
	cluster, client := withBearer(t, source)
	ctx := within(t, 20*time.Second)
	for _, side := range []e6.Side{e6.Green, e6.Blue} {
		for _, kind := range []e6test.CutoverKind{e6test.Graceful, e6test.Abrupt} {
			if kind == e6test.Graceful {
				require.NoError(t, cluster.Cutover(ctx, e6test.Cutover{To: side, Kind: kind}))
			} else {
				require.NoError(t, cluster.Cutover(ctx, e6test.Cutover{To: side.Other(), Kind: kind}))
			}
			for range 5 {
				require.NoError(t, client.Exec(ctx, "SELECT 1"))
			}
			require.Equal(t, cluster.Active(), client.Strategy().Active)
		}
	}
	require.Zero(t, calls(cluster, "authenticate"))
	require.EqualValues(t, 1, source.made.Load(), "one token for all calls")
}

func TestBearer_RejectionIsAnErrorWithoutAPasswordLogin(t *testing.T) {
	source := &tokens{expiry: time.Hour}
	cluster, client := withBearer(t, source)
	source.revoked.Store(true)
	err := client.Exec(within(t, 10*time.Second), "SELECT 1")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "planted")
	require.Zero(t, calls(cluster, "authenticate"))
}

func TestBearer_ASuspendedClusterIsResumed(t *testing.T) {
	cluster, client := withBearer(t, &tokens{expiry: time.Hour})
	cluster.Suspend()
	require.NoError(t, client.Exec(within(t, 10*time.Second), "SELECT 1"))
	require.Equal(t, 1, calls(cluster, "resume"))
	require.Zero(t, calls(cluster, "authenticate"))
}

func TestATokenIsRenewedBeforeItExpires(t *testing.T) {
	source := &tokens{expiry: 30 * time.Second} // which is sooner than auth.Early
	_, client := withBearer(t, source)
	ready(t, "a renewed token", func() bool {
		return client.Exec(within(t, 10*time.Second), "SELECT 1") == nil && source.made.Load() > 1
	})
}

func TestBearer_AnUnreachableTokenEndpointIsNamed(t *testing.T) {
	source := &tokens{}
	source.fail.Store(true)
	serverTLS, ca := certificate(t)
	cluster := start(t, e6test.WithTLS(serverTLS), e6test.WithBearer(source.accepts))
	cfg := config(cluster)
	cfg.User, cfg.Token, cfg.TLS, cfg.CAPEM, cfg.ServerName = "", "", true, ca, "cluster.test"
	cfg.DetectionTimeout = time.Second
	cfg.Bearer = auth.OAuth2(source)
	_, err := e6.Open(t.Context(), cfg)
	_, ok := errors.AsType[*e6.DetectionError](err)
	require.True(t, ok, "%v", err)
	require.ErrorContains(t, err, "the token endpoint is away")
}

func TestBearer_NeedsTLSAndNoOtherCredentials(t *testing.T) {
	err := e6.Config{Address: "localhost:1", User: "u", Bearer: func(context.Context) (string, error) { return "x", nil }}.Validate()
	wrong, ok := errors.AsType[*e6.ConfigError](err)
	require.True(t, ok)
	require.Len(t, wrong.Problems, 2)
}
