package e6test_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

func TestAQueryIsServedFromAuthenticateToClear(t *testing.T) {
	for name, tt := range map[string]struct {
		opts     []e6test.Option
		newFetch bool
	}{
		"by the older fetch":                       {nil, false},
		"by the newer fetch":                       {nil, true},
		"by the newer fetch, one batch each":       {[]e6test.Option{e6test.WithChunks(1)}, true},
		"by the newer fetch, with empty answers":   {[]e6test.Option{e6test.WithEmptyAnswers(2)}, true},
		"in memory":                                {[]e6test.Option{e6test.InMemory()}, true},
		"on the other side":                        {[]e6test.Option{e6test.WithActive(fsm.Green)}, true},
		"in batches of which the last one is full": {[]e6test.Option{e6test.WithBatchRows(5)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t, append([]e6test.Option{e6test.WithBatchRows(3)}, tt.opts...)...)
			c := login(t, cluster, cluster.Active())
			q := c.mustRun(t, "SELECT * FROM numbers(10)")
			batches, err := q.read(within(t), tt.newFetch)
			require.NoError(t, err)
			rows := texts(batches)
			require.Len(t, rows, 10)
			for i, row := range rows {
				require.Equal(t, []string{strconv.Itoa(i), e6test.NumbersText(i)}, row)
			}

			require.Equal(t, []e6test.QueryInfo{{
				ID: q.id, Side: c.side, SQL: "SELECT * FROM numbers(10)", Session: c.session, State: "done",
			}}, cluster.OpenQueries())
			require.NoError(t, q.clear(within(t)))
			require.Empty(t, cluster.OpenQueries())
			require.Empty(t, cluster.Stats().Violations)
		})
	}
}

func TestFetch_AfterTheEndReturnsTheEndAgain(t *testing.T) {
	c := login(t, start(t), fsm.Blue)
	for _, newFetch := range []bool{false, true} {
		q := c.mustRun(t, "SELECT * FROM numbers(0)")
		for range 3 {
			chunks, end, err := q.next(within(t), newFetch)
			require.NoError(t, err)
			require.True(t, end)
			require.Empty(t, chunks)
		}
	}
}

func TestFetch_EmptyResponsesDoNotEndAResult(t *testing.T) {
	c := login(t, start(t, e6test.WithBatchRows(1), e6test.WithChunks(2), e6test.WithEmptyAnswers(2)), fsm.Blue)
	q := c.mustRun(t, "SELECT * FROM numbers(3)")
	for i, want := range []struct {
		chunks int
		end    bool
	}{{2, false}, {0, false}, {1, true}} {
		chunks, end, err := q.next(within(t), true)
		require.NoError(t, err)
		require.Len(t, chunks, want.chunks, "answer %d", i)
		require.Equal(t, want.end, end, "answer %d", i)
	}
}

func TestTheNewerFetchCanBeSwitchedOff(t *testing.T) {
	c := login(t, start(t, e6test.WithNewFetch(false)), fsm.Blue)
	q := c.mustRun(t, "SELECT 7")
	_, err := q.fetchV2(within(t))
	requireStatus(t, err, codes.Unimplemented, "switched off")
	batches, err := q.read(within(t), false)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"7"}}, texts(batches))
}

func TestCannedEngine_ValuesEqualEverythingText(t *testing.T) {
	c := login(t, start(t, e6test.WithBatchRows(7)), fsm.Blue)
	q := c.mustRun(t, "SELECT * FROM everything(30)")
	meta, err := q.metadata(within(t))
	require.NoError(t, err)
	require.Equal(t, int64(30), meta.Rows)
	require.Len(t, meta.Fields, e6test.EverythingColumns())
	seen := map[vector.Type]bool{}
	for _, f := range meta.Fields {
		seen[f.Type] = true
	}
	for typ := vector.Binary; typ <= vector.Decimal128; typ++ {
		require.True(t, seen[typ], "no column of type %s", typ)
	}

	batches, err := q.read(within(t), true)
	require.NoError(t, err)
	rows := texts(batches)
	require.Len(t, rows, 30)
	require.Equal(t, []string{
		"4000000028", "-124", "1.3333333333333333", "0.5", "true", "naïve '4' 🚀", "null", "1970-01-02",
		"1969-12-31T00:00:00.876543Z", "1969-12-31T00:00:00.876543Z", "1969-12-31T00:00:00.876543Z",
		"1969-12-31T05:30:00.876543+05:30", "123456789012345678901234567890123456.74", "null", `{"k":4}`, `{"x":4,"y":[true]}`,
		"same", "null",
	}, rows[4])
	for row, got := range rows {
		for col, text := range got {
			want, ok := e6test.EverythingText(col, row)
			if !ok {
				want = "null"
			}
			require.Equal(t, want, text, "column %s, row %d", meta.Fields[col].Name, row)
		}
	}
}

