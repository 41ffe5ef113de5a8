package sqldriver_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/sqldriver"
	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestRowsThatAreClosedEarlyGiveTheirConnectionBack(t *testing.T) {
	for _, read := range []int{0, 1, 55} {
		bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
			db.SetMaxOpenConns(1)
			for range 5 {
				r, err := db.QueryContext(t.Context(), manyRows)
				require.NoError(t, err)
				for range read {
					require.True(t, r.Next())
				}
				require.Equal(t, 1, db.Stats().InUse)
				require.NoError(t, r.Close())
				require.NoError(t, r.Close())
				require.False(t, r.Next())
				require.NoError(t, r.Err())
				require.ErrorContains(t, r.Scan(new(int), new(string)), "closed")
			}
			requireUsable(t, cluster, db, client)
			require.Equal(t, 1, db.Stats().OpenConnections)
		}, e6test.WithBatchRows(10), e6test.WithChunks(1))
	}
}

func TestPool_WaitForAConnectionEndsWithTheContext(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
		db.SetMaxOpenConns(1)
		r, err := db.QueryContext(t.Context(), manyRows)
		require.NoError(t, err)
		require.True(t, r.Next())

		before := cluster.Stats().Executions["SELECT 7"]
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		require.ErrorIs(t, db.QueryRowContext(ctx, "SELECT 7").Scan(new(int)), context.DeadlineExceeded)
		require.Equal(t, 3*time.Second, time.Since(began))
		require.Equal(t, before, cluster.Stats().Executions["SELECT 7"])
		require.Equal(t, int64(1), db.Stats().WaitCount)

		waiting := later(func() error { return db.QueryRowContext(t.Context(), "SELECT 7").Scan(new(int)) })
		synctest.Wait()
		require.Empty(t, waiting)
		require.Equal(t, int64(2), db.Stats().WaitCount)
		require.NoError(t, r.Close())
		require.NoError(t, <-waiting)
		requireUsable(t, cluster, db, client)
	}, e6test.WithBatchRows(10))
}

func TestRowsWithinRowsNeedAConnectionEach(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
		db.SetMaxOpenConns(2)
		outer, err := db.QueryContext(t.Context(), "SELECT * FROM numbers(20)")
		require.NoError(t, err)
		seen := 0
		for outer.Next() {
			inner, err := db.QueryContext(t.Context(), "SELECT * FROM numbers(15)")
			require.NoError(t, err)
			n, err := scanAll(inner)
			require.NoError(t, err)
			seen += n
		}
		require.NoError(t, outer.Err())
		require.NoError(t, outer.Close())
		require.Equal(t, 20*15, seen)
		require.Zero(t, db.Stats().WaitCount)
		requireUsable(t, cluster, db, client)
	}, e6test.WithBatchRows(4), e6test.WithChunks(1))
}

func TestPool_StatsAreCorrect(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
		db.SetMaxOpenConns(8)
		var running sync.WaitGroup
		for range 20 {
			running.Go(func() {
				if err := ways["QueryContext"](t.Context(), db, "SELECT * FROM numbers(30)"); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // each has its connection, or waits for one
		s := db.Stats()
		require.Equal(t, 8, s.MaxOpenConnections)
		require.Equal(t, 8, s.OpenConnections)
		require.Equal(t, 8, s.InUse)
		require.Equal(t, int64(12), s.WaitCount)
		running.Wait()
		s = db.Stats()
		require.Zero(t, s.InUse)
		require.Equal(t, 2, s.Idle, "as many as a pool keeps by default")
		require.NotZero(t, s.WaitDuration)
		requireUsable(t, cluster, db, client)
		require.Equal(t, 1, cluster.Stats().Calls["authenticate"])
	}, e6test.WithLatency(time.Millisecond))
}

func TestPool_ConnectionsNeedNoAuthentication(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
		db.SetConnMaxLifetime(time.Second)
		db.SetMaxIdleConns(0)
		for range 20 {
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT 1").Scan(new(int)))
			<-time.After(time.Minute)
		}
		require.GreaterOrEqual(t, db.Stats().MaxIdleClosed, int64(20))
		require.Equal(t, 1, cluster.Stats().Calls["authenticate"])
		requireUsable(t, cluster, db, client)
	})
}

