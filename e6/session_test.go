package e6_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
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

// together runs f on many goroutines and returns their errors.
func together(n int, f func(int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func TestSession_ExpiredIsReplacedOnceForAllCallers(t *testing.T) {
	const goroutines, expiries = 64, 5
	cluster := start(t)
	client := open(t, cluster)
	w := watch(t, client, events.KindSessionExpired, events.KindSessionOpened)
	ctx := within(t, 20*time.Second)
	for n := range expiries {
		cluster.ExpireSessions()
		require.NoError(t, together(goroutines, func(i int) error {
			got, err := e6.QueryAll[int](ctx, client, fmt.Sprintf("SELECT %d", i))
			if err == nil && got[0] != i {
				err = fmt.Errorf("%d instead of %d", got[0], i)
			}
			return err
		}))
		require.Equal(t, 2+n, calls(cluster, "authenticate", e6.Blue), "one login for Open, and one for each expiry")
	}
	require.Zero(t, calls(cluster, "authenticate", e6.Green), "green has no session")
	waitFor(ctx, t, client, func() bool { return len(w.all()) >= 2*expiries })
	require.Equal(t, expiries, w.count(events.KindSessionExpired))
	require.Equal(t, expiries, w.count(events.KindSessionOpened))
	requireForgotten(t, cluster, client)
}

func TestSession_DeniedCallIsRetriedWithoutANewExecute(t *testing.T) {
	for _, method := range []string{"executeStatement", "getResultMetadata", "getNextResultBatchV2", "clearOrCancelQuery"} {
		for way, run := range statements {
			t.Run(way+", denied at "+method, func(t *testing.T) {
				engine := e6test.NewCannedEngine()
				cluster := start(t, e6test.WithEngine(engine))
				client := open(t, cluster)
				cluster.Inject(e6test.Fault{Method: method, Action: e6test.Fail, Message: "Access denied. Invalid session"})
				require.NoError(t, run(within(t, 10*time.Second), client, "INSERT INTO sales VALUES (7)"))
				requireForgotten(t, cluster, client)
				require.Equal(t, []int64{7}, engine.Inserted("sales"))
				require.Equal(t, 1, calls(cluster, "prepareStatement"))
				require.Equal(t, 2, calls(cluster, "authenticate"))
			})
		}
	}
}

func TestSession_DeniedRepeatedlyIsAnError(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.Inject(e6test.Fault{Method: "prepareStatement", Times: -1, Action: e6test.Fail, Message: "Access denied. Invalid session"})
		began := time.Now()
		err := client.Exec(t.Context(), "SELECT 1")
		require.ErrorContains(t, err, "Access denied")
		require.Equal(t, 8, calls(cluster, "prepareStatement"))
		require.Greater(t, time.Since(began), 2*time.Second, "a session store may be away for some seconds")
		require.Less(t, time.Since(began), 6*time.Second)
		requireIdle(t, client)
	})
}

func TestSession_SurvivesAnOutageOfTheSessionStore(t *testing.T) {
	for name, denied := range map[string][]string{
		"every call is denied, logins too": {""},
		"logins go on":                     {"prepareStatement", "executeStatement", "getResultMetadata", "getNextResultBatchV2", "clearOrCancelQuery"},
		"after the statement was executed": {"getResultMetadata", "getNextResultBatchV2", "clearOrCancelQuery"},
		"only executions":                  {"executeStatement"},
	} {
		for _, outage := range []time.Duration{500 * time.Millisecond, 2 * time.Second} {
			t.Run(fmt.Sprintf("%s, %s", name, outage), func(t *testing.T) {
				engine := e6test.NewCannedEngine()
				bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
					require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
					before := calls(cluster, "authenticate")
					for _, method := range denied {
						end := cluster.Inject(e6test.Fault{Method: method, Times: -1, Action: e6test.Fail, Message: "Access denied. Invalid session"}).Remove
						time.AfterFunc(outage, end)
					}
					cluster.ExpireSessions()
					callers := stress.Count(16, 64)
					require.NoError(t, together(callers, func(i int) error {
						return client.Exec(t.Context(), fmt.Sprintf("INSERT INTO sales VALUES (%d)", i))
					}))
					inserted := engine.Inserted("sales")
					slices.Sort(inserted)
					require.Len(t, slices.Compact(slices.Clone(inserted)), callers)
					require.Len(t, inserted, callers, "no statement was executed twice")
					require.LessOrEqual(t, calls(cluster, "authenticate")-before, 12, "one login at a time, with pauses")
				}, e6test.WithEngine(engine))
			})
		}
	}
}

func TestSession_RenewalEndsAtTheCallersDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.Inject(e6test.Fault{Times: -1, Action: e6test.Fail, Message: "Access denied. Invalid session"})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := client.Exec(ctx, "SELECT 1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 300*time.Millisecond, time.Since(began))
	})
}

func TestCredentials_RejectionFailsAtOnce(t *testing.T) {
	for name, fault := range map[string]e6test.Fault{
		"an empty session id": {Action: e6test.EmptySession},
		"UNAUTHENTICATED":     {Action: e6test.Fail, Code: codes.Unauthenticated, Message: "authentication denied"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				fault.Method, fault.Times = "authenticate", -1
				cluster.Inject(fault)
				cluster.ExpireSessions()
				began := time.Now()
				require.ErrorIs(t, client.Exec(t.Context(), "SELECT 1"), e6.ErrCredentials)
				require.Zero(t, time.Since(began))
			})
		})
	}
}

func TestCredentials_CallbackRotatesTheToken(t *testing.T) {
	cluster := start(t, e6test.WithCredentials("user@example.com", "new"))
	var asked atomic.Int64
	current := atomic.Pointer[string]{}
	token := "old"
	current.Store(&token)
	cfg := config(cluster)
	cfg.User, cfg.Token = "", ""
	cfg.Credentials = func(context.Context) (string, string, error) {
		asked.Add(1)
		return "user@example.com", *current.Load(), nil
	}
	_, err := e6.Open(t.Context(), cfg)
	require.ErrorIs(t, err, e6.ErrCredentials)
	rotated := "new"
	current.Store(&rotated)
	client, err := e6.Open(t.Context(), cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	before := asked.Load()
	cluster.ExpireSessions()
	require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
	require.Equal(t, before+1, asked.Load(), "the callback is asked for every login")

	cluster.ExpireSessions()
	current.Store(&token)
	err = client.Exec(within(t, 10*time.Second), "SELECT 1")
	require.ErrorIs(t, err, e6.ErrCredentials)
	require.False(t, e6.IsRetryable(err))
}

func TestCredentials_ErrorNamesTheCallback(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		cfg := config(cluster)
		cfg.User, cfg.Token = "", ""
		cause := errors.New("the vault is sealed")
		cfg.Credentials = func(context.Context) (string, string, error) { return "", "", cause }
		_, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
		require.ErrorIs(t, err, cause)
		require.ErrorContains(t, err, "the credentials callback failed")
		require.Zero(t, calls(cluster, "authenticate"))
	})
}

func TestResume_OnceForAllWaitingCallers(t *testing.T) {
	for form, refusal := range map[string]e6test.Refusal{"HTTP": e6test.RefuseHTTP, "gRPC": e6test.RefuseGRPC} {
		t.Run("refused by "+form, func(t *testing.T) {
			cluster := start(t, e6test.WithRefusal(refusal), e6test.WithResumeDelay(50*time.Millisecond))
			client := open(t, cluster)
			w := watch(t, client)
			cluster.Suspend()
			ctx := within(t, 20*time.Second)
			require.NoError(t, together(64, func(i int) error { return client.Exec(ctx, fmt.Sprintf("INSERT INTO sales VALUES (%d)", i)) }))
			require.Equal(t, 1, calls(cluster, "resume"))
			for i := range 64 {
				require.Equal(t, 1, executions(cluster, fmt.Sprintf("INSERT INTO sales VALUES (%d)", i)))
			}
			done := first(t, w, func(e events.ClusterResume) bool { return e.Done })
			require.Equal(t, "active", done.Status)
			require.Empty(t, done.Error)
			require.GreaterOrEqual(t, done.Elapsed, 40*time.Millisecond)
			w.settled(t)
			var progress []string
			for _, e := range w.all() {
				if d, ok := e.Data.(events.ClusterResume); ok {
					progress = append(progress, d.Status)
				}
			}
			require.Equal(t, "suspended", progress[0])
			require.Contains(t, progress, "resuming")
			require.Equal(t, e6.Blue, client.Strategy().Active)
		})
	}
}

