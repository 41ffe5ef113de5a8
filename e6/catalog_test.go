package e6_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// shop is an engine with one table.
func shop() *e6test.CannedEngine {
	engine := e6test.NewCannedEngine()
	engine.AddTable("stock", []vector.Field{{Name: "item", Type: vector.String}, {Name: "pieces", Type: vector.Long}},
		e6test.Batch{Rows: 1, Columns: []e6test.Column{
			{Type: vector.String, Strings: []string{"nail"}}, {Type: vector.Long, Ints: []int64{7}}}})
	return engine
}

// questions are what a client can ask without running a statement, with the
// call that carries the question.
var questions = map[string]struct {
	method string
	ask    func(context.Context, *e6.Client) (any, error)
	answer any
}{
	"catalogs": {"getCataloges", func(ctx context.Context, c *e6.Client) (any, error) { return c.Catalogs(ctx) },
		[]e6.Catalog{{Name: "canned", Default: true}}},
	"schemas": {"getSchemaNamesV2", func(ctx context.Context, c *e6.Client) (any, error) { return c.Schemas(ctx, "canned") },
		[]string{"main"}},
	"tables": {"getTablesV2", func(ctx context.Context, c *e6.Client) (any, error) { return c.Tables(ctx, "canned", "main") },
		[]string{"stock"}},
	"columns": {"getColumnsV2", func(ctx context.Context, c *e6.Client) (any, error) { return c.Columns(ctx, "", "", "stock") },
		[]e6.TableColumn{{Name: "item", Type: "string"}, {Name: "pieces", Type: "long"}}},
	"explain": {"explain", func(ctx context.Context, c *e6.Client) (any, error) { return c.Explain(ctx, "SELECT * FROM stock;") },
		"CANNED SELECT * FROM stock"},
	"dry run": {"dryRunV2", func(ctx context.Context, c *e6.Client) (any, error) { return c.DryRun(ctx, "SELECT * FROM stock") }, "ok"},
}

func TestQuestionsAreAnswered(t *testing.T) {
	cluster := start(t, e6test.WithEngine(shop()))
	client := open(t, cluster)
	for name, q := range questions {
		t.Run(name, func(t *testing.T) {
			answer, err := q.ask(t.Context(), client)
			require.NoError(t, err)
			require.Equal(t, q.answer, answer)
			requireForgotten(t, cluster, client)
		})
	}
	require.Empty(t, cluster.Stats().Executions)
}

func TestCatalog_CallsSurviveACutover(t *testing.T) {
	for name, q := range questions {
		for what, happens := range map[string]func(*e6test.Cluster){
			"an abrupt cutover":            func(c *e6test.Cluster) { c.OpenSide(e6.Green); c.CloseSide(e6.Blue) },
			"a graceful cutover":           func(c *e6test.Cluster) { c.OpenSide(e6.Green); c.Announce(e6.Green) },
			"an expired session":           func(c *e6test.Cluster) { c.ExpireSessions() },
			"a refusal of the call itself": func(c *e6test.Cluster) { leave(c, q.method, 1) },
			"a connection that breaks": func(c *e6test.Cluster) {
				c.Inject(e6test.Fault{Method: q.method, Action: e6test.BreakAfter})
			},
			"a suspension": func(c *e6test.Cluster) { c.Suspend() },
		} {
			t.Run(name+" over "+what, func(t *testing.T) {
				t.Parallel()
				cluster := start(t, e6test.WithEngine(shop()))
				client := open(t, cluster)
				happens(cluster)
				for range 3 {
					answer, err := q.ask(within(t, 10*time.Second), client)
					require.NoError(t, err)
					require.Equal(t, q.answer, answer)
				}
				requireIdle(t, client)
			})
		}
	}
}

func TestQuestionsTheEngineCannotAnswer(t *testing.T) {
	cluster := start(t, e6test.WithEngine(shop()))
	client := open(t, cluster)
	for op, ask := range map[string]func() error{
		"list columns": func() error { _, err := client.Columns(t.Context(), "", "", "nowhere"); return err },
		"explain":      func() error { _, err := client.Explain(t.Context(), "SELEKT 1"); return err },
		"dry run":      func() error { _, err := client.DryRun(t.Context(), "SELEKT 1"); return err },
	} {
		var failed *e6.QueryError
		require.ErrorAs(t, ask(), &failed, op)
		require.Equal(t, op, failed.Op)
		require.ErrorContains(t, failed, "e6: "+op)
	}
	requireForgotten(t, cluster, client)
}

