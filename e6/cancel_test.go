package e6_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/stress"
)

// quickly makes the client's own limits short.
func quickly(c *e6.Config) {
	c.CloseTimeout, c.ProbeTimeout = 200*time.Millisecond, 200*time.Millisecond
}

// stations are the calls at which a query can be caught.
var stations = []struct {
	name, method string
	nth          int
}{
	{"authenticate", "authenticate", 1},
	{"prepare", "prepareStatement", 1},
	{"execute", "executeStatement", 1},
	{"metadata", "getResultMetadata", 1},
	{"the first fetch", "getNextResultBatchV2", 1},
	{"a later fetch", "getNextResultBatchV2", 3},
}

// catch makes the cluster hold a query at a station, and returns a function that
// waits until it is there.
func catch(cluster *e6test.Cluster, method string, nth int, fault e6test.Fault) (there func() bool) {
	if method == "authenticate" {
		cluster.ExpireSessions()
	}
	before := calls(cluster, method)
	fault.Method, fault.Nth = method, nth
	if method == "authenticate" && fault.Action == e6test.Hang {
		fault.Times = -1 // a login without a response is sent again
	}
	cluster.Inject(fault)
	return func() bool { return calls(cluster, method) >= before+nth }
}

func TestCancel_LeavesNoGoroutinePinOrServerQuery(t *testing.T) {
	cause := errors.New("the user pressed stop")
	for _, at := range stations {
		for fate, fault := range map[string]e6test.Fault{
			"before the engine has the call": {Action: e6test.DelayBefore, Delay: 100 * time.Millisecond},
			"after the engine has it":        {Action: e6test.DelayAfter, Delay: 100 * time.Millisecond},
			"without a response":             {Action: e6test.Hang},
		} {
			for way, run := range statements {
				t.Run(fmt.Sprintf("%s in %s, %s", way, at.name, fate), func(t *testing.T) {
					t.Parallel()
					cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
					client := open(t, cluster, quickly)
					there := catch(cluster, at.method, at.nth, fault)
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					done := later(func() error { return run(ctx, client, "SELECT * FROM numbers(1000)") })
					ready(t, "the query is at its station", there)
					cancel(cause)
					began := time.Now()
					err := result(t, done)
					require.Less(t, time.Since(began), stress.Patience)
					require.ErrorIs(t, err, cause)
					require.ErrorIs(t, err, context.Canceled)
					require.Equal(t, 1, strings.Count(err.Error(), cause.Error()), err.Error())
					require.False(t, errors.Is(err, e6.ErrQueryLost))
					requireForgotten(t, cluster, client)
					require.Zero(t, client.Stats().Lost)
					require.Equal(t, e6.Blue, client.Strategy().Active)
				})
			}
		}
	}
}

func TestCallerDeadline_EndsAQueryInEveryStep(t *testing.T) {
	for _, at := range stations {
		for way, run := range statements {
			t.Run(way+" in "+at.name, func(t *testing.T) {
				t.Parallel()
				cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
				client := open(t, cluster, quickly)
				catch(cluster, at.method, at.nth, e6test.Fault{Action: e6test.Hang})
				ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
				defer cancel()
				began := time.Now()
				err := run(ctx, client, "SELECT * FROM numbers(1000)")
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.False(t, e6.IsRetryable(err))
				require.Less(t, time.Since(began), stress.Patience)
				requireForgotten(t, cluster, client)
			})
		}
	}
}

func TestOpen_CancelledLeavesNoGoroutineOrConnection(t *testing.T) {
	cluster := start(t)
	cluster.Inject(e6test.Fault{Method: "authenticate", Action: e6test.Hang})
	ctx, cancel := context.WithCancel(t.Context())
	done := later(func() error { _, err := e6.Open(ctx, config(cluster)); return err })
	ready(t, "authenticate is under way", func() bool { return calls(cluster, "authenticate") == 1 })
	cancel()
	require.ErrorIs(t, result(t, done), context.Canceled)
}

