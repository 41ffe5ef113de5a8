package e6_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/freeport"
)

// abandonedPort returns the address of a port without a listener.
func abandonedPort(t *testing.T) string {
	addr, err := freeport.Addr()
	require.NoError(t, err)
	return addr
}

// unreachable are configurations that cannot work, by a part of the error that they get.
func unreachable(t *testing.T) map[string]e6.Config {
	serverTLS, ca := certificate(t)
	_, otherCA := certificate(t)
	encrypted, clear := start(t, e6test.WithTLS(serverTLS)), start(t)
	all := map[string]e6.Config{
		"nothing listens there: check the host and the port": {Address: abandonedPort(t)},
		"the server may expect TLS":                          {Address: encrypted.Addr()},
		"give the CA that signed the server's certificate":   {Address: encrypted.Addr(), TLS: true},
		"x509: certificate":                                  {Address: encrypted.Addr(), TLS: true, CAPEM: otherCA},
		"speak TLS on this port":                             {Address: clear.Addr(), TLS: true, CAPEM: ca},
		"set the server name to one that the certificate has": {
			Address: encrypted.Addr(), TLS: true, CAPEM: ca, ServerName: "a.test"},
	}
	for text, cfg := range all {
		cfg.User, cfg.Token = "user@example.com", "secret-token"
		cfg.DetectionTimeout = time.Hour
		all[text] = cfg
	}
	return all
}

// requireOneCause checks that an error has its cause, and has it once.
func requireOneCause(t *testing.T, err error, cause string) {
	t.Helper()
	failed, ok := errors.AsType[*e6.DetectionError](err)
	require.True(t, ok, "%v", err)
	require.Error(t, failed.Blue)
	require.Error(t, failed.Green)
	require.ErrorContains(t, err, cause)
	require.Equal(t, 1, strings.Count(err.Error(), "authenticate on "), "%v", err)
	require.Equal(t, 1, strings.Count(err.Error(), cause), "%v", err)
}

func TestOpen_FailsAfterOneRoundIfARetryCannotHelp(t *testing.T) {
	for cause, cfg := range unreachable(t) {
		t.Run(cause, func(t *testing.T) {
			t.Parallel()
			_, err := e6.Open(within(t, time.Minute), cfg)
			requireOneCause(t, err, cause)
		})
	}
}

func TestOpen_FailsAfterOneRoundForAnUnknownHost(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		dial := func(_ context.Context, addr string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}}
		}
		cfg := e6.Config{Address: "no.such.host.invalid:80", User: "user@example.com", Token: "secret-token"}
		began := time.Now()
		_, err := e6.Open(t.Context(), cfg, e6.WithDialer(dial))
		requireOneCause(t, err, "the host name is not known: check the address")
		require.Less(t, time.Since(began), time.Second)
	})
}

func TestOpenWaitsForANameServerThatDoesNotAnswer(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		began, dial := time.Now(), cluster.Dialer()
		flaky := func(ctx context.Context, addr string) (net.Conn, error) {
			if time.Since(began) < 5*time.Second {
				return nil, &net.DNSError{Err: "server misbehaving", Name: addr, IsTemporary: true}
			}
			return dial(ctx, addr)
		}
		client, err := e6.Open(t.Context(), config(cluster), e6.WithDialer(flaky))
		require.NoError(t, err)
		require.NoError(t, client.Close())
	})
}

func TestAPingOfDatabaseSQLFailsAfterOneRound(t *testing.T) {
	db, err := sql.Open("e6", "e6://me%40example.com:secret@"+abandonedPort(t)+"/?detection_timeout=120")
	require.NoError(t, err)
	defer db.Close()
	requireOneCause(t, db.PingContext(within(t, time.Minute)), "nothing listens there")
}

func TestLazyOpen_FirstCallsFailAsOpenDoes(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		var there atomic.Bool
		dial := cluster.Dialer()
		client, err := e6.Open(t.Context(), config(cluster), e6.WithLazyOpen(), e6.WithDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			if !there.Load() {
				return nil, errors.New("connect: connection refused")
			}
			return dial(ctx, addr)
		}))
		require.NoError(t, err)
		defer client.Close()
		for range 2 {
			began := time.Now()
			requireOneCause(t, client.Exec(t.Context(), "SELECT 1"), "nothing listens there")
			require.Less(t, time.Since(began), time.Second)
		}
		there.Store(true)
		elapse(2 * time.Second) // gRPC waits a second before it connects again
		answer(t, client)

		// A client that has been served keeps trying.
		there.Store(false)
		cluster.DropConnections()
		time.AfterFunc(20*time.Second, func() { there.Store(true) })
		answer(t, client)
	})
}

func TestResume_UnconfirmedSuspensionCountsAsUnreachable(t *testing.T) {
	requireSeen := func(t *testing.T, err error) {
		t.Helper()
		require.ErrorContains(t, err, "answered 503; cluster status call: 503")
		require.NotContains(t, err.Error(), "is suspended")
		require.NotErrorIs(t, err, e6.ErrSuspended)
		require.True(t, e6.IsRetryable(err))
	}
	for name, change := range map[string]func(*e6.Config){
		"default":      defaults,
		"NoAutoResume": func(c *e6.Config) { defaults(c); c.NoAutoResume = true },
	} {
		t.Run("Open, "+name, func(t *testing.T) {
			bubbles.Test(t, func(t *testing.T) {
				cluster := start(t, e6test.InMemory())
				cluster.Inject(e6test.Fault{Action: e6test.Refuse503, Times: -1})
				cfg := config(cluster)
				change(&cfg)
				began := time.Now()
				_, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
				requireSeen(t, err)
				require.Equal(t, 30*time.Second, time.Since(began))

				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				began = time.Now()
				_, err = e6.Open(ctx, cfg, e6.WithDialer(cluster.Dialer()))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				requireSeen(t, err)
				require.Equal(t, 5*time.Second, time.Since(began))
			})
		})
		t.Run("a query, "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, _ *e6.Client) {
				client := patient(t, cluster, change)
				end := cluster.Inject(e6test.Fault{Action: e6test.Refuse503, Times: -1}).Remove
				began := time.Now()
				err := client.Exec(t.Context(), "INSERT INTO sales VALUES (1)")
				requireSeen(t, err)
				require.Less(t, time.Since(began), 45*time.Second)
				require.Empty(t, published[events.ClusterResume](client), "nothing was resumed")
				time.AfterFunc(10*time.Second, end)
				answer(t, client)
				require.Equal(t, fsm.StateBlue, client.Strategy().State)
			})
		})
	}
}

func TestResume_AfterALateStatus(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory(), e6test.WithResumeDelay(2*time.Minute))
		cluster.Suspend()
		time.AfterFunc(10*time.Second, cluster.Inject(e6test.Fault{Method: "status", Action: e6test.Refuse503, Times: -1}).Remove)
		began := time.Now()
		client := open(t, cluster, defaults)
		require.GreaterOrEqual(t, time.Since(began), 2*time.Minute+10*time.Second)
		answer(t, client)
	})
}
