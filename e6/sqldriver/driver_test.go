package sqldriver_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/sqldriver"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, opts ...e6test.Option) *e6test.Cluster {
	t.Helper()
	cluster, err := e6test.Start(opts...)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, cluster.Close())
		require.Empty(t, cluster.Stats().Violations)
	})
	return cluster
}

// open opens a pool by a data source name, as users do.
func open(t *testing.T, cluster *e6test.Cluster) *sql.DB {
	t.Helper()
	db, err := sql.Open("e6", "e6://me%40example.com:secret@"+cluster.Addr()+"/?retry_pause=0.1")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestPool_AuthenticatesOncePerSide(t *testing.T) {
	for _, size := range []int{1, 8, 64} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			cluster := start(t)
			db := open(t, cluster)
			db.SetMaxOpenConns(size)
			var running sync.WaitGroup
			for range 64 {
				running.Go(func() {
					for range stress.Count(2, 10) {
						var n int
						if err := db.QueryRowContext(t.Context(), "SELECT ?", 42).Scan(&n); err != nil || n != 42 {
							t.Errorf("%d, %v", n, err)
						}
					}
				})
			}
			require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
			running.Wait()
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT 1").Err()) // the others may have ended before the cutover
			require.LessOrEqual(t, cluster.Stats().CallsBySide[e6.Blue]["authenticate"], 1+1, "one of them may be a refused one")
			require.Equal(t, 1, cluster.Stats().CallsBySide[e6.Green]["authenticate"])
		})
	}
}

func TestRows_ValuesHaveTheTypesOfDatabaseSQL(t *testing.T) {
	db := open(t, start(t))
	r, err := db.QueryContext(t.Context(), "SELECT * FROM everything(3)")
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	types, err := r.ColumnTypes()
	require.NoError(t, err)
	want := map[string]any{
		"BOOLEAN": false, "INTEGER": int64(0), "LONG": int64(0), "FLOAT": 0.0, "DOUBLE": 0.0, "STRING": "", "BINARY": []byte{},
		"DATE": time.Time{}, "DATETIME": time.Time{}, "TIMESTAMP": time.Time{}, "TIMESTAMP_TZ": time.Time{}, "DECIMAL128": "",
		"ARRAY": "", "MAP": "", "STRUCT": "",
	}
	rows := 0
	for ; r.Next(); rows++ {
		values := make([]any, len(types))
		into := make([]any, len(types))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, r.Scan(into...))
		for i, v := range values {
			if v != nil && want[types[i].DatabaseTypeName()] != nil {
				require.IsType(t, want[types[i].DatabaseTypeName()], v, types[i].DatabaseTypeName())
			}
		}
	}
	require.NoError(t, r.Err())
	require.Equal(t, 3, rows)
	for _, typ := range types {
		require.NotNil(t, typ.ScanType(), typ.DatabaseTypeName())
		_, known := typ.Nullable()
		require.False(t, known)
	}
}

func TestScan_DecimalsAreExact(t *testing.T) {
	var d vector.Decimal
	require.NoError(t, d.Scan("12345678901234567890123456789012345678"))
	require.Equal(t, "12345678901234567890123456789012345678", d.String())
	require.ErrorContains(t, d.Scan(1.5), "not exact")
	require.ErrorContains(t, d.Scan(nil), "null")
	var null sql.Null[vector.Decimal]
	require.NoError(t, null.Scan(nil))
	require.False(t, null.Valid)
	require.NoError(t, null.Scan("1.50"))
	require.Equal(t, "1.50", null.V.String())
}

func TestDriver_UnsupportedCallsReturnTypedErrors(t *testing.T) {
	cluster := start(t)
	db := open(t, cluster)
	result, err := db.ExecContext(t.Context(), "INSERT INTO audit VALUES (?)", 7)
	require.NoError(t, err)
	_, err = result.RowsAffected()
	require.ErrorIs(t, err, sqldriver.ErrRowsAffected)
	_, err = result.LastInsertId()
	require.ErrorIs(t, err, sqldriver.ErrLastInsertID)
	_, err = db.BeginTx(t.Context(), nil)
	require.ErrorIs(t, err, sqldriver.ErrTransactions)
	_, err = db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	require.ErrorIs(t, err, sqldriver.ErrTransactions)
	_, err = db.QueryContext(t.Context(), "SELECT ?")
	require.Error(t, err, "without arguments the text goes to the engine as it is")
	_, err = db.QueryContext(t.Context(), "SELECT ?", 1, 2)
	param, ok := errors.AsType[*e6.ParamError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "2", param.Param)
}

