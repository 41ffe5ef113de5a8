package e6_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

// numbersOf reads rows of one whole number to their end.
func numbersOf(t *testing.T, rows *e6.Rows) (all []int64) {
	t.Helper()
	defer rows.Close()
	for b, err := range rows.Batches() {
		require.NoError(t, err)
		all = append(all, b.Column(0).Int64s()...)
	}
	require.NoError(t, rows.Err())
	return all
}

func TestASubmittedQueryRunsOnTheServerAndIsFetchedLater(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		began := time.Now()
		h, err := client.Submit(t.Context(), "SELECT sleep(60000)")
		require.NoError(t, err)
		require.Zero(t, time.Since(began), "Submit waits for no result")
		require.Equal(t, int64(1), client.Stats().InFlight[e6.Blue])
		var seen []e6.QueryStatus
		last, err := client.Wait(t.Context(), h, func(s e6.QueryStatus) { seen = append(seen, s) })
		require.NoError(t, err)
		require.Equal(t, e6.QueryStatus{Done: true, Rows: 1}, last)
		require.Equal(t, last, seen[len(seen)-1])
		require.False(t, seen[0].Done)
		require.Less(t, len(seen), 80, "the pauses grow to a second")
		rows, err := client.Fetch(t.Context(), h)
		require.NoError(t, err)
		require.Equal(t, []int64{60000}, numbersOf(t, rows))
		synctest.Wait()
		require.Empty(t, cluster.OpenQueries())
		require.Zero(t, client.Stats().InFlight[e6.Blue])
		_, err = client.Fetch(t.Context(), h)
		require.ErrorContains(t, err, "is not known", "a result can be fetched once")
		synctest.Wait()
		require.Zero(t, client.Stats().InFlight[e6.Blue])
	})
}

func TestASubmittedQueryIsFetchedByItsHandleAfterItsClientHasGone(t *testing.T) {
	for name, end := range map[string]func(*e6.Client) error{
		"Close":    (*e6.Client).Close,
		"Shutdown": func(c *e6.Client) error { return c.Shutdown(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t, e6test.WithBatchRows(10))
			first := open(t, cluster)
			h, err := first.Submit(t.Context(), "SELECT * FROM numbers(95)")
			require.NoError(t, err)
			require.NoError(t, end(first))
			text, err := json.Marshal(h)
			require.NoError(t, err)

			second := open(t, cluster)
			var again e6.QueryHandle
			require.NoError(t, json.Unmarshal(text, &again))
			_, err = second.Wait(t.Context(), again, nil)
			require.NoError(t, err)
			rows, err := second.Fetch(t.Context(), again)
			require.NoError(t, err)
			require.Len(t, numbersOf(t, rows), 95)
			requireForgotten(t, cluster, second)
		})
	}
}

func TestASubmittedQueryKeepsItsSideThroughACutover(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		h, err := client.Submit(t.Context(), "SELECT * FROM numbers(5)")
		require.NoError(t, err)
		cutover := make(chan error, 1)
		go func() {
			cutover <- cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Graceful, Grace: time.Hour})
		}()
		synctest.Wait()
		answer(t, client)
		elapse(time.Minute)
		s := client.Strategy()
		require.Equal(t, e6.Green, s.Active)
		require.Equal(t, "transitioning blue->green (draining)", s.String(), "the cutover waits for the query")
		rows, err := client.Fetch(t.Context(), h)
		require.NoError(t, err)
		require.Equal(t, []int64{0, 1, 2, 3, 4}, numbersOf(t, rows))
		synctest.Wait()
		require.Equal(t, "green", client.Strategy().String())
		elapse(time.Hour)
		require.NoError(t, <-cutover)
	})
}

func TestSubmit_AQueryThatIsCutOffIsLost(t *testing.T) {
	for _, statement := range []string{"SELECT * FROM numbers(5)", "INSERT INTO t VALUES (1)"} {
		cluster := start(t)
		client := open(t, cluster)
		h, err := client.Submit(t.Context(), statement)
		require.NoError(t, err)
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt, EngineGone: true}))
		_, err = client.Fetch(e6.WithQueryOptions(t.Context(), e6.Tag("nightly"), e6.Replay(e6.ReplayAlways)), h)
		var lost *e6.CutoverError
		require.ErrorAs(t, err, &lost)
		require.Equal(t, h.QueryID, lost.QueryID)
		require.Equal(t, "nightly", lost.Tag)
		require.Equal(t, statement[0] == 'I', lost.MayHaveTakenEffect)
		require.Equal(t, 1, executions(cluster, statement), "it is never run again")
		requireForgotten(t, cluster, client)
	}
}

