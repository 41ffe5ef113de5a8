package e6_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestMaxInFlight_ServesInTheOrderOfArrival(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster, err := e6test.Start(e6test.InMemory())
		require.NoError(t, err)
		defer func() { require.NoError(t, cluster.Close()) }()
		cfg := config(cluster)
		cfg.MaxInFlight = 2
		client, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
		require.NoError(t, err)
		defer func() { require.NoError(t, client.Close()) }()

		var mu sync.Mutex
		var order []int
		var running sync.WaitGroup
		for i := range 6 {
			running.Go(func() {
				if err := client.Exec(t.Context(), "SELECT sleep(1000)"); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i/2)
			})
			synctest.Wait() // so that they come in this order
		}
		require.EqualValues(t, 4, client.Stats().Waiting)
		impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err = client.Exec(e6.WithQueryOptions(impatient, e6.Tag("impatient")), "SELECT 1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "MaxInFlight")
		require.ErrorContains(t, err, "impatient")
		running.Wait()
		require.Equal(t, []int{0, 0, 1, 1, 2, 2}, order, "who waits longest comes first")
		require.Zero(t, client.Stats().Waiting)

		// Rows count until they are closed.
		first, err := client.Query(t.Context(), "SELECT * FROM numbers(100000)")
		require.NoError(t, err)
		second, err := client.Query(t.Context(), "SELECT * FROM numbers(100000)")
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- client.Exec(t.Context(), "SELECT 1") }()
		synctest.Wait()
		require.EqualValues(t, 1, client.Stats().Waiting)
		require.NoError(t, first.Close())
		require.NoError(t, <-done)
		require.NoError(t, second.Close())
	})
}
