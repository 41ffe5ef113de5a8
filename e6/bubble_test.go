package e6_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/stress"
)

// bubble runs a whole cluster and a client with the default pauses in a bubble,
// where hours pass in no time and every duration is exact.
func bubble(t *testing.T, test func(t *testing.T, cluster *e6test.Cluster, client *e6.Client), opts ...e6test.Option) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, append(opts, e6test.InMemory())...)
		test(t, cluster, open(t, cluster, defaults))
	})
}

// defaults puts the pauses back that config has shortened.
func defaults(cfg *e6.Config) { cfg.RetryPause, cfg.ResumePoll = 0, 0 }

// elapse lets time pass in a bubble.
func elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// answer runs a small query and checks its result.
func answer(t *testing.T, client *e6.Client) {
	t.Helper()
	got, err := e6.QueryAll[int](t.Context(), client, "SELECT 42")
	require.NoError(t, err)
	require.Equal(t, []int{42}, got)
}

// published returns the data of all events of one kind.
func published[D events.Data](client *e6.Client) (list []D) {
	synctest.Wait()
	for _, e := range client.History() {
		if d, ok := e.Data.(D); ok {
			list = append(list, d)
		}
	}
	return list
}

func TestDetection_WithoutASideEndsAtItsTimeout(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		cluster.CloseSide(e6.Blue)
		cfg := config(cluster)
		defaults(&cfg)
		began := time.Now()
		_, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
		_, ok := errors.AsType[*e6.DetectionError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, 30*time.Second, time.Since(began))
		// The pauses grow to 2 s and are drawn at random: neither a storm nor a
		// side that is hardly asked.
		calls := cluster.Stats().Calls["authenticate"]
		require.GreaterOrEqual(t, calls, 30)
		require.LessOrEqual(t, calls, 200)
	})
}

func TestDetection_WithoutResponsesEndsAtItsTimeout(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		defer cluster.Inject(e6test.Fault{Action: e6test.Hang, Times: -1}).Remove()
		cfg := config(cluster)
		defaults(&cfg)
		began := time.Now()
		_, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
		_, ok := errors.AsType[*e6.DetectionError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, 30*time.Second, time.Since(began))
	})
}

func TestQueriesWaitForASideThatComesBack(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.CloseSide(e6.Blue)
		time.AfterFunc(20*time.Second, func() { cluster.OpenSide(e6.Green) })
		began := time.Now()
		answer(t, client)
		require.GreaterOrEqual(t, time.Since(began), 20*time.Second)
		require.LessOrEqual(t, time.Since(began), 22*time.Second, "the longest pause is 2 s")
		require.Equal(t, fsm.StateGreen, client.Strategy().State)
	})
}

func TestAStreamOutlivesTheDrainDeadline(t *testing.T) {
	const rows = 500
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		stream, err := client.Query(t.Context(), "SELECT * FROM numbers(500)")
		require.NoError(t, err)
		defer stream.Close()
		read := func(from, to int) {
			for n := from; n < to; n++ {
				require.True(t, stream.Next(), "%v", stream.Err())
				require.Equal(t, []any{int64(n), e6test.NumbersText(n)}, stream.Values())
			}
		}
		read(0, 15)
		cluster.OpenSide(e6.Green)
		cluster.Announce(e6.Green)
		answer(t, client) // has the announcement
		synctest.Wait()
		require.Equal(t, fsm.PhaseDraining, client.Strategy().Phase)
		accepted := time.Now()
		// The old side's own session ends meanwhile, and the stream needs another.
		cluster.ExpireSessions(e6.Blue)

		elapse(15*time.Minute - time.Second)
		require.Equal(t, fsm.PhaseDraining, client.Strategy().Phase)
		answer(t, client)
		elapse(time.Second)
		require.Equal(t, fsm.StateGreen, client.Strategy().State)
		require.Equal(t, accepted.Add(15*time.Minute), client.Strategy().Since)
		ended := published[events.DrainEnded](client)
		require.Len(t, ended, 1)
		require.Equal(t, events.DrainEnded{Side: e6.Blue, Result: "deadline", Remaining: 1, Took: 15 * time.Minute}, ended[0])

		elapse(time.Hour)
		read(15, rows)
		require.False(t, stream.Next())
		require.NoError(t, stream.Err())
		synctest.Wait()
		require.Empty(t, cluster.OpenQueries())
		require.Zero(t, client.Stats().InFlight[e6.Blue])
	}, e6test.WithBatchRows(10), e6test.WithChunks(1))
}

