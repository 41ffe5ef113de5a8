package e6_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

func TestExecute_WithoutResponseOnADeadSide(t *testing.T) {
	for _, method := range []string{"executeStatement", "getResultMetadata", "getNextResultBatchV2"} {
		t.Run(method, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				answer(t, client)
				cluster.OpenSide(e6.Green)
				hang(cluster, e6.Blue, method, "healthCheck", "authenticate")
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				began := time.Now()
				write := later(func() error { return client.Exec(ctx, "INSERT INTO sales VALUES (1)") })
				_, err := client.QueryAll(ctx, "SELECT * FROM numbers(10)")
				require.NoError(t, err, "a statement that reads is replayed")
				require.LessOrEqual(t, time.Since(began), 3*defaultProbeTimeout+time.Second)
				require.Equal(t, e6.Green, client.Strategy().Active)
				require.EqualValues(t, 1, client.Stats().Replayed)
				require.Error(t, <-write, "one that writes is not sent again")
				require.LessOrEqual(t, executions(cluster, "INSERT INTO sales VALUES (1)"), 1)
				synctest.Wait()
			})
		})
	}
}
