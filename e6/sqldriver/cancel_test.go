package sqldriver_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/bubbles"
)

var errWrongRow = errors.New("this is not the row that belongs here")

const manyRows = "SELECT * FROM numbers(1000)"

// ways are the ways to run a statement through database/sql.
var ways = map[string]func(context.Context, *sql.DB, string) error{
	"QueryContext": func(ctx context.Context, db *sql.DB, query string) error {
		r, err := db.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		_, err = scanAll(r)
		return err
	},
	"ExecContext": func(ctx context.Context, db *sql.DB, query string) error {
		_, err := db.ExecContext(ctx, query)
		return err
	},
	"QueryRowContext": func(ctx context.Context, db *sql.DB, query string) error {
		return db.QueryRowContext(ctx, query).Scan(new(int), new(string))
	},
	"a prepared query": func(ctx context.Context, db *sql.DB, query string) error {
		s, err := db.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		r, err := s.QueryContext(ctx)
		if err != nil {
			return err
		}
		_, err = scanAll(r)
		return err
	},
	"a prepared statement": func(ctx context.Context, db *sql.DB, query string) error {
		s, err := db.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		_, err = s.ExecContext(ctx)
		return err
	},
	"a connection": func(ctx context.Context, db *sql.DB, query string) error {
		c, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		r, err := c.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		_, err = scanAll(r)
		return err
	},
}

// stations are the calls of a statement at which it can be caught.
var stations = []struct {
	name, method string
	nth          int
}{
	{"authenticate", "authenticate", 1},
	{"prepare", "prepareStatement", 1},
	{"execute", "executeStatement", 1},
	{"metadata", "getResultMetadata", 1},
	{"the first fetch", "getNextResultBatchV2", 1},
	{"the second fetch", "getNextResultBatchV2", 2},
	{"a later fetch", "getNextResultBatchV2", 7},
}

// readsOn reports whether a statement that is run in this way is still there when
// its second batch is fetched: the first row is all that QueryRow wants.
func readsOn(way string) bool { return way != "QueryRowContext" }

// ends are the ways in which a context ends. The function that ends it returns
// when it has ended, and needs a bubble.
var ends = map[string]struct {
	begin func(context.Context) (ctx context.Context, end func())
	err   error
}{
	"is cancelled": {func(ctx context.Context) (context.Context, func()) { return context.WithCancel(ctx) }, context.Canceled},
	"has a deadline": {func(ctx context.Context) (context.Context, func()) {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		return ctx, func() { <-ctx.Done(); cancel() }
	}, context.DeadlineExceeded},
}

func TestContext_EndsAStatementAtEveryCall(t *testing.T) {
	for fate, action := range map[string]e6test.Action{
		"no response": e6test.Hang, "the response is late": e6test.DelayAfter, "the request is late": e6test.DelayBefore,
	} {
		for _, at := range stations {
			for way, run := range ways {
				if at.nth > 1 && !readsOn(way) {
					continue
				}
				for how, end := range ends {
					t.Run(fmt.Sprintf("%s, which %s, in %s, where %s", way, how, at.name, fate), func(t *testing.T) {
						t.Parallel()
						bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
							if at.method == "authenticate" {
								cluster.ExpireSessions()
							}
							before := cluster.Stats().Calls[at.method]
							remove := cluster.Inject(e6test.Fault{Method: at.method, Nth: at.nth, Action: action, Delay: 2 * time.Second}).Remove
							ctx, over := end.begin(t.Context())
							done := later(func() error { return run(ctx, db, manyRows) })
							synctest.Wait()
							require.Equal(t, before+at.nth, cluster.Stats().Calls[at.method], "it is at its station")
							require.Empty(t, done)
							over()
							synctest.Wait()
							require.Len(t, done, 1, "it has ended")
							require.ErrorIs(t, <-done, end.err)
							remove()
							requireUsable(t, cluster, db, client)
							require.Zero(t, client.Stats().Lost)
							if at.method != "prepareStatement" || action != e6test.Hang { // which would have named the query
								require.Zero(t, client.Stats().Abandoned)
							}
							require.Equal(t, e6.Blue, client.Strategy().Active)
						}, e6test.WithBatchRows(10), e6test.WithChunks(1))
					})
				}
			}
		}
	}
}

