package emulator_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/emulator"
	"github.com/e6data/e6data-go/internal/stress"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

func TestQueriesRunOverTheProtocol(t *testing.T) {
	t.Parallel()
	em := start(t, emulator.Options{BatchRows: 300})
	c := dial(t, em.Addr(), fsm.Blue, "anybody", "anything")
	require.NotEmpty(t, c.session)

	require.Equal(t, [][]string{{"it's\n"}}, c.query(t, `SELECT 'it\'s\n' // e6data's own comment`))
	rows := c.query(t, "SELECT order_id, amount FROM orders WHERE order_id <= 1000 ORDER BY order_id")
	require.Len(t, rows, 1000)
	for i, row := range rows {
		o := emulator.SampleOrder(int64(i + 1))
		require.Equal(t, []string{strconv.Itoa(i + 1), cents(o.AmountCents)}, row)
	}
	require.Len(t, c.query(t, "FROM types"), 4)
	require.Empty(t, c.query(t, "CREATE TABLE made (a INTEGER)"))
	require.Equal(t, [][]string{{"2"}}, c.query(t, "INSERT INTO made VALUES (1), (2)"))
	require.Empty(t, em.Cluster().OpenQueries())
	require.Empty(t, em.Cluster().Stats().Violations)
}

func TestASemicolonIsRefusedExceptWithinQuotes(t *testing.T) {
	t.Parallel()
	em := start(t, emulator.Options{NoSample: true})
	c := dial(t, em.Addr(), fsm.Blue, "u", "t")
	require.Equal(t, [][]string{{";"}}, c.query(t, `SELECT ';' AS ";" -- ;`))
	for _, sql := range []string{"SELECT 1;", "SELECT 1; SELECT 2", `SELECT 'it\'s'; SELECT 2`, `SELECT '\\'; SELECT 2`} {
		_, err := c.prepare(sql)
		require.ErrorContains(t, err, "one statement at a time; send the statements one by one", sql)
	}
}

func TestBothSidesShareOneDatabase(t *testing.T) {
	t.Parallel()
	em := start(t, emulator.Options{NoSample: true})
	blue := dial(t, em.Addr(), fsm.Blue, "u", "t")
	blue.query(t, "CREATE TABLE shared AS SELECT 42 AS v")
	em.Cluster().OpenSide(fsm.Green)
	green := dial(t, em.Addr(), fsm.Green, "u", "t")
	require.Equal(t, [][]string{{"42"}}, green.query(t, "FROM shared"))
}

func TestStart_WithCredentialsRejectsOthers(t *testing.T) {
	t.Parallel()
	em := start(t, emulator.Options{NoSample: true, User: "u", Token: "right"})
	require.Empty(t, dial(t, em.Addr(), fsm.Blue, "u", "wrong").session)
	require.NotEmpty(t, dial(t, em.Addr(), fsm.Blue, "u", "right").session)
}

func TestCancellingAQueryOverTheProtocolInterruptsIt(t *testing.T) {
	t.Parallel()
	em := start(t, emulator.Options{NoSample: true})
	c := dial(t, em.Addr(), fsm.Blue, "u", "t")
	q, err := c.prepare("SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(10000000) b(i)")
	require.NoError(t, err)
	require.NoError(t, c.execute(q)) // the engine runs it in the background
	waits := make(chan error, 1)
	go func() {
		_, err := c.GetResultMetadata(q.ctx, &e6xv1.GetResultMetadataRequest{SessionId: c.session, QueryId: q.id, EngineIP: q.ip})
		waits <- err
	}()
	_, err = c.CancelQuery(q.ctx, &e6xv1.CancelQueryRequest{SessionId: c.session, QueryId: q.id, EngineIP: q.ip})
	require.NoError(t, err)
	requireCancelled := func(err error) {
		t.Helper()
		require.Equal(t, codes.Canceled, grpcstatus.Code(err), "%v", err)
		require.ErrorContains(t, err, "the query was cancelled")
	}
	requireCancelled(<-waits)
	_, err = c.Status(q.ctx, &e6xv1.StatusRequest{SessionId: c.session, QueryId: q.id, EngineIP: q.ip})
	requireCancelled(err)
	_, err = c.GetNextResultBatchV2(q.ctx, &e6xv1.GetNextResultBatchRequest{SessionId: c.session, QueryId: q.id, EngineIP: q.ip})
	requireCancelled(err)
}

