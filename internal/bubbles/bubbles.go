// Package bubbles runs tests in bubbles of testing/synctest, with and without the race
// detector.
//
// Before Go 1.27 the race detector keeps one record for all timers of a bubble, and
// goroutines that receive from timers that are due write to it at the same time: it
// ends with "ThreadSanitizer: CHECK failed" or a segmentation fault
// (https://go.dev/issue/78156). On one processor there is no same time, and the
// detector goes by what is ordered and what is not, which one processor does not change.
package bubbles

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

// Test is synctest.Test.
func Test(t *testing.T, f func(*testing.T)) {
	t.Helper()
	defer enter()()
	synctest.Test(t, f)
}

// open counts the bubbles of parallel tests, so that the last one gives the processors
// back that the first one took.
var open struct {
	sync.Mutex
	bubbles    int
	processors int
}

func enter() (leave func()) {
	if !oneProcessor {
		return func() {}
	}
	open.Lock()
	defer open.Unlock()
	if open.bubbles++; open.bubbles == 1 {
		open.processors = runtime.GOMAXPROCS(1)
	}
	return func() {
		open.Lock()
		defer open.Unlock()
		if open.bubbles--; open.bubbles == 0 {
			runtime.GOMAXPROCS(open.processors)
		}
	}
}
