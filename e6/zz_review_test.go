package e6_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/vector"
)

func lostIt(err error) string {
	var l *e6.CutoverError
	var q *e6.QueryError
	return fmt.Sprintf("%T lost=%v query=%v suspended=%v closed=%v safe=%v retryable=%v canceled=%v: %v", err, errors.As(err, &l), errors.As(err, &q), errors.Is(err, e6.ErrSuspended), errors.Is(err, e6.ErrClosed), e6.SafeToReplay(err), e6.IsRetryable(err), errors.Is(err, context.Canceled), err)
}

func TestZZNextThenBatches(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10))
	c := open(t, cluster)
	rows, _ := c.Query(t.Context(), "SELECT * FROM numbers(30)")
	rows.Next()
	n := 1
	for b, err := range rows.Batches() {
		if err != nil { t.Log(err); break }
		n += b.Rows()
	}
	t.Logf("NextThenBatches: read %d of 30, err=%v", n, rows.Err())
	rows.Close()
	rows, _ = c.Query(t.Context(), "SELECT * FROM numbers(30)")
	rows.Next()
	rows.Close()
	k := 0
	for rows.Next() { k++ }
	t.Logf("NextAfterClose: %d more rows after Close err=%v", k, rows.Err())
	func() {
		defer func() { t.Logf("nil dest panic: %v", recover()) }()
		rows, _ = c.Query(t.Context(), "SELECT 1")
		defer rows.Close()
		rows.Next()
		t.Logf("nil dest: %v", rows.Scan((*string)(nil)))
	}()
}

func TestZZNoAutoResume(t *testing.T) {
	engine := e6test.NewCannedEngine()
	cluster := start(t, e6test.WithEngine(engine))
	c := open(t, cluster, func(c *e6.Config) { c.NoAutoResume = true })
	cluster.Inject(e6test.Fault{Method: "executeStatement", Action: e6test.Refuse503})
	t.Logf("503 execute NoAutoResume INSERT: %s", lostIt(c.Exec(t.Context(), "INSERT INTO s VALUES (1)")))
	cluster.Inject(e6test.Fault{Method: "prepareStatement", Action: e6test.Refuse503})
	t.Logf("503 prepare NoAutoResume: %s", lostIt(c.Exec(t.Context(), "INSERT INTO s VALUES (1)")))
	t.Logf("inserted %v", engine.Inserted("s"))
}

func TestZZ503Metadata(t *testing.T) {
	engine := e6test.NewCannedEngine()
	cluster := start(t, e6test.WithEngine(engine))
	c := open(t, cluster)
	cluster.Inject(e6test.Fault{Method: "getResultMetadata", Action: e6test.Refuse503})
	t.Logf("503 metadata INSERT: %s", lostIt(c.Exec(t.Context(), "INSERT INTO s VALUES (1)")))
	t.Logf("inserted %v", engine.Inserted("s"))
	rows, _ := c.Query(t.Context(), "SELECT * FROM numbers(30)")
	cluster.Inject(e6test.Fault{Method: "status", Action: e6test.Refuse503})
	_, err := c.Status(t.Context(), rows.Handle())
	t.Logf("503 Status: %s", lostIt(err))
	rows.Close()
}

func TestZZDryRunSession(t *testing.T) {
	cluster := start(t)
	c := open(t, cluster)
	cluster.ExpireSessions()
	_, err := c.DryRun(t.Context(), "SELECT 1")
	t.Logf("dryrun expired: %s", lostIt(err))
	_, err = c.DryRun(t.Context(), "SELECT 1")
	t.Logf("dryrun expired again: %s", lostIt(err))
}

