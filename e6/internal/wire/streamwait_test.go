package wire

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// waits collects the reports of a Conn.
type waits struct {
	mu   sync.Mutex
	list []StreamWait
}

func (w *waits) report(s StreamWait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, s)
}

// take returns the reports since the last call.
func (w *waits) take() (list []StreamWait) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	list, w.list = w.list, nil
	return list
}

// crowded runs a test in a bubble, with one connection of two streams for statements.
func crowded(t *testing.T, test func(t *testing.T, c *Conn, s *slow, w *waits)) {
	bubbles.Test(t, func(t *testing.T) {
		s, w := newSlow(), new(waits)
		c, stop := overMemory(t, s, grpc.MaxConcurrentStreams(2))
		c.query.max, c.cfg.OnStreamWait = 1, w.report
		require.NoError(t, leased(t.Context(), c, "")) // has the limit of the server
		test(t, c, s, w)
		require.NoError(t, c.Close())
		stop()
	})
}

// hanging starts calls that hang until ctx ends.
func hanging(ctx context.Context, c *Conn, calls int) (wait func()) {
	var active sync.WaitGroup
	for range calls {
		active.Go(func() { _ = leased(ctx, c, "hang") })
	}
	synctest.Wait()
	return active.Wait
}

func TestStreamWait_IsReportedAfterASecondWhenItDoublesAndAtItsEnd(t *testing.T) {
	crowded(t, func(t *testing.T, c *Conn, s *slow, w *waits) {
		ctx, cancel := context.WithCancel(t.Context())
		occupied := hanging(ctx, c, 2)
		require.Zero(t, c.Waiting())
		short, end := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer end()
		waiting := hanging(short, c, 3)
		last := make(chan error, 1)
		go func() { last <- leased(t.Context(), c, "") }()
		synctest.Wait()
		require.EqualValues(t, 4, c.Waiting())

		time.Sleep(999 * time.Millisecond)
		require.Empty(t, w.take())
		report := StreamWait{Use: "query", Waited: time.Second, Waiting: 4, MostWaiting: 4, Connections: 1, MaxConnections: 1, StreamLimit: 2}
		time.Sleep(time.Millisecond)
		require.Equal(t, []StreamWait{report}, w.take())
		time.Sleep(1100 * time.Millisecond)
		report.Waited = 2 * time.Second
		require.Equal(t, []StreamWait{report}, w.take())
		waiting() // until 2.5 s: one call is left, which continues the episode
		time.Sleep(6500 * time.Millisecond)
		reports := w.take()
		require.Len(t, reports, 2)
		for i, waited := range []time.Duration{4 * time.Second, 8 * time.Second} {
			require.GreaterOrEqual(t, reports[i].Waited, waited)
			require.Less(t, reports[i].Waited, waited+recheckEvery, "the call was woken in between, and checks later")
			require.Equal(t, []int{1, 4}, []int{reports[i].Waiting, reports[i].MostWaiting})
		}
		cancel()
		occupied()
		require.NoError(t, <-last)
		report.Waited, report.Waiting, report.Ended = 9*time.Second, 0, true
		require.Equal(t, []StreamWait{report}, w.take())
	})
}

// Each call waits for 0.59 s only, and another one always waits: it is one episode. After a
// break another one begins.
func TestStreamWait_OfCallsOneAfterTheOtherIsOneEpisode(t *testing.T) {
	crowded(t, func(t *testing.T, c *Conn, s *slow, w *waits) {
		ctx, cancel := context.WithCancel(t.Context())
		occupied := hanging(ctx, c, 2)
		waitFor := func(calls int) {
			var ends []func()
			for range calls {
				ctx, cancel := context.WithTimeout(t.Context(), 590*time.Millisecond)
				defer cancel()
				ends = append(ends, hanging(ctx, c, 1))
				time.Sleep(300 * time.Millisecond)
			}
			for _, end := range ends {
				end()
			}
		}
		waitFor(2)
		require.Empty(t, w.take(), "it was shorter than 1 second")
		for range 2 {
			waitFor(5)
			reports := w.take()
			require.Len(t, reports, 2)
			require.GreaterOrEqual(t, reports[0].Waited, time.Second)
			require.False(t, reports[0].Ended)
			require.Equal(t, StreamWait{Use: "query", Waited: 1790 * time.Millisecond, MostWaiting: 2, Connections: 1, MaxConnections: 1,
				StreamLimit: 2, Ended: true}, reports[1])
		}
		cancel()
		occupied()
	})
}

func TestStreamWait_UseIsThatOfTheCalls(t *testing.T) {
	crowded(t, func(t *testing.T, c *Conn, s *slow, w *waits) {
		ctx, cancel := context.WithCancel(t.Context())
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() {
				_, _ = c.Engine(Call{Side: fsm.Blue}).ClearOrCancelQuery(ctx, &e6xv1.ClearOrCancelQueryRequest{SessionId: "hang"})
			})
		}
		time.Sleep(time.Second)
		reports := w.take()
		require.Len(t, reports, 1)
		require.Equal(t, "cleanup", reports[0].Use)
		require.Equal(t, []int{maxControl, maxControl}, []int{reports[0].Connections, reports[0].MaxConnections})
		cancel()
		calls.Wait()
	})
}

func TestStreamWait_EachReportedEpisodeOfConcurrentCallsHasOneEnd(t *testing.T) {
	const users = 8
	var e episode
	began := time.Now().Add(-time.Hour)
	var begun, ended, most atomic.Int64
	var calls sync.WaitGroup
	for range users {
		calls.Go(func() {
			for range 500 {
				e.begin()
				e.mu.Lock()
				e.began = began // so that each episode is reported at once, and once
				e.mu.Unlock()
				if w, ok := e.due(); ok {
					begun.Add(1)
					most.Store(int64(w.MostWaiting))
				}
				if w, ok := e.end(); ok {
					ended.Add(1)
					if !w.Ended || w.Waiting != 0 {
						t.Errorf("the end is %+v", w)
					}
				}
			}
		})
	}
	calls.Wait()
	require.Zero(t, e.calls)
	require.Positive(t, begun.Load())
	require.Equal(t, begun.Load(), ended.Load())
	require.LessOrEqual(t, most.Load(), int64(users))
}
