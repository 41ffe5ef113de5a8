package e6_test

import (
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/internal/bubbles"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// followed collects what a query reports about itself.
type followed struct {
	mu   sync.Mutex
	seen []e6.Progress
}

func (f *followed) report(p e6.Progress) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, p)
}

// stages lists the stages, each once in a row.
func (f *followed) stages() (names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.seen {
		if name := p.Step.String(); len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	return names
}

func (f *followed) last() e6.Progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[len(f.seen)-1]
}

func TestProgress_ReportsTheStepsOfAQuery(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		var f followed
		rows, err := client.Query(e6.WithQueryOptions(t.Context(), e6.OnProgress(f.report)), "SELECT sleep(60000)")
		require.NoError(t, err)
		require.Len(t, numbersOf(t, rows), 1)
		synctest.Wait()
		require.Equal(t, []string{"preparing", "running", "fetching", "done"}, f.stages())
		last := f.last()
		require.Equal(t, e6.Progress{
			Step: e6.StepDone, Handle: rows.Handle(), Elapsed: last.Elapsed, TotalRows: 1, Rows: 1, Batches: 1, Bytes: last.Bytes,
		}, last)
		require.Positive(t, last.Bytes)
		require.GreaterOrEqual(t, last.Elapsed, time.Minute)
		polls := cluster.Stats().Calls["status"]
		require.Greater(t, polls, 25)
		require.Less(t, polls, 40, "the pauses grow to two seconds")
	})
}

func TestProgress_WithoutAReceiverMakesNoStatusCalls(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		require.NoError(t, client.Exec(t.Context(), "SELECT sleep(60000)"))
		require.Zero(t, cluster.Stats().Calls["status"])
	})
}

func TestProgress_ReportsReceivedRows(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		var f followed
		_, err := client.QueryAll(e6.WithQueryOptions(t.Context(), e6.OnProgress(f.report)), "SELECT * FROM numbers(100)")
		require.NoError(t, err)
		rising := int64(0)
		for _, p := range f.seen {
			if p.Step == e6.StepFetching {
				require.Equal(t, int64(100), p.TotalRows)
				require.GreaterOrEqual(t, p.Rows, rising)
				rising = p.Rows
			}
		}
		require.Equal(t, int64(100), f.last().Rows)
		require.Equal(t, int64(100), rising, "a batch comes every 100 ms, and each is reported")
	}, e6test.WithBatchRows(10), e6test.WithChunks(1), e6test.WithLatency(100*time.Millisecond))
}

func TestProgress_ReportsAFailureLast(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		var f followed
		err := client.Exec(e6.WithQueryOptions(t.Context(), e6.OnProgress(f.report)), "FAIL no disk")
		require.Error(t, err)
		require.Equal(t, []string{"preparing", "running", "done"}, f.stages())
		require.Equal(t, err, f.last().Err)
	})
}

func TestProgress_SlowOrPanickingReportCostsAtMostTheBudget(t *testing.T) {
	for name, report := range map[string]func(chan struct{}){
		"never returns": func(over chan struct{}) { <-over },
		"panics":        func(chan struct{}) { panic("no terminal") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				over := make(chan struct{})
				defer close(over)
				began := time.Now()
				ctx := e6.WithQueryOptions(t.Context(), e6.OnProgress(func(e6.Progress) { report(over) }))
				require.NoError(t, client.Exec(ctx, "SELECT 1"))
				require.LessOrEqual(t, time.Since(began), 100*time.Millisecond)
				failed := published[events.HookFailed](client)
				require.NotEmpty(t, failed)
				require.Equal(t, "OnProgress", failed[0].Hook)
				require.Equal(t, hook.PointProgress, failed[0].Point)
			})
		})
	}
}

func TestAdmission_WaitsForAPlannerAndReportsIt(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		client := open(t, cluster, defaults, func(c *e6.Config) { c.Admission = true })
		cluster.Admit(e6test.Admission{Waits: 40})
		var f followed
		ctx := e6.WithQueryOptions(t.Context(), e6.OnProgress(f.report), e6.Tag("nightly"))
		rows, err := client.Query(ctx, "SELECT 42")
		require.NoError(t, err)
		require.Equal(t, []int64{42}, numbersOf(t, rows))
		require.Equal(t, []string{"preparing", "queued", "preparing", "running", "fetching", "done"}, f.stages())
		require.Equal(t, 41, cluster.Stats().Calls["identifyPlanner"])
		queued := published[events.QueryQueued](client)
		require.Equal(t, events.QueryQueued{QueryID: rows.Handle().QueryID, Tag: "nightly", Side: e6.Blue}, queued[0])
		require.True(t, queued[len(queued)-1].Admitted)
		require.Len(t, queued, 6, "at once, whenever the wait has doubled from 1 second on, and at the end")
	})
}

func TestAdmission_RateLimitIsARetryableError(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster, func(c *e6.Config) { c.Admission = true })
	cluster.Admit(e6test.Admission{RateLimit: true})
	err := client.Exec(t.Context(), "SELECT 1")
	require.ErrorIs(t, err, e6.ErrRateLimited)
	require.True(t, e6.IsRetryable(err))
	require.True(t, e6.SafeToReplay(err))
	var failed *e6.QueryError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, codes.ResourceExhausted, failed.Code)
	cluster.Admit(e6test.Admission{})
	require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
}

func TestAdmission_EngineWithoutItGetsOneCall(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster, func(c *e6.Config) { c.Admission = true })
	cluster.Inject(e6test.Fault{Method: "identifyPlanner", Times: -1, Action: e6test.Fail, Code: codes.Unimplemented, Message: "unknown method"})
	for range 3 {
		answer(t, client)
	}
	require.Equal(t, 1, cluster.Stats().Calls["identifyPlanner"])
}

func TestAdmission_WaitingQuerySurvivesACutover(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		client := open(t, cluster, defaults, func(c *e6.Config) { c.Admission = true })
		cluster.Admit(e6test.Admission{Waits: 1 << 30})
		done := later(func() error { return client.Exec(t.Context(), "SELECT 1") })
		elapse(time.Minute)
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
		cluster.Admit(e6test.Admission{})
		require.NoError(t, <-done)
		require.Equal(t, e6.Green, client.Strategy().Active)
	})
}

func TestAdmission_WaitIsLimited(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		client := open(t, cluster, defaults, func(c *e6.Config) { c.Admission = true })
		cluster.Admit(e6test.Admission{Waits: 1 << 30})
		began := time.Now()
		err := client.Exec(t.Context(), "SELECT 1")
		require.ErrorContains(t, err, "no planner was free within 10m0s (Config.PrepareTimeout)")
		require.Equal(t, 10*time.Minute, time.Since(began))
		require.True(t, e6.SafeToReplay(err))
	})
}
