package workers

import (
	"runtime"
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

// waiting is how many goroutines of the pool are idle.
func (p *Pool) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}

// together runs n functions at the same time, and waits until all are idle again.
func (p *Pool) together(n int) {
	gate := make(chan struct{})
	for range n {
		p.Go(func() { <-gate })
	}
	close(gate)
	synctest.Wait()
}

func TestAGoroutineIsUsedAgain(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var p Pool
		defer p.End()
		before := runtime.NumGoroutine()
		for range 100 {
			p.together(3)
		}
		require.Equal(t, 3, p.waiting())
		require.Equal(t, 3, runtime.NumGoroutine()-before)
	})
}

func TestNoMoreAreKeptThanTheMost(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var p Pool
		defer p.End()
		p.together(mostIdle + 50)
		require.Equal(t, mostIdle, p.waiting())
	})
}

func TestThoseThatAreNotNeededForSomeTimeGo(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var p Pool
		defer p.End()
		p.together(10)
		for range 30 { // two are needed all the time
			time.Sleep(keep / 10)
			p.together(2)
		}
		require.Equal(t, 2, p.waiting())
		time.Sleep(2 * keep)
		synctest.Wait()
		require.Zero(t, p.waiting())
		p.together(1) // and it begins anew
		require.Equal(t, 1, p.waiting())
	})
}

func TestAnEndedPoolStillRunsWhatItIsGivenAndKeepsNobody(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var p Pool
		gate := make(chan struct{})
		p.Go(func() { <-gate })
		p.together(5)
		p.End()
		p.End()
		close(gate)
		ran := false
		p.Go(func() { ran = true })
		synctest.Wait()
		require.True(t, ran)
		require.Zero(t, p.waiting())
	})
}

func TestAFunctionThatEndsItsGoroutineTakesNobodyWithIt(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var p Pool
		defer p.End()
		p.Go(runtime.Goexit)
		synctest.Wait()
		require.Zero(t, p.waiting())
		p.together(1)
		require.Equal(t, 1, p.waiting())
	})
}

func TestManyMayAskAtOnce(t *testing.T) {
	var p Pool
	var ran atomic.Int64
	var asking, done sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			for range 1000 {
				done.Add(1)
				p.Go(func() { ran.Add(1); done.Done() })
			}
		})
	}
	asking.Wait()
	p.End()
	done.Wait()
	require.EqualValues(t, 8000, ran.Load())
}
