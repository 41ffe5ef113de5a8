package e6test_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

func TestFault_HitsTheCallsOfItsMethodAndSide(t *testing.T) {
	for name, tt := range map[string]struct {
		fault e6test.Fault
		hit   []int // of five prepares on blue, counted from 1
	}{
		"the first one by default":        {e6test.Fault{}, []int{1}},
		"the third one":                   {e6test.Fault{Nth: 3}, []int{3}},
		"two in a row":                    {e6test.Fault{Nth: 2, Times: 2}, []int{2, 3}},
		"all from the fourth on":          {e6test.Fault{Nth: 4, Times: -1}, []int{4, 5}},
		"of one method":                   {e6test.Fault{Method: "prepareStatementV2"}, []int{1}},
		"not of another method":           {e6test.Fault{Method: "prepareStatement", Times: -1}, nil},
		"of one side":                     {e6test.Fault{Side: fsm.Blue, Times: -1}, []int{1, 2, 3, 4, 5}},
		"not of the other side":           {e6test.Fault{Side: fsm.Green, Times: -1}, nil},
		"one side and one method of many": {e6test.Fault{Side: fsm.Blue, Method: "prepareStatementV2", Nth: 5}, []int{5}},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t)
			c := login(t, cluster, fsm.Blue)
			tt.fault.Action = e6test.Refuse456
			cluster.Inject(tt.fault)
			var hit []int
			for i := 1; i <= 5; i++ {
				if _, err := c.prepare(within(t), "SELECT 1"); err != nil {
					require456(t, err)
					hit = append(hit, i)
				}
			}
			require.Equal(t, tt.hit, hit)
		})
	}
}

func TestFault_CanBeRemoved(t *testing.T) {
	cluster := start(t)
	c := login(t, cluster, fsm.Blue)
	remove := cluster.Inject(e6test.Fault{Times: -1, Action: e6test.Refuse503}).Remove
	_, err := c.prepare(within(t), "SELECT 1")
	requireStatus(t, err, codes.Unavailable, "503")
	remove()
	remove()
	c.mustPrepare(t, "SELECT 1")
}

func TestFault_TheFirstInjectedWins(t *testing.T) {
	cluster := start(t)
	c := login(t, cluster, fsm.Blue)
	cluster.Inject(e6test.Fault{Action: e6test.Fail, Message: "first"})
	cluster.Inject(e6test.Fault{Action: e6test.Fail, Message: "second", Times: 2})
	_, err := c.prepare(within(t), "SELECT 1")
	requireStatus(t, err, codes.Internal, "first")
	_, err = c.prepare(within(t), "SELECT 1")
	requireStatus(t, err, codes.Internal, "second")
	c.mustPrepare(t, "SELECT 1")
}

func TestFault_ARefusedCallHasNoEffect(t *testing.T) {
	for name, tt := range map[string]struct {
		fault e6test.Fault
		code  codes.Code
		text  string
	}{
		"456":               {e6test.Fault{Action: e6test.Refuse456}, codes.Unknown, "456 ("},
		"503":               {e6test.Fault{Action: e6test.Refuse503}, codes.Unavailable, "503 ("},
		"502":               {e6test.Fault{Action: e6test.BadGateway}, codes.Unavailable, "502 ("},
		"the engine's":      {e6test.Fault{Action: e6test.Fail, Code: codes.ResourceExhausted, Message: "no room"}, codes.ResourceExhausted, "no room"},
		"the engine's own":  {e6test.Fault{Action: e6test.Fail, Message: "no idea"}, codes.Internal, "no idea"},
		"a broken line":     {e6test.Fault{Action: e6test.BreakBefore}, codes.Unavailable, ""},
		"a look-alike text": {e6test.Fault{Action: e6test.Fail, Code: codes.Unknown, Message: "status: 456"}, codes.Unknown, "status: 456"},
	} {
		t.Run(name, func(t *testing.T) {
			engine := e6test.NewCannedEngine()
			cluster := start(t, e6test.WithEngine(engine))
			q := login(t, cluster, fsm.Blue).mustPrepare(t, "INSERT INTO t VALUES (1)")
			tt.fault.Method = "executeStatementV2"
			cluster.Inject(tt.fault)
			requireStatus(t, q.execute(within(t)), tt.code, tt.text)
			require.Empty(t, engine.Inserted("t"))
			require.Empty(t, cluster.Stats().Executions)
			require.NoError(t, q.execute(within(t)))
			_, err := q.metadata(within(t))
			require.NoError(t, err)
			require.Equal(t, []int64{1}, engine.Inserted("T"))
		})
	}
}