func TestCannedEngine_ServesAnAddedTable(t *testing.T) {
	engine := e6test.NewCannedEngine()
	scale := int32(1)
	engine.AddTable("Prices", []vector.Field{{Name: "id", Type: vector.Long}, {Name: "price", Type: vector.Decimal128}, {Name: "eur", Type: vector.Boolean}},
		e6test.Batch{Rows: 5, Columns: []e6test.Column{
			{Type: vector.Long, Ints: []int64{1, 2, 3, 4, 5}, Nulls: []bool{false, true, false, false, false}},
			{Type: vector.Decimal128, Decimals: [][]byte{{1}, {2}, {3}, {4}, {0xFF}}, Scale: &scale},
			{Type: vector.Boolean, Constant: true, Bools: []bool{true}},
		}})
	engine.AddTable("crooked", []vector.Field{{Name: "id", Type: vector.Long}},
		e6test.Batch{Rows: 3, Columns: []e6test.Column{{Type: vector.Long, Ints: []int64{1}}}})
	c := login(t, start(t, e6test.WithEngine(engine), e6test.WithBatchRows(2)), fsm.Blue)

	batches, err := c.mustRun(t, "select * from prices").read(within(t), true)
	require.NoError(t, err)
	require.Len(t, batches, 3)
	require.Equal(t, [][]string{
		{"1", "0.1", "true"}, {"null", "0.2", "true"}, {"3", "0.3", "true"}, {"4", "0.4", "true"}, {"5", "-0.1", "true"},
	}, texts(batches))
	_, err = c.mustRun(t, "select * from crooked").read(within(t), true)
	requireStatus(t, err, codes.Internal, "column 0 (LONG): 1 values for 2")

	tables, err := c.engine().GetTablesV2(within(t), &e6xv1.GetTablesV2Request{SessionId: c.session, Catalog: "canned", Schema: "main"})
	require.NoError(t, err)
	require.Equal(t, []string{"crooked", "prices"}, tables.GetTables())
	columns, err := c.engine().GetColumnsV2(within(t), &e6xv1.GetColumnsV2Request{SessionId: c.session, Catalog: "canned", Schema: "main", Table: "prices"})
	require.NoError(t, err)
	require.Equal(t, "id:long price:decimal128 eur:boolean", describe(columns))
	_, err = c.engine().GetColumns(within(t), &e6xv1.GetColumnsRequest{SessionId: c.session, Schema: "main", Table: "nothing"})
	requireStatus(t, err, codes.Internal, "table nothing does not exist")
}

func describe(r *e6xv1.GetColumnsResponse) string {
	text := ""
	for i, f := range r.GetFieldInfo() {
		if i > 0 {
			text += " "
		}
		text += f.GetFieldName() + ":" + f.GetFieldType()
	}
	return text
}

func TestTheCatalogIsListed(t *testing.T) {
	c := login(t, start(t), fsm.Blue)
	catalogs, err := c.engine().GetCataloges(within(t), &e6xv1.GetCatalogesRequest{})
	require.NoError(t, err)
	require.Len(t, catalogs.GetCatalogResponses(), 1)
	require.Equal(t, "canned", catalogs.GetCatalogResponses()[0].GetName())
	require.True(t, catalogs.GetCatalogResponses()[0].GetIsDefault())
	schemas, err := c.engine().GetSchemaNames(within(t), &e6xv1.GetSchemaNamesRequest{SessionId: c.session})
	require.NoError(t, err)
	require.Equal(t, []string{"main"}, schemas.GetSchemas())
	schemas, err = c.engine().GetSchemaNamesV2(within(t), &e6xv1.GetSchemaNamesV2Request{SessionId: c.session, Catalog: "canned"})
	require.NoError(t, err)
	require.Equal(t, []string{"main"}, schemas.GetSchemas())
	tables, err := c.engine().GetTables(within(t), &e6xv1.GetTablesRequest{SessionId: c.session, Schema: "main"})
	require.NoError(t, err)
	require.Empty(t, tables.GetTables())
}

