package e6_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestBatchesNeverDropTheRowsThatNextHasLeft(t *testing.T) {
	cluster := start(t, e6test.WithBatchRows(10))
	rows, err := open(t, cluster).Query(t.Context(), "SELECT * FROM numbers(30)")
	require.NoError(t, err)
	defer rows.Close()
	require.True(t, rows.Next())
	for b, err := range rows.Batches() {
		require.Nil(t, b)
		require.ErrorContains(t, err, "9 rows")
	}
	for range 9 {
		require.True(t, rows.Next())
	}
	read := 10
	for b, err := range rows.Batches() {
		require.NoError(t, err)
		require.Equal(t, int64(read), b.Column(0).Int64(0))
		read += b.Rows()
	}
	require.Equal(t, 30, read)
	require.NoError(t, rows.Err())
}

func TestWrite_ErrorAfterExecuteStatesThatItMayHaveRun(t *testing.T) {
	for name, broken := range map[string]func(*e6test.Cluster){
		"the session expires and the cluster sleeps": func(c *e6test.Cluster) {
			c.Inject(e6test.Fault{Method: "authenticate", Times: -1, Action: e6test.Refuse503})
		},
		"the session expires and the token is rejected": func(c *e6test.Cluster) {
			c.Inject(e6test.Fault{Method: "authenticate", Times: -1, Action: e6test.EmptySession})
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t)
			client := open(t, cluster, func(c *e6.Config) { c.NoAutoResume = true })
			cluster.Inject(e6test.Fault{Method: "getResultMetadata", Action: e6test.Fail, Code: codes.Internal, Message: "Access denied. Invalid session"})
			broken(cluster)
			err := client.Exec(within(t, 10*time.Second), "INSERT INTO t VALUES (1)")
			lost, ok := errors.AsType[*e6.CutoverError](err)
			require.True(t, ok, "%v", err)
			require.True(t, lost.MayHaveTakenEffect)
			require.False(t, e6.SafeToReplay(err))
			require.Contains(t, err.Error(), "look at the data")
			require.Equal(t, 1, executions(cluster, "INSERT INTO t VALUES (1)"))
		})
	}
}

func TestShutdown_RunningQuerySurvivesACutover(t *testing.T) {
	const statement = "SELECT sleep(100)"
	bubbles.Test(t, func(t *testing.T) { // where the statement sleeps until everyone waits for it
		cluster := start(t, e6test.InMemory())
		// Otherwise the fetch is under way before the side closes, and is let through.
		client := open(t, cluster, func(c *e6.Config) { c.FetchAfterMetadata = true })
		cluster.OpenSide(e6.Green)
		done := later(func() error { _, err := client.QueryAll(t.Context(), statement); return err })
		synctest.Wait()
		require.Equal(t, 1, executions(cluster, statement))
		down := later(func() error { return client.Shutdown(t.Context()) })
		synctest.Wait()
		_, err := client.QueryAll(t.Context(), "SELECT 1")
		require.ErrorIs(t, err, e6.ErrClosed)
		cluster.CloseSide(e6.Blue)
		require.NoError(t, <-done)
		require.NoError(t, <-down)
		require.Equal(t, 2, executions(cluster, statement))
	})
}

func TestClose_EndsCatalogCalls(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster)
	cluster.Inject(e6test.Fault{Method: "getSchemaNamesV2", Action: e6test.Hang})
	failed := make(chan error, 1)
	go func() {
		_, err := client.Schemas(context.Background(), "")
		failed <- err
	}()
	waitFor(within(t, 10*time.Second), t, client, func() bool { return calls(cluster, "getSchemaNamesV2") == 1 })
	require.NoError(t, client.Close())
	require.ErrorIs(t, <-failed, e6.ErrClosed)
	_, err := client.ClusterStatus(t.Context())
	require.ErrorIs(t, err, e6.ErrClosed)
}

func TestEvents_HoldNoTextOfTheServer(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster)
	w := watch(t, client)
	cluster.Inject(e6test.Fault{Method: "getResultMetadata", Action: e6test.Fail, Times: -1, Code: codes.Unavailable, Message: "while running SELECT hush"})
	_, err := client.QueryAll(within(t, 10*time.Second), "SELECT 1")
	require.ErrorContains(t, err, "hush", "the error of the caller has the text")
	w.settled(t)
	require.NotEmpty(t, w.all())
	for _, e := range w.all() {
		require.NotContains(t, e.String()+e.Cause.String(), "hush")
	}
}
