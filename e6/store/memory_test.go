package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAFactIsReplacedOnlyAtItsVersion(t *testing.T) {
	var m store.Memory
	first, err := m.CompareAndSwap(t.Context(), "a", 0, store.Fact{Active: fsm.Blue})
	require.NoError(t, err)
	require.Equal(t, uint64(1), first.Version)

	present, err := m.CompareAndSwap(t.Context(), "a", 0, store.Fact{Active: fsm.Green})
	require.ErrorIs(t, err, store.ErrConflict)
	require.Equal(t, first, present)

	other, err := m.Load(t.Context(), "b")
	require.NoError(t, err)
	require.Zero(t, other, "another cluster knows nothing of it")
}

func TestOfManyWritersExactlyOneWinsEachVersion(t *testing.T) {
	var m store.Memory
	const writers, wins = 8, 50
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for won := 0; won < wins; {
				present, _ := m.Load(context.Background(), "a")
				if _, err := m.CompareAndSwap(context.Background(), "a", present.Version, store.Fact{Writer: fmt.Sprint(w)}); err == nil {
					won++
				}
			}
		})
	}
	wg.Wait()
	last, err := m.Load(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, uint64(writers*wins), last.Version)
}

func TestAWatcherSeesThePresentFactAndLaterOnesUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m store.Memory
		_, err := m.CompareAndSwap(t.Context(), "a", 0, store.Fact{Active: fsm.Blue})
		require.NoError(t, err)

		ctx, cancel := context.WithCancel(t.Context())
		var seen []fsm.Side
		ended := make(chan error, 1)
		go func() { ended <- m.Watch(ctx, "a", func(f store.Fact) { seen = append(seen, f.Active) }) }()
		synctest.Wait()
		_, err = m.CompareAndSwap(t.Context(), "a", 1, store.Fact{Active: fsm.Green})
		require.NoError(t, err)
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.Equal(t, []fsm.Side{fsm.Blue, fsm.Green}, seen)
	})
}

func TestAFactPointsToTheAnnouncedSideBeforeTheActiveOne(t *testing.T) {
	require.Equal(t, fsm.Blue, store.Fact{Active: fsm.Blue}.Side())
	require.Equal(t, fsm.Green, store.Fact{Active: fsm.Blue, Announced: fsm.Green}.Side())
	require.Equal(t, fsm.None, store.Fact{}.Side())
}

func TestAnEndedContextIsAnError(t *testing.T) {
	var m store.Memory
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := m.Load(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	_, err = m.CompareAndSwap(ctx, "a", 0, store.Fact{})
	require.ErrorIs(t, err, context.Canceled)
}