func TestPool_CloseEndsRunningStatements(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory(), e6test.WithBatchRows(10), e6test.WithChunks(1))
		connector := connect(t, cluster)
		db := sql.OpenDB(connector)
		prepared, err := db.PrepareContext(t.Context(), "SELECT 1")
		require.NoError(t, err)
		r, err := db.QueryContext(t.Context(), manyRows)
		require.NoError(t, err)
		require.True(t, r.Next())
		var slow []<-chan error
		for _, run := range ways {
			slow = append(slow, later(func() error { return run(t.Context(), db, "SELECT sleep(60000)") }))
		}
		synctest.Wait()
		require.Equal(t, len(ways), cluster.Stats().Executions["SELECT sleep(60000)"])

		began := time.Now()
		require.NoError(t, db.Close())
		for _, done := range slow {
			require.ErrorIs(t, <-done, e6.ErrClosed)
		}
		require.Zero(t, time.Since(began))
		for r.Next() {
		}
		require.ErrorIs(t, r.Err(), e6.ErrClosed)
		require.NoError(t, r.Close())
		require.Empty(t, cluster.OpenQueries())
		require.Zero(t, db.Stats().OpenConnections)

		calls := cluster.Stats().Calls
		for way, run := range ways {
			require.ErrorContains(t, run(t.Context(), db, manyRows), "database is closed", way)
		}
		_, err = prepared.QueryContext(t.Context())
		require.ErrorContains(t, err, "closed")
		require.ErrorContains(t, db.PingContext(t.Context()), "database is closed")
		require.NoError(t, db.Close())
		_, err = connector.Client(t.Context())
		require.ErrorIs(t, err, sqldriver.ErrConnectorClosed)
		require.Equal(t, calls, cluster.Stats().Calls)
	})
}

func TestPool_ClosedUnusedMakesNoCall(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		require.NoError(t, sql.OpenDB(connect(t, cluster)).Close())
		require.Empty(t, cluster.Stats().Calls)
	})
}

func TestConnector_CloseDuringOpenLeavesNoClient(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory(), e6test.WithLatency(time.Second))
		connector := connect(t, cluster)
		db := sql.OpenDB(connector)
		opening := later(func() error { return db.PingContext(t.Context()) })
		synctest.Wait()
		require.NoError(t, db.Close())
		require.Error(t, <-opening)
		_, err := connector.Connect(t.Context())
		require.ErrorIs(t, err, sqldriver.ErrConnectorClosed)
	})
}

func TestTwoPoolsOfOneConnectorShareAClient(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, _ *sql.DB, _ *e6.Client) {
		connector := connect(t, cluster)
		one, two := sql.OpenDB(connector), sql.OpenDB(connector)
		before := cluster.Stats().Calls["authenticate"]
		require.NoError(t, one.PingContext(t.Context()))
		require.NoError(t, two.PingContext(t.Context()))
		require.Equal(t, before+1, cluster.Stats().Calls["authenticate"])
		require.NoError(t, one.Close())
		require.ErrorIs(t, two.PingContext(t.Context()), sqldriver.ErrConnectorClosed)
		require.NoError(t, two.Close())
	})
}

func TestDriverOpen_HasItsOwnClient(t *testing.T) {
	cluster := start(t)
	dsn := "e6://me%40example.com:secret@" + cluster.Addr() + "/"
	db, err := sql.Open("e6", dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.IsType(t, sqldriver.Driver{}, db.Driver())
	for range 2 {
		conn, err := db.Driver().Open(dsn)
		require.NoError(t, err)
		require.NoError(t, conn.(driver.Pinger).Ping(t.Context()))
		require.True(t, conn.(driver.Validator).IsValid())
		require.NoError(t, conn.Close())
		require.False(t, conn.(driver.Validator).IsValid(), "its client is closed with it")
		require.ErrorIs(t, conn.(driver.SessionResetter).ResetSession(t.Context()), driver.ErrBadConn)
	}
	require.Equal(t, 2, cluster.Stats().Calls["authenticate"])
	_, err = db.Driver().Open("e6://user@/")
	require.ErrorAs(t, err, new(*e6.ConfigError))
}

func TestConnector_RetriesAFailedOpen(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, _ *sql.DB, _ *e6.Client) {
		works := false
		dial := cluster.Dialer()
		connector, err := sqldriver.NewConnector(config(cluster), sqldriver.WithClientOptions(
			e6.WithDialer(func(ctx context.Context, address string) (net.Conn, error) {
				if !works {
					return nil, io.ErrUnexpectedEOF
				}
				return dial(ctx, address)
			})))
		require.NoError(t, err)
		db := sql.OpenDB(connector)
		defer func() { require.NoError(t, db.Close()) }()
		require.ErrorAs(t, db.PingContext(t.Context()), new(*e6.DetectionError))
		synctest.Wait()
		works = true
		require.NoError(t, db.PingContext(t.Context()))
	})
}