func TestRows_CloseOrCancelFreesTheStatement(t *testing.T) {
	for name, leave := range map[string]func(context.CancelFunc, *e6.Rows) error{
		"closed in the middle":                 func(_ context.CancelFunc, r *e6.Rows) error { return r.Close() },
		"closed twice":                         func(_ context.CancelFunc, r *e6.Rows) error { return errors.Join(r.Close(), r.Close()) },
		"cancelled and never closed":           func(cancel context.CancelFunc, _ *e6.Rows) error { cancel(); return nil },
		"cancelled, read on, and never closed": func(cancel context.CancelFunc, r *e6.Rows) error { cancel(); drain(r); return nil },
		"closed by one goroutine, read by other": func(_ context.CancelFunc, r *e6.Rows) error {
			go func() { _ = r.Close() }()
			drain(r)
			return r.Close()
		},
	} {
		for _, read := range []int{0, 1, 55} {
			t.Run(fmt.Sprintf("%s after %d rows", name, read), func(t *testing.T) {
				cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
				client := open(t, cluster)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				rows, err := client.Query(ctx, "SELECT * FROM numbers(100000)")
				require.NoError(t, err)
				for range read {
					require.True(t, rows.Next())
				}
				require.NoError(t, leave(cancel, rows))
				requireForgotten(t, cluster, client)
				require.False(t, rows.Next() && drain(rows) > 100_000)
				require.Zero(t, client.Stats().Lost)
			})
		}
	}
}

func TestRowsClose_InsideTheLoopIsNoError(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10))
	client := open(t, cluster)
	for name, loop := range map[string]func(*e6.Rows){
		"Next": func(rows *e6.Rows) {
			for n := 1; rows.Next(); n++ {
				if n == 15 {
					require.NoError(t, rows.Close())
				}
			}
		},
		"Batches": func(rows *e6.Rows) {
			for _, err := range rows.Batches() {
				require.NoError(t, err)
				require.NoError(t, rows.Close())
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := client.Query(t.Context(), "SELECT * FROM numbers(1000)")
			require.NoError(t, err)
			loop(rows)
			require.NoError(t, rows.Err())
			require.False(t, rows.Next())
			require.NoError(t, rows.Err())
			require.ErrorIs(t, rows.Scan(new(int), new(string)), e6.ErrRowsClosed)
			_, err = rows.DriverValue(0)
			require.ErrorIs(t, err, e6.ErrRowsClosed)
		})
	}
}

func TestRowsClose_KeepsTheFailureThatNextHasSeen(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := open(t, cluster)
	cluster.Inject(e6test.Fault{Method: "getNextResultBatchV2", Nth: 2, Action: e6test.Fail, Code: codes.Internal, Message: "out of memory"})
	rows, err := client.Query(t.Context(), "SELECT * FROM numbers(1000)")
	require.NoError(t, err)
	require.Less(t, drain(rows), int64(1000))
	require.NoError(t, rows.Close())
	require.ErrorContains(t, rows.Err(), "out of memory")
}

func TestRows_ACancelledReadReturnsTheCause(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := open(t, cluster)
	ctx, cancel := context.WithCancel(t.Context())
	rows, err := client.Query(ctx, "SELECT * FROM numbers(100000)")
	require.NoError(t, err)
	require.True(t, rows.Next())
	cancel()
	require.Less(t, drain(rows), int64(100_000))
	require.ErrorIs(t, rows.Err(), context.Canceled)
	require.NoError(t, rows.Close())
	requireForgotten(t, cluster, client)
}

func TestClear_OutlivesTheContextOfItsCaller(t *testing.T) {
	for way, run := range statements {
		t.Run(way, func(t *testing.T) {
			cluster := start(t)
			client := open(t, cluster)
			cluster.Inject(e6test.Fault{Method: "clearOrCancelQuery", Action: e6test.DelayBefore, Delay: 50 * time.Millisecond})
			ctx, cancel := context.WithCancel(t.Context())
			require.NoError(t, run(ctx, client, "SELECT 1"))
			cancel()
			requireForgotten(t, cluster, client)
			require.Zero(t, client.Stats().Abandoned)
		})
	}
}

func TestClose_CancelsRunningQueries(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := open(t, cluster)
	ctx := t.Context()
	rows, err := client.Query(ctx, "SELECT * FROM numbers(100000)")
	require.NoError(t, err)
	require.True(t, rows.Next())
	slow := later(func() error { _, err := client.QueryAll(ctx, "SELECT sleep(60000)"); return err })
	ready(t, "the slow query runs", func() bool { return executions(cluster, "SELECT sleep(60000)") == 1 })

	began := time.Now()
	var closing []<-chan error
	for range 8 {
		closing = append(closing, later(client.Close))
	}
	for _, done := range closing {
		require.NoError(t, result(t, done))
	}
	require.NoError(t, client.Close())
	require.Less(t, time.Since(began), stress.Patience)
	require.ErrorIs(t, result(t, slow), e6.ErrClosed)
	drain(rows)
	require.ErrorIs(t, rows.Err(), e6.ErrClosed)
	require.Empty(t, cluster.OpenQueries())
	for way, run := range statements {
		require.ErrorIs(t, run(ctx, client, "SELECT 1"), e6.ErrClosed, way)
	}
	require.ErrorIs(t, client.Switch(ctx, e6.Green), e6.ErrClosed)
	_, err = client.Refresh(ctx)
	require.ErrorIs(t, err, e6.ErrClosed)
	_, err = client.Catalogs(ctx)
	require.ErrorIs(t, err, e6.ErrClosed)
}