func TestASubmittedQueryThatIsCancelledIsFreed(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		h, err := client.Submit(t.Context(), "SELECT sleep(3600000)")
		require.NoError(t, err)
		require.NoError(t, client.Cancel(t.Context(), h))
		synctest.Wait()
		require.Empty(t, cluster.OpenQueries())
		require.Zero(t, client.Stats().InFlight[e6.Blue])
		_, err = client.Status(t.Context(), h)
		require.ErrorContains(t, err, "is not known")
	})
}

func TestSubmit_OneReaderAtATime(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := open(t, cluster)
	h, err := client.Submit(t.Context(), "SELECT * FROM numbers(1000)")
	require.NoError(t, err)
	rows, err := client.Fetch(t.Context(), h)
	require.NoError(t, err)
	_, err = client.Fetch(t.Context(), h)
	require.ErrorContains(t, err, "being read already")
	require.Len(t, numbersOf(t, rows), 1000)
}

func TestSubmit_ReturnsTheErrorOfAnInvalidStatementOrHandle(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster)
	_, err := client.Submit(t.Context(), "SELEC 1")
	var failed *e6.QueryError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "prepare", failed.Op)
	_, err = client.Fetch(t.Context(), e6.QueryHandle{})
	require.ErrorContains(t, err, "take it from Submit")
	h, err := client.Submit(t.Context(), "FAIL the disk is full")
	require.NoError(t, err, "the statement fails while it runs")
	_, err = client.Wait(t.Context(), h, nil)
	require.ErrorContains(t, err, "the disk is full")
	_, err = client.Fetch(t.Context(), h)
	require.ErrorAs(t, err, &failed)
	require.Contains(t, failed.Message, "the disk is full")
	requireForgotten(t, cluster, client)
	require.NoError(t, client.Close())
	_, err = client.Fetch(t.Context(), h)
	require.ErrorIs(t, err, e6.ErrClosed)
	_, err = client.Submit(t.Context(), "SELECT 1")
	require.ErrorIs(t, err, e6.ErrClosed)
}

func TestWait_EndsWithItsContextAndTheQueryContinues(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		h, err := client.Submit(t.Context(), "SELECT sleep(60000)")
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = client.Wait(ctx, h, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, "running", cluster.OpenQueries()[0].State)
		require.NoError(t, client.Cancel(t.Context(), h))
	})
}

func TestMaxRowsEndsAResultOnTheServerToo(t *testing.T) {
	for _, c := range []struct {
		rows, max int64
		want      int
		cut       bool
	}{
		{100, 0, 100, false}, {100, 25, 25, true}, {100, 10, 10, true}, {100, 100, 100, false}, {100, 101, 100, false},
		{100, 99, 99, true}, {100, 1, 1, true}, {0, 1, 0, false},
	} {
		cluster := start(t, e6test.WithBatchRows(10), e6test.WithChunks(1))
		client := open(t, cluster)
		ctx := e6.WithQueryOptions(t.Context(), e6.MaxRows(c.max))
		sql := "SELECT * FROM numbers(" + itoa(c.rows) + ")"
		rows, err := client.Query(ctx, sql)
		require.NoError(t, err)
		streamed := numbersOf(t, rows)
		require.Len(t, streamed, c.want)
		require.Equal(t, c.cut, rows.Truncated(), "%v", c)
		all, err := client.QueryAll(ctx, sql)
		require.NoError(t, err)
		require.Equal(t, c.want, all.Len())
		require.Equal(t, c.cut, all.Truncated)
		require.True(t, slices.IsSorted(streamed))
		requireForgotten(t, cluster, client)
		if c.cut {
			require.LessOrEqual(t, cluster.Stats().Calls["getNextResultBatchV2"], 2*(c.want/10+1), "no more is fetched than it takes to know")
		}
	}
}
