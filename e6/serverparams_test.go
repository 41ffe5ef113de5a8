package e6_test

import (
	"context"
	"database/sql"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// openBeside opens a client that sends arguments beside the statement.
func openBeside(t *testing.T, cluster *e6test.Cluster) *e6.Client {
	t.Helper()
	client, err := e6.Open(t.Context(), config(cluster), e6.WithDialer(cluster.Dialer()), e6.WithServerParameters())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func TestArgumentsCanGoBesideTheStatement(t *testing.T) {
	cluster := start(t)
	client := openBeside(t, cluster)
	total, err := vector.ParseDecimal("-1.50")
	require.NoError(t, err)
	got := make([]string, 10)
	rows, err := client.Query(t.Context(), "SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?", true, -5, uint64(math.MaxUint64), float32(0.1), 0.1,
		"it's", total, time.Date(2024, 1, 2, 3, 4, 5, 6000, time.UTC), []string{"a", "b"})
	require.NoError(t, err)
	defer rows.Close()
	require.True(t, rows.Next(), "%v", rows.Err())
	require.NoError(t, rows.Scan(&got[0], &got[1], &got[2], &got[3], &got[4], &got[5], &got[6], &got[7], &got[8], &got[9]))
	require.Equal(t, []string{
		"BOOLEAN true", "LONG -5", "DECIMAL128 18446744073709551615", "FLOAT 0.1", "DOUBLE 0.1",
		"STRING it's", "DECIMAL128 -1.50", "TIMESTAMP 2024-01-02 03:04:05.000006", "STRING a", "STRING b",
	}, got)
	require.Equal(t, 1, cluster.Stats().Executions["SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"], "a slice has a question mark for each of its values")
}

// typed is the canned engine, which takes every parameter for one type.
type typed struct {
	*e6test.CannedEngine
	declared string
}

func (e typed) Prepare(ctx context.Context, s e6test.Statement) (e6test.Prepared, error) {
	p, err := e.CannedEngine.Prepare(ctx, s)
	if params, ok := p.(e6test.Parameterized); ok {
		return typedParams{params, e.declared}, err
	}
	return p, err
}

// typedParams are parameters of theirs.
type typedParams struct {
	e6test.Parameterized
	declared string
}

func (p typedParams) Parameters() []string {
	types := p.Parameterized.Parameters()
	for i := range types {
		types[i] = p.declared
	}
	return types
}

func TestOnlyATextTakesTheTypeThatTheEngineNames(t *testing.T) {
	total, err := vector.ParseDecimal("1.50")
	require.NoError(t, err)
	for declared, text := range map[string]string{"DATE": "DATE 2026-01-01", "INTEGER": "INTEGER 2026-01-01", "": "STRING 2026-01-01"} {
		client := openBeside(t, start(t, e6test.WithEngine(typed{e6test.NewCannedEngine(), declared})))
		r, err := client.QueryAll(t.Context(), "SELECT ?, ?, ?, ?, ?, ?, ?", "2026-01-01", true, 5, 1.5, total,
			time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), vector.DateValue{})
		require.NoError(t, err)
		for row := range r.Rows() {
			require.Equal(t, []any{text, "BOOLEAN true", "LONG 5", "DOUBLE 1.5", "DECIMAL128 1.50", "TIMESTAMP 2026-01-01 12:00:00.000000", "DATE 1970-01-01"}, row)
		}
	}
}

func TestANameThatIsUsedTwiceIsTwoParameters(t *testing.T) {
	client := openBeside(t, start(t))
	r, err := client.QueryAll(t.Context(), "SELECT :a, @b, :a", sql.Named("a", 1), sql.Named("b", "x"))
	require.NoError(t, err)
	for row := range r.Rows() {
		require.Equal(t, []any{"LONG 1", "STRING x", "LONG 1"}, row)
	}
}

func TestServerParameters_OtherTypesAreLiterals(t *testing.T) {
	cluster := start(t)
	client := openBeside(t, cluster)
	_, err := client.QueryAll(t.Context(), "SELECT ?, ?, ?, ?", nil, []byte{1}, math.Inf(1), "x")
	require.Error(t, err, "the canned engine knows no such statement")
	require.ErrorContains(t, err, `SELECT NULL, X'01', CAST('Infinity' AS DOUBLE), ?`)
}

func TestServerParams_AreNumberedFromOneIfTheEngineDoesNotReportThem(t *testing.T) {
	cluster := start(t)
	client := openBeside(t, cluster)
	cluster.Inject(e6test.Fault{Method: "getDynamicParams", Times: -1, Action: e6test.Fail, Code: codes.Unimplemented, Message: "switched off"})
	r, err := client.QueryAll(t.Context(), "SELECT ?, ?", 1, "b")
	require.NoError(t, err)
	for row := range r.Rows() {
		require.Equal(t, []any{"LONG 1", "STRING b"}, row)
	}
}

func TestAQuestionMarkOfTheStatementCannotGoWithParameters(t *testing.T) {
	client := openBeside(t, start(t))
	_, err := client.QueryAll(t.Context(), "SELECT ? ?? 1", 1)
	var problem *e6.ParamError
	require.ErrorAs(t, err, &problem)
	require.ErrorContains(t, err, "?? cannot be sent")
}

func TestExplain_SendsLiterals(t *testing.T) {
	client := openBeside(t, start(t))
	plan, err := client.Explain(t.Context(), "SELECT ?", 7)
	require.NoError(t, err)
	require.Equal(t, "CANNED SELECT 7", plan)
}