func TestZZCloseCatalog(t *testing.T) {
	cluster := start(t)
	c := open(t, cluster, func(c *e6.Config) { c.CloseTimeout = time.Second })
	rows, _ := c.Query(t.Context(), "SELECT * FROM numbers(30)")
	h := rows.Handle()
	cluster.Inject(e6test.Fault{Method: "getSchemaNamesV2", Action: e6test.Hang})
	done := later(func() error { _, err := c.Schemas(t.Context(), ""); return err })
	ready(t, "x", func() bool { return calls(cluster, "getSchemaNamesV2") == 1 })
	cluster.Inject(e6test.Fault{Method: "status", Action: e6test.Hang})
	done2 := later(func() error { _, err := c.Status(t.Context(), h); return err })
	ready(t, "x", func() bool { return calls(cluster, "status") == 1 })
	b := time.Now()
	c.Close()
	t.Logf("Close took %v (CloseTimeout 1s)", time.Since(b))
	t.Logf("catalog during close: %s", lostIt(<-done))
	t.Logf("status during close: %s", lostIt(<-done2))
	_, err := c.Status(t.Context(), h)
	t.Logf("status after close: %s", lostIt(err))
	t.Logf("cancel after close: %s", lostIt(c.Cancel(t.Context(), h)))
	_, err = c.ClusterStatus(t.Context())
	t.Logf("clusterstatus after close: %s", lostIt(err))
	_, err = c.Schemas(t.Context(), "")
	t.Logf("schemas after close: %s", lostIt(err))
}

func TestZZCatalogWords(t *testing.T) {
	cluster := start(t)
	c := open(t, cluster)
	cluster.Inject(e6test.Fault{Method: "getSchemaNamesV2", Action: e6test.BadGateway, Times: -1})
	_, err := c.Schemas(t.Context(), "")
	t.Logf("schemas bad gateway: %s", lostIt(err))
	rm := cluster.Inject(e6test.Fault{Method: "getTablesV2", Action: e6test.Hang, Times: -1})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	_, err = c.Tables(ctx, "", "")
	cancel()
	rm()
	t.Logf("tables hang: %s", lostIt(err))
	ctx2, cancel2 := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("my cause"))
	err = c.Exec(ctx2, "SELECT sleep(1000)")
	cancel2()
	t.Logf("timeout with cause: DeadlineExceeded=%v %s", errors.Is(err, context.DeadlineExceeded), lostIt(err))
}

func TestZZDeadlineOfEngine(t *testing.T) {
	cluster := start(t)
	c := open(t, cluster)
	cluster.Inject(e6test.Fault{Method: "getResultMetadata", Action: e6test.Fail, Code: codes.DeadlineExceeded, Message: "the query ran longer than the engine's limit of 60 s", Times: -1})
	_, err := c.QueryAll(context.WithoutCancel(t.Context()), "SELECT 1")
	t.Logf("engine deadline: executions=%d deadlineIs=%v %s", executions(cluster, "SELECT 1"), errors.Is(err, context.DeadlineExceeded), lostIt(err))
}

func TestZZMessageOfWrite(t *testing.T) {
	cluster := start(t, e6test.WithNewFetch(false))
	c := open(t, cluster)
	w := watch(t, c)
	rem := cluster.Inject(e6test.Fault{Method: "getNextResultBatch", Nth: 2, Times: -1, Action: e6test.DelayBefore, Delay: 100 * time.Millisecond})
	_ = rem
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	rows, err := c.Query(trace.ContextWithSpanContext(t.Context(), sc), "INSERT INTO s VALUES (1)")
	if err != nil { t.Fatal(err) }
	rows.Next()
	rem()
	cluster.Inject(e6test.Fault{Method: "getNextResultBatch", Nth: 1, Times: -1, Action: e6test.BadGateway})
	for rows.Next() {
	}
	t.Logf("write with rows: %s", lostIt(rows.Err()))
	rows.Close()
	_ = w
	for _, e := range c.History() {
		if l, ok := e.Data.(events.QueryLost); ok {
			t.Logf("QueryLost cause=%+v trace valid=%v %+v", e.Cause.Reason, e.Cause.Trace.IsValid(), l)
		}
	}
}

func TestZZPrint(t *testing.T) {
	cluster := start(t)
	c := open(t, cluster)
	s := fmt.Sprintf("%+v", c)
	for i := 0; i+12 <= len(s); i++ {
		if s[i:i+12] == "secret-token" {
			t.Log("token leaks in plus-v of *Client:", s[max(0, i-60):i+12])
			break
		}
	}
}

