package sqldriver_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/sqldriver"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestOnePreparedStatementServesManyGoroutinesAcrossCutovers(t *testing.T) {
	for _, kind := range cutovers {
		t.Run(kind.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
				db.SetMaxOpenConns(4)
				s, err := db.PrepareContext(t.Context(), "SELECT ?")
				require.NoError(t, err)
				defer func() { require.NoError(t, s.Close()) }()
				ctx, stop := context.WithCancel(t.Context())
				var running sync.WaitGroup
				goroutines := stress.Count(8, 16) // more than the pool has connections
				for g := range goroutines {
					running.Go(func() {
						for n := g; ctx.Err() == nil; n += goroutines {
							var got int
							if err := s.QueryRowContext(t.Context(), n).Scan(&got); err != nil || got != n {
								t.Errorf("%d, %v", got, err)
							}
						}
					})
				}
				for _, to := range []e6.Side{e6.Green, e6.Blue, e6.Green} {
					cutOver(t, cluster, client, to, kind)
				}
				stop()
				running.Wait()
				requireIdle(t, cluster, db, client)
				require.Zero(t, client.Stats().Lost)
			}, e6test.WithLatency(time.Millisecond))
		})
	}
}

func TestAPreparedStatementIsPreparedByTheEngineForEachExecution(t *testing.T) {
	cluster := start(t)
	db, _ := pool(t, cluster)
	s, err := db.PrepareContext(t.Context(), "SELECT ?")
	require.NoError(t, err)
	require.Zero(t, cluster.Stats().Calls["prepareStatement"])
	for n := range 3 {
		require.NoError(t, s.QueryRowContext(t.Context(), n).Scan(new(int)))
		_, err := s.ExecContext(t.Context(), n)
		require.NoError(t, err)
	}
	require.Equal(t, 6, cluster.Stats().Calls["prepareStatement"])
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err = s.QueryContext(t.Context(), 1)
	require.ErrorContains(t, err, "closed")
	require.Equal(t, 6, cluster.Stats().Calls["prepareStatement"])
}

func TestArguments_ByNameOrPosition(t *testing.T) {
	db, _ := pool(t, start(t))
	for name, c := range map[string]struct {
		query string
		args  []any
	}{
		"by place":                {"SELECT ?", []any{42}},
		"by a name with a colon":  {"SELECT :n", []any{sql.Named("n", 42)}},
		"by a name with an at":    {"SELECT @n", []any{sql.Named("n", 42)}},
		"a pointer":               {"SELECT ?", []any{new(42)}},
		"a Null":                  {"SELECT ?", []any{sql.NullInt64{Int64: 42, Valid: true}}},
		"a generic Null":          {"SELECT ?", []any{sql.Null[int]{V: 42, Valid: true}}},
		"an unsigned number":      {"SELECT ?", []any{uint8(42)}},
		"a type of the program":   {"SELECT ?", []any{time.Duration(42)}},
		"a list of one":           {"SELECT ?", []any{[]int{42}}},
		"without any, as it is":   {"SELECT 42", nil},
		"a Valuer":                {"SELECT ?", []any{answer{}}},
		"a semicolon at the end":  {"SELECT ? ; ", []any{42}},
		"a comment with a ? mark": {"SELECT ? -- or ?", []any{42}},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a comment with a ? mark" {
				_, err := db.QueryContext(t.Context(), c.query, c.args...)
				require.NotErrorAs(t, err, new(*e6.ParamError), "the mark in the comment needs no value")
				return
			}
			var n int
			require.NoError(t, db.QueryRowContext(t.Context(), c.query, c.args...).Scan(&n))
			require.Equal(t, 42, n)
			s, err := db.PrepareContext(t.Context(), c.query)
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			n = 0
			require.NoError(t, s.QueryRowContext(t.Context(), c.args...).Scan(&n))
			require.Equal(t, 42, n)
		})
	}
}

// answer is a driver.Valuer.
type answer struct{}

func (answer) Value() (driver.Value, error) { return int64(42), nil }

// broken is a driver.Valuer that fails.
type broken struct{}

var errBroken = errors.New("broken")

func (broken) Value() (driver.Value, error) { return nil, errBroken }

func TestWrongArgumentsAreRefusedBeforeAnythingIsSent(t *testing.T) {
	cluster := start(t)
	db, _ := pool(t, cluster)
	for name, c := range map[string]struct {
		query string
		args  []any
		param string
	}{
		"an output parameter":      {"SELECT ?", []any{sql.Out{Dest: new(int)}}, "1"},
		"too many":                 {"SELECT ?", []any{1, 2}, "2"},
		"too few":                  {"SELECT ?, ?", []any{1}, "2"},
		"a name without a value":   {"SELECT :n, :m", []any{sql.Named("n", 1)}, ":m"},
		"a value without a use":    {"SELECT :n", []any{sql.Named("n", 1), sql.Named("m", 1)}, ":m"},
		"a name twice":             {"SELECT :n", []any{sql.Named("n", 1), sql.Named("n", 2)}, ":n"},
		"names and places":         {"SELECT :n, ?", []any{sql.Named("n", 1), 2}, "list"},
		"a struct":                 {"SELECT ?", []any{struct{ A int }{1}}, "1"},
		"a map":                    {"SELECT ?", []any{map[string]int{"a": 1}}, "1"},
		"a function":               {"SELECT ?", []any{func() {}}, "1"},
		"a channel":                {"SELECT ?, ?", []any{1, make(chan int)}, "2"},
		"a Valuer that fails":      {"SELECT ?", []any{broken{}}, "1"},
		"text that is not UTF-8":   {"SELECT ?", []any{"\xff"}, "1"},
		"a slice of slices":        {"SELECT ?", []any{[][]int{{1}}}, "1"},
		"a statement of ? with it": {"SELECT 1", []any{1}, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			before := cluster.Stats().Calls
			_, err := db.QueryContext(t.Context(), c.query, c.args...)
			wrong, ok := errors.AsType[*e6.ParamError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, c.param, wrong.Param)
			_, err = db.ExecContext(t.Context(), c.query, c.args...)
			require.ErrorAs(t, err, new(*e6.ParamError))
			s, err := db.PrepareContext(t.Context(), c.query)
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			_, err = s.QueryContext(t.Context(), c.args...)
			require.ErrorAs(t, err, new(*e6.ParamError))
			_, err = s.ExecContext(t.Context(), c.args...)
			require.ErrorAs(t, err, new(*e6.ParamError))
			require.Equal(t, before, cluster.Stats().Calls)
		})
	}
	_, err := db.QueryContext(t.Context(), "SELECT ?", broken{})
	require.ErrorIs(t, err, errBroken)
	_, err = db.QueryContext(t.Context(), "SELECT :9", sql.Named("9", 1))
	require.Error(t, err, "database/sql wants a letter first")
	require.Zero(t, db.Stats().InUse)
}