func TestPreparing_TargetThatNeverAcceptsIsAborted(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.Announce(e6.Green)
		answer(t, client)
		synctest.Wait()
		require.Equal(t, fsm.PhasePreparing, client.Strategy().Phase)
		began := client.Strategy().Since
		for client.Strategy().Phase == fsm.PhasePreparing {
			answer(t, client) // the origin serves on
			elapse(time.Duration(stress.Count(5, 1)) * time.Second)
		}
		require.Equal(t, fsm.StateBlue, client.Strategy().State)
		require.Equal(t, fsm.ReasonDeadline, client.Strategy().Cause.Reason)
		require.Equal(t, began.Add(10*time.Minute), client.Strategy().Since)
		probes := cluster.Stats().CallsBySide[e6.Green]["authenticate"]
		require.GreaterOrEqual(t, probes, 300, "the longest pause is 2 s")
		require.LessOrEqual(t, probes, 1500)

		// Every response repeats the announcement, and it is left alone for 5 s.
		again := client.Strategy().Since.Add(5 * time.Second)
		for client.Strategy().Phase != fsm.PhasePreparing {
			answer(t, client)
			elapse(100 * time.Millisecond)
		}
		require.False(t, client.Strategy().Since.Before(again))
		cluster.OpenSide(e6.Green)
		elapse(2 * time.Second)
		require.Equal(t, fsm.StateGreen, client.Strategy().State)
	})
}

func TestRefresh_IdleClientFindsAnUnannouncedCutover(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		settled := time.Now()
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
		elapse(4*time.Minute + 29*time.Second)
		require.Equal(t, fsm.StateBlue, client.Strategy().State, "no call was made")
		elapse(31 * time.Second)
		require.Equal(t, fsm.StateGreen, client.Strategy().State)
		require.LessOrEqual(t, client.Strategy().Since.Sub(settled), 5*time.Minute)
		require.Zero(t, cluster.Stats().Calls["prepareStatement"])
	})
}

func TestAnIdleDayKeepsTheConnection(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		var dials atomic.Int64
		dial := cluster.Dialer()
		cfg := config(cluster)
		defaults(&cfg)
		client, err := e6.Open(t.Context(), cfg, e6.WithDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			dials.Add(1)
			return dial(ctx, addr)
		}))
		require.NoError(t, err)
		defer client.Close()
		elapse(24 * time.Hour)
		answer(t, client)
		require.Equal(t, int64(2), dials.Load(), "one for control calls, one for statements")
		require.Equal(t, 1, cluster.Stats().Calls["authenticate"])
		checks := cluster.Stats().Calls["healthCheck"]
		require.GreaterOrEqual(t, checks, 288, "one in 5 minutes")
		require.LessOrEqual(t, checks, 320, "one in 4.5 minutes")
	})
}