func TestContext_EndedDuringTheClearKeepsTheResult(t *testing.T) {
	for way, run := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
				cluster.Inject(e6test.Fault{Method: "clearOrCancelQuery", Action: e6test.DelayBefore, Delay: time.Second})
				ctx, cancel := context.WithCancel(t.Context())
				require.NoError(t, run(ctx, db, "SELECT * FROM numbers(1)"))
				cancel()
				requireUsable(t, cluster, db, client)
				require.Zero(t, client.Stats().Abandoned)
			})
		})
	}
}

func TestPing_EndsWithItsContext(t *testing.T) {
	for how, end := range ends {
		t.Run("which "+how, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
				remove := cluster.Inject(e6test.Fault{Action: e6test.Hang, Times: -1}).Remove
				ctx, over := end.begin(t.Context())
				done := later(func() error { return db.PingContext(ctx) })
				synctest.Wait()
				require.Empty(t, done)
				over()
				synctest.Wait()
				require.Len(t, done, 1)
				require.ErrorIs(t, <-done, end.err)
				remove()
				<-time.After(time.Minute) // the call is the client's own, and ends when its time is over
				requireUsable(t, cluster, db, client)
			})
		})
	}
}

func TestContext_EndedBeforeTheCallSendsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
		requireUsable(t, cluster, db, client) // there is an idle connection
		before := cluster.Stats().Calls
		for way, run := range ways {
			require.ErrorIs(t, run(cancelled(t), db, manyRows), context.Canceled, way)
		}
		require.ErrorIs(t, db.PingContext(cancelled(t)), context.Canceled)
		_, err := db.BeginTx(cancelled(t), nil)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, before, cluster.Stats().Calls)
	})
}

func TestContext_CauseIsInTheError(t *testing.T) {
	cause := errors.New("the user pressed stop")
	for way, run := range ways {
		t.Run(way, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
				ctx, cancel := context.WithCancelCause(t.Context())
				done := later(func() error { return run(ctx, db, "SELECT sleep(60000)") })
				synctest.Wait()
				cancel(cause)
				err := <-done
				require.ErrorIs(t, err, cause)
				require.ErrorIs(t, err, context.Canceled)
				requireUsable(t, cluster, db, client)
			})
		})
	}
}

func TestConnector_OpensWithinTheContextOfTheFirstCall(t *testing.T) {
	for way, run := range ways {
		t.Run(way, func(t *testing.T) {
			bubbles.Test(t, func(t *testing.T) {
				cluster := start(t, e6test.InMemory())
				db := lazyPool(t, cluster)
				remove := cluster.Inject(e6test.Fault{Method: "authenticate", Action: e6test.Hang, Times: -1}).Remove
				ctx, cancel := context.WithCancel(t.Context())
				first := later(func() error { return run(ctx, db, manyRows) })
				synctest.Wait()
				second := later(func() error { return run(t.Context(), db, "SELECT * FROM numbers(1)") })
				brief, leave := context.WithCancel(t.Context())
				third := later(func() error { return run(brief, db, manyRows) })
				synctest.Wait()
				leave()
				synctest.Wait()
				require.Len(t, third, 1, "it need not wait for who opens")
				require.ErrorIs(t, <-third, context.Canceled)
				require.Empty(t, first)
				cancel()
				synctest.Wait()
				require.Len(t, first, 1)
				require.ErrorIs(t, <-first, context.Canceled)
				require.Empty(t, second, "it has its own context")
				remove()
				require.NoError(t, <-second)
			})
		})
	}
}