func TestZZSecrets(t *testing.T) {
	cluster := start(t)
	c := open(t, cluster)
	cluster.Inject(e6test.Fault{Method: "clearOrCancelQuery", Action: e6test.Fail, Code: codes.Internal, Message: "Access denied. Invalid session S-123456", Times: -1})
	_ = c.Exec(t.Context(), "SELECT 1")
	cluster.Inject(e6test.Fault{Method: "getResultMetadata", Action: e6test.Fail, Code: codes.Unavailable, Message: "worker lost while running SELECT 2", Times: 1})
	_ = c.Exec(t.Context(), "SELECT 2")
	requireIdle(t, c)
	for _, e := range c.History() {
		switch d := e.Data.(type) {
		case events.QueryAbandoned, events.QueryReplayed:
			t.Logf("%T %+v cause %+v", d, d, e.Cause)
		}
	}
}

func TestZZShutdownReplay(t *testing.T) {
	cluster := start(t)
	c := open(t, cluster)
	cluster.OpenSide(e6.Green)
	done := later(func() error { return c.Exec(t.Context(), "SELECT sleep(300)") })
	ready(t, "x", func() bool { return executions(cluster, "SELECT sleep(300)") == 1 })
	sd := later(func() error { return c.Shutdown(within(t, 5*time.Second)) })
	ready(t, "x", func() bool { return errors.Is(c.Exec(t.Context(), "SELECT 1"), e6.ErrClosed) })
	cluster.CloseSide(e6.Blue)
	t.Logf("query in shutdown+456: %s", lostIt(<-done))
	t.Logf("shutdown: %v", <-sd)
}

func TestZZFetchLoginBroken(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	c := open(t, cluster)
	rows, _ := c.Query(t.Context(), "SELECT * FROM numbers(300)")
	rows.Next()
	cluster.ExpireSessions()
	cluster.Inject(e6test.Fault{Method: "authenticate", Action: e6test.BreakAfter})
	n := 1
	for rows.Next() { n++ }
	t.Logf("expired + broken login: %d rows; %s", n, lostIt(rows.Err()))
	rows.Close()
}

func TestZZCloseConcurrent(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	c := open(t, cluster)
	rows, _ := c.Query(t.Context(), "SELECT * FROM numbers(3000)")
	n := 0
	for rows.Next() {
		if n++; n == 15 { go rows.Close() }
		if n > 15 { time.Sleep(time.Millisecond) }
	}
	t.Logf("concurrent close: %d of 3000 rows, Err=%v", n, rows.Err())
}

type emptyEngine struct{ *e6test.CannedEngine; zero bool }
type emptyPrepared struct{}
type emptyResult struct{ n int }

func (e *emptyEngine) Prepare(context.Context, e6test.Statement) (e6test.Prepared, error) { return emptyPrepared{}, nil }
func (emptyPrepared) Execute(context.Context) (e6test.Result, error) { return &emptyResult{}, nil }
func (emptyPrepared) Explain(context.Context) (string, error) { return "", nil }
func (emptyPrepared) Close() error { return nil }
func (r *emptyResult) Fields() []vector.Field { return []vector.Field{{Name: "id", Type: vector.Decimal128}, {Name: "id", Type: vector.Long}} }
func (r *emptyResult) RowCount() int64 { return 0 }
func (r *emptyResult) Close() error { return nil }
func (r *emptyResult) Next(context.Context, int) (*e6test.Batch, error) {
	if r.n++; r.n > 1000 { return nil, io.EOF }
	sc := int32(0)
	return &e6test.Batch{Rows: 0, Columns: []e6test.Column{{Type: vector.Decimal128, Scale: &sc}, {Type: vector.Long}}}, nil
}

func TestZZZeroChunks(t *testing.T) {
	cluster := start(t, e6test.WithEngine(&emptyEngine{CannedEngine: e6test.NewCannedEngine()}), e6test.WithChunks(1))
	c := open(t, cluster)
	b := time.Now()
	_, err := c.QueryAll(t.Context(), "SELECT 1")
	t.Logf("1000 zero chunks: %v calls=%d took %v", err, calls(cluster, "getNextResultBatchV2"), time.Since(b))
}

