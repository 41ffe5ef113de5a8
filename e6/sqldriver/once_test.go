package sqldriver_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/sqldriver"
)

const insert = "INSERT INTO audit VALUES (7)"

func TestInsert_RunsOnceUnderEveryFault(t *testing.T) {
	for _, at := range []string{"authenticate", "prepareStatement", "executeStatement", "getResultMetadata", "getNextResultBatchV2", "clearOrCancelQuery"} {
		for name, fault := range map[string]e6test.Fault{
			"is refused":                    {Action: e6test.Refuse456},
			"finds the cluster suspended":   {Action: e6test.Refuse503},
			"fails":                         {Action: e6test.Fail, Code: codes.Internal, Message: "out of memory"},
			"is denied":                     {Action: e6test.Fail, Code: codes.Internal, Message: "Access denied. Invalid session"},
			"breaks before the engine":      {Action: e6test.BreakBefore},
			"breaks behind the engine":      {Action: e6test.BreakAfter},
			"finds no engine":               {Action: e6test.BadGateway},
			"is never answered":             {Action: e6test.Hang},
			"comes late":                    {Action: e6test.DelayBefore, Delay: 2 * time.Second},
			"is answered late":              {Action: e6test.DelayAfter, Delay: 2 * time.Second},
			"is answered with noise":        {Action: e6test.Garbage},
			"is answered with less":         {Action: e6test.Short},
			"is answered without a session": {Action: e6test.EmptySession},
		} {
			t.Run(at+" "+name, func(t *testing.T) {
				t.Parallel()
				engine := e6test.NewCannedEngine()
				bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
					if at == "authenticate" {
						cluster.ExpireSessions()
					}
					fault.Method = at
					remove := cluster.Inject(fault).Remove
					defer remove()
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					_, err := db.ExecContext(ctx, insert)
					ran := cluster.Stats().Executions[insert]
					require.LessOrEqual(t, ran, 1)
					require.Len(t, engine.Inserted("audit"), ran)
					require.NotErrorIs(t, err, driver.ErrBadConn)
					switch cut, lost := errors.AsType[*e6.CutoverError](err); {
					case err == nil:
						require.Equal(t, 1, ran)
					case lost:
						require.True(t, cut.MayHaveTakenEffect)
					case ran == 1:
						require.True(t, isOwnAnswer(err) || errors.Is(err, context.DeadlineExceeded), "%v", err)
					}
					<-time.After(time.Minute) // background work of the client
					require.Equal(t, ran, cluster.Stats().Executions[insert], "nor later")
				}, e6test.WithEngine(engine))
			})
		}
	}
}

// isOwnAnswer reports whether an error is an answer to one statement.
func isOwnAnswer(err error) bool {
	_, ok := errors.AsType[*e6.QueryError](err)
	return ok
}

func TestErrBadConn_OnlyIfNothingWasSent(t *testing.T) {
	for name, run := range map[string]func(context.Context, *sql.Conn) error{
		"QueryContext":   func(ctx context.Context, c *sql.Conn) error { return queryOn(ctx, c, insert) },
		"ExecContext":    func(ctx context.Context, c *sql.Conn) error { _, err := c.ExecContext(ctx, insert); return err },
		"PrepareContext": func(ctx context.Context, c *sql.Conn) error { _, err := c.PrepareContext(ctx, insert); return err },
		"PingContext":    func(ctx context.Context, c *sql.Conn) error { return c.PingContext(ctx) },
		"QueryRowContext": func(ctx context.Context, c *sql.Conn) error {
			return c.QueryRowContext(ctx, insert).Scan(new(int))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
				c, err := db.Conn(t.Context())
				require.NoError(t, err)
				require.NoError(t, client.Close())
				calls := cluster.Stats().Calls
				require.ErrorIs(t, run(t.Context(), c), driver.ErrBadConn)
				require.Equal(t, calls, cluster.Stats().Calls)
				_ = c.Close()
				// The pool takes another one, with another client.
				_, err = db.ExecContext(t.Context(), insert)
				require.NoError(t, err)
				require.Equal(t, 1, cluster.Stats().Executions[insert])
				require.Equal(t, calls["authenticate"]+1, cluster.Stats().Calls["authenticate"])
			})
		})
	}
}

// queryOn runs a statement on one connection.
func queryOn(ctx context.Context, c *sql.Conn, query string) error {
	r, err := c.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	return r.Close()
}

