package e6_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

// noRight is an error text of an engine for a missing right of the user.
const noRight = "Access denied: user has no SELECT on table user_session"

func TestAccessDenied_ForAStatementIsItsErrorAfterOneRenewal(t *testing.T) {
	for _, method := range []string{"prepareStatement", "executeStatement", "getResultMetadata", "getNextResultBatchV2"} {
		for way, run := range statements {
			t.Run(way+", denied at "+method, func(t *testing.T) {
				bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
					answer(t, client)
					cluster.Inject(e6test.Fault{Method: method, Times: -1, Action: e6test.Fail, Message: noRight})
					began, before := time.Now(), cluster.Stats().Calls
					err := run(t.Context(), client, "SELECT 1")
					var failed *e6.QueryError
					require.ErrorAs(t, err, &failed)
					require.Equal(t, noRight, failed.Message)
					require.False(t, e6.IsRetryable(err))
					require.Zero(t, time.Since(began), "without a pause")
					require.Equal(t, before["authenticate"]+1, calls(cluster, "authenticate"))
					require.Equal(t, before["prepareStatement"]+1, calls(cluster, "prepareStatement")-extra(method, "prepareStatement"), "the statement is not run again")
					requireIdle(t, client)
				})
			})
		}
	}
}

// extra is 1 for the method that is called again with a new session.
func extra(denied, method string) int {
	if denied == method {
		return 1
	}
	return 0
}

func TestAccessDenied_ForManyStatementsRenewsTheSessionOnceAndDelaysNoOther(t *testing.T) {
	engine := e6test.NewCannedEngine()
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		answer(t, client)
		began, before := time.Now(), calls(cluster, "authenticate")
		var refused atomic.Int64
		cluster.Inject(e6test.Fault{Method: "executeStatement", Times: -1, Action: e6test.Fail, Message: noRight})
		require.NoError(t, together(64, func(i int) error {
			if i%2 == 0 {
				_, err := client.Schemas(t.Context(), "")
				return err
			}
			if err := client.Exec(t.Context(), fmt.Sprintf("INSERT INTO sales VALUES (%d)", i)); err == nil || e6.SafeToReplay(err) {
				return fmt.Errorf("statement %d: %w", i, err)
			}
			refused.Add(1)
			return nil
		}))
		require.EqualValues(t, 32, refused.Load())
		require.Empty(t, engine.Inserted("sales"))
		require.Zero(t, time.Since(began))
		require.Equal(t, before+1, calls(cluster, "authenticate"), "generations are compared")
	}, e6test.WithEngine(engine))
}

func TestAccessDenied_ThatANewSessionEndsIsNoError(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.Inject(e6test.Fault{Method: "executeStatement", Action: e6test.Fail, Message: noRight})
		require.NoError(t, client.Exec(t.Context(), "INSERT INTO sales VALUES (1)"))
		require.Equal(t, 1, executions(cluster, "INSERT INTO sales VALUES (1)"))
	})
}
