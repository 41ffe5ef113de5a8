package sqldriver_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/sqldriver"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// password is what no error may show.
const password = "planted-secret"

// config is how a test reaches its cluster. The pauses are short.
func config(cluster *e6test.Cluster) e6.Config {
	return e6.Config{
		Address: cluster.Addr(), User: "me@example.com", Token: password,
		RetryPause: 5 * time.Millisecond, ResumePoll: 5 * time.Millisecond,
	}
}

// connect makes a connector, which has not called anybody yet.
func connect(t *testing.T, cluster *e6test.Cluster, opts ...sqldriver.Option) *sqldriver.Connector {
	t.Helper()
	opts = append(opts, sqldriver.WithClientOptions(e6.WithDialer(cluster.Dialer())))
	connector, err := sqldriver.NewConnector(config(cluster), opts...)
	require.NoError(t, err)
	return connector
}

// lazyPool opens a pool whose client is opened by the first call.
func lazyPool(t *testing.T, cluster *e6test.Cluster, opts ...sqldriver.Option) *sql.DB {
	t.Helper()
	db := sql.OpenDB(connect(t, cluster, opts...))
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// pool opens a pool and the client under it.
func pool(t *testing.T, cluster *e6test.Cluster, opts ...sqldriver.Option) (*sql.DB, *e6.Client) {
	t.Helper()
	connector := connect(t, cluster, opts...)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	client, err := connector.Client(t.Context())
	require.NoError(t, err)
	return db, client
}

// bubble runs a cluster and a pool in a bubble, where waiting takes no time, and
// where a goroutine that is left over fails the test.
func bubble(t *testing.T, test func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client), opts ...e6test.Option) {
	t.Helper()
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, append(opts, e6test.InMemory())...)
		db, client := pool(t, cluster)
		test(t, cluster, db, client)
	})
}

// later calls a function in a goroutine and returns where its result comes.
func later(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

// scanAll reads all rows of numbers(n), or returns after how many of them reading failed.
func scanAll(r *sql.Rows) (rows int, err error) {
	defer func() { _ = r.Close() }()
	for r.Next() {
		var n int
		var text string
		if err := r.Scan(&n, &text); err != nil {
			return rows, err
		}
		if n != rows || text != e6test.NumbersText(rows) {
			return rows, errWrongRow
		}
		rows++
	}
	return rows, r.Err()
}

// requireUsable shows that a pool works and that nothing of what was before is
// left: no query on the server, no pin, no connection in use.
func requireUsable(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT ?", 42).Scan(&n))
	require.Equal(t, 42, n)
	require.NoError(t, db.PingContext(t.Context()))
	require.Eventually(t, func() bool {
		flying := client.Stats().InFlight
		return len(cluster.OpenQueries()) == 0 && flying[e6.Blue]+flying[e6.Green] == 0 && db.Stats().InUse == 0
	}, 10*time.Second, time.Millisecond, "the server holds %v, the client %v, the pool %+v", cluster.OpenQueries(), client.Stats().InFlight, db.Stats())
}

// cancelled returns a context that has ended.
func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