func TestClose_InASubscriber(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster)
	closed := make(chan error, 16) // room for every step of a cutover
	client.Subscribe(func(events.Event) { closed <- client.Close() }, events.Kinds(events.KindTransition))
	cluster.OpenSide(e6.Green)
	cluster.Announce(e6.Green)
	_, _ = client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, result(t, closed))
	require.ErrorIs(t, client.Exec(t.Context(), "SELECT 1"), e6.ErrClosed)
}

func TestClose_DuringATransition(t *testing.T) {
	for name, middle := range map[string]func(*testing.T, *e6test.Cluster, *e6.Client){
		"while the target is prepared": func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
			cluster.Announce(e6.Green) // which stays closed
			require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
			waitFor(within(t, 5*time.Second), t, client, func() bool { return client.Strategy().Target == e6.Green })
		},
		"while the origin drains": func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
			rows, err := client.Query(t.Context(), "SELECT * FROM numbers(100000)")
			require.NoError(t, err)
			require.True(t, rows.Next())
			cluster.OpenSide(e6.Green)
			require.NoError(t, client.Switch(t.Context(), e6.Green))
			require.Equal(t, e6.Green, client.Strategy().Active)
			require.NotZero(t, client.Stats().InFlight[e6.Blue])
		},
		"while no side accepts": func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
			cluster.CloseSide(e6.Blue)
			done := later(func() error { return client.Exec(t.Context(), "SELECT 1") })
			waitFor(within(t, 5*time.Second), t, client, func() bool { return client.Strategy().Active == e6.None })
			t.Cleanup(func() { require.ErrorIs(t, result(t, done), e6.ErrClosed) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t)
			client := open(t, cluster, leisurely)
			middle(t, cluster, client)
			began := time.Now()
			require.NoError(t, client.Close())
			require.Less(t, time.Since(began), stress.Patience)
			require.Empty(t, cluster.OpenQueries())
		})
	}
}

func TestClose_EndsWithinItsTimeout(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		client := open(t, cluster, func(c *e6.Config) { c.CloseTimeout = 150 * time.Millisecond })
		cluster.Inject(e6test.Fault{Method: "clearOrCancelQuery", Action: e6test.Hang, Times: -1})
		require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
		began := time.Now()
		require.NoError(t, client.Close())
		require.Equal(t, 150*time.Millisecond, time.Since(began))
	})
}

// leisurely lets Close take longer than the limit of a test, so that a Close that waits for
// its timeout fails the test.
func leisurely(c *e6.Config) { c.CloseTimeout = 2 * stress.Patience }

func TestShutdown_DrainsAndRefusesNewQueries(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10))
	client := open(t, cluster)
	rows, err := client.Query(t.Context(), "SELECT * FROM numbers(1000)")
	require.NoError(t, err)
	require.True(t, rows.Next())
	done := later(func() error { return client.Shutdown(within(t, 10*time.Second)) })
	ready(t, "no query is taken", func() bool { return errors.Is(client.Exec(t.Context(), "SELECT 1"), e6.ErrClosed) })
	select {
	case err := <-done:
		require.FailNow(t, "it did not wait", "%v", err)
	default:
	}
	require.Equal(t, int64(999), drain(rows))
	require.NoError(t, rows.Err())
	require.NoError(t, result(t, done))
	require.Empty(t, cluster.OpenQueries())
	require.NoError(t, client.Shutdown(t.Context()), "it is idempotent")
	require.NoError(t, client.Close())
}

func TestShutdown_CancelsQueriesAtItsDeadline(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10))
	client := open(t, cluster)
	rows, err := client.Query(t.Context(), "SELECT * FROM numbers(100000)")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = client.Shutdown(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "queries were still running")
	drain(rows)
	require.ErrorIs(t, rows.Err(), e6.ErrClosed)
	require.Empty(t, cluster.OpenQueries())
}