func TestResume_OncePerClientForAllWaitingCallers(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.Suspend()
		began := time.Now()
		failed := make(chan error, 16)
		for range cap(failed) {
			go func() {
				_, err := client.QueryAll(t.Context(), "SELECT * FROM numbers(10)")
				failed <- err
			}()
		}
		for range cap(failed) {
			require.NoError(t, <-failed)
		}
		require.GreaterOrEqual(t, time.Since(began), 3*time.Minute)
		require.LessOrEqual(t, time.Since(began), 3*time.Minute+6*time.Second, "it is asked every 5 s")
		require.Equal(t, 1, cluster.Stats().Calls["resume"])
		require.LessOrEqual(t, cluster.Stats().Calls["status"], 40)
		progress := published[events.ClusterResume](client)
		require.True(t, progress[len(progress)-1].Done)
		require.Empty(t, progress[len(progress)-1].Error)
	}, e6test.WithResumeDelay(3*time.Minute))
}

func TestResume_TimeoutIsATypedError(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.Suspend()
		began := time.Now()
		_, err := client.QueryAll(t.Context(), "SELECT 1")
		require.ErrorIs(t, err, e6.ErrSuspended)
		require.True(t, e6.IsRetryable(err))
		require.Equal(t, 5*time.Minute, time.Since(began))
		elapse(5 * time.Minute)
		answer(t, client)
	}, e6test.WithResumeDelay(10*time.Minute))
}

func TestResume_ContinuesAfterFailedCalls(t *testing.T) {
	for _, action := range []e6test.Action{e6test.BadGateway, e6test.BreakBefore, e6test.Refuse503, e6test.BreakAfter} {
		for _, method := range []string{"status", "resume"} {
			t.Run(fmt.Sprintf("action %d on %s", action, method), func(t *testing.T) {
				bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
					cluster.Suspend()
					defer cluster.Inject(e6test.Fault{Method: method, Action: action, Times: 2}).Remove()
					began := time.Now()
					answer(t, client)
					require.LessOrEqual(t, time.Since(began), time.Minute+20*time.Second)
				}, e6test.WithResumeDelay(time.Minute))
			})
		}
	}
}

func TestOpenWaitsForASuspendedClusterLongerThanForADetection(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory(), e6test.WithResumeDelay(2*time.Minute))
		cluster.Suspend()
		began := time.Now()
		client := open(t, cluster, defaults)
		require.GreaterOrEqual(t, time.Since(began), 2*time.Minute)
		answer(t, client)
	})
}

func TestFetch_EmptyResponsesAreRepeatedWithGrowingPauses(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 999*time.Millisecond)
		defer cancel()
		_, err := client.QueryAll(ctx, "SELECT 1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		// At 0, 10, 30, 70 and 150 ms, and then every 100 ms up to 950.
		require.Equal(t, 13, cluster.Stats().Calls["getNextResultBatchV2"])
		synctest.Wait()
		require.Empty(t, cluster.OpenQueries())
	}, e6test.WithEmptyAnswers(1))
}

func TestFetch_PausesStayShortOnAStreamThatDelivers(t *testing.T) {
	for name, opts := range map[string][]e6test.Option{
		"empty answers in between":        {e6test.WithRowsEvery(4)},
		"batches without rows in between": {e6test.WithEngine(sparse{e6test.NewCannedEngine(), 4})},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				began := time.Now()
				rows := stress.Count(100, 300)
				all, err := client.QueryAll(t.Context(), fmt.Sprintf("SELECT * FROM numbers(%d)", rows))
				require.NoError(t, err)
				requireNumbers(t, all, rows)
				require.GreaterOrEqual(t, cluster.Stats().Calls["getNextResultBatchV2"], 4*rows)
				require.Less(t, time.Since(began), time.Duration(rows)*7*time.Millisecond, "3 pauses of a millisecond for each row")
			}, append(opts, e6test.WithBatchRows(1), e6test.WithChunks(1))...)
		})
	}
}

func TestFetch_PausesGrowOnAStreamThatBecomesSilent(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := client.QueryAll(ctx, "SELECT * FROM numbers(300)")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		// A hundred milliseconds apart, after some shorter pauses in the beginning.
		require.InDelta(t, 100, cluster.Stats().Calls["getNextResultBatchV2"], 20)
	}, e6test.WithEngine(sparse{e6test.NewCannedEngine(), 1_000_000}), e6test.WithBatchRows(1), e6test.WithChunks(1))
}

