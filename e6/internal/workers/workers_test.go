package workers

import (
	"context"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// waiting are the workers that are idle, the one that was busy last at the end.
func (p *Pool) waiting() []worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.idle)
}

// together runs n functions at the same time, and waits until all are idle again.
func (p *Pool) together(n int) {
	gate := make(chan struct{})
	for range n {
		p.Go(context.Background(), func() { <-gate })
	}
	close(gate)
	synctest.Wait()
}

func TestPool_ReusesGoroutines(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var p Pool
		defer p.End()
		p.together(3)
		first := p.waiting()
		require.Len(t, first, 3)
		for range 100 {
			p.together(3)
		}
		require.ElementsMatch(t, first, p.waiting())
	})
}

func TestPool_IdleGoroutinesAreBounded(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var p Pool
		defer p.End()
		p.together(mostIdle + 50)
		require.Len(t, p.waiting(), mostIdle)
	})
}

func TestPool_IdleGoroutinesEnd(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var p Pool
		defer p.End()
		p.together(10)
		needed := p.waiting()[8:]
		for range 30 { // two are needed all the time
			time.Sleep(keep / 10)
			p.together(2)
		}
		synctest.Wait()
		require.ElementsMatch(t, needed, p.waiting())
		time.Sleep(2 * keep)
		synctest.Wait()
		require.Empty(t, p.waiting())
		p.together(1) // and the pool starts again
		require.Len(t, p.waiting(), 1)
	})
}

func TestPool_RunsTasksAfterEndWithoutReuse(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var p Pool
		gate := make(chan struct{})
		p.Go(context.Background(), func() { <-gate })
		p.together(5)
		p.End()
		p.End()
		close(gate)
		ran := false
		p.Go(context.Background(), func() { ran = true })
		synctest.Wait()
		require.True(t, ran)
		require.Empty(t, p.waiting())
	})
}

func TestPool_GoexitEndsItsGoroutineOnly(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var p Pool
		defer p.End()
		p.Go(context.Background(), runtime.Goexit)
		synctest.Wait()
		require.Empty(t, p.waiting())
		p.together(1)
		require.Len(t, p.waiting(), 1)
	})
}

func TestPool_GoroutineHasTheProfilerLabelsOfTheContext(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var p Pool
		defer p.End()
		for _, who := range []string{"first", "second", ""} {
			ctx := context.Background()
			if who != "" {
				ctx = pprof.WithLabels(ctx, pprof.Labels("who", who))
			}
			var profile strings.Builder
			p.Go(ctx, func() { _ = pprof.Lookup("goroutine").WriteTo(&profile, 1) })
			synctest.Wait()
			for _, each := range []string{"first", "second"} {
				require.Equal(t, each == who, strings.Contains(profile.String(), `"who":"`+each+`"`), "%s in that of %q", each, who)
			}
		}
	})
}

func TestPool_Concurrent(t *testing.T) {
	var p Pool
	var ran atomic.Int64
	var asking, done sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			for range 1000 {
				done.Add(1)
				p.Go(context.Background(), func() { ran.Add(1); done.Done() })
			}
		})
	}
	asking.Wait()
	p.End()
	done.Wait()
	require.EqualValues(t, 8000, ran.Load())
}
