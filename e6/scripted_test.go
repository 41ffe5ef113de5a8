package e6_test

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

func TestE6test_OnAnswersAStatementOfTheApplication(t *testing.T) {
	cluster := e6test.New(t)
	born := time.Date(1985, 10, 26, 9, 0, 0, 0, time.UTC)
	people := cluster.On(`SELECT id, name, balance, born, ok FROM people WHERE id IN (?) AND name <> 'It''s -- me'`,
		e6test.Rows(
			e6test.Longs("id", 7, 8), e6test.Texts("name", "Ann", "").WithNulls(1), e6test.Decimals("balance", 2, "-12.5", "3"),
			e6test.Timestamps("born", born, born), e6test.Bools("ok", true, false)))
	audit := cluster.OnMatch(regexp.MustCompile(`(?i)^insert into audit\b`), e6test.Rows(e6test.Longs("count", 1)))
	cluster.On("DROP TABLE people", e6test.Fails(codes.PermissionDenied, "no right to drop people"))
	client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "any"})
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()

	for range 2 { // before and after a cutover
		result, err := client.QueryAll(t.Context(), "select id,name, balance, born, ok /* which */ from People\n\twhere id in (?) and name <> 'It''s -- me'", []int{7, 8, 9})
		require.NoError(t, err)
		require.Equal(t, "[[7 Ann -12.50 1985-10-26T09:00:00.000000Z true] [8 <nil> 3.00 1985-10-26T09:00:00.000000Z false]]", fmt.Sprint(rowsOf(result)))
		require.NoError(t, client.Exec(t.Context(), "INSERT INTO audit VALUES (?)", "read"))
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: cluster.Active().Other(), Kind: e6test.Abrupt}))
	}
	require.Equal(t, 2, people.Hits())
	require.Equal(t, []string{"INSERT INTO audit VALUES ('read')", "INSERT INTO audit VALUES ('read')"}, audit.Statements())

	var failed *e6.QueryError
	require.ErrorAs(t, client.Exec(t.Context(), "drop table PEOPLE"), &failed)
	require.Contains(t, failed.Error(), "no right to drop people")
	_, err = client.QueryAll(t.Context(), "select id,name, balance, born, ok from people where id in (?) and name <> 'it''s -- me'", 7)
	require.ErrorContains(t, err, "syntax error", "another literal is another statement")
}

func TestE6test_APlaceholderOfOnStandsForEveryArgument(t *testing.T) {
	cluster := e6test.New(t)
	client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "any"})
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	pair := cluster.On("INSERT INTO t VALUES (?, ?)", e6test.Rows(e6test.Longs("count", 1)))
	values := []any{
		nil, true, 7, -7, int64(math.MinInt64), 1.5, -1e300, math.Inf(-1), float32(0.1), "", "a'b, c", "?", []byte("\x00)"),
		time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), vector.DateValue{Days: 20000}, []string{"a", "b"}, []int{1},
	}
	for _, v := range values {
		require.NoError(t, client.Exec(t.Context(), "insert into T values (?,?)", v, v), "%v", v)
	}
	require.Equal(t, len(values), pair.Hits())
	for _, other := range []string{"INSERT INTO t VALUES (x)", "INSERT INTO t VALUES (a, b)", "INSERT INTO t VALUES (1, 2) RETURNING x", "INSERT INTO t VALUES (1, 2", "INSERT INTO t VALUES (?"} {
		require.Error(t, client.Exec(t.Context(), other), other)
	}
}

func TestE6test_OnAnswersPlaceholdersOfTheServer(t *testing.T) {
	cluster := e6test.New(t)
	scripted := cluster.On("SELECT name FROM people WHERE id = ?", e6test.Rows(e6test.Texts("name", "Ann")))
	client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "any"}, e6.WithServerParameters())
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	names, err := e6.QueryAll[string](t.Context(), client, "SELECT name FROM people WHERE id = ?", 7)
	require.NoError(t, err)
	require.Equal(t, []string{"Ann"}, names)
	require.Equal(t, 1, scripted.Hits())
}

func TestE6test_InjectKnowsTheMethodsAndCountsItsHits(t *testing.T) {
	cluster := e6test.New(t)
	require.PanicsWithValue(t, `e6test: inject a fault into "nosuchMethod": the protocol has no such method: use one of the Method constants`,
		func() { cluster.Inject(e6test.Fault{Method: "nosuchMethod"}) })
	lost := cluster.Inject(e6test.Fault{Method: e6test.MethodExecuteStatement, Action: e6test.BreakAfter, Times: 2})
	client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "any", MaxAttempts: 5})
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	_, err = client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, err)
	require.Equal(t, 2, lost.Hits())
	require.Panics(t, func() { e6test.Rows(e6test.Longs("a", 1, 2), e6test.Longs("b", 1)) })
	require.Panics(t, func() { e6test.Decimals("a", 2, "1.234") })
}

func rowsOf(r *e6.Result) (all [][]any) {
	for row := range r.Rows() {
		all = append(all, append([]any(nil), row...))
	}
	return all
}

// A test of an application: its statement gets the rows that the test wants, and the
// cluster cuts over between two of them.
func Example_testing() {
	cluster, err := e6test.Start() // in a test: cluster := e6test.New(t)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Close()
	scripted := cluster.On("SELECT name FROM users WHERE id = ?", e6test.Rows(e6test.Texts("name", "Ann")))

	ctx := context.Background()
	client, err := e6.Open(ctx, e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "any"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	for range 2 {
		names, err := e6.QueryAll[string](ctx, client, "SELECT name FROM users WHERE id = ?", 7)
		fmt.Println(names, err, client.Strategy().Active)
		if err := cluster.Cutover(ctx, e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(scripted.Hits())
	// Output:
	// [Ann] <nil> blue
	// [Ann] <nil> green
	// 2
}