func TestAStatementOfManyMegabytesRuns(t *testing.T) {
	t.Parallel()
	em := start(t, emulator.Options{NoSample: true})
	c := dial(t, em.Addr(), fsm.Blue, "u", "t")
	require.Equal(t, [][]string{{strconv.Itoa(5 << 20)}}, c.query(t, "SELECT length('"+strings.Repeat("x", 5<<20)+"')"))
}

func TestExplainAndCatalogOverTheProtocol(t *testing.T) {
	t.Parallel()
	em := start(t, emulator.Options{})
	c := dial(t, em.Addr(), fsm.Blue, "u", "t")
	q, err := c.prepare("SELECT count(*) FROM orders WHERE amount > 5")
	require.NoError(t, err)
	require.NoError(t, c.execute(q))

	plan, err := c.Explain(q.ctx, &e6xv1.ExplainRequest{SessionId: c.session, QueryId: q.id, EngineIP: q.ip})
	require.NoError(t, err)
	require.Contains(t, plan.GetExplain(), "demo.sales.orders")
	analyzed, err := c.ExplainAnalyze(q.ctx, &e6xv1.ExplainAnalyzeRequest{SessionId: c.session, QueryId: q.id, EngineIP: q.ip})
	require.NoError(t, err)
	var figures map[string]any
	require.NoError(t, json.Unmarshal([]byte(analyzed.GetExplainAnalyze()), &figures))
	for _, name := range []string{"total_query_time", "executionQueueingTime", "parsingTime"} {
		require.Contains(t, figures, name)
	}

	dry, err := c.DryRunV2(c.ctx, &e6xv1.DryRunRequestV2{SessionId: c.session, Catalog: "demo", Schema: "sales", QueryString: "SELECT amount FROM orders"})
	require.NoError(t, err)
	require.Equal(t, "valid: (amount decimal(12,2))", dry.GetDryrunValue())
	tables, err := c.GetTablesV2(c.ctx, &e6xv1.GetTablesV2Request{SessionId: c.session, Catalog: "demo", Schema: "sales"})
	require.NoError(t, err)
	require.Equal(t, []string{"customers", "orders", "products", "returns", "types"}, tables.GetTables())
	columns, err := c.GetColumnsV2(c.ctx, &e6xv1.GetColumnsV2Request{SessionId: c.session, Catalog: "demo", Schema: "sales", Table: "returns"})
	require.NoError(t, err)
	require.Len(t, columns.GetFieldInfo(), 4)
	require.Equal(t, "long", columns.GetFieldInfo()[0].GetFieldType())
}

func TestStart_NamesAnAddressInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	addr := taken.Addr().String()
	for name, opts := range map[string]emulator.Options{
		"the cluster's": {Listen: addr},
		"the admin's":   {Admin: addr},
		"an engine's":   {EngineBlue: "127.0.0.1:0", EngineGreen: addr},
	} {
		opts.NoSample = true
		_, err := emulator.Start(opts)
		require.ErrorIs(t, err, syscall.EADDRINUSE, name)
		require.ErrorContains(t, err, addr, name)
	}
}

func TestTheEnginesCanBeReachedWithoutTheIngress(t *testing.T) {
	t.Parallel()
	em := start(t, emulator.Options{NoSample: true, EngineBlue: "127.0.0.1:0", EngineGreen: "127.0.0.1:0"})
	for _, side := range fsm.Sides {
		c := dial(t, em.Cluster().EngineAddr(side), side, "u", "t")
		require.Equal(t, [][]string{{"1"}}, c.query(t, "SELECT 1"), side)
	}
}