func TestFault_BreakAfterHasItsEffect(t *testing.T) {
	engine := e6test.NewCannedEngine()
	cluster := start(t, e6test.WithEngine(engine), e6test.WithBatchRows(1), e6test.WithChunks(1))
	c := login(t, cluster, fsm.Blue)
	q := c.mustPrepare(t, "INSERT INTO t VALUES (4)")
	cluster.Inject(e6test.Fault{Method: "executeStatementV2", Action: e6test.BreakAfter})
	requireStatus(t, q.execute(within(t)), codes.Unavailable, "")
	_, err := q.metadata(within(t))
	require.NoError(t, err)
	require.Equal(t, []int64{4}, engine.Inserted("t"))
	require.Equal(t, 1, cluster.Stats().Executions["INSERT INTO t VALUES (4)"])

	q = c.mustRun(t, "SELECT * FROM numbers(3)")
	cluster.Inject(e6test.Fault{Method: "getNextResultBatchV2", Nth: 2, Action: e6test.BreakAfter})
	fields := []vector.Field{{Type: vector.Long}, {Type: vector.String}}
	var first []string
	for range 3 {
		answer, err := q.fetchV2(within(t))
		if err != nil {
			requireStatus(t, err, codes.Unavailable, "")
			continue
		}
		b, err := vector.Decode(answer.GetResultBatches()[0], fields)
		require.NoError(t, err)
		first = append(first, b.Column(0).Text(0))
	}
	require.Equal(t, []string{"0", "2"}, first, "the cursor has moved on")
}

func TestFault_HangEndsWithItsCall(t *testing.T) {
	cluster := start(t)
	c := login(t, cluster, fsm.Blue)
	cluster.Inject(e6test.Fault{Action: e6test.Hang})
	ctx, cancel := context.WithTimeout(within(t), 30*time.Millisecond)
	defer cancel()
	_, err := c.prepare(ctx, "SELECT 1")
	requireStatus(t, err, codes.DeadlineExceeded, "")
	c.mustPrepare(t, "SELECT 1")
}

func TestFault_CloseEndsAHang(t *testing.T) {
	cluster := start(t)
	c := login(t, cluster, fsm.Blue)
	cluster.Inject(e6test.Fault{Action: e6test.Hang})
	failed := make(chan error, 1)
	go func() {
		_, err := c.prepare(within(t), "SELECT 1")
		failed <- err
	}()
	eventually(t, func() bool { return cluster.Stats().Calls["prepareStatementV2"] == 1 })
	require.NoError(t, cluster.Close())
	require.Error(t, <-failed)
	require.NoError(t, cluster.Close())
}

func TestFault_GarbageReplacesTheResponse(t *testing.T) {
	cluster := start(t)
	c := login(t, cluster, fsm.Blue)
	q := c.mustRun(t, "SELECT 1")
	cluster.Inject(e6test.Fault{Method: "getResultMetadata", Action: e6test.Garbage})
	_, err := q.metadata(within(t))
	require.ErrorAs(t, err, new(*vector.DecodeError))
	for _, newFetch := range []bool{false, true} {
		q := c.mustRun(t, "SELECT 1")
		cluster.Inject(e6test.Fault{Action: e6test.Garbage, Nth: 2})
		_, err = q.read(within(t), newFetch)
		require.ErrorAs(t, err, new(*vector.DecodeError))
	}
}

func TestFault_ShortEndsTheResult(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(1), e6test.WithChunks(1))
	c := login(t, cluster, fsm.Blue)
	for method, newFetch := range map[string]bool{"getNextResultBatch": false, "getNextResultBatchV2": true} {
		cluster.Inject(e6test.Fault{Method: method, Nth: 3, Action: e6test.Short})
		batches, err := c.mustRun(t, "SELECT * FROM numbers(9)").read(within(t), newFetch)
		require.NoError(t, err)
		require.Len(t, texts(batches), 2)
	}
}

func TestFault_AnnounceAndEmptySessionChangeTheResponse(t *testing.T) {
	cluster := start(t)
	c := login(t, cluster, fsm.Blue)
	cluster.Inject(e6test.Fault{Method: "authenticate", Action: e6test.Announce, Message: "Teal"})
	answer, err := c.authenticate(within(t))
	require.NoError(t, err)
	require.Equal(t, "Teal", answer.GetNewStrategy())
	require.NotEmpty(t, answer.GetSessionId())
	cluster.Inject(e6test.Fault{Method: "authenticate", Action: e6test.EmptySession})
	answer, err = c.authenticate(within(t))
	require.NoError(t, err)
	require.Empty(t, answer.GetSessionId())
	require.Nil(t, answer.NewStrategy)
}

func TestDropConnections_TheNextCallReconnects(t *testing.T) {
	cluster := start(t)
	c := login(t, cluster, fsm.Blue)
	q := c.mustRun(t, "SELECT sleep(600000)")
	failed := make(chan error, 1)
	go func() {
		_, err := q.metadata(within(t))
		failed <- err
	}()
	eventually(t, func() bool { return cluster.Stats().InFlight[fsm.Blue] == 1 })
	cluster.DropConnections()
	requireStatus(t, <-failed, codes.Unavailable, "")
	// The engine keeps the session and the query.
	eventually(t, func() bool {
		_, err := q.call().Status(within(t), &e6xv1.StatusRequest{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
		return err == nil
	})
	require.NoError(t, q.clear(within(t)))
	eventually(t, func() bool { return cluster.Stats().InFlight[fsm.Blue] == 0 })
}
