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

// running begins a number of statements that take an hour, and returns their errors.
func running(client *e6.Client, n int) (ended func() error) {
	done := later(func() error {
		return together(n, func(int) error { return client.Exec(context.Background(), "SELECT sleep(3600000)") })
	})
	synctest.Wait()
	return func() error { return <-done }
}

func TestShutdown_ReportsQueriesThatAnotherCallCancels(t *testing.T) {
	for name, cancels := range map[string]func(client *e6.Client) error{
		"Close": (*e6.Client).Close,
		"a Shutdown whose context ends": func(client *e6.Client) error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = client.Shutdown(ctx)
			return nil
		},
	} {
		for serving, fault := range map[string]string{"the server confirms": "", "the server is silent": "clearOrCancelQuery"} {
			t.Run(name+", "+serving, func(t *testing.T) {
				bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
					ended := running(client, 3)
					if fault != "" {
						hang(cluster, e6.Blue, fault)
					}
					shutdown := later(func() error { return client.Shutdown(context.Background()) })
					elapse(time.Minute)
					require.NoError(t, cancels(client))
					err := <-shutdown
					var cut *e6.ShutdownError
					require.ErrorAs(t, err, &cut)
					require.EqualValues(t, 3, cut.Queries)
					require.ErrorIs(t, err, e6.ErrClosed)
					require.EqualError(t, err, "e6: shutdown: 3 queries were still running: the client is closed")
					require.ErrorIs(t, ended(), e6.ErrClosed)
					require.NoError(t, client.Shutdown(t.Context()), "there is nothing to wait for")
				})
			})
		}
	}
}

func TestShutdown_ReportsQueriesThatRunWhenItsContextEnds(t *testing.T) {
	bubble(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		ended := running(client, 2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := client.Shutdown(ctx)
		var cut *e6.ShutdownError
		require.ErrorAs(t, err, &cut)
		require.EqualValues(t, 2, cut.Queries)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, ended(), e6.ErrClosed)
	})
}

func TestShutdown_OfAClientWhoseQueriesHaveEndedIsNoErrorBesideClose(t *testing.T) {
	bubble(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		done := later(func() error { return client.Exec(context.Background(), "SELECT sleep(60000)") })
		synctest.Wait()
		shutdown := later(func() error { return client.Shutdown(context.Background()) })
		require.NoError(t, <-done)
		require.NoError(t, client.Close())
		require.NoError(t, <-shutdown)
	})
}