func TestAdmin_ControlsTheCluster(t *testing.T) {
	t.Parallel()
	em := start(t, emulator.Options{NoSample: true, Admin: "127.0.0.1:0"})
	cluster := em.Cluster()
	blue := dial(t, em.Addr(), fsm.Blue, "u", "t")
	blue.query(t, "SELECT 1")

	post(t, em, "/announce?to=green", http.StatusOK)
	resp, err := blue.Authenticate(blue.ctx, &e6xv1.AuthenticateRequest{User: "u", Password: "t"})
	require.NoError(t, err)
	require.Equal(t, "green", resp.GetNewStrategy())

	post(t, em, "/open?side=green", http.StatusOK)
	require.True(t, cluster.IsOpen(fsm.Green))
	post(t, em, "/close?side=BLUE", http.StatusOK)
	require.False(t, cluster.IsOpen(fsm.Blue))
	_, err = blue.prepare("SELECT 1")
	require.Equal(t, codes.Unknown, grpcstatus.Code(err))
	require.ErrorContains(t, err, "unexpected HTTP status code received from server: 456 (")

	post(t, em, "/cutover?to=blue&grace=0s", http.StatusOK)
	require.Equal(t, fsm.Blue, cluster.Active())
	post(t, em, "/cutover?to=green&kind=abrupt", http.StatusOK)
	require.Equal(t, fsm.Green, cluster.Active())
	post(t, em, "/cutover?to=blue&kind=announce-first&grace=1ms", http.StatusAccepted)
	require.Eventually(t, func() bool { return cluster.Active() == fsm.Blue && !cluster.IsOpen(fsm.Green) }, stress.Patience, time.Millisecond)

	post(t, em, "/suspend", http.StatusOK)
	_, err = blue.prepare("SELECT 1")
	require.Equal(t, codes.Unavailable, grpcstatus.Code(err))
	post(t, em, "/resume", http.StatusOK)
	blue.query(t, "SELECT 1")
	post(t, em, "/expire-sessions", http.StatusOK)
	_, err = blue.prepare("SELECT 1")
	require.ErrorContains(t, err, "Access denied")

	var stats struct {
		Calls      map[string]int
		Refused456 int
		InFlight   map[string]int
		Active     string
	}
	got, err := http.Get("http://" + em.AdminAddr() + "/stats")
	require.NoError(t, err)
	defer func() { require.NoError(t, got.Body.Close()) }()
	require.Equal(t, "application/json", got.Header.Get("Content-Type"))
	require.NoError(t, json.NewDecoder(got.Body).Decode(&stats))
	require.Equal(t, 2, stats.Calls["authenticate"])
	require.Equal(t, 1, stats.Refused456)
	require.Equal(t, map[string]int{"blue": 0, "green": 0}, stats.InFlight)
	require.Equal(t, "blue", stats.Active)
}

func TestAdmin_RefusesInvalidRequests(t *testing.T) {
	t.Parallel()
	em := start(t, emulator.Options{NoSample: true, Admin: "127.0.0.1:0"})
	for _, tc := range []struct {
		path string
		want string
	}{
		{"/announce", "parameter to: unknown side"},
		{"/announce?to=red", `parameter to: unknown side "red": expected blue or green`},
		{"/open?to=green", `parameter "to" is unknown: want side`},
		{"/open", "parameter side: unknown side"},
		{"/open?side=green&side=blue", "parameter side is given more than once"},
		{"/cutover?to=green&gracee=1s", `parameter "gracee" is unknown: want to, kind, grace`},
		{"/cutover?to=green&grace=%zz", "parameter list is not well formed"},
		{"/suspend?side=blue", `parameter "side" is unknown: there are none`},
		{"/close?side=", "parameter side: unknown side"},
		{"/cutover?to=red", "parameter to: unknown side"},
		{"/cutover?to=green&kind=slow", "parameter kind"},
		{"/cutover?to=green&grace=5", "parameter grace"},
		{"/cutover?to=green&grace=-5s", "parameter grace"},
		{"/cutover?to=green&grace=2h", "parameter grace"},
	} {
		require.Contains(t, post(t, em, tc.path, http.StatusBadRequest), tc.want, tc.path)
	}
	post(t, em, "/stats", http.StatusMethodNotAllowed)
	post(t, em, "/nothing", http.StatusNotFound)
	for _, path := range []string{"/announce?to=green", "/open?side=green", "/close?side=blue", "/cutover?to=green", "/suspend", "/resume", "/expire-sessions"} {
		resp, err := http.Get("http://" + em.AdminAddr() + path)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, path)
	}
	require.Equal(t, fsm.Blue, em.Cluster().Active(), "nothing of that had an effect")
}