func TestExplainAnalyzeRunsTheStatement(t *testing.T) {
	cluster := start(t, e6test.WithEngine(shop()))
	client := open(t, cluster)
	analysis, err := client.ExplainAnalyze(t.Context(), "SELECT * FROM numbers(5000)")
	require.NoError(t, err)
	require.GreaterOrEqual(t, analysis.Total, time.Duration(0))
	var answer struct {
		Rows int    `json:"row_count"`
		Plan string `json:"plan"`
	}
	require.NoError(t, json.Unmarshal([]byte(analysis.JSON), &answer))
	require.Equal(t, 5000, answer.Rows)
	require.Equal(t, "CANNED SELECT * FROM numbers(5000)", answer.Plan)
	require.Equal(t, 1, executions(cluster, "SELECT * FROM numbers(5000)"))
	requireForgotten(t, cluster, client)

	leave(cluster, "explainAnalyze", 1)
	_, err = client.ExplainAnalyze(within(t, 10*time.Second), "SELECT * FROM numbers(10)")
	require.NoError(t, err)
	require.Equal(t, 2, executions(cluster, "SELECT * FROM numbers(10)"), "a reading is replayed")
}

func TestAQueryIsAddressedByItsHandle(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := open(t, cluster)
	ctx := within(t, 20*time.Second)
	rows, err := client.Query(ctx, "SELECT * FROM numbers(1000)")
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()

	// It goes through JSON, and to a client of another process.
	text, err := json.Marshal(rows.Handle())
	require.NoError(t, err)
	require.Contains(t, string(text), `"side":"blue"`)
	var handle e6.QueryHandle
	require.NoError(t, json.Unmarshal(text, &handle))
	require.Equal(t, rows.Handle(), handle)
	other := open(t, cluster)

	// The cluster moves on; the query stays where it is, and so do its calls.
	cluster.OpenSide(e6.Green)
	require.NoError(t, client.Switch(ctx, e6.Green))
	require.NoError(t, other.Switch(ctx, e6.Green))
	for _, c := range []*e6.Client{client, other} {
		status, err := c.Status(ctx, handle)
		require.NoError(t, err)
		require.Equal(t, e6.QueryStatus{Done: true, Rows: 1000}, status)
		analysis, err := c.Analyze(ctx, handle)
		require.NoError(t, err)
		require.Contains(t, analysis.JSON, "numbers(1000)")
	}
	require.NoError(t, rows.Close())
	requireForgotten(t, cluster, client)
	_, err = client.Status(ctx, handle)
	require.ErrorContains(t, err, handle.QueryID)
}

func TestAQueryIsCancelledByItsHandle(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster)
	ctx := within(t, 20*time.Second)
	slow := later(func() error { return client.Exec(ctx, "SELECT sleep(60000)") })
	ready(t, "the query runs", func() bool { return executions(cluster, "SELECT sleep(60000)") == 1 })
	running := cluster.OpenQueries()
	require.Len(t, running, 1)
	handle := e6.QueryHandle{QueryID: running[0].ID, Side: running[0].Side, Engine: "planner-blue"}

	other := open(t, cluster)
	status, err := other.Status(ctx, handle)
	require.NoError(t, err)
	require.False(t, status.Done)
	require.NoError(t, other.Cancel(ctx, handle))
	var failed *e6.QueryError
	require.ErrorAs(t, result(t, slow), &failed)
	require.Equal(t, codes.Canceled, failed.Code)
	require.ErrorContains(t, failed, "the query was cancelled")
	requireForgotten(t, cluster, client)
	require.ErrorContains(t, other.Cancel(ctx, handle), handle.QueryID)
}

func TestHandle_WithoutAQueryIsRefused(t *testing.T) {
	client := open(t, start(t))
	for _, h := range []e6.QueryHandle{{}, {QueryID: "x"}, {Side: e6.Blue}} {
		_, status := client.Status(t.Context(), h)
		_, analysis := client.Analyze(t.Context(), h)
		for _, err := range []error{status, analysis, client.Cancel(t.Context(), h)} {
			require.ErrorContains(t, err, "the handle names no query")
		}
	}
}
