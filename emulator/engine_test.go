package emulator_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/emulator"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestOrdinaryStatements(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	require.Empty(t, query(t, e, "CREATE TABLE t (a INTEGER, b VARCHAR)"), "DDL returns no rows")
	require.Equal(t, [][]string{{"3"}}, query(t, e, `INSERT INTO t VALUES (1, 'a'), (2, 'it\'s'), (3, NULL)`), "DML returns its count")
	require.Equal(t, [][]string{{"2"}}, query(t, e, "UPDATE t SET b = 'z' WHERE a > 1"))
	require.Equal(t, [][]string{{"1"}}, query(t, e, "DELETE FROM t WHERE a = 2"))
	require.Equal(t, [][]string{{"1", "a"}, {"3", "z"}}, query(t, e, "SELECT * FROM t ORDER BY a"))
	require.Empty(t, query(t, e, "SELECT * FROM t WHERE false"))
	require.Empty(t, query(t, e, "DROP TABLE t"))
}

func TestStatementsThatAreWrongAreRefused(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	for _, tc := range []struct {
		name string
		s    e6test.Statement
		want string
	}{
		{"a syntax error", e6test.Statement{SQL: "SELEC 1"}, `syntax error at or near "SELEC"`},
		{"a table that does not exist", e6test.Statement{SQL: "FROM nowhere"}, "nowhere does not exist"},
		{"nothing", e6test.Statement{SQL: " -- nothing"}, "the statement is empty"},
		{"two statements", e6test.Statement{SQL: "SELECT 1; SELECT 2"}, "2 statements"},
		{"a literal without an end", e6test.Statement{SQL: `SELECT 'a\'`}, "unterminated quoted string"},
		{"a NUL character", e6test.Statement{SQL: "SELECT 1\x00, 2"}, "NUL"},
		{"a schema that does not exist", e6test.Statement{SQL: "SELECT 1", Schema: "none"}, `schema "none" does not exist`},
		{"a catalog that does not exist", e6test.Statement{SQL: "SELECT 1", Catalog: "none"}, `catalog "none"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := e.Prepare(context.Background(), tc.s)
			require.ErrorContains(t, err, tc.want)
			_, err = e.DryRun(context.Background(), tc.s)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestAnErrorWhileRunningComesFromExecute(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	p, err := e.Prepare(context.Background(), e6test.Statement{SQL: "SELECT CASE WHEN i = 900000 THEN error('broken ' || i) ELSE 'x' END FROM range(1000000) t(i)"})
	require.NoError(t, err)
	_, err = p.Execute(context.Background())
	require.ErrorContains(t, err, "broken 900000")
	_, err = p.Execute(context.Background())
	require.ErrorContains(t, err, "executed or closed before")
	require.NoError(t, p.Close())
	require.NoError(t, p.Close(), "closing twice is fine")
}

func TestNamesAreResolvedToTheSessionAndThenToTheEngine(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	query(t, e, `CREATE SCHEMA demo."odd "" name"`)
	query(t, e, `CREATE TABLE demo."odd "" name".t AS SELECT 'odd' AS v`)
	query(t, e, `CREATE TABLE demo.main.t AS SELECT 'main' AS v`)
	query(t, e, `CREATE TABLE demo.sales.t AS SELECT 'sales' AS v`)
	query(t, e, `CREATE TABLE demo.sales.only_here AS SELECT 'sales' AS v`)
	query(t, e, `ATTACH ':memory:' AS other`)
	query(t, e, `CREATE TABLE other.main.t AS SELECT 'other' AS v`)
	for _, tc := range []struct{ name, catalog, schema, sql, want string }{
		{"no session names", "", "", "FROM t", "sales"},
		{"a schema", "", "main", "FROM t", "main"},
		{"a schema with odd characters", "", `odd " name`, "FROM t", "odd"},
		{"the engine's own schema", "demo", "sales", "FROM t", "sales"},
		{"the engine's own schema in other letters", "DEMO", "Sales", "FROM t", "sales"},
		{"the engine's own catalog alone", "demo", "", "FROM t", "sales"},
		{"another catalog alone", "other", "", "FROM t", "other"},
		{"another catalog and schema", "other", "main", "FROM t", "other"},
		{"a table that the session's schema has not", "other", "main", "FROM only_here", "sales"},
		{"a schema in the statement", "other", "main", "FROM demo.main.t", "main"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := e6test.Statement{SQL: tc.sql, Catalog: tc.catalog, Schema: tc.schema}
			require.Equal(t, [][]string{{tc.want}}, read(t, execute(t, e, s), 10))
		})
	}
}

func TestAStatementEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	query(t, e, "SET TimeZone = 'Asia/Tokyo'")
	require.Equal(t, [][]string{{"UTC"}}, query(t, e, "SELECT current_setting('TimeZone')"))
}

func TestCancellingInterruptsALongStatement(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	const forever = "SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(10000000) b(i)"

	t.Run("by the context of execute", func(t *testing.T) {
		t.Parallel()
		p, err := e.Prepare(context.Background(), e6test.Statement{SQL: forever})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		begin := time.Now()
		_, err = p.Execute(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, time.Since(begin), stress.Patience)
		require.NoError(t, p.Close())
	})
	t.Run("by closing the statement", func(t *testing.T) {
		t.Parallel()
		p, err := e.Prepare(context.Background(), e6test.Statement{SQL: forever})
		require.NoError(t, err)
		defer time.AfterFunc(100*time.Millisecond, func() { _ = p.Close() }).Stop()
		begin := time.Now()
		_, err = p.Execute(context.Background())
		require.ErrorIs(t, err, context.Canceled)
		require.Less(t, time.Since(begin), stress.Patience)
		require.NoError(t, p.Close())
	})
	t.Run("before it began", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := e.Prepare(ctx, e6test.Statement{SQL: forever})
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("between two batches", func(t *testing.T) {
		t.Parallel()
		r := execute(t, e, e6test.Statement{SQL: "FROM range(10000)"})
		ctx, cancel := context.WithCancel(context.Background())
		_, err := r.Next(ctx, 10)
		require.NoError(t, err)
		cancel()
		_, err = r.Next(ctx, 10)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestExplainShowsThePlanAlsoWhileTheStatementRuns(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	p, err := e.Prepare(context.Background(), e6test.Statement{SQL: `SELECT count(*) FROM range(1000) t(i) WHERE i::VARCHAR <> '\''`})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	before, err := p.Explain(context.Background())
	require.NoError(t, err)
	require.Contains(t, before, "RANGE")
	_, err = p.Execute(context.Background())
	require.NoError(t, err)
	after, err := p.Explain(context.Background())
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestExplain_WithoutAPlanNamesTheCause(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	query(t, e, "CREATE TABLE once AS SELECT 1 AS a")
	p, err := e.Prepare(context.Background(), e6test.Statement{SQL: "DROP TABLE once"})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	_, err = p.Execute(context.Background())
	require.NoError(t, err)
	plan, err := p.Explain(context.Background())
	require.NoError(t, err)
	require.Contains(t, plan, "no plan: ")
	require.Contains(t, plan, "once")
}

func TestDryRunNamesTheColumnsAndHasNoEffect(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	out, err := e.DryRun(context.Background(), e6test.Statement{SQL: "SELECT 1 AS a, 'x' AS b, 1.25 AS c, [1] AS d"})
	require.NoError(t, err)
	require.Equal(t, "valid: (a int, b string, c decimal(3,2), d array)", out)
	_, err = e.DryRun(context.Background(), e6test.Statement{SQL: "CREATE TABLE gone (a INTEGER)"})
	require.NoError(t, err)
	_, err = e.Columns(context.Background(), "", "", "gone")
	require.ErrorContains(t, err, "gone does not exist")
}

func TestCatalog_ListsTheDatabase(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := newEngine(t, emulator.Options{NoSample: true})
	query(t, e, `CREATE TABLE "it's" (a INTEGER)`)
	query(t, e, "CREATE VIEW seen AS SELECT 1::UINTEGER AS x, now() AS at, 5::BIGNUM AS big")
	query(t, e, "ATTACH ':memory:' AS other")

	catalogs, err := e.Catalogs(ctx)
	require.NoError(t, err)
	require.Equal(t, []e6test.Catalog{{Name: "demo", Default: true}, {Name: "other"}}, catalogs)
	for _, catalog := range []string{"", "demo", "DEMO"} {
		schemas, err := e.Schemas(ctx, catalog)
		require.NoError(t, err)
		require.Equal(t, []string{"main", "sales"}, schemas)
	}
	schemas, err := e.Schemas(ctx, "it's none")
	require.NoError(t, err)
	require.Empty(t, schemas)
	tables, err := e.Tables(ctx, "", "")
	require.NoError(t, err)
	require.Equal(t, []string{"it's", "seen"}, tables)
	tables, err = e.Tables(ctx, "demo", "main")
	require.NoError(t, err)
	require.Empty(t, tables)
	columns, err := e.Columns(ctx, "demo", "sales", "seen")
	require.NoError(t, err)
	require.Equal(t, []e6test.TableColumn{{Name: "x", Type: "long"}, {Name: "at", Type: "timestamp_tz"}, {Name: "big", Type: "other"}}, columns)
}

func TestAFileIsServedInsteadOfTheSample(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, tc := range []struct{ name, file, catalog string }{
		{"an ordinary name", "shop.duckdb", "shop"},
		{"a name with a quote", `it's "mine".db`, `it's "mine"`},
		{"a name that DuckDB keeps for itself", "temp.duckdb", "temp_db"},
		{"the name of the sample's catalog", "demo.duckdb", "demo"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), tc.file)
			for round := range 2 {
				e, err := emulator.New(emulator.Options{Database: path})
				require.NoError(t, err)
				if round == 0 {
					query(t, e, "CREATE TABLE kept AS SELECT 42 AS v")
				}
				require.Equal(t, [][]string{{"42"}}, query(t, e, "FROM kept"), "round %d", round)
				catalogs, err := e.Catalogs(ctx)
				require.NoError(t, err)
				require.Equal(t, []e6test.Catalog{{Name: tc.catalog, Default: true}}, catalogs)
				query(t, e, "CHECKPOINT")
				require.NoError(t, e.Close())
			}
		})
	}
}

func TestBadOptionsAreErrorsThatNameThem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.duckdb")
	require.NoError(t, os.WriteFile(garbage, []byte("this is no database, but longer than a header would have to be"), 0o600))
	for _, tc := range []struct {
		name string
		opts emulator.Options
		want string
	}{
		{"a directory", emulator.Options{Database: dir}, "is a directory"},
		{"a file of another kind", emulator.Options{Database: garbage}, "garbage.duckdb"},
		{"a file in no directory", emulator.Options{Database: filepath.Join(dir, "none", "x.duckdb")}, "x.duckdb"},
		{"a zone that does not exist", emulator.Options{Zone: "Mars/Base"}, `time zone "Mars/Base"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := emulator.New(tc.opts)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestAClosedEngineRefusesNewStatementsAndFinishesOldOnes(t *testing.T) {
	t.Parallel()
	e, err := emulator.New(emulator.Options{NoSample: true})
	require.NoError(t, err)
	p, err := e.Prepare(context.Background(), e6test.Statement{SQL: "FROM range(3)"})
	require.NoError(t, err)
	require.NoError(t, e.Close())
	require.NoError(t, e.Close())
	_, err = e.Prepare(context.Background(), e6test.Statement{SQL: "SELECT 1"})
	require.ErrorContains(t, err, "closed")
	r, err := p.Execute(context.Background())
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.Len(t, read(t, r, 10), 3)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
}

func TestManyStatementsAtOnce(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	query(t, e, "CREATE TABLE counted (worker INTEGER, i INTEGER)")
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for i := range 10 {
				n := strconv.Itoa(worker*1000 + i)
				query(t, e, "INSERT INTO counted VALUES ("+strconv.Itoa(worker)+", "+n+")")
				if rows := query(t, e, "SELECT sum(i), count(*) FROM range("+n+" + 1) t(i)"); len(rows) != 1 {
					t.Errorf("worker %d: %v", worker, rows)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, [][]string{{"160"}}, query(t, e, "SELECT count(*) FROM counted"))
}