func TestAQueryIsExplainedAndAnalyzed(t *testing.T) {
	c := login(t, start(t), fsm.Blue)
	q := c.mustPrepare(t, "SELECT sleep(20)")
	plan, err := q.call().Explain(within(t), &e6xv1.ExplainRequest{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
	require.NoError(t, err)
	require.Contains(t, plan.GetExplain(), "SELECT sleep(20)")

	require.NoError(t, q.execute(within(t)))
	analysis, err := q.call().ExplainAnalyze(within(t), &e6xv1.ExplainAnalyzeRequest{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
	require.NoError(t, err)
	var times struct {
		Total   *float64 `json:"total_query_time"`
		Queued  *float64 `json:"executionQueueingTime"`
		Parsing *float64 `json:"parsingTime"`
	}
	require.NoError(t, json.Unmarshal([]byte(analysis.GetExplainAnalyze()), &times))
	require.NotNil(t, times.Queued)
	require.NotNil(t, times.Parsing)
	require.GreaterOrEqual(t, *times.Total, 20.0)
}

func TestADryRunChecksAStatementWithoutRunningIt(t *testing.T) {
	engine := e6test.NewCannedEngine()
	c := login(t, start(t, e6test.WithEngine(engine)), fsm.Blue)
	answer, err := c.engine().DryRunV2(within(t), &e6xv1.DryRunRequestV2{SessionId: c.session, QueryString: "INSERT INTO t VALUES (1)"})
	require.NoError(t, err)
	require.Equal(t, "ok", answer.GetDryrunValue())
	require.Empty(t, engine.Inserted("t"))
	_, err = c.engine().DryRun(within(t), &e6xv1.DryRunRequest{SessionId: c.session, QueryString: "SELEC 1"})
	requireStatus(t, err, codes.Internal, "syntax error")
}

func TestStatus_ReportsWhetherAQueryIsDone(t *testing.T) {
	c := login(t, start(t), fsm.Blue)
	state := func(q query) (*e6xv1.StatusResponse, error) {
		return q.call().Status(within(t), &e6xv1.StatusRequest{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
	}
	q := c.mustRun(t, "SELECT sleep(600000)")
	answer, err := state(q)
	require.NoError(t, err)
	require.False(t, answer.GetStatus())

	q = c.mustRun(t, "SELECT * FROM numbers(12)")
	_, err = q.metadata(within(t))
	require.NoError(t, err)
	answer, err = state(q)
	require.NoError(t, err)
	require.True(t, answer.GetStatus())
	require.Equal(t, int64(12), answer.GetRowCount())

	q = c.mustRun(t, "FAIL out of memory")
	_, err = q.metadata(within(t))
	requireStatus(t, err, codes.Internal, "out of memory")
	_, err = state(q)
	requireStatus(t, err, codes.Internal, "out of memory")
}

func TestCancelQuery_EndsARunningQuery(t *testing.T) {
	cluster := start(t)
	c := login(t, cluster, fsm.Blue)
	q := c.mustRun(t, "SELECT sleep(600000)")
	failed := make(chan error, 1)
	go func() {
		_, err := q.metadata(within(t))
		failed <- err
	}()
	_, err := q.call().CancelQuery(within(t), &e6xv1.CancelQueryRequest{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
	require.NoError(t, err)
	requireStatus(t, <-failed, codes.Canceled, "cancelled")
	require.Equal(t, "done", cluster.OpenQueries()[0].State)

	q2 := c.mustRun(t, "SELECT sleep(600000)")
	require.NoError(t, q2.clear(within(t)))
	q3 := c.mustPrepare(t, "SELECT 1")
	_, err = q3.call().Clear(within(t), &e6xv1.ClearRequest{EngineIP: q3.ip, SessionId: q3.session, QueryId: q3.id})
	require.NoError(t, err)
	require.Len(t, cluster.OpenQueries(), 1)
}

func TestThePlannerIsIdentifiedAndItsQueryIDUsed(t *testing.T) {
	c := login(t, start(t), fsm.Blue)
	answer, err := c.engine().IdentifyPlanner(within(t), &e6xv1.IdentifyPlannerRequest{
		SessionId: c.session, FirstTimeRequestPayload: &e6xv1.IdentifyPlannerRequest_FirstTimeRequestPayload{QueryString: "SELECT 1"},
	})
	require.NoError(t, err)
	require.Equal(t, e6xv1.IdentifyPlannerResponse_GO_AHEAD, answer.GetQueueMessage())
	prepare := func() (*e6xv1.PrepareStatementResponse, error) {
		return c.engine("plannerip", answer.GetPlannerIp()).PrepareStatement(within(t), &e6xv1.PrepareStatementRequest{
			SessionId: c.session, QueryString: "SELECT 1", ExistingQuery: answer.GetExistingQuery(),
		})
	}
	prepared, err := prepare()
	require.NoError(t, err)
	require.Equal(t, answer.GetExistingQuery().GetQueryId(), prepared.GetQueryId())
	_, err = prepare()
	requireStatus(t, err, codes.Internal, "was not admitted")

	_, err = c.engine().ExecuteStatement(within(t), &e6xv1.ExecuteStatementRequest{EngineIP: prepared.GetEngineIP(), SessionId: c.session, QueryId: prepared.GetQueryId()})
	require.NoError(t, err)
	batches, err := (query{c, prepared.GetQueryId(), prepared.GetEngineIP()}).read(within(t), true)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"1"}}, texts(batches))
}

func TestIdentifyPlanner_AQueryWaitsAsOftenAsConfigured(t *testing.T) {
	cluster := start(t)
	c := login(t, cluster, fsm.Blue)
	cluster.Admit(e6test.Admission{Waits: 2})
	identify := func(r *e6xv1.IdentifyPlannerRequest) (*e6xv1.IdentifyPlannerResponse, error) {
		r.SessionId = c.session
		return c.engine().IdentifyPlanner(within(t), r)
	}
	first := &e6xv1.IdentifyPlannerRequest{FirstTimeRequestPayload: &e6xv1.IdentifyPlannerRequest_FirstTimeRequestPayload{QueryString: "SELECT 1"}}
	answer, err := identify(first)
	require.NoError(t, err)
	id := answer.GetExistingQuery().GetQueryId()
	for range 2 {
		require.Equal(t, e6xv1.IdentifyPlannerResponse_WAITING_ON_PLANNER_SCALEUP, answer.GetQueueMessage())
		require.Empty(t, answer.GetPlannerIp())
		answer, err = identify(&e6xv1.IdentifyPlannerRequest{ExistingQuery: &e6xv1.ExistingQuery{QueryId: id, ElapsedTimeMillis: 10}})
		require.NoError(t, err)
	}
	require.Equal(t, e6xv1.IdentifyPlannerResponse_GO_AHEAD, answer.GetQueueMessage())
	require.Equal(t, id, answer.GetExistingQuery().GetQueryId())

	_, err = identify(&e6xv1.IdentifyPlannerRequest{ExistingQuery: &e6xv1.ExistingQuery{QueryId: "another"}})
	requireStatus(t, err, codes.Internal, "does not wait")
	_, err = identify(&e6xv1.IdentifyPlannerRequest{})
	requireStatus(t, err, codes.InvalidArgument, "either")
	cluster.Admit(e6test.Admission{RateLimit: true})
	answer, err = identify(first)
	require.NoError(t, err)
	require.Equal(t, e6xv1.IdentifyPlannerResponse_RATE_LIMIT, answer.GetQueueMessage())
}

func TestService_OtherMethodsAreUnimplemented(t *testing.T) {
	c := login(t, start(t), fsm.Blue)
	_, err := c.engine().HealthCheck(within(t), &e6xv1.HealthCheckRequest{})
	require.NoError(t, err)
	_, err = c.engine().CreateDataFrame(within(t), &e6xv1.CreateDataFrameRequest{SessionId: c.session})
	requireStatus(t, err, codes.Unimplemented, "")
	_, err = c.engine().SetProps(within(t), &e6xv1.SetPropsRequest{SessionId: c.session})
	requireStatus(t, err, codes.Unimplemented, "")
}

func TestQueriesOfOneSessionRunAtOnce(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10))
	c := login(t, cluster, fsm.Blue)
	done := make(chan error)
	for g := range 16 {
		go func() {
			done <- func() error {
				q, err := c.prepare(within(t), fmt.Sprintf("SELECT * FROM numbers(%d)", g*5))
				if err != nil {
					return err
				}
				if err := q.execute(within(t)); err != nil {
					return err
				}
				batches, err := q.read(within(t), g%2 == 0)
				if err == nil && len(texts(batches)) != g*5 {
					err = fmt.Errorf("%d rows instead of %d", len(texts(batches)), g*5)
				}
				if err != nil {
					return err
				}
				return q.clear(within(t))
			}()
		}()
	}
	for range 16 {
		require.NoError(t, <-done)
	}
	require.Empty(t, cluster.OpenQueries())
	require.Equal(t, 1, cluster.Stats().Calls["authenticate"])
	require.GreaterOrEqual(t, cluster.Stats().CallsBySession[c.session], 16*5)
}