func TestBeginTx_ReadOnlyCanBeAllowed(t *testing.T) {
	cluster := start(t)
	connector, err := sqldriver.NewConnector(e6.Config{Address: cluster.Addr(), User: "me", Token: "secret"}, sqldriver.WithReadOnlyTransactions())
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.BeginTx(t.Context(), nil)
	require.ErrorIs(t, err, sqldriver.ErrTransactions)
	_, err = db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelSerializable})
	require.ErrorContains(t, err, "Serializable")
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	require.NoError(t, err)
	var n int
	require.NoError(t, tx.QueryRow("SELECT 42").Scan(&n))
	require.NoError(t, tx.Commit())
}

func TestConn_RawReturnsTheClient(t *testing.T) {
	cluster := start(t)
	db := open(t, cluster)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	require.NoError(t, conn.Raw(func(c any) error {
		client := c.(*sqldriver.Conn).Client()
		require.Equal(t, e6.Blue, client.Strategy().Active)
		r, err := client.Query(t.Context(), "SELECT * FROM numbers(2500)")
		require.NoError(t, err)
		defer func() { require.NoError(t, r.Close()) }()
		rows := 0
		for b, err := range r.Batches() {
			require.NoError(t, err)
			rows += b.Rows()
		}
		require.Equal(t, 2500, rows)
		return nil
	}))
	require.NoError(t, db.PingContext(t.Context()))
}

func TestConnector_ReopensAClosedClient(t *testing.T) {
	db := open(t, start(t))
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	require.NoError(t, conn.Raw(func(c any) error { return c.(*sqldriver.Conn).Client().Close() }))
	require.ErrorIs(t, conn.PingContext(t.Context()), driver.ErrBadConn)
	_ = conn.Close()
	var n int
	require.NoError(t, db.QueryRow("SELECT 42").Scan(&n))
	require.Equal(t, 42, n)
}

func TestOptionsOfAQueryPassThroughTheContext(t *testing.T) {
	cluster := start(t)
	db := open(t, cluster)
	cluster.Inject(e6test.Fault{Method: "executeStatement", Action: e6test.BreakAfter})
	ctx := e6.WithQueryOptions(t.Context(), e6.Tag("audit-7"))
	_, err := db.ExecContext(ctx, "INSERT INTO audit VALUES (7)")
	lost, ok := errors.AsType[*e6.CutoverError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "audit-7", lost.Tag)
	require.True(t, lost.MayHaveTakenEffect)
}

func TestDSN_ErrorNamesEveryInvalidPart(t *testing.T) {
	_, err := sql.Open("e6", "e6://me:planted-secret@host:80/a/b/c?tls=perhaps&nonsense=1&detection_timeout=1us")
	wrong, ok := errors.AsType[*e6.ConfigError](err)
	require.True(t, ok, "%v", err)
	require.Len(t, wrong.Problems, 4)
	require.NotContains(t, err.Error(), "planted-secret")
	_, err = sql.Open("e6", "postgres://me:planted-secret@host/")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "planted-secret")
	_, err = sql.Open("e6", "e6://host")
	require.ErrorContains(t, err, "User")
}

func TestCancel_OfTheContextEndsAQuery(t *testing.T) {
	cluster := start(t)
	db := open(t, cluster)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := db.QueryContext(ctx, "SELECT * FROM numbers(1000000)")
	require.NoError(t, err)
	require.True(t, r.Next())
	cancel()
	for r.Next() {
	}
	require.ErrorIs(t, r.Err(), context.Canceled)
	require.NoError(t, r.Close())
	require.Eventually(t, func() bool { return len(cluster.OpenQueries()) == 0 }, stress.Patience, time.Millisecond)
}
