package bubbles

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// With synctest.Test and two processors the race detector of Go 1.26 ends this process.
func TestBubble_ManyTimersDoNotCrashTheRaceDetector(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	t.Run("side by side", func(t *testing.T) {
		for range 2 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				Test(t, func(t *testing.T) {
					var receivers sync.WaitGroup
					for range 4 {
						receivers.Go(func() {
							for range 20_000 {
								<-time.After(0)
							}
						})
					}
					receivers.Wait()
					called := make(chan struct{})
					time.AfterFunc(time.Hour, func() { close(called) })
					<-called
				})
			})
		}
	})
	require.Equal(t, before, runtime.GOMAXPROCS(0), "the processors are given back")
}