func TestOpen_ResumesASuspendedCluster(t *testing.T) {
	cluster := start(t)
	cluster.Suspend()
	client := open(t, cluster)
	require.Equal(t, 1, calls(cluster, "resume"))
	require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
}

func TestResume_ClusterSuspendedDuringAFetch(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := open(t, cluster)
	cluster.Inject(e6test.Fault{Method: "getNextResultBatchV2", Nth: 3, Action: e6test.Refuse503})
	all, err := client.QueryAll(within(t, 10*time.Second), "SELECT * FROM numbers(100)")
	require.NoError(t, err)
	requireNumbers(t, all, 100)

	cluster.Inject(e6test.Fault{Method: "getResultMetadata", Action: e6test.Refuse503})
	require.NoError(t, client.Exec(within(t, 10*time.Second), "INSERT INTO sales VALUES (7)"), "the metadata can be asked for again")
	require.Equal(t, 1, executions(cluster, "INSERT INTO sales VALUES (7)"))
}

func TestNoAutoResume_SuspendedClusterIsAnError(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster, func(c *e6.Config) { c.NoAutoResume = true })
	cluster.Suspend()
	for way, run := range statements {
		err := run(tagged(within(t, 10*time.Second), "till"), client, "SELECT 1")
		require.ErrorIs(t, err, e6.ErrSuspended, way)
		require.ErrorContains(t, err, "NoAutoResume is set")
		require.ErrorContains(t, err, `"till"`)
		require.True(t, e6.IsRetryable(err))
	}
	require.Zero(t, calls(cluster, "resume"))
	require.NoError(t, client.ResumeCluster(t.Context()), "asking for it is another matter")
	require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
}

func TestResume_TimeoutIsAnError(t *testing.T) {
	cluster := start(t, e6test.WithResumeDelay(time.Hour))
	client := open(t, cluster, func(c *e6.Config) { c.ResumeTimeout = 60 * time.Millisecond })
	w := watch(t, client)
	cluster.Suspend()
	err := client.Exec(within(t, 10*time.Second), "SELECT 1")
	require.ErrorIs(t, err, e6.ErrSuspended)
	require.ErrorContains(t, err, "did not become active within 60ms")
	failed := first(t, w, func(e events.ClusterResume) bool { return e.Done })
	require.Contains(t, failed.Error, "did not become active")
}

func TestClusterControl(t *testing.T) {
	for name, active := range map[string]e6.Side{"when blue is active": e6.Blue, "when green is active": e6.Green} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t, e6test.WithActive(active), e6test.WithResumeDelay(20*time.Millisecond))
			client := open(t, cluster)
			ctx := within(t, 10*time.Second)
			status := func() e6.ClusterStatus {
				s, err := client.ClusterStatus(ctx)
				require.NoError(t, err)
				return s
			}
			require.Equal(t, e6.ClusterActive, status())
			s, err := client.SuspendCluster(ctx)
			require.NoError(t, err)
			require.Equal(t, e6.ClusterSuspended, s)
			require.Equal(t, e6.ClusterSuspended, status(), "asking does not wake it")
			require.NoError(t, client.ResumeCluster(ctx))
			require.Equal(t, e6.ClusterActive, status())
			require.NoError(t, client.ResumeCluster(ctx), "it is awake already")

			// The cluster has moved, and the client has received no announcement.
			cluster.OpenSide(active.Other())
			cluster.CloseSide(active)
			require.Equal(t, e6.ClusterActive, status())
		})
	}
}

func TestInsert_FailedLoginProvesThatItWasNotSent(t *testing.T) {
	for name, action := range map[string]e6test.Action{
		"before the engine has it": e6test.BreakBefore, "after the engine has it": e6test.BreakAfter, "at the gateway": e6test.BadGateway,
	} {
		t.Run(name, func(t *testing.T) {
			engine := e6test.NewCannedEngine()
			cluster := start(t, e6test.WithEngine(engine))
			client := open(t, cluster)
			cluster.Inject(e6test.Fault{Method: "executeStatement", Action: e6test.Fail, Message: "Access denied. Invalid session"})
			cluster.Inject(e6test.Fault{Method: "authenticate", Action: action})
			require.NoError(t, client.Exec(within(t, 10*time.Second), "INSERT INTO sales VALUES (7)"))
			require.Equal(t, []int64{7}, engine.Inserted("sales"))
			require.Zero(t, client.Stats().Lost)
			requireForgotten(t, cluster, client)
		})
	}
}