func TestAReadOnlyTransactionRunsStatements(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, _ *sql.DB, _ *e6.Client) {
		db, client := pool(t, cluster, sqldriver.WithReadOnlyTransactions())
		db.SetMaxOpenConns(1)
		readOnly := &sql.TxOptions{ReadOnly: true}
		s, err := db.PrepareContext(t.Context(), "SELECT ?")
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()

		tx, err := db.BeginTx(t.Context(), readOnly)
		require.NoError(t, err)
		var n int
		require.NoError(t, tx.QueryRowContext(t.Context(), "SELECT :n", sql.Named("n", 42)).Scan(&n))
		require.Equal(t, 42, n)
		require.NoError(t, tx.StmtContext(t.Context(), s).QueryRowContext(t.Context(), 7).Scan(&n))
		require.Equal(t, 7, n)
		own, err := tx.PrepareContext(t.Context(), "SELECT ?")
		require.NoError(t, err)
		require.NoError(t, own.QueryRowContext(t.Context(), 8).Scan(&n))
		require.Equal(t, 8, n)
		require.NoError(t, tx.Commit())
		require.ErrorIs(t, tx.Commit(), sql.ErrTxDone)
		require.ErrorIs(t, tx.Rollback(), sql.ErrTxDone)

		tx, err = db.BeginTx(t.Context(), readOnly)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback())

		// A context that ends is the end of the transaction and of its rows.
		ctx, cancel := context.WithCancel(t.Context())
		tx, err = db.BeginTx(ctx, readOnly)
		require.NoError(t, err)
		r, err := tx.QueryContext(t.Context(), manyRows)
		require.NoError(t, err)
		require.True(t, r.Next())
		cancel()
		_, err = scanRest(r)
		require.ErrorIs(t, err, context.Canceled)
		require.Error(t, tx.QueryRowContext(t.Context(), "SELECT 1").Scan(&n))
		requireUsable(t, cluster, db, client)
	}, e6test.WithBatchRows(10), e6test.WithChunks(1))
}

// scanRest reads what is left of rows.
func scanRest(r *sql.Rows) (rows int, err error) {
	defer func() { _ = r.Close() }()
	for r.Next() {
		rows++
	}
	return rows, r.Err()
}

func TestATransactionIsRefusedBeforeAnythingIsSent(t *testing.T) {
	cluster := start(t)
	connector := connect(t, cluster, sqldriver.WithReadOnlyTransactions())
	db := sql.OpenDB(connector)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.PingContext(t.Context()))
	before := cluster.Stats().Calls
	for _, opts := range []*sql.TxOptions{
		nil, {}, {Isolation: sql.LevelReadCommitted}, {Isolation: sql.LevelSerializable, ReadOnly: true}, {Isolation: sql.LevelSnapshot},
	} {
		_, err := db.BeginTx(t.Context(), opts)
		require.ErrorIs(t, err, sqldriver.ErrTransactions, "%+v", opts)
		require.Zero(t, db.Stats().InUse)
	}
	require.Equal(t, before, cluster.Stats().Calls)
}

// contextless are the methods that every driver.Stmt has and that no caller should
// call any more.
type contextless interface {
	Exec(args []driver.Value) (driver.Result, error)
	Query(args []driver.Value) (driver.Rows, error)
}

func TestTheInterfacesWithoutAContextAreComplete(t *testing.T) {
	cluster := start(t)
	conn, err := connectTo(t, cluster)
	require.NoError(t, err)
	s, err := conn.Prepare("SELECT ?")
	require.NoError(t, err)
	require.Equal(t, -1, s.NumInput(), "the client counts")
	_, err = s.(contextless).Exec(nil)
	require.ErrorContains(t, err, "context")
	_, err = s.(contextless).Query(nil)
	require.ErrorContains(t, err, "context")
	require.NoError(t, s.Close())
	_, err = conn.(interface{ Begin() (driver.Tx, error) }).Begin()
	require.ErrorIs(t, err, sqldriver.ErrTransactions)
	_, err = conn.(driver.ConnPrepareContext).PrepareContext(cancelled(t), "SELECT 1")
	require.ErrorIs(t, err, context.Canceled)
	_, err = conn.(driver.ConnBeginTx).BeginTx(cancelled(t), driver.TxOptions{})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, conn.Close())
}

// connectTo makes one connection without a pool.
func connectTo(t *testing.T, cluster *e6test.Cluster) (driver.Conn, error) {
	connector := connect(t, cluster)
	t.Cleanup(func() { require.NoError(t, connector.Close()) })
	require.IsType(t, sqldriver.Driver{}, connector.Driver())
	return connector.Connect(t.Context())
}