func TestConnector_ReplacesAClosedClientOnce(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
		db.SetMaxIdleConns(8)
		conns := make([]*sql.Conn, 8)
		for i := range conns {
			var err error
			conns[i], err = db.Conn(t.Context())
			require.NoError(t, err)
		}
		for _, c := range conns {
			require.NoError(t, c.Close())
		}
		require.Equal(t, 8, db.Stats().Idle)
		prepared, err := db.PrepareContext(t.Context(), "INSERT INTO audit VALUES (?)")
		require.NoError(t, err)
		defer func() { require.NoError(t, prepared.Close()) }()
		require.NoError(t, client.Close())
		var done []<-chan error
		for n := range 16 {
			done = append(done, later(func() error { _, err := prepared.ExecContext(t.Context(), n); return err }))
		}
		for _, d := range done {
			require.NoError(t, <-d)
		}
		require.Equal(t, 2, cluster.Stats().Calls["authenticate"])
		for n := range 16 {
			require.Equal(t, 1, cluster.Stats().Executions[fmt.Sprintf("INSERT INTO audit VALUES (%d)", n)])
		}
	})
}

func TestConnector_ClosedDuringAStatementDoesNotRetryIt(t *testing.T) {
	for _, at := range []string{"prepareStatement", "executeStatement", "getResultMetadata", "getNextResultBatchV2"} {
		t.Run(at, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
				cluster.Inject(e6test.Fault{Method: at, Action: e6test.DelayAfter, Delay: time.Second})
				done := later(func() error { _, err := db.ExecContext(t.Context(), insert); return err })
				synctest.Wait()
				require.Empty(t, done)
				require.NoError(t, client.Close())
				err := <-done
				require.ErrorIs(t, err, e6.ErrClosed)
				require.NotErrorIs(t, err, driver.ErrBadConn)
				require.NoError(t, db.PingContext(t.Context()), "with another client")
				require.LessOrEqual(t, cluster.Stats().Executions[insert], 1)
				require.Empty(t, cluster.OpenQueries())
			})
		})
	}
}

func TestErrors_TheEnginesErrorIsReturned(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
		for way, run := range ways {
			err := run(t.Context(), db, "FAIL the planet is full")
			failed, ok := errors.AsType[*e6.QueryError](err)
			require.True(t, ok, "%s: %v", way, err)
			require.ErrorContains(t, failed, "the planet is full", way)
			require.ErrorAs(t, run(t.Context(), db, "SELEKT"), new(*e6.QueryError), way)
		}
		require.Equal(t, len(ways), cluster.Stats().Executions["FAIL the planet is full"], "once each")
		requireUsable(t, cluster, db, client)
	})
}

func TestErrors_HoldNoSecret(t *testing.T) {
	for name, dsn := range map[string]string{
		"another scheme":     "postgres://me:" + password + "@host:80/",
		"no scheme":          "me:" + password + "@host:80",
		"a bad escape":       "e6://me:" + password + "%zz@host:80/",
		"a bad port":         "e6://me:" + password + "@host:eighty/",
		"a control sign":     "e6://me:" + password + "@host:80/\x7f",
		"a space":            "e6://me:" + password + "@ho st:80/",
		"an open bracket":    "e6://me:" + password + "@[::1/",
		"an unknown setting": "e6://me:" + password + "@host:80/?" + "nonsense=1",
		"a bad duration":     "e6://me:" + password + "@host:80/?drain_timeout=soon",
		"a bad query":        "e6://me:" + password + "@host:80/?%zz",
		"a long path":        "e6://me:" + password + "@host:80/a/b/c",
		"a password alone":   "e6://:" + password + "@host:80/",
		"no host":            "e6://me:" + password + "@/",
		"an unescaped slash": "e6://me:/" + password + "@host:80/",
		"an unescaped at":    "e6://me:@" + password + "@/?x=1",
		"an unescaped mark":  "e6://me:?" + password + "@host:80/",
		"an unescaped path":  "e6://me:/a/b/" + password + "@host:80/",
		"a mail address":     "e6://me@example.com:12?" + password + "@host:80/",
		"an unescaped hash":  "e6://me:#" + password + "@host:80/",
	} {
		t.Run(name, func(t *testing.T) {
			db, err := sql.Open("e6", dsn)
			if err == nil {
				defer func() { require.NoError(t, db.Close()) }()
				err = db.PingContext(cancelled(t))
			}
			require.Error(t, err)
			require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), password)
		})
	}
	t.Run("a login that is refused", func(t *testing.T) {
		bubble(t, func(t *testing.T, cluster *e6test.Cluster, _ *sql.DB, _ *e6.Client) {
			cfg := config(cluster)
			cfg.User = "user@example.com"
			connector, err := sqldriver.NewConnector(cfg, sqldriver.WithClientOptions(e6.WithDialer(cluster.Dialer())))
			require.NoError(t, err)
			db := sql.OpenDB(connector)
			defer func() { require.NoError(t, db.Close()) }()
			err = db.PingContext(t.Context())
			require.Error(t, err)
			require.NotContains(t, err.Error(), password)
		}, e6test.WithCredentials("me@example.com", password))
	})
}