// sparse is an engine that has rows in the first batch of a result and then only in every
// n-th one.
type sparse struct {
	e6test.Engine
	every int
}

func (e sparse) Prepare(ctx context.Context, s e6test.Statement) (e6test.Prepared, error) {
	p, err := e.Engine.Prepare(ctx, s)
	return sparsePrepared{p, e.every}, err
}

type sparsePrepared struct {
	e6test.Prepared
	every int
}

func (p sparsePrepared) Execute(ctx context.Context) (e6test.Result, error) {
	r, err := p.Prepared.Execute(ctx)
	return &sparseResult{Result: r, every: p.every}, err
}

type sparseResult struct {
	e6test.Result
	every, n int
}

func (r *sparseResult) Next(ctx context.Context, rows int) (*e6test.Batch, error) {
	if r.n++; r.n%r.every != 1 {
		return &e6test.Batch{}, nil
	}
	return r.Result.Next(ctx, rows)
}

func TestPrepare_WithoutAResponseIsRetriedAfterItsTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		defer cluster.Inject(e6test.Fault{Method: "prepareStatement", Action: e6test.Hang}).Remove()
		began := time.Now()
		answer(t, client)
		require.GreaterOrEqual(t, time.Since(began), 10*time.Minute)
		require.LessOrEqual(t, time.Since(began), 10*time.Minute+time.Second)
		require.Equal(t, fsm.StateBlue, client.Strategy().State, "a slow statement starts no cutover")
	})
}

func TestCallerDeadline_IsExact(t *testing.T) {
	for _, method := range []string{"prepareStatement", "executeStatement", "getResultMetadata", "getNextResultBatchV2"} {
		t.Run(method, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				defer cluster.Inject(e6test.Fault{Method: method, Action: e6test.Hang}).Remove()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				_, err := client.QueryAll(ctx, "SELECT 1")
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, time.Minute, time.Since(began))
				elapse(10 * time.Second) // twice Config.CloseTimeout: a call, and the clear
				require.Empty(t, cluster.OpenQueries())
				require.Zero(t, client.Stats().InFlight[e6.Blue])
			})
		})
	}
}

func TestShutdown_WaitsForQueriesUntilItsDeadline(t *testing.T) {
	for _, tc := range []struct {
		name    string
		patient time.Duration
		took    time.Duration
		fails   error
	}{
		{"queries that end in time end well", 10 * time.Minute, 4 * time.Minute, nil},
		{"queries that do not are cancelled", time.Minute, time.Minute, e6.ErrClosed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				failed := make(chan error, 1)
				go func() {
					_, err := client.QueryAll(context.Background(), "SELECT sleep(240000)")
					failed <- err
				}()
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), tc.patient)
				defer cancel()
				began := time.Now()
				err := client.Shutdown(ctx)
				require.Equal(t, tc.took, time.Since(began))
				require.ErrorIs(t, <-failed, tc.fails)
				if tc.fails != nil {
					require.ErrorIs(t, err, context.DeadlineExceeded)
				} else {
					require.NoError(t, err)
				}
				synctest.Wait()
				require.Empty(t, cluster.OpenQueries())
			})
		})
	}
}

func TestClose_EndsWithinItsTimeoutIfTheServerIsSilent(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		defer cluster.Inject(e6test.Fault{Method: "clearOrCancelQuery", Action: e6test.Hang, Times: -1}).Remove()
		rows, err := client.Query(context.Background(), "SELECT * FROM numbers(100000)")
		require.NoError(t, err)
		require.True(t, rows.Next())
		began := time.Now()
		require.NoError(t, client.Close())
		require.Equal(t, 5*time.Second, time.Since(began))
		for rows.Next() {
		}
		require.ErrorIs(t, rows.Err(), e6.ErrClosed)
	})
}