func TestZZScan(t *testing.T) {
	engine := e6test.NewCannedEngine()
	sc := int32(0)
	engine.AddTable("dup", []vector.Field{{Name: "id", Type: vector.Long}, {Name: "id", Type: vector.Long}}, e6test.Batch{Rows: 1, Columns: []e6test.Column{
		{Type: vector.Long, Nulls: []bool{false}, Ints: []int64{1}}, {Type: vector.Long, Nulls: []bool{false}, Ints: []int64{2}}}})
	engine.AddTable("big", []vector.Field{{Name: "id", Type: vector.Decimal128}}, e6test.Batch{Rows: 1, Columns: []e6test.Column{
		{Type: vector.Decimal128, Nulls: []bool{false}, Scale: &sc, Decimals: [][]byte{{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}}}})
	engine.AddTable("fl", []vector.Field{{Name: "f", Type: vector.Float}}, e6test.Batch{Rows: 1, Columns: []e6test.Column{
		{Type: vector.Float, Nulls: []bool{false}, Floats: []float64{0.1}}}})
	cluster := start(t, e6test.WithEngine(engine))
	c := open(t, cluster)
	type one struct{ ID int64 }
	r, err := e6.QueryAll[one](t.Context(), c, "SELECT * FROM dup")
	t.Logf("dup: %+v %v", r, err)
	u, err := e6.QueryAll[uint64](t.Context(), c, "SELECT * FROM big")
	t.Logf("uint64 max decimal: %v %v", u, err)
	f, err := e6.QueryAll[float32](t.Context(), c, "SELECT * FROM fl")
	t.Logf("FLOAT 0.1 into float32: %v %v", f, err)
	p, err := e6.QueryAll[*one](t.Context(), c, "SELECT * FROM dup")
	t.Logf("ptr struct: %v %v", p, err)
}

func TestZZConfig(t *testing.T) {
	_, err := e6.Open(t.Context(), e6.Config{Address: "localhost:1", ClusterName: "naïve", MaxAttempts: -1, User: "u", Token: "t"})
	t.Logf("clustername listed? %v", err)
	_, err = e6.Open(t.Context(), e6.Config{Address: "localhost:1", ClusterName: "naïve", User: "u", Token: "t"})
	var ce *e6.ConfigError
	t.Logf("clustername ConfigError=%v %v", errors.As(err, &ce), err)
	t.Logf("addr: %v", e6.Config{Address: "e6://user:secret-token@host:443", User: "u", Token: "t"}.Validate())
}

func TestZZOpenCallback(t *testing.T) {
	cluster := start(t)
	cfg := config(cluster)
	cfg.User, cfg.Token = "", ""
	release := make(chan struct{})
	cfg.CloseTimeout = 2 * time.Second
	cfg.Credentials = func(context.Context) (string, string, error) { <-release; return "u", "t", nil }
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	b := time.Now()
	_, err := e6.Open(ctx, cfg, e6.WithDialer(cluster.Dialer()))
	t.Logf("Open with 50ms and deaf callback took %v: %v", time.Since(b), err)
	close(release)
	cfg.Credentials = func(context.Context) (string, string, error) { return "u", "t", nil }
	fail := false
	cfg.Credentials = func(context.Context) (string, string, error) { if fail { return "", "", errors.New("vault is down") }; return "u", "t", nil }
	c, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
	if err != nil { t.Fatal(err) }
	defer c.Close()
	fail = true
	cluster.ExpireSessions()
	t.Logf("callback fails: %s", lostIt(c.Exec(t.Context(), "SELECT 1")))
	n := 0
	for range 40 {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c2cfg := config(cluster)
		c2, err := e6.Open(t.Context(), c2cfg, e6.WithDialer(cluster.Dialer()))
		if err != nil { t.Fatal(err) }
		if c2.Shutdown(ctx) != nil { n++ }
	}
	t.Logf("idle Shutdown with ended ctx: %d of 40 say queries were still running", n)
}