// status is the response of GET /status.
type status struct {
	Active  string
	Open    map[string]bool
	Cutover *struct {
		To, Kind, Grace, State, Error string
		Began, Ends                   time.Time
	}
}

func statusOf(t testing.TB, em *emulator.Emulator) (s status) {
	t.Helper()
	got, err := http.Get("http://" + em.AdminAddr() + "/status")
	require.NoError(t, err)
	defer func() { require.NoError(t, got.Body.Close()) }()
	require.Equal(t, http.StatusOK, got.StatusCode)
	require.NoError(t, json.NewDecoder(got.Body).Decode(&s))
	return s
}

func TestAdminCutover_RunsInTheBackgroundAndStatusReportsItsEnd(t *testing.T) {
	t.Parallel()
	em := start(t, emulator.Options{NoSample: true, Admin: "127.0.0.1:0"})
	require.Equal(t, status{Active: "blue", Open: map[string]bool{"blue": true, "green": false}}, statusOf(t, em))

	body := post(t, em, "/cutover?to=green&grace=30m", http.StatusAccepted)
	require.Contains(t, body, `"state": "running"`)
	now := statusOf(t, em)
	require.Equal(t, "green", now.Active)
	require.Equal(t, map[string]bool{"blue": true, "green": true}, now.Open)
	require.Equal(t, "running", now.Cutover.State)
	require.Equal(t, 30*time.Minute, now.Cutover.Ends.Sub(now.Cutover.Began))
	require.Contains(t, post(t, em, "/cutover?to=blue&kind=abrupt", http.StatusConflict), "a cutover to green is running until ")
	require.Equal(t, "green", statusOf(t, em).Active, "the second one had no effect")
	require.NoError(t, em.Cluster().Close())
	require.Eventually(t, func() bool { return statusOf(t, em).Cutover.State == "failed" }, stress.Patience, time.Millisecond)
	require.Contains(t, statusOf(t, em).Cutover.Error, "the cluster was closed in the grace period")

	em = start(t, emulator.Options{NoSample: true, Admin: "127.0.0.1:0"})
	post(t, em, "/cutover?to=green&grace=10ms", http.StatusAccepted)
	require.Eventually(t, func() bool { return statusOf(t, em).Cutover.State == "done" }, stress.Patience, time.Millisecond)
	now = statusOf(t, em)
	require.Equal(t, map[string]bool{"blue": false, "green": true}, now.Open)
	require.Equal(t, []string{"green", "graceful", "10ms"}, []string{now.Cutover.To, now.Cutover.Kind, now.Cutover.Grace})
	require.Contains(t, post(t, em, "/cutover?to=blue&kind=abrupt", http.StatusOK), `"state": "done"`)
}

func TestClose_EndsARunningCutover(t *testing.T) {
	t.Parallel()
	em, err := emulator.Start(emulator.Options{NoSample: true, Admin: "127.0.0.1:0"})
	require.NoError(t, err)
	post(t, em, "/cutover?to=green&grace=1h", http.StatusAccepted)
	require.NoError(t, em.Close())
	require.NoError(t, em.Close(), "closing twice is fine")
}

// post calls the admin interface and returns the body of its answer.
func post(t testing.TB, em *emulator.Emulator, path string, want int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), stress.Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+em.AdminAddr()+path, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	var body [512]byte
	n, _ := resp.Body.Read(body[:])
	require.Equal(t, want, resp.StatusCode, "%s: %s", path, body[:n])
	return string(body[:n])
}
